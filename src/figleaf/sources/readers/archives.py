"""Tar files, read member by member: damaged and hostile ones too, in bounded memory."""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from figleaf.dataset.records import MEMBER_SEPARATOR
from figleaf.errors import SourceError
from figleaf.sources.readers.reading import open_bytes

_HEADER_BYTES = 2**22
"""What one member's headers may take: long names, extended attributes, maps of sparse files."""

_DAMAGE = (
    *(tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError, OverflowError),
    *(IndexError, KeyError, TypeError, AttributeError),
)
"""What `tarfile` and `gzip` raise on damaged and hostile files."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a shard, or beside other files of its sample in a folder.

    Attributes:
        name: as the shard has it.
        size: in bytes, as the shard says.
        regular: whether it is a plain file, not a link, a device or the like.
        locator: how an `Item` names it.
        read: gives its bytes, until the next member is taken; look at `size` first. Raises
            SourceError where the shard ends before it.
    """

    name: str
    size: int
    regular: bool
    locator: str
    read: Callable[[], bytes]


class _Header(tarfile.TarInfo):
    """A header that does not let damage pass for the end of the archive, as `tarfile` does."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.size < 0:  # would be read in a circle
            raise tarfile.ReadError("a negative size")
        return info

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # typeshed lacks it
            raise
        except tarfile.HeaderError as error:
            text = {"empty header": "it ends without an end mark"}.get(str(error), str(error))
            raise tarfile.ReadError(text) from error


class _Metered:
    """A file of which only so many bytes can be read: an archive's headers may claim any size."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.budget = _HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        """Read; ReadError over the budget."""
        if size < 0 or size > self.budget:
            raise tarfile.ReadError(f"headers of more than {_HEADER_BYTES:,} bytes")
        self.budget -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; what gzip packed is read up to it and thrown away."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()


def is_tar(path: Path) -> bool:
    """Whether a file begins as a tar file does, perhaps packed by gzip."""
    try:
        with open_bytes(path) as file:
            return file.read(262)[257:] == b"ustar"
    except (OSError, EOFError, zlib.error, gzip.BadGzipFile):
        return False


def members(path: str | Path) -> Generator[Member]:
    """The members of a tar file, in its order; folders left out. Memory is one header.

    Raises:
        SourceError: at the place where the shard is damaged or ends early; what came before it is
            good. Or at once where the file cannot be read. The message does not name the shard.
    """
    try:
        file = open_bytes(path)
    except (OSError, EOFError) as error:
        raise SourceError(getattr(error, "strerror", None) or str(error)) from error
    with file:
        metered = _Metered(file)
        place = 0
        try:
            tar = _open(metered)
            while (info := _next(tar, metered, place)) is not None:
                place = tar.offset
                if not info.isdir():
                    yield _member(os.fspath(path), info, file)
        except _DAMAGE as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"damaged after byte {place:,} ({error})") from error


def _open(metered: _Metered) -> tarfile.TarFile:
    return tarfile.TarFile(
        fileobj=cast("IO[bytes]", metered),  # as much of a file as tarfile needs
        tarinfo=_Header,
        encoding="utf-8",
        errors="surrogateescape",
    )


def _next(tar: tarfile.TarFile, metered: _Metered, place: int) -> tarfile.TarInfo | None:
    metered.budget = _HEADER_BYTES
    info = tar.next()
    tar.members.clear()  # type: ignore[attr-defined]  # they would pile up
    tar.pax_headers = {}
    if info is not None and tar.offset <= place:
        raise tarfile.ReadError("a member that does not end after the one before it")
    return info


def _member(path: str, info: tarfile.TarInfo, file: IO[bytes]) -> Member:
    def read() -> bytes:
        try:
            file.seek(info.offset_data)
            data = file.read(info.size)
        except _DAMAGE as error:
            raise SourceError(f"damaged ({error})") from error
        if len(data) < info.size:
            raise SourceError(f"the shard ends after {len(data):,} of {info.size:,} bytes")
        return data

    regular = info.isreg() and not info.issparse()
    return Member(info.name, info.size, regular, f"{path}{MEMBER_SEPARATOR}{info.name}", read)
