"""Files put under a name that nothing has, whole or not at all."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from figleaf.dataset import durable

_CHUNK = 1 << 20

_NO_LINKS = {
    errno.EXDEV,
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EACCES,
}
"""How systems say that this file cannot have a second name there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells that a file is the one that was looked at, and was not written to since."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, info: os.stat_result) -> "Identity":
        """The identity that a stat tells."""
        return cls(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)


def digest_of(path: str | Path) -> tuple[bytes, Identity]:
    """The SHA-256 of a file, and the identity of what was read.

    Raises:
        OSError: it cannot be read, or was written to meanwhile.
    """
    with open(path, "rb") as file:  # noqa: PTH123  # a path may be any str
        before = os.fstat(file.fileno())
        found = _copied(file, None)
        after = Identity.of(os.fstat(file.fileno()))
    if after != Identity.of(before):
        raise OSError(errno.EBUSY, "written to while it was read")
    return found, after


def copy(source: str, part: Path) -> tuple[bytes, Identity]:
    """Copy a file with its times and mode into a new one, on the disk at the end.

    What is on the disk is read again and compared.

    Returns:
        the SHA-256 of the bytes, and the identity of the source.

    Raises:
        OSError: either cannot be read or written, or what came out is not what went in.
    """
    with open(source, "rb") as file, part.open("xb") as out:  # noqa: PTH123  # as above
        before = Identity.of(os.fstat(file.fileno()))
        found = _copied(file, out)
        out.flush()
        os.fsync(out.fileno())
    with suppress(OSError):  # of file systems without modes or times
        shutil.copystat(source, part)
    if digest_of(part)[0] != found:
        raise OSError(errno.EIO, "what was written is not what was read")
    return found, before


def write(part: Path, data: bytes) -> None:
    """Write a new file, on the disk at the end."""
    with part.open("xb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def put(part: Path, target: Path) -> None:
    """Give a finished file its name, unless something has it.

    Raises:
        FileExistsError: something has it.
    """
    take(str(part), target)
    part.unlink(missing_ok=True)


def take(source: str, target: Path) -> bool:
    """Give a file a second name, unless something has it; without links, the name in place of it.

    Returns:
        whether the first name is still there.

    Raises:
        FileExistsError: something has the name.
        OSError: among others EXDEV, for another file system.
    """
    try:
        os.link(source, target, follow_symlinks=False)
        return True
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS or error.errno == errno.EXDEV:
            raise
    # FAT and some network file systems have no links, and there is no renaming that spares what is
    # there. The folder is locked, so only a stranger could take the name between these two.
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)  # noqa: PTH104  # a path may be any str
    return False


def has_bytes(path: Path, digest: bytes) -> bool:
    """Whether a file's bytes have this SHA-256.

    Raises:
        OSError: it cannot be read.
    """
    return digest_of(path)[0] == digest


def sync(folder: Path) -> None:
    """Make the names in a folder outlast a power cut, where the system can."""
    with suppress(OSError):  # Windows opens no folders
        durable.sync(folder)


def is_file(info: os.stat_result) -> bool:
    """Whether this is a regular file."""
    return stat.S_ISREG(info.st_mode)


def looked_at(path: str | Path, look: Callable[..., os.stat_result]) -> os.stat_result | None:
    """What `os.stat` or `os.lstat` says of a path; None where nothing is there."""
    try:
        return look(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL byte
        return None


def _copied(file: IO[bytes], out: IO[bytes] | None) -> bytes:
    hashed = hashlib.sha256()
    while data := file.read(_CHUNK):
        hashed.update(data)
        if out is not None:
            out.write(data)
    return hashed.digest()
