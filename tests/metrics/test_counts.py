"""Figures of a confusion matrix: scikit-learn's, and those of a published one by hand."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from figleaf.errors import InputError
from figleaf.metrics import counts

from .samples import PUBLISHED, Labelled, labelled, probabilities


def theirs(sample: Labelled, average: str | None) -> list[Any]:
    """Precision, recall and F1, nan where undefined."""
    found = sklearn.precision_recall_fscore_support(
        sample.true,
        sample.predicted,
        labels=range(sample.classes),
        average=average,
        zero_division=np.nan,
    )
    return list(found[:3])


def their_matrix(sample: Labelled, normalize: str | None = None) -> NDArray[Any]:
    """Confusion matrix, of which scikit-learn warns where there is one class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: NDArray[Any] = sklearn.confusion_matrix(
            sample.true, sample.predicted, labels=range(sample.classes), normalize=normalize
        )
    return found


def ours(sample: Labelled) -> NDArray[np.int64]:
    return counts.confusion_matrix(sample.true, sample.predicted, sample.classes)


def test_the_published_matrix() -> None:
    """Recall and precision from its rows and columns, added up by hand."""
    assert counts.accuracy(PUBLISHED) == pytest.approx(9189 / 10000)
    assert round(counts.accuracy(PUBLISHED), 3) == 0.919
    np.testing.assert_array_equal(counts.support(PUBLISHED), [2000] * 5)
    np.testing.assert_allclose(counts.recall(PUBLISHED), [0.9465, 0.7765, 0.9765, 0.9815, 0.9135])
    columns = np.array([2330, 1583, 2098, 2107, 1882])
    right = np.array([1893, 1553, 1953, 1963, 1827])
    np.testing.assert_allclose(counts.precision(PUBLISHED), right / columns)
    np.testing.assert_allclose(counts.f1(PUBLISHED), 2 * right / (columns + 2000))
    assert counts.macro(counts.recall(PUBLISHED)) == pytest.approx(0.9189)
    assert counts.normalised(PUBLISHED)[1, 0] == pytest.approx(0.211)


@settings(deadline=None)  # the peers load much at the first call
@given(labelled())
def test_the_matrix_is_that_of_scikit_learn(sample: Labelled) -> None:
    matrix = ours(sample)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, their_matrix(sample))
    assert counts.accuracy(matrix) == pytest.approx(np.mean(sample.true == sample.predicted))
    np.testing.assert_array_equal(
        counts.support(matrix), np.bincount(sample.true, minlength=sample.classes)
    )


@settings(deadline=None)
@given(labelled())
def test_precision_recall_and_f1_are_those_of_scikit_learn(sample: Labelled) -> None:
    figures = (counts.precision, counts.recall, counts.f1)
    for figure, expected in zip(figures, theirs(sample, None), strict=True):
        np.testing.assert_allclose(figure(ours(sample)), expected)


@settings(deadline=None)
@given(labelled())
def test_macro_figures_are_those_of_scikit_learn(sample: Labelled) -> None:
    figures = (counts.precision, counts.recall, counts.f1)
    for figure, expected in zip(figures, theirs(sample, "macro"), strict=True):
        assert counts.macro(figure(ours(sample))) == pytest.approx(expected)


@settings(deadline=None)
@given(labelled())
def test_micro_figures_are_those_of_scikit_learn(sample: Labelled) -> None:
    figures = (counts.micro_precision, counts.micro_recall, counts.micro_f1)
    for figure, expected in zip(figures, theirs(sample, "micro"), strict=True):
        assert figure(ours(sample)) == pytest.approx(expected)


@settings(deadline=None)
@given(labelled())
def test_normalised_is_that_of_scikit_learn_but_for_empty_rows(sample: Labelled) -> None:
    shares = counts.normalised(ours(sample))
    there = np.isin(np.arange(sample.classes), sample.true)
    np.testing.assert_allclose(shares[there], their_matrix(sample, "true")[there])
    assert np.isnan(shares[~there]).all()
    np.testing.assert_allclose(shares[there].sum(axis=1), 1)


def test_what_has_no_value_is_nan() -> None:
    """Class 0 is never predicted, class 1 has no images, class 2 neither."""
    matrix = np.array([[0, 2, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(counts.precision(matrix), [math.nan, 0, math.nan])
    np.testing.assert_array_equal(counts.recall(matrix), [0, math.nan, math.nan])
    np.testing.assert_array_equal(counts.f1(matrix), [0, 0, math.nan])
    assert counts.macro(counts.recall(matrix)) == 0
    assert math.isnan(counts.macro([math.nan]))


def test_no_images_are_a_matrix_of_zeros() -> None:
    matrix = counts.confusion_matrix([], [], 2)
    np.testing.assert_array_equal(matrix, np.zeros((2, 2)))
    assert math.isnan(counts.accuracy(matrix))
    assert math.isnan(counts.micro_f1(matrix))


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_top_k_accuracy_is_that_of_scikit_learn(k: int) -> None:
    true, rows = probabilities(200, 6, seed=1)
    expected = sklearn.top_k_accuracy_score(true, rows, k=k)
    assert counts.top_k_accuracy(true, rows, k) == pytest.approx(expected)


def test_of_equal_probabilities_the_first_class_comes_first() -> None:
    rows = np.array([[0.4, 0.4, 0.2], [0.4, 0.4, 0.2]])
    assert counts.top_k_accuracy([0, 1], rows, 1) == 0.5  # as argmax
    assert counts.top_k_accuracy([0, 1], rows, 2) == 1
    assert counts.top_k_accuracy([2, 2], rows, 2) == 0
    assert counts.top_k_accuracy([2, 2], rows, 9) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: counts.confusion_matrix([0, 1], [0], 2),
        lambda: counts.confusion_matrix([0, 2], [0, 1], 2),
        lambda: counts.confusion_matrix([0, -1], [0, 1], 2),
        lambda: counts.confusion_matrix([0.0, 1.0], [0, 1], 2),
        lambda: counts.confusion_matrix([[0, 1]], [0, 1], 2),
        lambda: counts.confusion_matrix([], [], 0),
        lambda: counts.accuracy([[1, 2, 3]]),
        lambda: counts.recall([[1, -1], [0, 1]]),
        lambda: counts.f1([[math.nan]]),
        lambda: counts.top_k_accuracy([0], [[0.5, 0.5]], 0),
        lambda: counts.top_k_accuracy([2], [[0.5, 0.5]], 1),
        lambda: counts.top_k_accuracy([0], [[0.5, math.nan]], 1),
        lambda: counts.top_k_accuracy([0, 1], [[0.5, 0.5]], 1),
        lambda: counts.top_k_accuracy([], np.zeros((0, 2)), 1),
    ],
)
def test_other_shapes_and_ranges_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        call()
