"""Calibration: a straight-line reference, edges, and simulated models of known calibration."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from figleaf.errors import InputError
from figleaf.metrics.calibration import calibration_error, reliability, reliability_of_score

from .samples import probabilities


def slow_error(true: NDArray[Any], rows: NDArray[Any], bins: int) -> float:
    """Guo et al. 2017, equations 2 and 3, one image after the other."""
    images: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for own, row in zip(true, rows, strict=True):
        confidence = max(row)
        low = [m / bins < confidence for m in range(bins)]
        images[max(sum(low) - 1, 0)].append((confidence, list(row).index(confidence) == own))
    total = 0.0
    for held in filter(None, images):
        confidence = sum(one for one, _ in held) / len(held)
        accuracy = sum(right for _, right in held) / len(held)
        total += len(held) / len(true) * abs(accuracy - confidence)
    return total


@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 20), st.integers(0, 1000))
def test_the_error_is_that_of_the_paper(images: int, classes: int, bins: int, seed: int) -> None:
    true, rows = probabilities(images, classes, seed)
    assert calibration_error(true, rows, bins) == pytest.approx(slow_error(true, rows, bins))


def test_the_bins_that_the_paper_takes() -> None:
    found = reliability(*probabilities(50, 3, seed=1))
    np.testing.assert_allclose(found.edges, np.arange(16) / 15)
    assert found.counts.sum() == 50


def test_a_confidence_on_an_edge_belongs_below() -> None:
    """(0, .25], (.25, .5], (.5, .75], (.75, 1], and 0 in the first."""
    scores = np.array([0.0, 0.25, 0.5, 0.50001, 1.0])
    found = reliability_of_score(np.array([False, True, True, False, True]), scores, 4)
    np.testing.assert_array_equal(found.counts, [2, 1, 1, 1])
    np.testing.assert_allclose(found.confidence, [0.125, 0.5, 0.50001, 1])
    np.testing.assert_allclose(found.accuracy, [0.5, 1, 0, 1])


def test_a_bin_without_images_has_no_value() -> None:
    found = reliability([0, 0], [[0.9, 0.1], [0.9, 0.1]], 3)
    np.testing.assert_array_equal(found.counts, [0, 0, 2])
    np.testing.assert_allclose(found.accuracy, [math.nan, math.nan, 1])
    np.testing.assert_allclose(found.confidence, [math.nan, math.nan, 0.9])
    assert found.error == pytest.approx(0.1)


def test_a_model_that_says_what_is_so_has_no_error() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 100_000)
    right = random.random(100_000) < confidence
    rows = np.stack([confidence, 1 - confidence], axis=1)
    assert calibration_error(np.where(right, 0, 1), rows) < 0.01
    boast = np.minimum(confidence + 0.1, 1)
    error = calibration_error(np.where(right, 0, 1), np.stack([boast, 1 - boast], axis=1))
    assert error == pytest.approx(0.1, abs=0.012)


def test_sums_that_rounding_took_past_1_count() -> None:
    found = reliability_of_score(np.array([True]), np.array([1.0000001]))
    assert found.counts[-1] == 1


def test_logits_lengths_and_bins_are_refused() -> None:
    with pytest.raises(InputError, match="logits"):
        reliability([0], [[2.0, -1.0]])
    with pytest.raises(InputError, match="one length"):
        reliability([0, 1], [[0.5, 0.5]])
    with pytest.raises(InputError, match="bins"):
        reliability([0], [[0.5, 0.5]], 0)
    with pytest.raises(InputError, match=r"0\.\.1"):
        reliability_of_score([True], [1.5])
    with pytest.raises(InputError, match="booleans"):
        reliability_of_score([1], [0.5])
