"""The file that `-o` names: replaced whole, or written straight into where it is no plain file."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from figleaf.cli.terminal import naming
from figleaf.errors import InputError


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, in binary, that becomes `path` at the end.

    A regular file is replaced, whole, and keeps its permissions: never half a result. Where
    `path` is a link, what it leads to is replaced. A device or a named pipe is written into.

    Raises:
        InputError: the file cannot be written.
    """
    with naming(str(path)):
        try:
            info = _stat(path)
            plain = info is None or stat.S_ISREG(info.st_mode)
            target = Path(os.path.realpath(path)) if plain else path
            file = _beside(target, info) if plain else path.open("wb")
        except OSError as error:
            raise InputError(
                f"{path}: {error.strerror}; give -o a file that can be written"
            ) from error
        if plain:
            yield from _moved(file, target)
            return
        with file:
            yield file


def _stat(path: Path) -> os.stat_result | None:
    """What is at `path`, links followed; None for nothing."""
    try:
        info = path.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(info.st_mode):
        raise InputError(f"{path}: a folder; give -o a file")
    # Replacing asks the folder for permission only; a read-only file is meant to stay.
    if not os.access(path, os.W_OK):
        raise InputError(f"{path}: not writable; give -o a file that can be written")
    return info


def _beside(target: Path, info: os.stat_result | None) -> IO[bytes]:
    """A new file in the target's folder, with its permissions, or else what the umask leaves."""
    # Part of the name, since the whole of it and more could be longer than a name may be.
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}")
    file = temporary.open("xb")
    if info:
        temporary.chmod(stat.S_IMODE(info.st_mode))
    return file


def _moved(file: IO[bytes], target: Path) -> Iterator[IO[bytes]]:
    temporary = Path(file.name)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
