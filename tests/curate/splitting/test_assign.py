"""Groups to parts and folds: exact shares, the same everywhere, whatever else there is."""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figleaf.curate.splitting.assign import (
    Assignment,
    Group,
    assign,
    assign_stratified,
    decide,
)
from figleaf.curate.splitting.rules import By, Part, SplitRules
from figleaf.errors import InputError

CLASSES = ("drawings", "hentai", "porn")
TRAIN, VALIDATION, TEST = (Assignment(part, None) for part in Part)


def group(number: int, *labels: str) -> Group:
    return Group(hashlib.sha256(str(number).encode()).digest(), labels or ("neutral",))


def groups_of(sizes: Sequence[int], label: str = "neutral", start: int = 0) -> list[Group]:
    return [group(start + number, *[label] * size) for number, size in enumerate(sizes)]


def images_by(groups: Iterable[Group], places: Iterable[Assignment]) -> Counter[Assignment]:
    """How many images are where."""
    counts: Counter[Assignment] = Counter()
    for one, place in zip(groups, places, strict=True):
        counts[place] += len(one.labels)
    return counts


def letters(places: Iterable[Assignment]) -> str:
    """A dot for train, or the fold, and v and t for the others."""
    return "".join(_LETTERS[one.part] if one.fold is None else str(one.fold) for one in places)


_LETTERS = {Part.TRAIN: ".", Part.VALIDATION: "v", Part.TEST: "t"}


GOLDEN = [
    (SplitRules(), ".t...t....t.t.......tt........"),
    (SplitRules(stratified=False), ".tt.tt....t.t.......tt...t...."),
    (SplitRules(seed=7), "...tt...........tt..tt........"),
    (SplitRules(test=0.2, validation=0.2, folds=3, seed=-1), "020012t00v012vt1211ttvvvtt221v"),
    (
        SplitRules(test=0.2, validation=0.2, folds=3, seed=2**70, stratified=False),
        "tt001210tt1v001v2v02vv2vv0v2tt",
    ),
]


def many() -> list[Group]:
    return [group(number, CLASSES[number % 3]) for number in range(30)]


@pytest.mark.parametrize(("rules", "expected"), GOLDEN)
def test_the_same_groups_and_seed_give_what_they_always_gave(
    rules: SplitRules, expected: str
) -> None:
    """Should this fail, then every split that anybody has made would come out otherwise."""
    assert letters(decide(many(), rules, ())) == expected


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_another_process_decides_alike(seed: str) -> None:
    program = """
import hashlib
from figleaf.curate.splitting.assign import Group, decide
from figleaf.curate.splitting.rules import SplitRules
groups = [
    Group(hashlib.sha256(str(one).encode()).digest(), (("drawings", "hentai", "porn")[one % 3],))
    for one in range(30)
]
places = decide(groups, SplitRules(test=0.2, validation=0.2, folds=3, seed=-1), ())
print("".join(one.part[0] if one.fold is None else str(one.fold) for one in places))
"""
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == GOLDEN[3][1]


@pytest.mark.parametrize(("rules", "_"), GOLDEN)
def test_the_order_of_the_groups_says_nothing(rules: SplitRules, _: str) -> None:
    groups = many()
    expected = dict(zip((one.key for one in groups), decide(groups, rules, ()), strict=True))
    random.Random(1).shuffle(groups)
    assert {
        one.key: place for one, place in zip(groups, decide(groups, rules, ()), strict=True)
    } == expected


sizes = st.lists(st.integers(1, 6), max_size=60)
shares = st.sampled_from(
    [(0.15, 0.0), (0.0, 0.0), (0.2, 0.1), (0.99, 0.0), (0.5, 0.49), (0.0, 0.5)]
)


@given(st.dictionaries(st.sampled_from(CLASSES), sizes), shares, st.integers(0, 9))
def test_stratified_shares_are_exact_but_for_a_group(
    classes: dict[str, list[int]], share: tuple[float, float], seed: int
) -> None:
    rules = SplitRules(test=share[0], validation=share[1], seed=seed)
    groups = [
        one
        for start, (label, many) in enumerate(sorted(classes.items()))
        for one in groups_of(many, label, 100 * start)
    ]
    places = assign_stratified(groups, rules, ())
    for label, many in classes.items():
        own = [
            (one, place) for one, place in zip(groups, places, strict=True) if one.label == label
        ]
        counts = images_by(*zip(*own, strict=True)) if own else Counter()
        for place, wanted in ((TEST, rules.test), (VALIDATION, rules.validation)):
            most = max(many, default=1)
            assert wanted * sum(many) + 0.5 - most <= counts[place] + 0.5 <= wanted * sum(many) + 1


@given(sizes, st.integers(2, 9), st.integers(0, 9))
def test_stratified_folds_differ_by_less_than_a_group(
    many: list[int], folds: int, seed: int
) -> None:
    groups = groups_of(many)
    places = assign_stratified(groups, SplitRules(folds=folds, seed=seed), ())
    counts = images_by(groups, places)
    in_train = [counts[Assignment(Part.TRAIN, fold)] for fold in range(folds)]
    assert sum(in_train) == sum(many) - counts[TEST]
    assert max(in_train) - min(in_train) <= max(many, default=0)


def test_what_is_over_of_many_classes_does_not_go_to_the_same_fold() -> None:
    groups = [group(number, f"class {number}") for number in range(100)]
    places = assign_stratified(groups, SplitRules(test=0, folds=2), ())
    assert 30 <= images_by(groups, places)[Assignment(Part.TRAIN, 0)] <= 70


@pytest.mark.parametrize("seed", range(3))
def test_shares_by_hash_alone_are_right_but_for_chance(seed: int) -> None:
    rules = SplitRules(test=0.15, validation=0.1, folds=4, seed=seed, stratified=False)
    total = 20_000
    counts = images_by(groups := groups_of([1] * total), assign(groups, rules))
    wanted = {TEST: 0.15, VALIDATION: 0.1}
    wanted |= {Assignment(Part.TRAIN, fold): 0.75 / 4 for fold in range(4)}
    assert counts.keys() == wanted.keys()
    for place, share in wanted.items():
        assert abs(counts[place] - share * total) < 4 * sqrt(total * share * (1 - share))


def test_seeds_have_nothing_to_do_with_each_other() -> None:
    groups = groups_of([1] * 4000)
    one, other = (
        [
            place == TEST
            for place in assign(groups, SplitRules(test=0.5, seed=seed, stratified=False))
        ]
        for seed in (0, 1)
    )
    same = sum(a == b for a, b in zip(one, other, strict=True))
    assert abs(same - 2000) < 4 * sqrt(1000)


@given(st.sets(st.integers(0, 10_000)), st.sets(st.integers(0, 10_000)))
def test_by_hash_alone_new_groups_change_nothing(old: set[int], new: set[int]) -> None:
    rules = SplitRules(test=0.3, validation=0.2, folds=3, stratified=False)
    before = dict(zip(old, assign([group(one) for one in old], rules), strict=True))
    every = sorted(old | new)
    after = dict(zip(every, assign([group(one) for one in every], rules), strict=True))
    assert {one: after[one] for one in old} == before


@given(sizes, sizes, st.integers(0, 5))
def test_stratified_shares_hold_of_old_and_new_together(
    old: list[int], new: list[int], folds: int
) -> None:
    rules = SplitRules(test=0.2, folds=0 if folds == 1 else folds)
    before = groups_of(old)
    places = assign_stratified(before, rules, ())
    taken = [
        ("neutral", place) for one, place in zip(before, places, strict=True) for _ in one.labels
    ]
    added = groups_of(new, start=1000)
    counts = images_by(before + added, places + assign_stratified(added, rules, taken))
    wanted, most = 0.2 * sum(old + new), max(old + new, default=1)
    # The shares of more images are more: what was right before is never too much.
    assert wanted - most <= counts[TEST] <= wanted + 0.5


@pytest.mark.parametrize("stratified", [True, False])
def test_extreme_shares(stratified: bool) -> None:
    groups = groups_of([1] * 200)
    nothing = SplitRules(test=0, stratified=stratified)
    assert set(decide(groups, nothing, ())) == {TRAIN}
    almost = images_by(groups, decide(groups, SplitRules(test=0.99, stratified=stratified), ()))
    assert almost[TEST] >= 190
    if stratified:
        assert almost[TEST] == 198


def test_tiny_classes() -> None:
    assert assign_stratified([], SplitRules(), ()) == []
    assert assign_stratified([group(0)], SplitRules(), ()) == [TRAIN]
    assert images_by(g := groups_of([1] * 4), assign_stratified(g, SplitRules(), ()))[TEST] == 1
    (only,) = assign_stratified([group(0)], SplitRules(folds=5), ())
    assert only.part is Part.TRAIN
    assert only.fold in range(5)


def test_a_group_too_large_for_test_trains_and_smaller_ones_test() -> None:
    groups = groups_of([50, *[1] * 50])
    places = assign_stratified(groups, SplitRules(test=0.15), ())
    assert places[0] == TRAIN
    assert images_by(groups, places)[TEST] == 15


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (("porn",), "porn"),
        (("porn", "sexy", "sexy"), "sexy"),
        (("sexy", "porn"), "porn"),
        (("porn", "sexy"), "porn"),
    ],
)
def test_a_group_of_several_classes_counts_for_that_of_most(
    labels: tuple[str, ...], label: str
) -> None:
    assert group(0, *labels).label == label


def test_an_assignment_in_words() -> None:
    assert str(TEST) == "test"
    assert str(Assignment(Part.TRAIN, 2)) == "train, fold 2"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"test": 1}, "test must be a share from 0 to below 1"),
        ({"test": -0.1}, "test must be"),
        ({"test": float("nan")}, "test must be"),
        ({"validation": 1.5}, "validation must be"),
        ({"test": 0.6, "validation": 0.4}, "leave nothing to train on"),
        ({"folds": 1}, r"folds must be 0, or 2\.\.100, not 1"),
        ({"folds": -2}, "folds must be"),
        ({"folds": 101}, "folds must be"),
        ({"folds": 2.5}, "folds must be"),
        ({"seed": True}, "seed must be a whole number"),
        ({"seed": 0.5}, "seed must be"),
        ({"by": "magic"}, "by must be one of hash, sources, not 'magic'"),
    ],
)
def test_rules_that_cannot_be_meant(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SplitRules(**values)  # type: ignore[arg-type]  # that is what is tested


def test_rules_as_json() -> None:
    rules = SplitRules(by=By.SOURCES, folds=3)
    assert SplitRules(**rules.as_dict()) == rules
