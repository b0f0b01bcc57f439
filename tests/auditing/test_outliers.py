"""How far images lie from every class."""

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.auditing.outliers import FAR, Landscape
from figleaf.training.probe import Table

WIDTH = 20


def two_classes(
    seed: int = 0, *, spread: float = 1.0, strangers: int = 3
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Two clouds of 100, the second so many times as wide, and strangers far from both."""
    random = np.random.default_rng(seed)
    clouds = [
        random.normal(0, 1, (100, WIDTH)) + 6,
        random.normal(0, spread, (100, WIDTH)) - 6,
        random.normal(0, 1, (strangers, WIDTH)) + np.where(np.arange(WIDTH) % 2, 30, -30),
    ]
    labels = np.repeat([0, 1, 0], [100, 100, strangers])
    return np.concatenate(clouds).astype(np.float32), labels.astype(np.int64)


def test_strangers_are_farthest_whatever_their_label() -> None:
    features, labels = two_classes()
    _, found = Landscape.of(Table(features, labels), 2)
    assert set(np.argsort(found.deviations)[-3:]) == {200, 201, 202}
    assert (found.deviations[200:] > FAR).all()
    assert (found.deviations[:200] > FAR).mean() < 0.05


def test_a_mislabelled_image_is_near_a_class_and_so_no_outlier() -> None:
    features, labels = two_classes(strangers=0)
    labels[0] = 1
    _, found = Landscape.of(Table(features, labels), 2)
    assert found.nearest[0] == 0
    assert found.deviations[0] < FAR


def test_a_class_that_is_more_varied_is_not_far_for_that() -> None:
    features, labels = two_classes(spread=3)
    _, found = Landscape.of(Table(features, labels), 2)
    assert (found.deviations[100:200] > FAR).mean() < 0.05


def test_others_are_placed_as_the_learnt_are() -> None:
    features, labels = two_classes()
    some = features[[0, 150, 200]].copy()
    made, found = Landscape.of(Table(features.copy(), labels), 2)
    placed = made.places(some)
    assert placed.nearest.tolist()[:2] == [0, 1]
    # The learnt are told without their own part in the mean.
    assert placed.deviations[0] == pytest.approx(found.deviations[0], abs=0.5)
    assert placed.deviations[2] > FAR
    assert (some == features[[0, 150, 200]]).all()


def test_roots_are_taken_of_features_that_are_never_negative() -> None:
    features, labels = two_classes()
    made, found = Landscape.of(Table(np.exp(features / 10), labels), 2)
    assert made.of_roots
    placed = made.places(np.exp(features / 10))
    assert placed.nearest.tolist() == found.nearest.tolist()


def test_distances_by_hand() -> None:
    """Standardised, 0, 2 and 10 are at -.926, -.463 and 1.389: but for the scale, by hand."""
    features = np.array([[0.0], [2.0], [10.0]], np.float32) - 4
    labels = np.array([0, 0, 1])
    made, _ = Landscape.of(Table(features, labels), 2)
    unit = 1 / np.std([0, 2, 10])
    # Of the mean of the other one of its class: 2 away; the third is alone, and at its own mean.
    assert made.middles[0] == pytest.approx((2 * unit) ** 2, rel=1e-5)


def test_a_class_without_images_is_near_to_none() -> None:
    features, labels = two_classes()
    _, found = Landscape.of(Table(features, labels), 3)
    assert set(found.nearest) <= {0, 1}
    assert np.isfinite(found.deviations).all()


def test_the_same_picture_again_and_again_is_no_outlier() -> None:
    features = np.ones((30, WIDTH), np.float32)
    _, found = Landscape.of(Table(features, np.arange(30) % 2), 2)
    assert (found.deviations == 0).all()
