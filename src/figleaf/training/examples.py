"""Labelled images to train on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled images, in a fixed order.

    Attributes:
        paths: of their files.
        hashes: SHA-256 of the files' bytes, 32 bytes each.
        labels: the number of each one's class, int64 of shape (images,).
        groups: int64 of shape (images,); near duplicates and frames of one film have the same.
    """

    paths: Sequence[Path]
    hashes: Sequence[bytes]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: NDArray[Any]) -> Self:
        """Those of some rows: whole numbers, or a mask."""
        numbers = np.arange(len(self))[rows]
        return type(self)(
            [self.paths[number] for number in numbers],
            [self.hashes[number] for number in numbers],
            self.labels[numbers],
            self.groups[numbers],
        )
