"""Parts of a still picture that are looked at beside the whole: without its border, and crops.

A border makes what it encloses small, and so does a scene around a person: a model that is shown
the whole picture in 224 by 224 pixels may see neither.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import InputError
from figleaf.images.border import LEAST_LEFT, find_border
from figleaf.images.box import Box

WHOLE, TRIMMED = "whole", "trimmed"
_CORNERS = ("top left", "top right", "bottom left", "bottom right")
_CENTRE = "centre"
NAMES = (WHOLE, TRIMMED, _CENTRE, *_CORNERS)
"""What views are called."""


@dataclass(frozen=True, slots=True)
class CropRules:
    """Which parts of a still picture are looked at beside the whole.

    Attributes:
        trim: the picture without its border, where it has one of one colour.
        centre: a crop of its middle; of a picture with a border, of what is within it.
        corners: likewise, one at each corner.
        share: of each side of the picture, how much a crop has of it.
        least: pixels of a crop's shorter side; of a picture whose crops would be smaller there are
            none, since they would show a model nothing that it was not shown.

    Raises:
        InputError: `share` is not between 0 and 1, or `least` below 1.
    """

    trim: bool = True
    centre: bool = True
    corners: bool = True
    share: float = 0.75
    least: int = 112

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if type(self.share) not in (int, float) or not 0 < self.share < 1:
            raise InputError(f"share must be between 0 and 1, not {self.share!r}")
        if type(self.least) is not int or self.least < 1:
            raise InputError(f"least must be a whole number above 0, not {self.least!r}")

    @property
    def most(self) -> int:
        """How many views of a picture there may be, the whole among them."""
        return 1 + self.trim + self.centre + len(_CORNERS) * self.corners

    def enough_for(self, size: tuple[int, int]) -> tuple[int, int]:
        """The height and width that a picture needs, if each view is to have as much as `size`."""
        least = (LEAST_LEFT if self.trim else 1.0) * self.share
        return math.ceil(size[0] / least), math.ceil(size[1] / least)


TRIM = CropRules(centre=False, corners=False)
"""The border alone: what lies within it, and no crops."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of a picture that is looked at: its name, and where it is, in the picture's pixels."""

    name: str
    box: Box


def views_of(pixels: NDArray[np.uint8], rules: CropRules) -> Iterator[View]:
    """The parts of a picture that are looked at: first the whole of it.

    Args:
        pixels: uint8 RGB of shape (height, width, 3).
        rules: which parts.
    """
    height, width = pixels.shape[:2]
    inner = Box(0, 0, width, height)
    yield View(WHOLE, inner)
    border = find_border(pixels) if rules.trim else None
    if border is not None:
        inner = Box(border.left, border.top, width - border.right, height - border.bottom)
        yield View(TRIMMED, inner)
    yield from _crops(inner, rules)


def _crops(inner: Box, rules: CropRules) -> Iterator[View]:
    height, width = round(inner.height * rules.share), round(inner.width * rules.share)
    if min(height, width) < rules.least:
        return
    left, top = int(inner.left), int(inner.top)
    right, bottom = int(inner.right) - width, int(inner.bottom) - height
    if rules.centre:
        yield View(_CENTRE, _at((left + right) // 2, (top + bottom) // 2, width, height))
    if rules.corners:
        places = ((left, top), (right, top), (left, bottom), (right, bottom))
        for name, (x, y) in zip(_CORNERS, places, strict=True):
            yield View(name, _at(x, y, width, height))


def _at(left: int, top: int, width: int, height: int) -> Box:
    return Box(left, top, left + width, top + height)


def cut(pixels: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """A part of a picture, a view: uint8 RGB of shape (box's height, box's width, 3)."""
    left, top, right, bottom = map(round, (box.left, box.top, box.right, box.bottom))
    return pixels[top:bottom, left:right]
