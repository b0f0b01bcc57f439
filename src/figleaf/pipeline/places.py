"""Where a run keeps what: one folder, one process at a time."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from figleaf.dataset.ledger import FILE_NAME
from figleaf.dataset.locking import HAS_LOCKS, try_lock
from figleaf.errors import InputError
from figleaf.training.place import check_name

RECORD = "run.json"
_PART = f"{RECORD}.part"
_OWN = frozenset({"data", "models", "audit.json", "evaluation", "report", RECORD, _PART})
"""All that a run's folder holds."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run keeps what.

    Attributes:
        out: its folder.
        name: of the model.
        data: the data set; in `out`, or where it was before.
    """

    out: Path
    name: str
    data: Path

    @property
    def called(self) -> str:
        """What the run is called: as its folder."""
        return _called(self.out)

    @property
    def record(self) -> Path:
        """What was run, with what, and what came of it."""
        return self.out / RECORD

    @property
    def models(self) -> Path:
        """The folder that the model's is in."""
        return self.out / "models"

    @property
    def model(self) -> Path:
        """The bundle."""
        return self.models / self.name

    @property
    def audit(self) -> Path:
        """What the audit found."""
        return self.out / "audit.json"

    @property
    def evaluation(self) -> Path:
        """The folder of scores and figures."""
        return self.out / "evaluation"

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.out / "report"

    @property
    def page(self) -> Path:
        """The report to open."""
        return self.report / "report.html"


def places(out: str | Path, name: str | None, data: Path | None) -> Places:
    """The places of a run.

    Args:
        out: its folder; made where it is missing.
        name: of the model; None for that of the folder.
        data: a data set that is there; None for one of the run's own.

    Raises:
        InputError: the folder holds something else, or a model cannot have that name.
    """
    if not str(out):
        raise InputError("the run's folder has an empty name: say where it is to be")
    folder = Path(out)
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder}: is there, and is no folder; name another place")
    if (folder / FILE_NAME).is_file():
        raise InputError(f"{folder}: is a data set; name a folder beside it for the run")
    if folder.is_dir() and not _is_a_runs(folder):
        raise InputError(f"{folder}: is there, and is no run's; name a new folder")
    found = Places(folder, _called(folder) if name is None else name, data or folder / "data")
    if Path(found.name).name != found.name:
        raise InputError(f"name={name!r}: is no name of a model, which lies in {found.models}")
    check_name(found.model)
    return found


def _called(out: Path) -> str:
    return os.path.basename(os.path.abspath(out))  # noqa: PTH100, PTH119  # Path leaves ".." there


def _is_a_runs(folder: Path) -> bool:
    """Whether a run is, or may be, in a folder: it is empty, or has a record, or no more than a run
    writes and a sign that it did."""
    names = {path.name for path in folder.iterdir()}
    if not names or RECORD in names:
        return True
    signs = ("data/figleaf.db", "audit.json", "report/report.html", _PART)
    return names <= _OWN and any((folder / one).is_file() for one in signs)


def check_apart(out: Path, sources: Iterable[Path]) -> None:
    """See that a run's results do not become its own sources.

    Raises:
        InputError: the folder lies in one of them, links followed.
    """
    place = Path(os.path.realpath(out))
    for source in sources:
        if source.is_dir() and place.is_relative_to(os.path.realpath(source)):
            raise InputError(
                f"{out}: lies in the source {source}, which would hold the run's own results; name"
                " a folder beside it"
            )


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold a run's folder for this process, which makes it where it is missing.

    Raises:
        InputError: another process is running it, or it cannot be made.
    """
    if not HAS_LOCKS:
        raise InputError(f"{out}: a run needs a POSIX system")
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{out}: not a folder to write in: {error.strerror}") from error
    try:
        try:
            if not try_lock(folder):
                raise InputError(f"{out}: its file system has no locks; name a folder elsewhere")
        except BlockingIOError:
            raise InputError(f"{out}: another process is running this") from None
        yield
    finally:
        os.close(folder)
        with suppress(OSError):  # it is not empty, but where all was refused
            out.rmdir()
