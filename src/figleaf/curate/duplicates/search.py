"""Looking hashes up among many: every one within a Hamming distance, exactly.

Norouzi, Punjani and Fleet ("Fast search in Hamming space with multi-index hashing", CVPR 2012) cut
a hash into parts: where two hashes differ in few bits, they differ in very few in one of the parts,
so that a table by the value of each part, asked for that value and those next to it, finds them.
Here it is done twice. Of two hashes within 31 bits, one of the four words of 64 bits differs in at
most 7, and of its four parts of 16 bits one in at most 1. What a table gives is compared in that
word alone first, which leaves next to nothing that is not near.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import combinations, pairwise
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.images.phash import count_bits

_WORDS = 4
"""Of 64 bits, in a hash."""
_PARTS = 4
"""Of 16 bits, in a word."""
_PART_BITS = 16
_VALUES = 1 << _PART_BITS
_MOST_FLIPS = 2
"""In a part. With more, comparing everything with everything is faster."""
_CANDIDATES = 1 << 16
"""Compared at a time: what a core's cache holds."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """Hashes by columns, in the order of their owners.

    Attributes:
        words: uint64 of shape (4, n).
        owners: shape (n,), nondecreasing.
    """

    words: NDArray[np.uint64]
    owners: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.owners)

    def __getitem__(self, places: slice) -> "Hashes":
        return Hashes(self.words[:, places], self.owners[places])

    def below(self, owner: int) -> "Hashes":
        """The hashes of lesser owners."""
        return self[: int(np.searchsorted(self.owners, owner))]

    def border(self, place: int) -> int:
        """The first place, from this one on (at least 1), where an owner's hashes end."""
        if place >= len(self):
            return len(self)
        return int(np.searchsorted(self.owners, self.owners[place - 1], "right"))


@dataclass(frozen=True, slots=True)
class Found:
    """Places of queries and of entries that are near each other, and their distances."""

    query: NDArray[np.intp]
    entry: NDArray[np.intp]
    distance: NDArray[np.uint8]


class Room:
    """For how many may still be found; threads share it."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = Lock()

    @property
    def exceeded(self) -> bool:
        """Whether more than that was found."""
        return self._left < 0

    def take(self, count: int) -> None:
        """Count so many as found."""
        with self._lock:
            self._left -= count


Finder = Callable[[Hashes, Room], list[Found]]
"""Finds the near entries of lesser owners for queries; no more once the room is exceeded."""


def finder(entries: Hashes, distance: int, few: int, threads: Executor) -> Finder:
    """Prepare to look hashes up among entries.

    Args:
        entries: what to look among.
        distance: 0..255, in how many bits a query and an entry may differ.
        few: up to so many entries are compared with every query.
        threads: where to work.
    """
    parts = _parts(distance)
    if len(entries) <= few or max(part.distance for part in parts) > _MOST_FLIPS:
        return _Everything(entries, distance, threads)
    return _Tables(entries, distance, parts, threads)


class _Everything:
    """Compares each query with each entry."""

    def __init__(self, entries: Hashes, distance: int, threads: Executor) -> None:
        self._entries, self._distance, self._threads = entries, distance, threads

    def __call__(self, queries: Hashes, room: Room) -> list[Found]:
        step = max(_CANDIDATES // max(len(self._entries), 1), 1)
        starts = range(0, len(queries), step)
        return list(self._threads.map(lambda start: self._find(queries, start, step, room), starts))

    def _find(self, queries: Hashes, start: int, step: int, room: Room) -> Found:
        some = queries[start : start + step]
        entries = self._entries.below(0 if room.exceeded else int(some.owners[-1]))
        total = np.zeros((len(some), len(entries)), np.uint16)
        for ours, theirs in zip(some.words, entries.words, strict=True):
            total += count_bits(ours[:, None] ^ theirs)
        query, entry = np.nonzero(total <= self._distance)
        lesser = entries.owners[entry] < some.owners[query]
        query, entry = query[lesser], entry[lesser]
        room.take(len(query))
        return Found(query + start, entry, total[query, entry].astype(np.uint8))


@dataclass(frozen=True, slots=True)
class _Part:
    """16 of the 256 bits.

    Attributes:
        word: which word it is in, 0..3.
        shift: its lowest bit there.
        word_distance: in how many bits the word may differ.
        distance: in how many the part may.
    """

    word: int
    shift: int
    word_distance: int
    distance: int

    def of(self, words: NDArray[np.uint64]) -> NDArray[np.uint16]:
        """Its values in the words that it is in."""
        return (words >> np.uint64(self.shift)).astype(np.uint16)

    def count(self, differences: NDArray[np.uint64]) -> NDArray[Any]:
        """In how many bits it differs, given the differences of words."""
        return count_bits(differences >> np.uint64(self.shift) & np.uint64(_VALUES - 1))

    def flips(self) -> Iterator[np.uint16]:
        """What to flip in a value for all those within the distance."""
        for count in range(self.distance + 1):
            for bits in combinations(range(_PART_BITS), count):
                yield np.uint16(sum(1 << bit for bit in bits))


def _parts(distance: int) -> list[_Part]:
    """The parts one of which is near wherever hashes are."""
    return [
        _Part(word, _PART_BITS * place, word_distance, part_distance)
        for word, word_distance in enumerate(_shares(distance, _WORDS))
        for place, part_distance in enumerate(_shares(word_distance, _PARTS))
        if part_distance >= 0
    ]


def _shares(distance: int, count: int) -> list[int]:
    """Distances for each of `count` parts, at least one of which keeps to its own.

    If every part broke its own, they would differ in more bits together than the whole may: the
    sum of all shares, each plus one, is `distance + 1`. A share of -1 asks nothing of its part.
    """
    each, rest = divmod(distance + 1, count)
    return [each - (place >= rest) for place in range(count)]


class _Tables:
    """A table for each part."""

    def __init__(
        self, entries: Hashes, distance: int, parts: list[_Part], threads: Executor
    ) -> None:
        self._entries, self._distance, self._threads = entries, distance, threads
        self._tables = list(threads.map(lambda part: _Table(part, entries), parts))
        self._words = {part.word: part.word_distance for part in parts}

    def __call__(self, queries: Hashes, room: Room) -> list[Found]:
        found = self._threads.map(lambda place: self._find(place, queries, room), self._places)
        return [one for several in found for one in several]

    @property
    def _places(self) -> range:
        return range(len(self._tables))

    def _find(self, place: int, queries: Hashes, room: Room) -> list[Found]:
        found = []
        table = self._tables[place]
        before = [one.part for one in self._tables[:place] if one.part.word == table.part.word]
        for query, entry in table.candidates(queries.words[table.part.word], before):
            one = self._near(table.part, queries, query, entry)
            room.take(len(one.query))
            if room.exceeded:
                break
            found.append(one)
        return found

    def _near(
        self,
        part: _Part,
        queries: Hashes,
        query: NDArray[np.intp],
        entry: NDArray[np.intp],
    ) -> Found:
        """Leave out what is not near, of no lesser owner, or found by way of an earlier word."""
        new = self._entries.owners[entry] < queries.owners[query]
        query, entry = query[new], entry[new]
        for word in range(part.word):
            new = self._count(word, queries, query, entry) > self._words[word]
            query, entry = query[new], entry[new]
        total = np.zeros(len(query), np.uint16)
        for word in range(_WORDS):
            total += self._count(word, queries, query, entry)
        near = total <= self._distance
        return Found(query[near], entry[near], total[near].astype(np.uint8))

    def _count(
        self, word: int, queries: Hashes, query: NDArray[np.intp], entry: NDArray[np.intp]
    ) -> NDArray[Any]:
        """In how many bits a word of theirs differs."""
        return count_bits(self._entries.words[word][entry] ^ queries.words[word][query])


class _Table:
    """The entries in the order of a part's values."""

    def __init__(self, part: _Part, entries: Hashes) -> None:
        words = entries.words[part.word]
        values = part.of(words)
        order = np.argsort(values, kind="stable")
        self.part = part
        self._words = words[order]
        self._places = order.astype(np.int32)
        self._starts = np.zeros(_VALUES + 1, np.intp)
        np.cumsum(np.bincount(values, minlength=_VALUES), out=self._starts[1:])

    def candidates(
        self, words: NDArray[np.uint64], before: Sequence[_Part]
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Places of queries and entries whose word is near, and no part of it that came before."""
        values = self.part.of(words)
        order = np.argsort(values, kind="stable")  # so that neighbours ask for the same entries
        values, words = values[order], words[order]
        for flip in self.part.flips():
            for rows, places in self._near(np.bitwise_xor(values, flip), words, before):
                yield order[rows], self._places[places].astype(np.intp)

    def _near(
        self, values: NDArray[np.uint16], words: NDArray[np.uint64], before: Sequence[_Part]
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Compare each word with the entries of its value; give rows and places in the table."""
        starts = self._starts[values]
        counts = self._starts[1:][values] - starts
        ends = np.cumsum(counts)
        shifts = starts - (ends - counts)  # from a place among the candidates to one in the table
        for some in _cut(ends):
            first = int(ends[some.start] - counts[some.start])
            places = np.repeat(shifts[some], counts[some])
            places += np.arange(first, first + len(places))
            differences = self._words[places]
            differences ^= np.repeat(words[some], counts[some])
            hits = np.flatnonzero(count_bits(differences) <= self.part.word_distance)
            for part in before:
                hits = hits[part.count(differences[hits]) > part.distance]
            yield np.searchsorted(ends[some], hits + first, "right") + some.start, places[hits]


def _cut(ends: NDArray[np.intp]) -> Iterator[slice]:
    """Cut rows into runs of at most `_CANDIDATES`, or one row, given where each row's end."""
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.searchsorted(ends, np.arange(_CANDIDATES, total, _CANDIDATES), "right")
    borders = [0, *np.unique(cuts).tolist(), len(ends)]
    for start, stop in pairwise(borders):
        if start < stop:
            yield slice(start, stop)
