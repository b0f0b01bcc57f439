"""Thresholds: against a search of all, and what comes of 10,000 images, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figleaf.errors import InputError
from figleaf.metrics import thresholds
from figleaf.metrics.thresholds import Operating

from .samples import Scored, scored

shares = st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 2 / 3, 1.0])


def same(one: Operating, other: Operating) -> bool:
    """Equal, nan for nan."""
    fields = ((getattr(one, name), getattr(other, name)) for name in Operating.__dataclass_fields__)
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in fields)


def all_of(sample: Scored) -> list[Operating]:
    """What every threshold does, from the lowest to infinity."""
    choices = [*np.unique(sample.scores), math.inf]
    return [thresholds.at(sample.truth, sample.scores, choice) for choice in choices]


@given(scored(), st.floats(-0.5, 1.5))
def test_at_counts_what_is_flagged(sample: Scored, threshold: float) -> None:
    found = thresholds.at(sample.truth, sample.scores, threshold)
    flagged = sample.scores >= threshold
    for share, among, of in (
        (found.recall, flagged, sample.truth),
        (found.false_positive_rate, flagged, ~sample.truth),
        (found.precision, sample.truth, flagged),
    ):
        assert share == among[of].mean() if of.any() else math.isnan(share)


@given(scored().filter(lambda sample: not sample.truth.all()), shares)
def test_the_lowest_threshold_within_the_rate(sample: Scored, rate: float) -> None:
    within = (one for one in all_of(sample) if one.false_positive_rate <= rate)
    found = thresholds.for_false_positive_rate(sample.truth, sample.scores, rate)
    assert same(found, next(within))


@given(scored().filter(lambda sample: bool(sample.truth.any())), shares.filter(bool))
def test_the_highest_threshold_that_reaches_the_recall(sample: Scored, recall: float) -> None:
    reaching = (one for one in reversed(all_of(sample)) if one.recall >= recall)
    assert same(thresholds.for_recall(sample.truth, sample.scores, recall), next(reaching))


def test_a_tie_may_leave_only_infinity() -> None:
    found = thresholds.for_false_positive_rate([True, False], [0.9, 0.9], 0.5)
    assert found.threshold == math.inf
    assert (found.recall, found.false_positive_rate) == (0, 0)
    assert math.isnan(found.precision)


@pytest.mark.parametrize("percent", range(1, 100))
def test_a_rate_that_is_met_exactly_is_not_exceeded(percent: int) -> None:
    """.29 * 100 is below 29 in floating point."""
    truth = np.zeros(100, np.bool_)
    scores = np.arange(100.0)
    found = thresholds.for_false_positive_rate(truth, scores, percent / 100)
    assert found.threshold == 100 - percent
    assert thresholds.for_recall(~truth, scores, percent / 100).threshold == 100 - percent


def test_without_one_of_the_kinds_nothing_can_be_chosen() -> None:
    assert math.isnan(thresholds.for_false_positive_rate([True], [0.5], 0.1).threshold)
    assert math.isnan(thresholds.for_recall([False], [0.5], 0.9).threshold)


def test_ten_thousand_images() -> None:
    """2 % true: of 200, 180 are caught; of 9,800, 98 are flagged."""
    found = thresholds.per_ten_thousand(0.9, 0.01, 0.02)
    assert found.caught == pytest.approx(180)
    assert found.missed == pytest.approx(20)
    assert found.false_alarms == pytest.approx(98)
    assert found.passed == pytest.approx(9702)
    assert found.precision == pytest.approx(180 / 278)
    assert math.isnan(thresholds.per_ten_thousand(0, 0, 0.5).precision)


@given(scored().filter(lambda sample: 0 < sample.truth.sum() < len(sample.truth)))
def test_at_the_base_rate_of_the_sample_the_precision_is_that_of_the_sample(
    sample: Scored,
) -> None:
    found = thresholds.at(sample.truth, sample.scores, float(np.median(sample.scores)))
    expected = thresholds.per_ten_thousand(
        found.recall, found.false_positive_rate, float(sample.truth.mean())
    )
    assert expected.precision == pytest.approx(found.precision)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="rate must be a number from 0 to 1, not"):
        thresholds.for_false_positive_rate([False], [0.5], 1.5)
    with pytest.raises(InputError, match="recall must be a number from above 0 to 1, not 0"):
        thresholds.for_recall([True], [0.5], 0)
    with pytest.raises(InputError, match="threshold"):
        thresholds.at([True], [0.5], math.nan)
    with pytest.raises(InputError, match="one length"):
        thresholds.at([True, False], [0.5], 0.5)
    with pytest.raises(InputError, match="base_rate"):
        thresholds.per_ten_thousand(0.5, 0.5, math.nan)
