"""Features on disk: computed once for a picture and a way of computing, and kept.

A folder holds `key.json`, `hashes` and `features`: rows of 32 bytes and of float16, appended in
step. Features are flushed before their hashes, so that a hash that is there has its features
whatever killed the process; what is left of half a batch is cut off when the folder is opened.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.dataset.durable import append, replacing

FOLDER = "features"
"""In a data set's folder."""

_HASH = 32  # bytes
_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class Key:
    """All that features depend on besides the file's bytes.

    Attributes:
        backbone: its name.
        sha256: of its graph, in hex.
        width: of the features.
        preprocessing: the input's description, and how files are decoded.
        precision: what is computed in.
        runtime: its name and version.
    """

    backbone: str
    sha256: str
    width: int
    preprocessing: str
    precision: str
    runtime: str

    @property
    def folder(self) -> str:
        """A name that tells this key from others, and people what it is."""
        digest = hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()
        name = "".join(char if char.isalnum() else "_" for char in self.backbone)[:40]
        return f"{name}-{self.precision}-{digest[:12]}"


class FeatureCache:
    """The features of one backbone, computed in one way.

    One process writes: it is opened under the data set's lock.

    Args:
        folder: of all caches of a data set; made where it is missing.
        key: what the features depend on.
    """

    def __init__(self, folder: Path, key: Key) -> None:
        self.folder = folder / key.folder
        self.key = key
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_key(self.folder / "key.json", key)
        self._features, self._hashes = self.folder / "features", self.folder / "hashes"
        hashes = self._mend()
        self._count = len(hashes)
        self._rows = {sha256: row for row, sha256 in enumerate(hashes)}

    def __len__(self) -> int:
        return self._count

    def __contains__(self, sha256: bytes) -> bool:
        return sha256 in self._rows

    def append(self, hashes: Sequence[bytes], features: NDArray[np.float32]) -> None:
        """Keep the features of some pictures.

        Args:
            hashes: SHA-256 of their files, 32 bytes each, none of which is there yet.
            features: of shape (pictures, width); kept in float16, what is beyond its range at its
                ends.
        """
        kept = np.clip(features, -_LARGEST, _LARGEST).astype("<f2")
        append(self._features, kept.tobytes())
        append(self._hashes, b"".join(hashes))
        self._rows.update((sha256, self._count + at) for at, sha256 in enumerate(hashes))
        self._count += len(hashes)

    def rows(self, hashes: Sequence[bytes]) -> NDArray[np.int64]:
        """The rows of some pictures in `matrix`; -1 for those that are not there."""
        return np.array([self._rows.get(sha256, -1) for sha256 in hashes], np.int64)

    def matrix(self) -> NDArray[np.float16]:
        """All features, float16 of shape (rows, width), mapped into memory, not read."""
        shape = (self._count, self.key.width)
        if not shape[0]:
            return np.empty(shape, np.float16)
        return np.memmap(self._features, "<f2", "r", shape=shape)

    def _mend(self) -> list[bytes]:
        """Cut off what has no counterpart; gives the hash of each row."""
        for path in (self._features, self._hashes):
            path.touch()
        row = 2 * self.key.width
        whole = min(self._hashes.stat().st_size // _HASH, self._features.stat().st_size // row)
        os.truncate(self._features, whole * row)
        os.truncate(self._hashes, whole * _HASH)
        data = self._hashes.read_bytes()
        return [data[_HASH * at : _HASH * (at + 1)] for at in range(whole)]


def _write_key(path: Path, key: Key) -> None:
    """For people: the folder's name is what tells keys apart."""
    if path.exists():
        return
    with replacing(path) as file:
        file.write((json.dumps(asdict(key), indent=2) + "\n").encode())
