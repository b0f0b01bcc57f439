"""Sizes and resolutions of the images in use: the ledger read once, counted in NumPy."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.dataset.ledger import Ledger

SIDES = (64, 128, 224, 512, 1024, 2048)
"""Where the shorter side's bins end, in pixels: 224 and 512 are what common models take."""
SHAPES = (1 / 3, 1 / 2, 3 / 4, 4 / 3, 2, 3)
"""Where the bins of width to height end: the middle one is about square."""
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
"""Where the bins of file sizes end, in bytes."""

_PAGE = 2_000  # rows read at a time: more take more memory, and are no faster
_MOST = 10  # resolutions that are named
_IMAGES = f"""
SELECT images.id, width, height, bytes, label, format, part
FROM images NOT INDEXED LEFT JOIN splits ON image_id = images.id
WHERE quarantine IS NULL AND images.id > ? ORDER BY images.id LIMIT {_PAGE}
"""

Label = str | None


@dataclass(frozen=True, slots=True)
class ClassStats:
    """The images in use of one class.

    Attributes:
        label: the class; None for images without one.
        images: how many.
        size: of their files, in bytes.
        parts: how many are in which part of the split; empty before there is one.
        width: their median, in pixels; of an even number the lower of the two.
        height: likewise.
    """

    label: Label
    images: int
    size: int
    parts: Mapping[str, int]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Bin:
    """A range of values, and how many images are in it.

    Attributes:
        low: the smallest value; None for no bound.
        high: where the next range begins; None for no bound.
        counts: images by class; classes without any are left out.
    """

    low: float | None
    high: float | None
    counts: Mapping[Label, int]

    @property
    def images(self) -> int:
        """Of all classes."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Percentiles:
    """File sizes in bytes of one class, or of all; each is that of some file."""

    label: Label
    smallest: int
    p5: int
    p25: int
    median: int
    p75: int
    p95: int
    largest: int


@dataclass(frozen=True, slots=True)
class FormatStats:
    """The images in use of one file format, and the bytes of their files."""

    format: str
    images: int
    size: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """How many images have just this width and height, in pixels."""

    width: int
    height: int
    images: int


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of the files in use.

    Attributes:
        classes: in alphabetical order, images without one last.
        formats: the most frequent first.
        sides: images by their shorter side, in pixels.
        shapes: images by width divided by height.
        sizes: images by the size of the file, in bytes.
        percentiles: of the file sizes of each class, in the classes' order.
        all_sizes: likewise of all; None without images.
        resolutions: the most frequent ones, those of a single image left out.
    """

    classes: tuple[ClassStats, ...]
    formats: tuple[FormatStats, ...]
    sides: tuple[Bin, ...]
    shapes: tuple[Bin, ...]
    sizes: tuple[Bin, ...]
    percentiles: tuple[Percentiles, ...]
    all_sizes: Percentiles | None
    resolutions: tuple[Resolution, ...]


class Codes(dict[Any, int]):
    """Values that repeat to small numbers, in the order in which they come."""

    def __missing__(self, value: object) -> int:
        self[value] = len(self)
        return self[value]

    def of(self, values: Sequence[object]) -> NDArray[np.int32]:
        """The number of each."""
        return np.fromiter(map(self.__getitem__, values), np.int32, len(values))


@dataclass(frozen=True, slots=True)
class _Images:
    """The images in use, an array for each column; names as codes."""

    width: NDArray[np.int64]
    height: NDArray[np.int64]
    size: NDArray[np.int64]
    label: NDArray[np.int32]
    format: NDArray[np.int32]
    part: NDArray[np.int32]
    labels: tuple[Label, ...]
    formats: tuple[str, ...]
    parts: tuple[str | None, ...]


def read_measures(ledger: Ledger) -> Measures:
    """Measure the images in use. Some 100 bytes of memory for each."""
    images = _read(ledger)
    groups = dict(_groups(images))
    labels = sorted(groups, key=_in_order)
    return Measures(
        classes=tuple(_class(images, label, groups[label]) for label in labels),
        formats=_formats(images),
        sides=_bins(images, np.minimum(images.width, images.height), SIDES),
        shapes=_bins(images, images.width / images.height, SHAPES),
        sizes=_bins(images, images.size, SIZES),
        percentiles=tuple(_percentiles(label, images.size[groups[label]]) for label in labels),
        all_sizes=_percentiles(None, images.size) if images.size.size else None,
        resolutions=_resolutions(images),
    )


def pages(ledger: Ledger, query: str) -> Iterator[list[tuple[Any, ...]]]:
    """The columns of a query that takes the last id and gives the next rows, the id first."""
    last = 0
    while rows := ledger.read(query, (last,)):
        last = rows[-1][0]
        yield list(zip(*rows, strict=True))


def _in_order(label: Label) -> tuple[bool, str]:
    return label is None, label or ""


def _read(ledger: Ledger) -> _Images:
    names = Codes(), Codes(), Codes()
    read: list[list[NDArray[Any]]] = [[np.zeros(0, np.int32)] * 6]  # where there are no images
    for _, *numbers, label, kind, part in pages(ledger, _IMAGES):
        coded = (one.of(column) for one, column in zip(names, (label, kind, part), strict=True))
        read.append([*(np.array(column, np.int64) for column in numbers), *coded])
    width, height, size, labels, formats, parts = (
        np.concatenate(column) for column in zip(*read, strict=True)
    )
    return _Images(width, height, size, labels, formats, parts, *(tuple(one) for one in names))


def _groups(images: _Images) -> Iterator[tuple[Label, NDArray[np.int64]]]:
    """Each class, and which images are of it."""
    order = np.argsort(images.label, kind="stable")
    ends = np.cumsum(np.bincount(images.label, minlength=len(images.labels)))
    yield from zip(images.labels, np.split(order, ends[:-1]), strict=False)


def _class(images: _Images, label: Label, chosen: NDArray[np.int64]) -> ClassStats:
    counted = np.bincount(images.part[chosen], minlength=len(images.parts))
    return ClassStats(
        label,
        len(chosen),
        int(images.size[chosen].sum()),
        {part: int(n) for part, n in zip(images.parts, counted, strict=True) if part and n},
        _median(images.width[chosen]),
        _median(images.height[chosen]),
    )


def _median(values: NDArray[np.int64]) -> int:
    return int(np.percentile(values, 50, method="lower"))


def _formats(images: _Images) -> tuple[FormatStats, ...]:
    counted = np.bincount(images.format, minlength=len(images.formats))
    bytes_ = np.bincount(images.format, images.size, minlength=len(images.formats))
    found = zip(images.formats, counted.tolist(), bytes_.tolist(), strict=True)
    ranked = sorted(found, key=lambda one: (-one[1], one[0]))
    return tuple(FormatStats(name, images, int(size)) for name, images, size in ranked)


def _bins(images: _Images, values: NDArray[Any], edges: Sequence[float]) -> tuple[Bin, ...]:
    shape = len(edges) + 1, len(images.labels)
    places = np.digitize(values, edges) * shape[1] + images.label
    table = np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)
    bounds = zip((None, *edges), (*edges, None), strict=True)
    return tuple(
        Bin(low, high, _counts(images.labels, row))
        for (low, high), row in zip(bounds, table.tolist(), strict=True)
    )


def _counts(labels: Iterable[Label], row: Iterable[int]) -> dict[Label, int]:
    found = {label: count for label, count in zip(labels, row, strict=True) if count}
    return {label: found[label] for label in sorted(found, key=_in_order)}


def _percentiles(label: Label, sizes: NDArray[np.int64]) -> Percentiles:
    asked = (0, 5, 25, 50, 75, 95, 100)
    return Percentiles(label, *map(int, np.percentile(sizes, asked, method="lower")))


def _resolutions(images: _Images) -> tuple[Resolution, ...]:
    joined = images.width << 32 | images.height
    values, counts = np.unique(joined, return_counts=True)
    # The larger of those that are as frequent first: the order is the same each time.
    ranked = np.lexsort((-values, -counts))[:_MOST]
    found = Counter({int(values[one]): int(counts[one]) for one in ranked if counts[one] > 1})
    return tuple(
        Resolution(value >> 32, value & 0xFFFFFFFF, count) for value, count in found.items()
    )
