from dataclasses import replace

import numpy as np
import pytest

from figleaf.curate.duplicates.clusters import Clusters, Hashed, cluster
from figleaf.curate.duplicates.pairs import Blocks
from figleaf.errors import InputError

from .samples import flipped, image_distances, random_hashes, with_copies

SMALL = Blocks(queries=400, pairs=5000, few=0)


def naive(hashed: Hashed, distance: int) -> tuple[list[int], list[int], list[int]]:
    """Representatives, distances and groups, image by image; no two whole hashes are equal."""
    far = image_distances(hashed)
    leaders: list[int] = []
    distances: list[int] = []
    groups: list[int] = []
    for image, row in enumerate(far):
        near = [other for other in range(image) if row[other] <= distance]
        leading = [other for other in near if leaders[other] == other]
        leaders.append(min(leading, key=lambda other: (row[other], other)) if leading else image)
        distances.append(int(row[leaders[-1]]) if leading else 0)
        joined = {groups[other] for other in near}
        groups.append(min(joined, default=image))
        groups = [min(joined) if one in joined else one for one in groups]
    return leaders, distances, groups


def lists(clusters: Clusters) -> tuple[list[int], list[int], list[int]]:
    return (
        clusters.representative.tolist(),
        clusters.distance.tolist(),
        clusters.group.tolist(),
    )


def many(most: int, seed: int) -> Hashed:
    """Images some of which have an inner hash, all of which have mirrored ones; copies of each."""
    random = np.random.default_rng(seed)
    pool = with_copies(500, 1000, most, seed)
    whole, mirrored = np.unique(pool[:750], axis=0), pool[750:]
    whole = random.permutation(whole)
    inner_of = np.sort(random.permutation(len(whole))[:300])
    inner = flipped(pool[random.integers(0, 1500, 300)], random.integers(0, most, 300), seed)
    turned = flipped(pool[random.integers(0, 1500, 300)], random.integers(0, most, 300), seed + 1)
    return Hashed(whole, inner, inner_of, mirrored[: len(whole)], turned)


@pytest.mark.parametrize("distance", [0, 15, 31, 40])
@pytest.mark.parametrize("blocks", [SMALL, Blocks()], ids=["small", "default"])
def test_clusters_are_those_of_the_definition(distance: int, blocks: Blocks) -> None:
    hashed = many(max(distance, 4), seed=distance)
    for asked in (
        hashed,
        replace(hashed, inner=None, inner_of=None, inner_mirrored=None),
        replace(hashed, mirrored=None, inner_mirrored=None),
        Hashed(hashed.whole),
    ):
        assert lists(cluster(asked, distance=distance, blocks=blocks)) == naive(asked, distance)


def test_a_chain_is_one_group_but_no_cluster() -> None:
    steps = [random_hashes(1)[0]]
    for _ in range(5):  # each 20 bits further
        bits = np.unpackbits(steps[-1])
        bits[20 * len(steps) : 20 * len(steps) + 20] ^= 1
        steps.append(np.packbits(bits))
    clusters = cluster(Hashed(np.array(steps)), distance=31)
    assert clusters.group.tolist() == [0] * 6
    assert clusters.representative.tolist() == [0, 0, 2, 2, 4, 4]
    assert clusters.distance.tolist() == [0, 20, 0, 20, 0, 20]


def test_groups_meet_late() -> None:
    # The worst image of all is near to every other one, and those are far from each other.
    bits = np.zeros((11, 256), np.uint8)
    for image in range(10):
        bits[image, 25 * image : 25 * image + 20] = 1
    clusters = cluster(Hashed(np.packbits(bits, axis=1)), distance=31)
    assert clusters.group.tolist() == [0] * 11
    assert clusters.representative.tolist() == [*range(10), 0]


def test_an_image_joins_the_nearest_representative_not_the_best() -> None:
    bits = np.zeros((3, 256), np.uint8)
    bits[1, :40] = 1
    bits[2, :30] = 1
    clusters = cluster(Hashed(np.packbits(bits, axis=1)), distance=31)
    assert clusters.representative.tolist() == [0, 1, 1]
    assert clusters.distance.tolist() == [0, 0, 10]


def test_an_image_joins_the_better_one_of_two_as_near() -> None:
    bits = np.zeros((3, 256), np.uint8)
    bits[1, :40] = 1
    bits[2, :20] = 1
    assert cluster(Hashed(np.packbits(bits, axis=1))).representative.tolist() == [0, 1, 0]


def test_equal_hashes_are_where_the_best_of_them_is() -> None:
    base = random_hashes(2)
    near = flipped(base[:1], np.array([9]))[0]
    whole = np.array([base[0], base[1], near, base[0], near, base[1], near])
    clusters = cluster(Hashed(whole))
    assert lists(clusters) == (
        [0, 1, 0, 0, 0, 1, 0],
        [0, 0, 9, 0, 9, 0, 9],
        [0, 1, 0, 0, 0, 1, 0],
    )


def test_twenty_thousand_equal_hashes_are_no_work() -> None:
    whole = np.repeat(random_hashes(2), 20_000, axis=0)
    clusters = cluster(Hashed(whole))
    assert clusters.representative.tolist() == [0] * 20_000 + [20_000] * 20_000
    assert not clusters.distance.any()


def test_inner_hashes_of_copies_count_too() -> None:
    one, other = random_hashes(2)
    hashed = Hashed(np.array([one, one, other]), other[None], np.array([1]))
    assert cluster(hashed).representative.tolist() == [0, 0, 0]
    bordered = replace(hashed, inner_of=np.array([0]))
    assert cluster(bordered).representative.tolist() == [0, 0, 0]


def test_fixed_images_are_representatives_whatever_is_near_them() -> None:
    one, far = random_hashes(2)
    near = one.copy()
    near[0] ^= 1
    hashed = Hashed(np.array([one, near, one, near, far]))
    found = cluster(hashed, fixed=2)
    assert found.representative.tolist() == [0, 1, 0, 1, 4]
    assert found.group.tolist() == [0, 0, 0, 0, 4]
    assert cluster(hashed).representative.tolist() == [0, 0, 0, 0, 4]


def test_a_mirrored_copy_is_found() -> None:
    one, turned, third = random_hashes(3)
    hashed = Hashed(np.array([one, third, turned]), mirrored=np.array([turned, third, one]))
    assert cluster(hashed).representative.tolist() == [0, 1, 0]
    assert cluster(replace(hashed, mirrored=None)).representative.tolist() == [0, 1, 2]


def test_progress_counts_images_to_the_last() -> None:
    whole = with_copies(500, 100, 0)
    told: list[int] = []
    cluster(Hashed(whole), progress=told.append, blocks=Blocks(queries=100))
    assert told == sorted(told)
    assert len(told) > 4
    assert told[-1] == len(whole)


def test_the_same_every_time_and_however_divided() -> None:
    hashed = many(31, seed=7)
    assert lists(cluster(hashed)) == lists(cluster(hashed)) == lists(cluster(hashed, blocks=SMALL))


def test_no_images_and_one() -> None:
    assert lists(cluster(Hashed(random_hashes(0)))) == ([], [], [])
    assert lists(cluster(Hashed(random_hashes(1)))) == ([0], [0], [0])


SOME = random_hashes(2)


@pytest.mark.parametrize(
    "hashed",
    [
        Hashed(SOME[:, :31]),
        Hashed(SOME.astype(np.int8)),
        Hashed(SOME[0]),
        Hashed(SOME, inner=SOME),
        Hashed(SOME, inner_of=np.arange(2)),
        Hashed(SOME, inner=SOME, inner_of=np.arange(3)),
        Hashed(SOME, inner=SOME, inner_of=np.array([1, 0])),
        Hashed(SOME, inner=SOME, inner_of=np.array([0, 0])),
        Hashed(SOME, inner=SOME, inner_of=np.array([0, 2])),
        Hashed(SOME, inner=SOME, inner_of=np.array([-1, 0])),
        Hashed(SOME, inner=SOME[:, :31], inner_of=np.arange(2)),
        Hashed(SOME, mirrored=SOME[:1]),
        Hashed(SOME, mirrored=SOME[:, :31]),
        Hashed(SOME, inner_mirrored=SOME),
        Hashed(SOME, inner=SOME, inner_of=np.arange(2), inner_mirrored=SOME[:1]),
    ],
)
def test_hashes_that_do_not_fit_are_refused(hashed: Hashed) -> None:
    with pytest.raises(InputError):
        cluster(hashed)


@pytest.mark.parametrize("distance", [-1, 256])
def test_a_distance_out_of_range_is_refused(distance: int) -> None:
    with pytest.raises(InputError, match=r"0\.\.255"):
        cluster(Hashed(SOME), distance=distance)
