import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.curate.duplicates.pairs import MAX_DISTANCE, Blocks, near_pairs
from figleaf.errors import InputError

from .samples import brute_force, flipped, random_hashes, search, with_copies

TABLES = Blocks(few=0)
"""For hashes so few that they would be compared without tables."""

# 15 and 16: a part's share of the distance grows; 47 and 48: tables no longer pay.
DISTANCES = (0, 1, 3, 14, 15, 16, 23, 30, 31, 32, 40, 47, 48, 90, 255)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("blocks", [TABLES, Blocks()], ids=["tables", "compared"])
def test_all_pairs_are_found_and_no_others(distance: int, blocks: Blocks) -> None:
    hashes = with_copies(300, 300, min(distance + 5, 200), seed=distance)
    owners = np.arange(len(hashes))
    expected = brute_force(hashes, owners, hashes, owners, distance)
    assert search(hashes, owners, hashes, owners, distance, blocks) == expected
    assert expected


@pytest.mark.parametrize("distance", [0, 31, 40])
def test_a_few_thousand_with_clusters_and_equal_ones(distance: int) -> None:
    equal = np.repeat(random_hashes(1, 5), 300, axis=0)
    hashes = np.concatenate([with_copies(4000, 1000, 45), equal])
    hashes = np.random.default_rng(3).permutation(hashes)
    owners = np.arange(len(hashes))
    found = search(hashes, owners, hashes, owners, distance, Blocks(queries=1500))
    assert found == brute_force(hashes, owners, hashes, owners, distance)
    assert len(found) > 300 * 299 // 2


@pytest.mark.parametrize("distance", [15, 23, 31, 40])
@pytest.mark.parametrize("seed", range(3))
def test_differences_spread_over_all_parts_are_found(distance: int, seed: int) -> None:
    # The worst for tables: as many bits in each of the 16 parts as in any other, or one fewer.
    random = np.random.default_rng(seed)
    hashes = random_hashes(200, seed)
    bits = np.unpackbits(hashes, axis=1).reshape(200, 16, 16)
    for one in bits:
        counts = np.full(16, distance // 16) + (np.arange(16) < distance % 16)
        for part, count in zip(one, random.permutation(counts), strict=True):
            part[random.permutation(16)[:count]] ^= 1
    both = np.concatenate([hashes, np.packbits(bits.reshape(200, 256), axis=1)])
    owners = np.arange(400)
    found = search(both, owners, both, owners, distance, TABLES)
    assert found == {(200 + one, one): distance for one in range(200)}


@settings(deadline=None, max_examples=15)
@given(
    distance=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
    blocks=st.builds(
        Blocks,
        queries=st.integers(1, 90),
        pairs=st.integers(5, 200),
        few=st.sampled_from([0, 30, 100]),
    ),
)
def test_owners_of_several_hashes_in_any_division(distance: int, seed: int, blocks: Blocks) -> None:
    random = np.random.default_rng(seed)
    hashes = with_copies(20, 40, distance + 2, seed)
    queries = np.concatenate([hashes, with_copies(20, 10, 3, seed)])
    owners = np.sort(random.integers(0, 40, len(hashes)))
    query_owners = np.sort(random.integers(0, 45, len(queries)))
    found = search(hashes, owners, queries, query_owners, distance, blocks)
    assert found == brute_force(hashes, owners, queries, query_owners, distance)


def test_blocks_are_bounded_where_everything_is_near() -> None:
    center = random_hashes(1)
    hashes = flipped(np.repeat(center, 3000, axis=0), np.full(3000, 5))  # 10 bits from each other
    owners = np.arange(3000)
    blocks = Blocks(queries=1000, pairs=200_000, few=0)
    sizes, counted = [], np.zeros(3000, int)
    for pairs in near_pairs(hashes, owners, hashes, owners, distance=31, blocks=blocks):
        sizes.append(len(pairs))
        counted += np.bincount(pairs.query, minlength=3000)
    assert max(sizes) <= 200_000
    assert counted.tolist() == list(range(3000))


def test_one_owner_of_more_pairs_than_a_block_holds_is_not_cut() -> None:
    hashes = np.repeat(random_hashes(1), 50, axis=0)
    owners = np.arange(50)
    blocks = list(near_pairs(hashes, owners, hashes, owners, distance=0, blocks=Blocks(pairs=10)))
    assert [len(one) for one in blocks if len(one) > 10] == list(range(11, 50))
    assert sum(len(one) for one in blocks) == 50 * 49 // 2


@pytest.mark.parametrize("few", [0, 4000])
def test_the_same_every_time_and_however_divided(few: int) -> None:
    hashes = with_copies(500, 500, 31)
    owners = np.arange(len(hashes)) // 2

    def joined(blocks: Blocks) -> list[list[int]]:
        found = list(near_pairs(hashes, owners, hashes, owners, distance=31, blocks=blocks))
        return [
            np.concatenate([getattr(one, name) for one in found]).tolist()
            for name in ("query", "entry", "distance")
        ]

    first = joined(Blocks(few=few))
    assert len(first[0]) > 500
    assert joined(Blocks(few=few)) == first
    assert joined(Blocks(queries=300, pairs=100, few=few)) == first


def test_the_last_block_says_that_all_is_done() -> None:
    hashes, owners = random_hashes(10), np.arange(10)
    *_, last = near_pairs(hashes, owners, hashes, owners, distance=31, blocks=Blocks(queries=4))
    assert last.stop == 10
    assert len(last) == 0


def test_no_hashes() -> None:
    none, nobody = random_hashes(0), np.arange(0)
    some, owners = random_hashes(3), np.arange(3)
    assert search(none, nobody, none, nobody, 31) == {}
    assert search(some, owners, none, nobody, 31) == {}
    assert search(none, nobody, some, owners, 31) == {}


@pytest.mark.parametrize("distance", [-1, MAX_DISTANCE + 1])
def test_a_distance_out_of_range_is_refused(distance: int) -> None:
    with pytest.raises(InputError, match=r"0\.\.255"):
        near_pairs(
            random_hashes(1), np.arange(1), random_hashes(1), np.arange(1), distance=distance
        )


@pytest.mark.parametrize(
    ("hashes", "owners", "named"),
    [
        (np.zeros((2, 32), np.int8), np.arange(2), "uint8"),
        (np.zeros((2, 31), np.uint8), np.arange(2), "32"),
        (np.zeros(32, np.uint8), np.arange(1), "32"),
        (np.zeros((2, 32), np.uint8), np.arange(3), "owners"),
        (np.zeros((2, 32), np.uint8), np.zeros(2), "whole numbers"),
        (np.zeros((2, 32), np.uint8), np.array([1, 0]), "decrease"),
        (np.zeros((2, 32), np.uint8), np.array([-1, 0]), "owners"),
        (np.zeros((2, 32), np.uint8), np.array([0, 2**27]), "owners"),
    ],
)
def test_what_is_no_hash_or_owner_is_refused(
    hashes: np.ndarray, owners: np.ndarray, named: str
) -> None:
    fine, whose = random_hashes(2), np.arange(2)
    with pytest.raises(InputError, match=f"hashes.*{named}|{named}.*hashes"):
        near_pairs(hashes, owners, fine, whose, distance=31)
    with pytest.raises(InputError, match=f"queries.*{named}|{named}.*queries"):
        near_pairs(fine, whose, hashes, owners, distance=31)
