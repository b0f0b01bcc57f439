"""Two models on the same images: SciPy's binomial test, a textbook's figures, simulated models."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from figleaf.errors import InputError
from figleaf.metrics import counts, intervals, paired

from .samples import clustered


@settings(deadline=None)  # the peers load much at the first call
@given(st.integers(0, 24), st.data())
def test_few_images_have_the_binomial_test_of_scipy(different: int, data: st.DataObject) -> None:
    only_a = data.draw(st.integers(0, different))
    found = paired.mcnemar(only_a, different - only_a)
    expected = stats.binomtest(only_a, different).pvalue if different else 1
    assert found.exact
    assert found.p == pytest.approx(expected)
    assert found.statistic == min(only_a, different - only_a)


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(0, 500))
def test_many_have_chi_squared_with_the_correction(a: int, b: int) -> None:
    if a + b < 25:
        return
    found = paired.mcnemar(a, b)
    assert not found.exact
    assert found.statistic == pytest.approx(max(abs(a - b) - 1, 0) ** 2 / (a + b))
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, df=1))
    assert found == paired.mcnemar(b, a)


def test_known_values() -> None:
    """Agresti's approval ratings (150 and 86 who changed): 16.8 with the correction, p < .0001."""
    found = paired.mcnemar(150, 86)
    assert found.statistic == pytest.approx(16.818, abs=0.001)
    assert found.p == pytest.approx(4.115e-5, rel=0.001)
    assert paired.mcnemar(0, 6).p == pytest.approx(2 / 64)
    assert paired.mcnemar(0, 0).p == 1
    assert paired.mcnemar(50, 50).p == 1
    assert paired.mcnemar(10, 14).exact
    assert not paired.mcnemar(10, 15).exact


def test_equal_models_are_rarely_told_apart() -> None:
    """Below .05 in about 5 of 100 cases or fewer."""
    random = np.random.default_rng(1)
    below = [paired.mcnemar(a, 60 - a).p < 0.05 for a in random.binomial(60, 0.5, 2000)]
    assert np.mean(below) < 0.06


def wrong_more_often(predicted: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    random = np.random.default_rng(seed)
    return np.where(random.random(len(predicted)) < share, (predicted + 1) % 3, predicted)


def test_the_fast_form_is_the_slow_one() -> None:
    sample = clustered(30, seed=2)
    other = wrong_more_often(sample.predicted, 0.2, seed=3)

    def accuracy_of(predicted: NDArray[np.int64]) -> Callable[[NDArray[np.int64]], float]:
        return lambda rows: float((predicted[rows] == sample.true[rows]).mean())

    slow = paired.paired_bootstrap(
        accuracy_of(sample.predicted), accuracy_of(other), sample.groups, repeats=100, seed=4
    )
    fast = paired.paired_bootstrap_matrix(
        sample.true,
        sample.predicted,
        other,
        3,
        sample.groups,
        counts.accuracy,
        repeats=100,
        seed=4,
    )
    assert fast.low == pytest.approx(slow.low)
    assert fast.high == pytest.approx(slow.high)


def test_the_better_first_model_lies_above_0() -> None:
    sample = clustered(300, seed=5)
    worse = wrong_more_often(sample.predicted, 0.1, seed=6)
    better = paired.paired_bootstrap_matrix(
        sample.true, sample.predicted, worse, 3, sample.groups, counts.accuracy, repeats=200
    )
    assert 0 < better.low < better.high < 0.12
    same = paired.paired_bootstrap_matrix(
        sample.true, worse, worse, 3, sample.groups, counts.accuracy, repeats=50
    )
    assert (same.low, same.high) == (0, 0)


def test_a_pair_is_narrower_than_its_parts() -> None:
    """What both models find hard takes no part in their difference."""
    sample = clustered(300, seed=7)
    other = wrong_more_often(sample.predicted, 0.05, seed=8)
    pair = paired.paired_bootstrap_matrix(
        sample.true, sample.predicted, other, 3, sample.groups, counts.accuracy, repeats=200
    )
    alone = intervals.bootstrap_matrix(
        sample.true, other, 3, sample.groups, counts.accuracy, repeats=200
    )
    assert pair.high - pair.low < (alone.high - alone.low) / 2


def test_what_is_no_count_is_refused() -> None:
    with pytest.raises(InputError, match="only_a must be 0 or more, not -1"):
        paired.mcnemar(-1, 2)
    with pytest.raises(InputError, match="only_b must be a whole number"):
        paired.mcnemar(1, 0.5)  # type: ignore[arg-type]  # what the test is about
    with pytest.raises(InputError, match="level"):
        paired.paired_bootstrap(lambda rows: 0.0, lambda rows: math.nan, [1], level=2)
