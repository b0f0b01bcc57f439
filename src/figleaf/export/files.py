"""The data set's image files: read and checked, copied or linked."""

import errno
import hashlib
import os
import stat
from pathlib import Path

from figleaf.dataset.rows import Row
from figleaf.errors import InputError
from figleaf.export.report import Omission
from figleaf.export.rules import Link

_NO_LINK = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK)


def read_checked(row: Row) -> bytes | Omission:
    """An image's bytes, if they are still those that were collected: its name is their hash."""
    if (reason := look(row)) is not None:
        return reason
    try:
        data = row.path.read_bytes()
    except OSError:
        return Omission.UNREADABLE
    return data if hashlib.sha256(data).hexdigest() == row.sha256 else Omission.ALTERED


def look(row: Row) -> Omission | None:
    """Whether an image's file is there and of the right size; its bytes are not read."""
    try:
        found = row.path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Omission.MISSING
    except OSError:
        return Omission.UNREADABLE
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
        return Omission.UNREADABLE
    return None if found.st_size == row.size else Omission.ALTERED


class Placer:
    """Puts images under names in the export.

    Args:
        link: how.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._made: set[Path] = set()

    def place(self, row: Row, target: Path) -> Omission | None:
        """Copy or link an image, or with NONE only look at it; the folder is made where missing.

        Returns:
            why that cannot be, where it is the image's fault.

        Raises:
            InputError: there can be no hard link from there to here.
            OSError: the export cannot be written.
        """
        if self._link is Link.COPY:
            data = read_checked(row)
            if isinstance(data, Omission):
                return data
            self._make(target.parent)
            write(target, data)
            return None
        if (reason := look(row)) is not None or self._link is Link.NONE:
            return reason
        self._make(target.parent)
        if self._link is Link.HARD:
            _link_hard(row.path, target)
        else:
            # Absolute: the export may be moved, the data set may not.
            target.symlink_to(os.path.realpath(row.path))
        return None

    def _make(self, folder: Path) -> None:
        if folder not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made.add(folder)


def _link_hard(source: Path, target: Path) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        raise InputError(
            f"{source}: no hard link to it can be made in the export ({error.strerror}); they must"
            " be on one file system that has such links: take link=symbolic or link=copy"
        ) from error


def write(path: Path, data: bytes) -> None:
    """Write a new file."""
    with path.open("xb") as file:
        file.write(data)
