"""Files and names that outlast a kill and a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def append(path: Path, data: bytes) -> None:
    """Write at the end of a file, which is made where it is missing, and flush it to the disk."""
    _write(path, data, "ab")


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, and flush it to the disk."""
    _write(path, data, "xb")


def _write(path: Path, data: bytes, mode: str) -> None:
    with path.open(mode) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its name when it is whole and on the disk.

    What had the name until then stays whatever ends the process. One process writes at a time.

    Raises:
        OSError: a full disk, a folder that cannot be written; nothing is left behind.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    with suppress(OSError):  # Windows opens no folders
        sync(path.parent)


def sync(path: str | Path) -> None:
    """Make a file, or the names in a folder, outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
