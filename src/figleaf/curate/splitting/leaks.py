"""Leaks: the same picture, or the same film, on both sides of a split."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, islice

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.duplicates.pairs import HASH_BYTES, near_pairs
from figleaf.dataset.ledger import Ledger

_HASHES = """
SELECT images.id, pdq, pdq_quality, mirrored, inner_pdq, inner_mirrored, inner_quality
FROM images JOIN examinations ON image_id = images.id
WHERE images.id IN (SELECT value FROM json_each(?))
"""
_PAGE = 2_000

MOST_LEAKS = 1_000
"""So many say enough: after these, none is looked for any more."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An image in use and where the split has it: its `place`, a part or a fold of train."""

    id: int
    place: str


@dataclass(frozen=True, slots=True)
class Leak:
    """Two images that belong together, in two places.

    Attributes:
        first: SHA-256 in hex.
        second: likewise; the same where one image is in two places.
        places: where they are.
        why: what they have in common.
    """

    first: str
    second: str
    places: tuple[str, str]
    why: str

    def __str__(self) -> str:
        """One line."""
        one, other = self.places
        return f"{self.first[:8]} in {one} and {self.second[:8]} in {other}: {self.why}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How images are compared: as the last cleaning did."""

    distance: int
    min_quality: int
    mirrored: bool

    def finds_less_than(self, other: "Comparison") -> bool:
        """Whether the other finds near duplicates that this one does not look for."""
        return (
            self.distance < other.distance
            or self.min_quality > other.min_quality
            or (other.mirrored and not self.mirrored)
        )

    def and_more(self, other: "Comparison") -> "Comparison":
        """One that finds whatever either does."""
        return Comparison(
            max(self.distance, other.distance),
            min(self.min_quality, other.min_quality),
            self.mirrored or other.mirrored,
        )


def find_leaks(
    ledger: Ledger,
    groups: Iterable[Sequence[Placed]],
    films: Iterable[Sequence[Placed]],
    compared: Comparison,
) -> Iterator[Leak]:
    """Find what belongs together and is in several places.

    Args:
        ledger: of the data set.
        groups: images that chains of near duplicates connect. Those of several places are
            compared, each with each of another place: a chain's ends need not be alike.
        films: images that are frames of one film, or that one item gave.
        compared: what counts as alike.

    Yields:
        at most `MOST_LEAKS`.
    """
    yield from islice(_leaks(ledger, groups, films, compared), MOST_LEAKS)


def _leaks(
    ledger: Ledger,
    groups: Iterable[Sequence[Placed]],
    films: Iterable[Sequence[Placed]],
    compared: Comparison,
) -> Iterator[Leak]:
    for film in films:
        for first, second in _across(film):
            yield _leak(ledger, first, second, "frames of the same film")
    for group in groups:
        if len({one.place for one in group}) > 1:
            yield from _near(ledger, group, compared)


def _across(images: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """One pair for every two places that the images are in."""
    ordered = sorted(images, key=lambda one: (one.place, one.id))
    firsts = [next(some) for _, some in groupby(ordered, key=lambda one: one.place)]
    return combinations(firsts, 2)


def _leak(ledger: Ledger, first: Placed, second: Placed, why: str) -> Leak:
    names = [
        ledger.read("SELECT sha256 FROM images WHERE id = ?", (one.id,))[0][0].hex()
        for one in (first, second)
    ]
    return Leak(names[0], names[1], (first.place, second.place), why)


@dataclass(frozen=True, slots=True)
class _Hashes:
    """Of each of some images: those that are found, and those that are looked for."""

    found: list[list[bytes]]
    sought: list[list[bytes]]


def _near(ledger: Ledger, group: Sequence[Placed], compared: Comparison) -> Iterator[Leak]:
    """The near duplicates of a group that are in different places, each image with the nearest."""
    hashes = _hashes(ledger, group, compared)
    leaks: dict[tuple[int, int], int] = {}
    for place in sorted({one.place for one in group}):
        here = [number for number, one in enumerate(group) if one.place == place]
        elsewhere = [number for number, one in enumerate(group) if one.place != place]
        # A mirror image's hash is not the mirrored picture's to the bit: both look for each.
        for one, other, bits in _nearest(hashes, here, elsewhere, compared.distance):
            pair = (min(one, other), max(one, other))
            leaks[pair] = min(bits, leaks.get(pair, bits))
            if len(leaks) >= MOST_LEAKS:
                break
        if len(leaks) >= MOST_LEAKS:
            break
    for (first, second), bits in sorted(leaks.items()):
        why = f"the same picture, {bits} bits of PDQ apart"
        yield _leak(ledger, group[first], group[second], why)


def _nearest(
    hashes: _Hashes, here: list[int], elsewhere: list[int], distance: int
) -> Iterator[tuple[int, int, int]]:
    """Images here that are near one elsewhere: the image, the nearest one, and their distance."""
    entries, owners = _stacked([hashes.found[number] for number in elsewhere])
    queries, askers = _stacked([hashes.sought[number] for number in here])
    # What is elsewhere ranks before what is here: then only those of two places are compared.
    askers += len(elsewhere)
    for found in near_pairs(entries, owners, queries, askers, distance=distance):
        order = np.lexsort((found.entry, found.distance, found.query))
        query = found.query[order]
        for at in order[np.diff(query, prepend=-1) > 0].tolist():
            one = here[int(found.query[at]) - len(elsewhere)]
            yield one, elsewhere[int(found.entry[at])], int(found.distance[at])


def _stacked(hashes: Sequence[Sequence[bytes]]) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Hashes below each other, of shape (n, 32), and whose each of them is."""
    joined = b"".join(one for some in hashes for one in some)
    owners = np.repeat(np.arange(len(hashes), dtype=np.intp), [len(some) for some in hashes])
    return np.frombuffer(joined, np.uint8).reshape(-1, HASH_BYTES), owners


def _hashes(ledger: Ledger, group: Sequence[Placed], compared: Comparison) -> _Hashes:
    rows: dict[int, Sequence[bytes | int | None]] = {}
    for start in range(0, len(group), _PAGE):
        page = json.dumps([one.id for one in group[start : start + _PAGE]])
        rows.update((image, row) for image, *row in ledger.read(_HASHES, (page,)))
    found, sought = [], []
    for one in group:
        row = rows.get(one.id)
        own, mirrored = _of_enough_quality(row, compared.min_quality) if row else ([], [])
        found.append(own)
        sought.append(own + (mirrored if compared.mirrored else []))
    return _Hashes(found, sought)


def _of_enough_quality(
    row: Sequence[bytes | int | None], least: int
) -> tuple[list[bytes], list[bytes]]:
    """The hashes of an image, and those of its mirror image, that say enough."""
    own, mirrored = [], []
    for upright, quality, other in ((row[0], row[1], row[2]), (row[3], row[5], row[4])):
        if isinstance(upright, bytes) and isinstance(other, bytes) and _at_least(quality, least):
            own.append(upright)
            mirrored.append(other)
    return own, mirrored


def _at_least(quality: bytes | int | None, least: int) -> bool:
    return isinstance(quality, int) and quality >= least
