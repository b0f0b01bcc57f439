"""Leaks: the same picture, or the same film, on both sides of a split."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

import numpy as np
from numpy.typing import NDArray

from figleaf.dataset.ledger import Ledger
from figleaf.images.phash import distances

_HASHES = """
SELECT sha256, pdq, pdq_quality, mirrored, inner_pdq, inner_mirrored, inner_quality
FROM images JOIN examinations ON image_id = images.id WHERE images.id = ?
"""


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
    """
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
    """Of some images: those that are found, and those that are looked for; `of` says whose."""

    found: NDArray[np.uint8]
    found_of: list[int]
    sought: list[list[bytes]]


def _near(ledger: Ledger, group: Sequence[Placed], compared: Comparison) -> Iterator[Leak]:
    """The near duplicates of a group that are in different places, each image with the nearest."""
    hashes = _hashes(ledger, group, compared)
    leaks: dict[tuple[int, int], int] = {}
    for place in sorted({one.place for one in group}):
        elsewhere = [at for at, of in enumerate(hashes.found_of) if group[of].place != place]
        found = hashes.found[elsewhere]
        for number, sought in enumerate(hashes.sought):
            if group[number].place != place or not sought or not elsewhere:
                continue
            # A mirror image's hash is not the mirrored picture's to the bit: both look for each.
            far = np.min([distances(one, found) for one in sought], axis=0)
            nearest = int(np.argmin(far))
            other, bits = hashes.found_of[elsewhere[nearest]], int(far[nearest])
            if bits <= compared.distance:
                pair = (min(number, other), max(number, other))
                leaks[pair] = min(bits, leaks.get(pair, bits))
    for (first, second), bits in sorted(leaks.items()):
        why = f"the same picture, {bits} bits of PDQ apart"
        yield _leak(ledger, group[first], group[second], why)


def _hashes(ledger: Ledger, group: Sequence[Placed], compared: Comparison) -> _Hashes:
    found, found_of, sought = [], [], []
    for number, one in enumerate(group):
        row = ledger.read(_HASHES, (one.id,))
        own, mirrored = _of_enough_quality(row[0][1:], compared.min_quality) if row else ([], [])
        found += own
        found_of += [number] * len(own)
        sought.append(own + (mirrored if compared.mirrored else []))
    array = np.frombuffer(b"".join(found), np.uint8).reshape(-1, 32)
    return _Hashes(array, found_of, sought)


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
