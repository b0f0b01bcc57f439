"""The files of a site: what they are called there, their types and hashes."""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from figleaf.errors import PageError
from figleaf.web.assets import RUNTIME_FILES, Assets

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""By the end of the name. Browsers compile WebAssembly while it comes only under its own type."""

PIECE = 65_536
"""Bytes that are read at once."""

_LEVEL = 4
"""Half the time of the usual 6, for 6 % more bytes."""
_WORTH = 0.9
"""What is left of a file by compressing it, at most, for that to be worth its while."""


@dataclass(frozen=True, slots=True)
class SiteFile:
    """One file of a site.

    Attributes:
        name: its path in the site, as in "figleaf/index.js".
        media_type: as `Content-Type` has it.
        sha256: of its bytes, in hex.
        size: in bytes.
        source: the bytes, or where they lie.
        modified: when the file changed last, in ns; it must not have since.
    """

    name: str
    media_type: str
    sha256: str
    size: int
    source: bytes | Path = field(repr=False)
    modified: int = 0

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, in order.

        Raises:
            PageError: it is no longer the file that was hashed, or cannot be read.
        """
        if isinstance(self.source, bytes):
            for start in range(0, self.size, PIECE):
                yield self.source[start : start + PIECE]
            return
        try:
            with self.source.open("rb") as file:
                self._check()
                left = self.size  # and not what somebody adds meanwhile
                while left:
                    piece = file.read(min(PIECE, left))
                    if not piece:
                        raise PageError(f"{self.source}: it was cut short while it was read")
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise PageError(f"{self.source}: {error.strerror}") from error

    def _check(self) -> None:
        assert isinstance(self.source, Path)
        info = self.source.stat()
        if (info.st_size, info.st_mtime_ns) != (self.size, self.modified):
            raise PageError(f"{self.source}: it has changed; reload, or begin again")

    def compressed(self) -> bytes | None:
        """Its bytes by gzip; None where that would not save a tenth.

        Raises:
            PageError: as `pieces`.
        """
        packed = gzip.compress(b"".join(self.pieces()), _LEVEL, mtime=0)
        return packed if len(packed) < _WORTH * self.size else None


def held(name: str, data: bytes) -> SiteFile:
    """A file of bytes that are there."""
    return SiteFile(name, type_of(name), hashlib.sha256(data).hexdigest(), len(data), data)


def lying(name: str, path: Path) -> SiteFile:
    """A file that is large, and stays where it lies.

    Raises:
        PageError: it cannot be read.
    """
    try:
        info = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PageError(f"{path}: {error.strerror}") from error
    return SiteFile(name, type_of(name), digest, info.st_size, path, info.st_mtime_ns)


def type_of(name: str) -> str:
    """The media type of a file, by its name."""
    return MEDIA_TYPES.get(Path(name).suffix, "text/plain; charset=utf-8")


def page_files(assets: Assets) -> list[SiteFile]:
    """All files of a site but its models and its index, by name.

    Args:
        assets: where they are.

    Raises:
        PageError: one cannot be read.
    """
    files = [*_folder(assets.page, ""), *_folder(assets.library, "figleaf/")]
    files += [lying(f"ort/{name}", assets.runtime / name) for name in RUNTIME_FILES]
    return sorted(files, key=lambda file: file.name)


def _folder(folder: Path, prefix: str) -> Iterator[SiteFile]:
    """What browsers can use of a folder: neither types nor notes."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in MEDIA_TYPES or path.name.startswith(".") or not path.is_file():
            continue
        try:
            yield held(prefix + path.relative_to(folder).as_posix(), path.read_bytes())
        except OSError as error:
            raise PageError(f"{path}: {error.strerror}") from error
