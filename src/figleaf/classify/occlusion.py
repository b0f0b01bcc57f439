"""How a score changes where a part of the picture is hidden.

A square in the mean colour is slid over the picture (Zeiler and Fergus, "Visualizing and
Understanding Convolutional Networks", ECCV 2014). It asks any model, and takes a run of it for each
place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import InputError
from figleaf.images.box import Box
from figleaf.models.model import Model, Prepared

_AT_ONCE = 16
"""Hidden pictures that are in memory at a time."""
_MOST = 64


@dataclass(frozen=True, slots=True)
class Occlusion:
    """How a picture is hidden piece by piece.

    Attributes:
        places: rows, and columns, of the grid: the model runs so many times squared. 1 to 64.
        reach: sides of the square in places.

    Raises:
        InputError: a value is out of range.
    """

    places: int = 14
    reach: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if type(self.places) is not int or not 1 <= self.places <= _MOST:
            raise InputError(f"places must be a whole number from 1 to {_MOST}, not {self.places}")
        if not 0 < self.reach <= self.places:
            raise InputError(f"reach must be above 0 and at most {self.places}, not {self.reach}")


def occluded(
    model: Model,
    picture: Prepared,
    areas: Sequence[Box],
    weights: NDArray[np.float32],
    rules: Occlusion,
) -> tuple[NDArray[np.float32], Box]:
    """How much of a score is lost where each part of a picture is hidden from all inputs.

    Args:
        model: any with classes.
        picture: prepared for it.
        areas: what of the picture each input shows, in the picture's pixels.
        weights: of each class in the score, float32 of shape (classes,).
        rules: how it is hidden.

    Returns:
        float32 of shape (places, places), the score of the picture minus that of the one with the
        square around that place hidden, in -1..1; and what the grid covers: all that any input
        shows.
    """
    around = Box(
        min(area.left for area in areas),
        min(area.top for area in areas),
        max(area.right for area in areas),
        max(area.bottom for area in areas),
    )
    means = tuple(array.mean(axis=(0, 1)) for array in picture)
    scores: list[NDArray[np.float32]] = []
    hidden: list[Prepared] = []
    for square in _squares(around, rules):
        arrays = zip(picture, areas, means, strict=True)
        hidden.append(tuple(_hidden(array, area, square, mean) for array, area, mean in arrays))
        if len(hidden) == _AT_ONCE:
            scores.append(model.run(hidden).probabilities @ weights)
            hidden = []
    if hidden:
        scores.append(model.run(hidden).probabilities @ weights)
    whole = model.run([picture]).probabilities[0] @ weights
    lost = whole - np.concatenate(scores).reshape(rules.places, rules.places)
    return lost.astype(np.float32), around


def _squares(around: Box, rules: Occlusion) -> Iterator[Box]:
    """The square around each place, row by row."""
    along, down = around.width / rules.places, around.height / rules.places
    wide, tall = along * rules.reach / 2, down * rules.reach / 2
    for row in range(rules.places):
        y = around.top + (row + 0.5) * down
        for column in range(rules.places):
            x = around.left + (column + 0.5) * along
            yield Box(x - wide, y - tall, x + wide, y + tall)


def _hidden(
    array: NDArray[np.float32], area: Box, square: Box, colour: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A prepared picture, which shows `area`, with a square of it in one colour."""
    height, width = array.shape[:2]
    left, right = (
        min(max(round((side - area.left) / area.width * width), 0), width)
        for side in (square.left, square.right)
    )
    top, bottom = (
        min(max(round((side - area.top) / area.height * height), 0), height)
        for side in (square.top, square.bottom)
    )
    covered = array.copy()
    covered[top:bottom, left:right] = colour
    return covered
