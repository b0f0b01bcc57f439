"""How right a model is on slices of the data: by source, size, format and part."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.evaluation.figures import Draws, Figure, plain
from figleaf.evaluation.labelled import Labelled
from figleaf.metrics.ratios import ratio

_MEGAPIXELS = (0.05, 0.25, 1, 4)
"""Where the ranges of sizes end: 224 x 224 is .05, 1,000 x 1,000 is 1."""
_MOST = 20  # sources with a slice of their own, the largest ones
OTHERS = ""
"""The name of the slice of all other sources, and of images in no part."""


class Kind(StrEnum):
    """What a slice is of."""

    SOURCE = "source"
    SIZE = "size"
    FORMAT = "format"
    PART = "part"


@dataclass(frozen=True, slots=True)
class Slice:
    """How right a model is on some of the images.

    Attributes:
        kind: what the slice is of.
        name: which: a source, "0.05-0.25" megapixels, "jpeg"; "" for all other sources.
        images: how many of them there are.
        accuracy: the share whose class was the most probable one; None without that view.
        safety: the share that was rightly called safe or unsafe; None without that view.
        is_small: fewer images than the rules want: what it says is hardly more than chance.
    """

    kind: Kind
    name: str
    images: int
    accuracy: Figure | None
    safety: Figure | None
    is_small: bool

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        return {
            "kind": str(self.kind),
            "name": self.name,
            "images": self.images,
            "accuracy": plain(self.accuracy),
            "safe_unsafe_accuracy": plain(self.safety),
            "too_small": self.is_small,
        }


def slices(
    data: Labelled,
    right: Mapping[str, NDArray[np.bool_] | None],
    draws: Draws,
    least: int,
) -> tuple[Slice, ...]:
    """The slices of images that have scores. A kind whose only slice is all images is left out.

    Args:
        data: these images.
        right: "accuracy" and "safety" -> which images are right, of shape (images,), or None.
        draws: for the intervals.
        least: images that a slice has to have.
    """
    masks = [found for kind in Kind for found in _of_kind(data, kind)]
    if not masks:
        return ()
    members = np.array([mask for _, _, mask in masks])
    figures = {
        name: [None] * len(masks) if hits is None else _shares(members, hits, draws)
        for name, hits in right.items()
    }
    return tuple(
        Slice(
            kind=kind,
            name=name,
            images=int(mask.sum()),
            accuracy=figures["accuracy"][n],
            safety=figures["safety"][n],
            is_small=int(mask.sum()) < least,
        )
        for n, (kind, name, mask) in enumerate(masks)
    )


def _shares(
    members: NDArray[np.bool_], hits: NDArray[np.bool_], draws: Draws
) -> list[Figure | None]:
    """The share that is hit of each slice, of shape (slices, images)."""
    # Numbers of images, not masks: a matrix of 30 slices of a million images takes gigabytes.
    rows = [np.flatnonzero(mask) for mask in members]
    right = [numbers[hits[numbers]] for numbers in rows]

    def statistics(weights: NDArray[np.int64]) -> NDArray[np.float64]:
        below = [weights[numbers].sum() for numbers in rows]
        # A draw may miss a small slice.
        return ratio([weights[numbers].sum() for numbers in right], below)

    drawn = draws.of(statistics)
    return [draws.share(hits, mask, drawn[:, n]) for n, mask in enumerate(members)]


def _of_kind(data: Labelled, kind: Kind) -> Iterator[tuple[Kind, str, NDArray[np.bool_]]]:
    """The slices of one kind, with their images."""
    found = _KINDS[kind](data)
    if len(found) > 1:
        yield from ((kind, name, mask) for name, mask in found.items() if mask.any())


def _by_source(data: Labelled) -> dict[str, NDArray[np.bool_]]:
    """An image that several sources have is in the slice of each."""
    counts = Counter(name for names in data.sources for name in names)
    largest = sorted(counts, key=lambda name: (-counts[name], name))[:_MOST]
    found = {
        name: np.array([name in names for names in data.sources], bool) for name in sorted(largest)
    }
    others = np.array([not set(names) <= set(largest) for names in data.sources], bool)
    return found | ({OTHERS: others} if others.any() else {})


def _by_size(data: Labelled) -> dict[str, NDArray[np.bool_]]:
    megapixels = data.widths * data.heights / 1e6
    ends = (0, *_MEGAPIXELS, np.inf)
    masks = {
        _range(low, high): (megapixels >= low) & (megapixels < high) for low, high in pairwise(ends)
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


def _range(low: float, high: float) -> str:
    if low == 0:
        return f"< {high:g}"
    return f">= {low:g}" if high == np.inf else f"{low:g}-{high:g}"


def _by_format(data: Labelled) -> dict[str, NDArray[np.bool_]]:
    return _by_value(data.formats)


def _by_part(data: Labelled) -> dict[str, NDArray[np.bool_]]:
    return _by_value(data.parts)


def _by_value(values: tuple[str, ...]) -> dict[str, NDArray[np.bool_]]:
    column = np.array(values)
    return {name: column == name for name in sorted(set(values))}


_KINDS: Mapping[Kind, Callable[[Labelled], dict[str, NDArray[np.bool_]]]] = {
    Kind.SOURCE: _by_source,
    Kind.SIZE: _by_size,
    Kind.FORMAT: _by_format,
    Kind.PART: _by_part,
}
