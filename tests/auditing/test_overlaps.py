"""Classes that are not told apart."""

import numpy as np
import pytest

from figleaf.auditing.overlaps import (
    TOLD_APART,
    overlapping,
    pairwise,
    separation,
    standard_error,
)

PROBABILITIES = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.4, 0.5, 0.1],
        [0.5, 0.4, 0.1],
        [0.1, 0.8, 0.1],
        [0.1, 0.0, 0.9],
    ]
)
LABELS = np.array([0, 0, 1, 1, 2])


def test_separation_by_hand() -> None:
    """By the first class three of four pairs are in order, by the second three of four as well."""
    assert separation(PROBABILITIES, LABELS, 0, 1) == 0.75
    assert separation(PROBABILITIES, LABELS, 1, 0) == 0.75
    assert separation(PROBABILITIES, LABELS, 0, 2) == 1


def test_ties_count_half() -> None:
    same = np.full((4, 2), 0.5)
    assert separation(same, np.array([0, 0, 1, 1]), 0, 1) == 0.5


def test_the_worst_pair_is_first() -> None:
    joint = np.array([[1, 2, 0], [3, 1, 0], [0, 0, 1]])
    found = pairwise(PROBABILITIES, LABELS, ("a", "b", "c"), joint)
    assert [(one.one, one.other) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert (found[0].auc, found[0].images) == (0.75, 5)


def test_classes_without_images_are_in_no_pair() -> None:
    found = pairwise(PROBABILITIES[:4], LABELS[:4], ("a", "b", "c"), np.zeros((3, 3), np.int64))
    assert [(one.one, one.other) for one in found] == [("a", "b")]


def test_few_images_are_not_enough_to_say_that_classes_overlap() -> None:
    pairs = pairwise(PROBABILITIES, LABELS, ("a", "b", "c"), np.zeros((3, 3), np.int64))
    assert list(overlapping(pairs, {"a": 2, "b": 2, "c": 1})) == []
    assert [one.other for one in overlapping(pairs, {"a": 200, "b": 200, "c": 1})] == ["b"]
    assert pairs[0].auc < TOLD_APART


def test_the_standard_error_is_that_of_draws() -> None:
    """Hanley and McNeil's is near what normal scores of two kinds give."""
    random = np.random.default_rng(0)
    areas = []
    for _ in range(400):
        ones, others = random.normal(1.2, 1, 60), random.normal(0, 1, 40)
        areas.append(float((ones[:, None] > others).mean()))
    assert standard_error(float(np.mean(areas)), 60, 40) == pytest.approx(np.std(areas), rel=0.15)
    assert standard_error(1.0, 5, 5) == 0
