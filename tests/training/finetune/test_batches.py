"""Batches are a pure function of the seed, the epoch and the place."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from figleaf.training.examples import Examples
from figleaf.training.finetune.batches import Batch, Batches, Plan
from figleaf.training.finetune.pictures import Memory, Pictures

from .tiny import QUICK, SPEC

MIXING = replace(QUICK, mixup=0.4, smoothing=0.1)


def batches(train: Examples, rank: int = 0, **plan: int) -> Batches:
    values = {"examples": len(train), "batch": 8, "accumulate": 1, "processes": 1, "seed": 5}
    pictures = Pictures(train, SPEC, Memory(2**30), "training")
    return Batches(pictures, train.labels, 3, SPEC, MIXING, Plan(**(values | plan)), rank)


def taken(made: Batches, epoch: int, first: int = 0) -> list[list[Batch]]:
    with ThreadPoolExecutor(2) as pool:
        return list(made.steps(epoch, first, pool, 3))


def assert_equal(one: Batch, other: Batch) -> None:
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.targets, other.targets)


def test_a_run_that_goes_on_sees_what_it_would_have_seen(train: Examples) -> None:
    whole, rest = taken(batches(train), 2), taken(batches(train), 2, first=4)
    assert (len(whole), len(rest)) == (7, 3)
    for one, other in zip(whole[4:], rest, strict=True):
        assert_equal(one[0], other[0])


@pytest.mark.parametrize("split", [{"accumulate": 2}, {"processes": 2}])
def test_however_a_step_is_dealt_out_it_is_the_same(train: Examples, split: dict[str, int]) -> None:
    whole = taken(batches(train), 1)
    ranks = [taken(batches(train, rank, batch=4, **split), 1) for rank in range(2)]
    for number, step in enumerate(whole):
        parts = ranks[0][number] if "accumulate" in split else [ranks[r][number][0] for r in (0, 1)]
        np.testing.assert_array_equal(step[0].pixels, np.concatenate([p.pixels for p in parts]))
        np.testing.assert_array_equal(step[0].targets, np.concatenate([p.targets for p in parts]))


def test_epochs_and_seeds_differ(train: Examples) -> None:
    one = taken(batches(train), 1)[0][0]
    for other in (taken(batches(train), 2)[0][0], taken(batches(train, seed=6), 1)[0][0]):
        assert not np.array_equal(one.pixels, other.pixels)


def test_an_epoch_takes_each_example_once() -> None:
    plan = Plan(examples=59, batch=3, accumulate=2, processes=3, seed=0)
    assert (plan.per_step, plan.steps) == (18, 3)
    places = [part for step in range(3) for rank in range(3) for part in plan.places(step, rank)]
    assert np.concatenate(places).tolist() == list(range(54))
    assert sorted(plan.order(1)) == list(range(59))


def test_few_examples_make_one_step() -> None:
    plan = Plan(examples=5, batch=4, accumulate=1, processes=3, seed=0)
    assert (plan.per_step, plan.steps) == (5, 1)
    assert [len(plan.places(0, rank)[0]) for rank in range(3)] == [4, 1, 0]


def test_targets_are_mixed_and_smoothed(train: Examples) -> None:
    batch = taken(batches(train), 1)[0][0]
    np.testing.assert_allclose(batch.targets.sum(axis=1), 1, rtol=1e-6)
    assert batch.targets.min() == pytest.approx(0.1 / 3)


def test_a_picture_that_is_gone_counts_for_nothing(train: Examples) -> None:
    made = batches(train)
    missing = int(made.plan.order(1)[3])
    paths = list(train.paths)
    paths[missing] = paths[missing].with_name("gone.png")
    some = replace(train, paths=paths)
    gone = replace(made, pictures=Pictures(some, SPEC, Memory(2**30), "training"))
    batch = taken(gone, 1)[0][0]
    assert batch.left_out == 1
    assert batch.counts.tolist() == [1, 1, 1, 0, 1, 1, 1, 1]
    # Its neighbour is mixed with nothing.
    alone = replace(made, rules=replace(MIXING, mixup=0.0))
    np.testing.assert_array_equal(batch.pixels[2], taken(alone, 1)[0][0].pixels[2])
