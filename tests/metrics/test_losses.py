"""Log-loss and Brier score: scikit-learn's."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from figleaf.errors import InputError
from figleaf.metrics import losses

from .samples import probabilities


@pytest.mark.parametrize("classes", [2, 5])
def test_log_loss_is_that_of_scikit_learn(classes: int) -> None:
    true, rows = probabilities(200, classes, seed=1)
    expected = sklearn.log_loss(true, rows, labels=range(classes))
    assert losses.log_loss(true, rows) == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certainty_that_is_wrong_costs_what_it_does_in_scikit_learn(dtype: type) -> None:
    true = np.array([0, 1, 1])
    rows: NDArray[Any] = np.array([[1, 0], [1, 0], [0.25, 0.75]], dtype)
    expected = sklearn.log_loss(true, rows, labels=[0, 1])
    assert losses.log_loss(true, rows) == pytest.approx(expected, rel=1e-6)


def test_the_worst_loss() -> None:
    wrong = np.array([[1, 0]])
    assert losses.log_loss([1], wrong.astype(np.float32)) == pytest.approx(15.9, abs=0.05)
    assert losses.log_loss([1], wrong.astype(np.float64)) == pytest.approx(36.0, abs=0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_loss_is_below_0(dtype: type) -> None:
    """Of a sum that rounding took past 1 neither."""
    rows: NDArray[Any] = np.array([[1, 0], [1.005, -0.005]], dtype)
    found = losses.log_losses([0, 0], rows)
    assert (found >= 0).all()
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_a_guess_costs_the_logarithm_of_the_classes() -> None:
    assert losses.log_loss([0, 3], np.full((2, 4), 0.25)) == pytest.approx(math.log(4))
    assert losses.brier([0, 3], np.full((2, 4), 0.25)) == pytest.approx(0.75)


@pytest.mark.parametrize("classes", [2, 5])
def test_brier_is_that_of_scikit_learn(classes: int) -> None:
    true, rows = probabilities(200, classes, seed=2)
    expected = sklearn.brier_score_loss(true, rows, labels=range(classes), scale_by_half=False)
    assert losses.brier(true, rows) == pytest.approx(expected)


def test_each_image_has_its_own_loss() -> None:
    rows = np.array([[0.9, 0.1], [0.9, 0.1]])
    np.testing.assert_allclose(losses.log_losses([0, 1], rows), -np.log([0.9, 0.1]))
    np.testing.assert_allclose(losses.brier_scores([0, 1], rows), [0.02, 1.62])


def test_probabilities_are_left_as_they_were() -> None:
    rows = np.array([[0.9, 0.1]])
    losses.brier([0], rows)
    np.testing.assert_array_equal(rows, [[0.9, 0.1]])


@pytest.mark.parametrize("figure", [losses.log_loss, losses.brier])
@pytest.mark.parametrize(
    ("true", "rows", "message"),
    [
        ([0], [[3.0, -2.0]], "look like logits"),
        ([0], [[0.5, 0.4]], "sum to 1; one is off by 0.1"),
        ([0], [[math.nan, 0.4]], "nan"),
        ([2], [[0.5, 0.5]], "class numbers, 0..1"),
        ([0, 1], [[0.5, 0.5]], "one length, not 2, 1"),
        ([0], [0.5, 0.5], "shape"),
        ([], np.zeros((0, 2)), "shape"),
    ],
)
def test_what_is_no_probability_is_refused(
    figure: Callable[..., float], true: object, rows: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        figure(true, rows)
