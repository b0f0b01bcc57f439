"""What is held out of training: groups whole, classes in proportion, by hashes alone."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.training.examples import Examples
from figleaf.training.holding import folds, held_out


def examples(images: int, classes: int = 3, groups: int | None = None) -> Examples:
    """Images of which every fourth class is rare, in groups of one class and of several sizes."""
    random = np.random.default_rng(0)
    numbers = np.arange(images) if groups is None else random.integers(0, groups, images)
    hashes = [hashlib.sha256(str(one).encode()).digest() for one in range(images)]
    labels = (numbers % classes).astype(np.int64)
    return Examples([Path(str(one)) for one in range(images)], hashes, labels, numbers)


def assert_whole(some: Examples, where: NDArray[np.int64] | NDArray[np.bool_]) -> None:
    for group in np.unique(some.groups):
        assert len(set(where[some.groups == group].tolist())) == 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_groups_are_never_parted(seed: int) -> None:
    some = examples(400, groups=90)
    assert_whole(some, folds(some, 5, seed))
    assert_whole(some, held_out(some, 0.2, seed))


def test_folds_have_each_class_in_proportion() -> None:
    some = examples(303)
    found = folds(some, 5, 0)
    assert set(found.tolist()) == set(range(5))
    for label in range(3):
        counts = np.bincount(found[some.labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_what_is_held_out_has_each_class_in_proportion() -> None:
    some = examples(600)
    out = held_out(some, 0.1, 0)
    assert np.bincount(some.labels[out]).tolist() == [20, 20, 20]


def test_the_seed_matters_and_the_same_gives_the_same() -> None:
    some = examples(200)
    np.testing.assert_array_equal(folds(some, 5, 3), folds(some, 5, 3))
    assert (folds(some, 5, 3) != folds(some, 5, 4)).any()
    np.testing.assert_array_equal(held_out(some, 0.2, 3), held_out(some, 0.2, 3))
    assert (held_out(some, 0.2, 3) != held_out(some, 0.2, 4)).any()


def test_the_order_of_examples_does_not_matter() -> None:
    some = examples(200, groups=70)
    order = np.random.default_rng(1).permutation(200)
    np.testing.assert_array_equal(folds(some.take(order), 5, 0), folds(some, 5, 0)[order])
    np.testing.assert_array_equal(held_out(some.take(order), 0.2, 0), held_out(some, 0.2, 0)[order])


def test_how_groups_are_numbered_does_not_matter() -> None:
    some = examples(200, groups=70)
    other = Examples(some.paths, some.hashes, some.labels, 1000 - 3 * some.groups)
    np.testing.assert_array_equal(folds(some, 5, 0), folds(other, 5, 0))


def test_one_image_a_class_is_in_several_folds() -> None:
    """Else every fold's fit would have nothing to see."""
    found = folds(examples(3), 5, 0)
    assert len(set(found.tolist())) > 1
