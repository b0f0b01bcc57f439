"""Which parts of a picture a model's score is about."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.showing import Part
from figleaf.images.box import Box


class Method(StrEnum):
    """How an explanation is come by."""

    PLACES = "places"
    """What the model's head makes of each place of its last feature map: a score in 0..1."""
    OCCLUSION = "occlusion"
    """How much of the score is lost where that part of the picture is hidden, in -1..1."""


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """A value for each part of a picture.

    Attributes:
        values: float32 of shape (rows, columns).
        box: what of the picture the grid covers, in the picture's pixels; it may reach beyond.
        seen: what of the picture the model was shown: beyond it nothing is known.
        input: the model's input that it is of; None for all of them.
    """

    values: NDArray[np.float32]
    box: Box
    seen: Box
    input: str | None = None

    def over(self, size: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float32]:
        """The values, bilinearly between the places, over a picture that is drawn in `shape`.

        Args:
            size: the picture's own height and width.
            shape: height and width that it is drawn in.

        Returns:
            float32 of that shape; NaN where the model was shown nothing of the picture.
        """
        y = (np.arange(shape[0]) + 0.5) * size[0] / shape[0]
        x = (np.arange(shape[1]) + 0.5) * size[1] / shape[1]
        rows, columns = self.values.shape
        down = _between((y - self.box.top) / self.box.height * rows - 0.5, rows)
        along = _between((x - self.box.left) / self.box.width * columns - 0.5, columns)
        drawn = (down @ self.values @ along.T).astype(np.float32)
        drawn[(y < self.seen.top) | (y > self.seen.bottom)] = np.nan
        drawn[:, (x < self.seen.left) | (x > self.seen.right)] = np.nan
        return drawn


def _between(at: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The weights of `count` values at positions between them; beyond the ends, of the end."""
    at = at.clip(0, count - 1)
    low = np.floor(at).astype(int)
    weights = np.zeros((len(at), count))
    numbers = np.arange(len(at))
    weights[numbers, low] += 1 - (at - low)
    weights[numbers, np.minimum(low + 1, count - 1)] += at - low
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Which parts of a picture a score is about.

    Attributes:
        label: the class that is explained; or "unsafe", the sum of the policy's unsafe classes.
        score: what the model gave it, in 0..1.
        method: how the heats were come by.
        heats: one for each feature map, or the one of occlusion.
        size: of the picture, (height, width) in pixels.
        part: the frame, or the view, that was explained.
        small: the picture, uint8 RGB, its longer side at most 512 pixels.
        model: name and version.
    """

    label: str
    score: float
    method: Method
    heats: tuple[Heat, ...]
    size: tuple[int, int]
    part: Part
    small: NDArray[np.uint8]
    model: str

    def over(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The mean of the heats over the picture, drawn in `shape`, (height, width).

        Returns:
            float32 of that shape; NaN where the model was shown nothing of the picture.
        """
        drawn = np.stack([heat.over(self.size, shape) for heat in self.heats])
        known = ~np.isnan(drawn)
        sums = np.where(known, drawn, 0).sum(axis=0)
        counts = known.sum(axis=0)
        return np.where(counts, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
