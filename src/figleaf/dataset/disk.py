"""A disk that is full, read-only or gone while a data set is written."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figleaf.dataset.ledger import FILE_NAME
from figleaf.errors import DatasetError

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_SQLITE_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say what a disk that cannot be written means for the data set.

    Raises:
        DatasetError: in place of the error of the system's or of SQLite's.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT and not (folder / FILE_NAME).exists():
            raise DatasetError(_stopped(folder, "was moved or removed meanwhile")) from error
        if error.errno not in _DISK:
            raise
        raise DatasetError(_stopped(folder, error.strerror or str(error))) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _SQLITE_DISK:
            raise
        raise DatasetError(_stopped(folder, str(error))) from error


def _stopped(folder: Path, what: str) -> str:
    return f"{folder}: {what}; nothing is lost: mend that, and the same command goes on"
