"""What an isolated worker inherits from this process: where it imports from, its environment."""

import os
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path

_ENVIRONMENT = {
    # One thread for linear algebra and one arena for malloc: each further one reserves tens of
    # megabytes of address space, which is what `max_memory` can limit.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}


def import_path(needed: Collection[str | None]) -> list[str]:
    """Our own `sys.path` for a worker, absolute, less the current folder.

    Python itself puts that in front for `-c`, `-m` and standard input, and there it would be asked
    for every optional module that a library looks for.

    Args:
        needed: folders that are kept even if one of them is current; then it comes last.
    """
    entries = [entry for entry in sys.path if isinstance(entry, str)]
    try:
        current = str(Path.cwd())
    except OSError:  # it was deleted: there is nothing to import from
        return [entry for entry in entries if Path(entry).is_absolute()]
    # Not resolve(): it would follow links.
    entries = [str(Path(entry).absolute()) for entry in entries]
    if current in sysconfig.get_paths().values():  # Python's own library: all is lost without it
        return entries
    kept = [entry for entry in entries if not _same_folder(entry, current)]
    if any(folder is not None and _same_folder(folder, current) for folder in needed):
        kept.append(current)
    return kept


def _same_folder(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:  # many an entry does not exist
        return False


def home(module: str | None) -> str | None:
    """The folder that the import of a module started from; None if there is none."""
    found = sys.modules.get(module or "")
    file = getattr(found, "__file__", None)
    if found is None or not file:
        return None
    depth = found.__name__.count(".") + hasattr(found, "__path__")
    return str(Path(file).absolute().parents[depth])


def environment() -> dict[str, str]:
    """The environment variables for a worker."""
    variables = {**os.environ, **_ENVIRONMENT}
    # It is in sys.path already, and an empty entry of it would be the current folder again.
    variables.pop("PYTHONPATH", None)
    return variables
