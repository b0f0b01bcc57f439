"""Pairs of images whose PDQ hashes are near each other: all of them, exactly, in bounded memory."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.duplicates.search import Finder, Found, Hashes, Room, finder
from figleaf.errors import InputError

MAX_DISTANCE = 255
"""Of what can be asked for: hashes differ in at most 256 bits."""

HASH_BYTES = 32
_MOST_OWNERS = 1 << 27  # two of them and a distance fit into 64 bits


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of images, each of them once, ordered by `query`, then by `entry`.

    Attributes:
        query: shape (k,), the owner of the hash that was looked up.
        entry: shape (k,), the owner of the one that was found; less than `query`.
        distance: shape (k,), the least number of bits in which hashes of the two differ.
        stop: of every owner below it, all pairs were in this block or one before.
    """

    query: NDArray[np.intp]
    entry: NDArray[np.intp]
    distance: NDArray[np.uint8]
    stop: int

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True, slots=True)
class Blocks:
    """How the search is divided. It changes memory and time, not the pairs.

    Attributes:
        queries: for so many, what they are looked up in is made anew, out of the lesser owners.
        pairs: a block has at most so many, or those of one owner.
        few: among so many hashes each is compared; among more, tables are made first.
    """

    queries: int = 1 << 17
    pairs: int = 1 << 22
    few: int = 4_000


def near_pairs(
    hashes: NDArray[np.uint8],
    owners: NDArray[np.intp],
    queries: NDArray[np.uint8],
    query_owners: NDArray[np.intp],
    *,
    distance: int,
    blocks: Blocks | None = None,
) -> Iterator[Pairs]:
    """Find, for each query, the near hashes of lesser owners.

    Owners are the ranks of images; an image may own several hashes. A pair of owners that several
    hashes find is there once, with its least distance. As many threads work as there are cores.

    Args:
        hashes: uint8 of shape (n, 32).
        owners: whole numbers of shape (n,), 0..2**27 - 1, nondecreasing.
        queries: uint8 of shape (m, 32): the hashes again, and perhaps more of the same owners.
        query_owners: as `owners`, of shape (m,).
        distance: 0..255, in how many bits near hashes may differ. Above 47, everything is compared
            with everything.
        blocks: how to divide the search.

    Yields:
        Blocks in the order of the queries' owners. All pairs of one such owner are in one block.

    Raises:
        InputError: another shape, dtype, order or range.
    """
    if not 0 <= distance <= MAX_DISTANCE:
        raise InputError(f"a distance between hashes is 0..{MAX_DISTANCE}, not {distance}")
    entries = _checked("hashes", hashes, owners)
    asked = _checked("queries", queries, query_owners)
    return _search(entries, asked, distance, blocks or Blocks())


def _checked(name: str, hashes: NDArray[np.uint8], owners: NDArray[np.intp]) -> Hashes:
    if hashes.dtype != np.uint8 or hashes.ndim != 2 or hashes.shape[1] != HASH_BYTES:
        raise InputError(
            f"{name} must be uint8 of shape (n, {HASH_BYTES}), not {hashes.dtype} of {hashes.shape}"
        )
    if owners.dtype.kind not in "iu" or owners.shape != hashes.shape[:1]:
        raise InputError(
            f"{name} need whole numbers of shape ({len(hashes)},) for owners, "
            f"not {owners.dtype} of {owners.shape}"
        )
    if (owners[1:] < owners[:-1]).any():
        raise InputError(f"owners of {name} must not decrease: best first")
    if len(owners) and not (0 <= owners[0] <= owners[-1] < _MOST_OWNERS):
        raise InputError(f"owners of {name} must be 0..{_MOST_OWNERS - 1}")
    columns = np.ascontiguousarray(hashes).view(np.uint64).T
    return Hashes(np.ascontiguousarray(columns), owners.astype(np.intp, copy=False))


def _search(entries: Hashes, queries: Hashes, distance: int, blocks: Blocks) -> Iterator[Pairs]:
    with ThreadPoolExecutor(_cores()) as threads:
        for some in _divided(queries, blocks.queries):
            known = entries.below(int(some.owners[-1]))
            find = finder(known, distance, blocks.few, threads)
            yield from _blocks(find, some, known.owners, blocks.pairs)


def _divided(queries: Hashes, size: int) -> Iterator[Hashes]:
    """Cut queries into runs of this size, or a little more: no owner's are spread over two."""
    start = 0
    while start < len(queries):
        stop = queries.border(start + size)
        yield queries[start:stop]
        start = stop


def _blocks(find: Finder, queries: Hashes, owners: NDArray[np.intp], most: int) -> Iterator[Pairs]:
    """Look queries up, all at once, or half as many as long as they find too much."""
    start, size = 0, len(queries)
    while start < len(queries):
        some = queries[start : queries.border(start + size)]
        alone = some.owners[0] == some.owners[-1]
        room = Room(len(some) * len(owners) if alone else most)
        found = find(some, room)
        if room.exceeded:
            size = max(min(size, len(some)) // 2, 1)
            continue
        yield _pairs(found, some.owners, owners)
        start += len(some)


def _pairs(found: list[Found], asked: NDArray[np.intp], owners: NDArray[np.intp]) -> Pairs:
    """Join what was found, in order, each pair of owners once."""
    first, stop = int(asked[0]), int(asked[-1]) + 1
    query = np.concatenate([asked[one.query] for one in found] or [asked[:0]])
    entry = np.concatenate([owners[one.entry] for one in found] or [asked[:0]])
    distance = np.concatenate([one.distance for one in found] or [np.zeros(0, np.uint8)])
    keys = (((query - first) * stop + entry) << 8) | distance
    keys.sort()
    keys = keys[np.diff(keys >> 8, prepend=-1) > 0]  # the least distance comes first
    query, entry = np.divmod(keys >> 8, stop)
    return Pairs(query + first, entry, (keys & 0xFF).astype(np.uint8), stop)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
