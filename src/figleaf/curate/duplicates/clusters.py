"""Clusters of near-duplicate images, each around its best one, and groups to keep whole."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.duplicates.pairs import HASH_BYTES, Blocks, Pairs, near_pairs
from figleaf.errors import InputError
from figleaf.images.phash import MATCH_DISTANCE


@dataclass(frozen=True, slots=True)
class Hashed:
    """The PDQ hashes of images, which are in order of rank: the best one first.

    Attributes:
        whole: uint8 of shape (n, 32), of the whole pictures.
        inner: uint8 of shape (k, 32), of pictures without their borders, where they have one.
        inner_of: shape (k,), whose they are: each at most once, in ascending order.
        mirrored: as `whole`, of the mirrored pictures, to find images that mirror each other.
        inner_mirrored: as `inner`, likewise.
    """

    whole: NDArray[np.uint8]
    inner: NDArray[np.uint8] | None = None
    inner_of: NDArray[np.intp] | None = None
    mirrored: NDArray[np.uint8] | None = None
    inner_mirrored: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Clusters:
    """What each image is a duplicate of. Images are indices in order of rank.

    Representatives are farther than the distance from each other. Every other image is within the
    distance of one of better rank, and has the nearest of those; of several as near, the best. So
    no chain of small steps leads out of a cluster: by whole hashes, which are a metric, two images
    of one are at most twice the distance apart.

    Attributes:
        representative: shape (n,), each image's representative; a representative is its own.
        distance: shape (n,), from it: 0..255.
        group: shape (n,), the least image that is linked to this one by steps within the distance.
            Clusters lie within groups.
    """

    representative: NDArray[np.intp]
    distance: NDArray[np.uint8]
    group: NDArray[np.intp]


def cluster(
    hashed: Hashed,
    *,
    distance: int = MATCH_DISTANCE,
    fixed: int = 0,
    progress: Callable[[int], None] = lambda images: None,
    blocks: Blocks | None = None,
) -> Clusters:
    """Cluster images around the best of them: leader clustering in order of rank.

    Two images are as far apart as the nearest hashes of theirs: of the worse one whole, inner or
    mirrored, of the better one whole or inner. An image whose whole hash a better one has, too, is
    that one's copy: it is where that one is, and its mirrored hash is not looked at.

    Args:
        hashed: the hashes.
        distance: 0..255, in how many bits duplicates may differ.
        fixed: so many of the best images are representatives, whatever is near them.
        progress: is told how many images are done, several times.
        blocks: how to divide the search, see `near_pairs`.

    Raises:
        InputError: hashes of another shape or dtype, or a distance out of range.
    """
    _check(hashed)
    originals, copies = _distinct(hashed.whole)
    # Of images that are copies too: where one has a border, it may be another picture's inner one.
    inner_of = None if hashed.inner_of is None else copies[hashed.inner_of]
    hashes, owners = _joined(originals, inner_of, [hashed.whole], [hashed.inner])
    queries, query_owners = _joined(
        originals,
        inner_of,
        [hashed.whole, hashed.mirrored],
        [hashed.inner, hashed.inner_mirrored],
    )
    clusters = _Clustering(len(originals), int(np.searchsorted(originals, fixed)))
    for pairs in near_pairs(
        hashes, owners, queries, query_owners, distance=distance, blocks=blocks
    ):
        clusters.add(pairs)
        progress(int(originals[pairs.stop - 1]) + 1)
    progress(len(hashed.whole))
    return Clusters(
        originals[clusters.leader][copies],
        clusters.distance[copies],
        originals[clusters.group][copies],
    )


class _Clustering:
    """The clusters of images whose pairs are added in order of rank."""

    def __init__(self, count: int, fixed: int) -> None:
        self._fixed = fixed
        self.leader = np.arange(count)
        self.distance = np.zeros(count, np.uint8)
        self.group = np.arange(count)

    def add(self, pairs: Pairs) -> None:
        """Take all pairs of the next images."""
        if not len(pairs):
            return
        images, starts = np.unique(pairs.query, return_index=True)
        stops = [*starts[1:].tolist(), len(pairs)]
        for image, start, stop in zip(images.tolist(), starts.tolist(), stops, strict=True):
            self._join(image, pairs.entry[start:stop], pairs.distance[start:stop])
        _link(self.group, pairs.query, pairs.entry)

    def _join(self, image: int, better: NDArray[np.intp], distance: NDArray[np.uint8]) -> None:
        """Put an image to the nearest leader among the better ones, the best of those as near."""
        if image < self._fixed:
            return
        leading = np.flatnonzero(self.leader[better] == better)
        if len(leading):
            nearest = leading[np.argmin(distance[leading])]
            self.leader[image] = better[nearest]
            self.distance[image] = distance[nearest]


def _link(group: NDArray[np.intp], a: NDArray[np.intp], b: NDArray[np.intp]) -> None:
    """Unite the groups of each pair, in place. Every image's entry is its group's least image."""
    while True:
        a, b = group[a], group[b]
        apart = a != b
        a, b = np.maximum(a, b)[apart], np.minimum(a, b)[apart]
        if not len(a):
            return
        np.minimum.at(group, a, b)
        while not np.array_equal(above := group[group], group):
            group[:] = above


def _check(hashed: Hashed) -> None:
    _check_rows("whole", hashed.whole, len(hashed.whole))
    if hashed.mirrored is not None:
        _check_rows("mirrored", hashed.mirrored, len(hashed.whole))
    if hashed.inner is None or hashed.inner_of is None:
        inner = (hashed.inner, hashed.inner_of, hashed.inner_mirrored)
        if any(one is not None for one in inner):
            raise InputError("inner hashes need inner_of, which says whose they are")
        return
    of = hashed.inner_of
    _check_rows("inner", hashed.inner, len(of))
    if hashed.inner_mirrored is not None:
        _check_rows("inner_mirrored", hashed.inner_mirrored, len(of))
    if len(of) and (of[0] < 0 or of[-1] >= len(hashed.whole) or (np.diff(of) <= 0).any()):
        raise InputError("inner_of must be images in ascending order, each at most once")


def _check_rows(name: str, hashes: NDArray[np.uint8], count: int) -> None:
    if hashes.dtype != np.uint8 or hashes.shape != (count, HASH_BYTES):
        raise InputError(
            f"{name} must be uint8 of shape ({count}, {HASH_BYTES}), "
            f"not {hashes.dtype} of {hashes.shape}"
        )


def _distinct(whole: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Collapse equal hashes: the first image of each, and for each image its place among those."""
    rows = np.ascontiguousarray(whole).view(f"V{HASH_BYTES}").ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    originals = np.sort(first)
    return originals, np.searchsorted(originals, first[inverse])


def _joined(
    originals: NDArray[np.intp],
    inner_of: NDArray[np.intp] | None,
    whole: list[NDArray[np.uint8] | None],
    inner: list[NDArray[np.uint8] | None],
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Join hashes, in the order of their owners: places among the originals."""
    hashes = [one[originals] for one in whole if one is not None]
    owners = [np.arange(len(originals))] * len(hashes)
    if inner_of is not None:
        hashes += [one for one in inner if one is not None]
        owners += [inner_of] * (len(hashes) - len(owners))
    joined = np.concatenate(owners)
    order = np.argsort(joined, kind="stable")
    return np.concatenate(hashes)[order], joined[order]
