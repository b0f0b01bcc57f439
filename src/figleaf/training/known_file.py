"""A data set's file, read as what the data set says it is or not at all."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from figleaf.classify.source import read_bytes
from figleaf.errors import ImageError, Status
from figleaf.images import Limits
from figleaf.training.examples import Examples


class KnownFile(io.BytesIO):
    """A file whose hash is known, opened when it is read: a source of pictures.

    Features are kept under a picture's hash. Those of another picture that lies under its name
    would be trained on long after the file was mended.

    Args:
        path: where it lies.
        sha256: of its bytes, 32 of them.
    """

    def __init__(self, path: Path, sha256: bytes) -> None:
        super().__init__()
        self._path, self._sha256, self._is_read = path, sha256, False

    def read(self, size: int | None = -1, /) -> bytes:
        """The whole file, whatever size is asked for, and nothing after it.

        Raises:
            ImageError: it cannot be read, is too large, or was altered.
        """
        if self._is_read:
            return b""
        self._is_read = True
        data = read_bytes(self._path, Limits())
        if hashlib.sha256(data).digest() != self._sha256:
            raise ImageError(Status.CORRUPT, "altered: not the bytes that the data set took in")
        return data


def known_files(examples: Examples) -> Iterator[KnownFile]:
    """The files of some pictures, one after another."""
    for path, sha256 in zip(examples.paths, examples.hashes, strict=True):
        yield KnownFile(path, sha256)
