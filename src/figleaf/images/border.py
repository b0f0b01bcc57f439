"""Borders of one colour around a picture: frames, letterboxes, scans on white.

A border moves everything within it, and so changes the perceptual hash as another picture would.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TOLERANCE = 12
"""How far from the border's colour its pixels may be, of 255: JPEG's ringing beside an edge."""
_OUTLIERS = 0.02
"""The share of a line's pixels that may be farther: dust, and a line that ends in a corner."""
_LEAST_SHARE = 0.02
"""Of a side's length, which less of a border is not worth removing."""
LEAST_LEFT = 0.2
"""Of either side: what has more than that around it is a small thing on a plain ground."""


@dataclass(frozen=True, slots=True)
class Border:
    """How many lines of a picture are border, at each side."""

    top: int
    bottom: int
    left: int
    right: int

    def inner(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture without it: a view, of shape (height, width, 3)."""
        height, width = pixels.shape[:2]
        return pixels[self.top : height - self.bottom, self.left : width - self.right]


def find_border(pixels: NDArray[np.uint8]) -> Border | None:
    """Find a border of one colour; each side may have a colour of its own, or none.

    Args:
        pixels: uint8 RGB of shape (height, width, 3).

    Returns:
        None where there is none, or so little of it, or of the picture within it, that it does not
        count.
    """
    height, width = pixels.shape[:2]
    top, bottom = _depth(pixels), _depth(pixels[::-1])
    if height - top - bottom <= LEAST_LEFT * height:
        return None
    # Only what lies between: above and below it, the sides are border in any case.
    columns = pixels[top : height - bottom].transpose(1, 0, 2)
    left, right = _depth(columns), _depth(columns[::-1])
    if width - left - right <= LEAST_LEFT * width:
        return None
    if top + bottom < _LEAST_SHARE * height and left + right < _LEAST_SHARE * width:
        return None
    return Border(top, bottom, left, right)


def _depth(lines: NDArray[np.uint8]) -> int:
    """How many lines from the first on are all of the first one's colour."""
    first = lines[0]
    colour = np.median(first, axis=0).astype(np.uint8)
    if not _is_of(first, colour):  # of most pictures, that is all
        return 0
    low, high = 1, 2
    while high < len(lines) and _are_of(lines[low:high], colour):  # a few lines, then more
        low, high = high, 2 * high
    for number in range(low, min(high, len(lines))):
        if not _is_of(lines[number], colour):
            return number
    return len(lines)


def _are_of(lines: NDArray[np.uint8], colour: NDArray[Any]) -> bool:
    return all(_is_of(line, colour) for line in lines)


def _is_of(line: NDArray[np.uint8], colour: NDArray[Any]) -> bool:
    """Whether nearly all pixels of a line are of a colour."""
    # Unsigned numbers: which of the two is the larger has to be settled before the difference.
    away = np.maximum(line, colour) - np.minimum(line, colour)
    return bool((away.max(axis=1) > _TOLERANCE).mean() <= _OUTLIERS)
