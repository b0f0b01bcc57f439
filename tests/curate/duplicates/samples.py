"""Hashes for the tests, and what is true of them, found by comparing everything with everything."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.duplicates.clusters import Hashed
from figleaf.curate.duplicates.pairs import Blocks, near_pairs

Hashes = NDArray[np.uint8]
Found = dict[tuple[int, int], int]
"""(query's owner, entry's owner) to their distance."""


def random_hashes(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def flipped(hashes: Hashes, counts: NDArray[np.intp], seed: int = 0) -> Hashes:
    """Hashes with so many of their bits flipped, each as many as its count says."""
    bits = np.unpackbits(hashes, axis=1)
    places = np.random.default_rng(seed).random(bits.shape).argsort(axis=1)
    return np.packbits(bits ^ (places < counts[:, None]), axis=1)


def with_copies(count: int, copies: int, most: int, seed: int = 0) -> Hashes:
    """Random hashes and copies of some that differ in up to `most` bits, a few of them often."""
    random = np.random.default_rng(seed)
    hashes = random_hashes(count, seed)
    sources = (count * random.random(copies) ** 4).astype(int)
    near = flipped(hashes[sources], random.integers(0, most + 1, copies), seed)
    return random.permutation(np.concatenate([hashes, near]))


def distances(a: Hashes, b: Hashes) -> NDArray[np.intp]:
    """All of them: (len(a), len(b)). By a product of bits: nothing like what is tested."""
    left, right = (2.0 * np.unpackbits(one, axis=1) - 1 for one in (a, b))
    far: NDArray[np.intp] = np.rint((256 - left @ right.T) / 2).astype(np.intp)
    return far


def brute_force(
    hashes: Hashes,
    owners: NDArray[np.intp],
    queries: Hashes,
    query_owners: NDArray[np.intp],
    distance: int,
) -> Found:
    far = distances(queries, hashes)
    near = (far <= distance) & (owners[None] < query_owners[:, None])
    found: Found = {}
    for query, entry in zip(*np.nonzero(near), strict=True):
        pair = int(query_owners[query]), int(owners[entry])
        found[pair] = min(found.get(pair, 256), int(far[query, entry]))
    return found


def search(
    hashes: Hashes,
    owners: NDArray[np.intp],
    queries: Hashes,
    query_owners: NDArray[np.intp],
    distance: int,
    blocks: Blocks | None = None,
) -> Found:
    """What `near_pairs` finds; fails where a pair comes twice, or not in order."""
    found: Found = {}
    last, done = (-1, -1), 0
    for pairs in near_pairs(
        hashes, owners, queries, query_owners, distance=distance, blocks=blocks
    ):
        triples = zip(pairs.query, pairs.entry, pairs.distance, strict=True)
        for query, entry, far in triples:
            assert last < (query, entry)
            assert done <= query < pairs.stop
            last = int(query), int(entry)
            found[last] = int(far)
        done = pairs.stop
    return found


def image_distances(hashed: Hashed) -> NDArray[np.intp]:
    """How far each image (row) is from each of better rank (column); 256 where it is not."""
    count = len(hashed.whole)
    everyone = np.arange(count)
    asked = [
        (hashed.whole, everyone),
        (hashed.mirrored, everyone),
        (hashed.inner, hashed.inner_of),
        (hashed.inner_mirrored, hashed.inner_of),
    ]
    far = np.full((count, count), 256)
    for (queries, of), (entries, their) in product(asked, asked[::2]):
        if queries is not None and of is not None and entries is not None and their is not None:
            block = np.ix_(of, their)
            far[block] = np.minimum(far[block], distances(queries, entries))
    far[np.triu_indices(count)] = 256
    return far
