"""Curves and the areas under them: scikit-learn's, ties and absent kinds included."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as sklearn

from figleaf.errors import InputError
from figleaf.metrics import curves

from .samples import Scored, probabilities, scored


def has_both(sample: Scored) -> bool:
    return bool(sample.truth.any()) and not sample.truth.all()


@settings(deadline=None)  # the peers load much at the first call
@given(scored().filter(has_both))
def test_roc_is_that_of_scikit_learn(sample: Scored) -> None:
    roc = curves.roc(sample.truth, sample.scores)
    fpr, tpr, thresholds = sklearn.roc_curve(sample.truth, sample.scores, drop_intermediate=False)
    np.testing.assert_allclose(roc.fpr, fpr)
    np.testing.assert_allclose(roc.tpr, tpr)
    np.testing.assert_array_equal(roc.thresholds, thresholds)
    expected = sklearn.roc_auc_score(sample.truth, sample.scores)
    assert curves.auc(roc) == pytest.approx(expected)


@settings(deadline=None)
@given(scored().filter(has_both))
def test_auc_is_the_chance_to_rank_a_pair_right(sample: Scored) -> None:
    true, other = sample.scores[sample.truth][:, None], sample.scores[~sample.truth]
    chance = ((true > other) + 0.5 * (true == other)).mean()
    assert curves.sweep(sample.truth, sample.scores).auc() == pytest.approx(chance)


@settings(deadline=None)
@given(scored().filter(lambda sample: bool(sample.truth.any())))
def test_precision_recall_is_that_of_scikit_learn(sample: Scored) -> None:
    found = curves.precision_recall(sample.truth, sample.scores)
    precision, recall, thresholds = sklearn.precision_recall_curve(sample.truth, sample.scores)
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_array_equal(found.thresholds, thresholds)
    expected = sklearn.average_precision_score(sample.truth, sample.scores)
    assert curves.average_precision(sample.truth, sample.scores) == pytest.approx(expected)


@settings(deadline=None)
@given(scored())
def test_a_sweep_counts_what_each_threshold_flags(sample: Scored) -> None:
    swept = curves.sweep(sample.truth, sample.scores)
    np.testing.assert_array_equal(swept.thresholds, np.unique(sample.scores)[::-1])
    for threshold, caught, alarms in zip(
        swept.thresholds, swept.caught, swept.false_alarms, strict=True
    ):
        flagged = sample.scores >= threshold
        assert caught == (flagged & sample.truth).sum()
        assert alarms == (flagged & ~sample.truth).sum()


@settings(deadline=None)
@given(scored())
def test_weights_count_an_image_as_often(sample: Scored) -> None:
    random = np.random.default_rng(len(sample.truth))
    weights = random.integers(3, size=len(sample.truth))
    weights[0] += 1
    found = curves.Ranking(sample.truth, sample.scores).sweep(weights)
    copies = np.repeat(np.arange(len(weights)), weights)
    expected = curves.sweep(sample.truth[copies], sample.scores[copies])
    np.testing.assert_array_equal(found.thresholds, expected.thresholds)
    np.testing.assert_array_equal(found.caught, expected.caught)
    np.testing.assert_array_equal(found.false_alarms, expected.false_alarms)


def test_without_one_of_the_kinds_there_is_no_area() -> None:
    nothing = curves.sweep([False, False], [0.1, 0.2])
    assert math.isnan(nothing.auc())
    assert math.isnan(nothing.average_precision())
    assert np.isnan(nothing.roc().tpr).all()
    assert np.isnan(nothing.precision_recall().recall[:-1]).all()
    everything = curves.sweep([True], [0.1])
    assert math.isnan(everything.auc())
    assert everything.average_precision() == 1


def test_one_score_for_all_is_a_guess() -> None:
    truth = np.array([True, False, False, False])
    assert curves.auc(curves.roc(truth, np.full(4, 0.3))) == 0.5
    assert curves.average_precision(truth, np.full(4, 0.3)) == 0.25


def test_auc_of_classes_is_that_of_scikit_learn() -> None:
    true, rows = probabilities(300, 5, seed=2)
    expected = sklearn.roc_auc_score(true, rows, multi_class="ovr", average="macro")
    assert curves.roc_auc_ovr(true, rows) == pytest.approx(expected)


def test_a_class_without_images_is_left_out_of_the_auc() -> None:
    true, rows = probabilities(300, 5, seed=3)
    kept = true != 4
    areas = [sklearn.roc_auc_score(true[kept] == own, rows[kept, own]) for own in range(4)]
    assert curves.roc_auc_ovr(true[kept], rows[kept]) == pytest.approx(np.mean(areas))
    assert math.isnan(curves.roc_auc_ovr([1, 1], [[0.5, 0.5], [0.1, 0.9]]))


def test_float32_scores_stay_what_they_are() -> None:
    """The order of float32 neighbours, and thresholds that are equal to them."""
    scores = np.array([0.3, np.nextafter(np.float32(0.3), np.float32(1))], np.float32)
    swept = curves.sweep([False, True], scores)
    assert swept.auc() == 1
    np.testing.assert_array_equal(swept.thresholds, scores[::-1].astype(np.float64))


@pytest.mark.parametrize(
    "call",
    [
        lambda: curves.roc([True, False], [0.1]),
        lambda: curves.roc([1, 0], [0.1, 0.2]),
        lambda: curves.roc([], []),
        lambda: curves.roc([True], [math.nan]),
        lambda: curves.precision_recall([True], [math.inf]),
        lambda: curves.average_precision([[True]], [[0.1]]),
        lambda: curves.average_precision([True], ["a"]),
        lambda: curves.roc_auc_ovr([0, 1], [0.1, 0.9]),
        lambda: curves.roc_auc_ovr([0, 2], [[0.1, 0.9], [0.5, 0.5]]),
        lambda: curves.roc_auc_ovr([0], [[0.1, 0.9], [0.5, 0.5]]),
    ],
)
def test_other_shapes_and_types_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        call()
