"""Intervals: coverage on simulated clusters, the fast forms against the slow one, Wilson's."""

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from figleaf.errors import InputError
from figleaf.metrics import counts, intervals, thresholds
from figleaf.metrics.curves import Sweep, average_precision, sweep
from figleaf.metrics.intervals import Interval
from figleaf.metrics.resampling import Clusters

from .samples import Clustered, clustered


def accuracy_interval(
    sample: Clustered, groups: NDArray[np.int64], level: float = 0.95
) -> Interval:
    return intervals.bootstrap_matrix(
        sample.true,
        sample.predicted,
        3,
        groups,
        counts.accuracy,
        repeats=200,
        level=level,
    )


def covered(by_group: bool) -> float:
    """How often the interval of a simulated sample holds the accuracy that it was made with."""
    hits = 0
    for seed in range(150):
        sample = clustered(80, seed)
        groups = sample.groups if by_group else np.arange(len(sample.true))
        found = accuracy_interval(sample, groups)
        hits += found.low <= sample.expected <= found.high
    return hits / 150


def test_the_interval_of_groups_covers_what_it_says() -> None:
    assert 0.89 <= covered(by_group=True) <= 0.99


def test_the_interval_of_single_images_does_not() -> None:
    """Why groups are drawn: images that stand and fall together are not so many."""
    assert covered(by_group=False) < 0.75


def test_groups_widen_the_interval() -> None:
    sample = clustered(300, seed=5)
    by_group = accuracy_interval(sample, sample.groups)
    by_image = accuracy_interval(sample, np.arange(len(sample.true)))
    assert by_group.high - by_group.low > 1.5 * (by_image.high - by_image.low)


def test_single_images_have_the_interval_of_theory() -> None:
    """The width of 2 * 1.96 standard errors of a share."""
    right = np.random.default_rng(1).random(2000) < 0.8
    rows = np.arange(2000)
    found = intervals.bootstrap(lambda drawn: float(right[drawn].mean()), rows, repeats=4000)
    share = right.mean()
    expected = 2 * 1.96 * math.sqrt(share * (1 - share) / 2000)
    assert found.high - found.low == pytest.approx(expected, rel=0.05)
    assert (found.low + found.high) / 2 == pytest.approx(share, abs=0.002)


def test_a_level_below_is_narrower() -> None:
    sample = clustered(100, seed=6)
    half = accuracy_interval(sample, sample.groups, level=0.5)
    wide = accuracy_interval(sample, sample.groups, level=0.95)
    assert wide.low < half.low < half.high < wide.high
    assert half.level == 0.5


def test_a_draw_takes_whole_groups() -> None:
    groups = np.array([7, -3, 7, 5, 7, 5])
    clusters = Clusters(groups)
    sizes = set()
    for rows, weights in zip(clusters.draw_rows(50, 1), clusters.draw_weights(50, 1), strict=True):
        sizes.add(len(rows))
        np.testing.assert_array_equal(np.bincount(rows, minlength=6), weights)
        for group in (7, -3, 5):
            assert len(set(weights[groups == group])) == 1
        assert weights[0] + weights[1] + weights[3] == 3  # as many groups as there are
    # Of three images, two and one: any three of them come together.
    assert sizes <= {3, 4, 5, 6, 7, 8, 9}
    assert len(sizes) > 3


def test_every_group_comes_once_on_average() -> None:
    clusters = Clusters(np.repeat(np.arange(10), 3))
    mean = np.mean(list(clusters.draw_weights(5000, 2)), axis=0)
    np.testing.assert_allclose(mean, 1, atol=0.06)


def test_the_same_seed_gives_the_same_interval() -> None:
    right = np.random.default_rng(1).random(50)

    def of(seed: int) -> Interval:
        return intervals.bootstrap(
            lambda rows: float(right[rows].mean()), np.arange(50), repeats=50, seed=seed
        )

    assert of(3) == of(3)
    assert of(3) != of(4)


@pytest.mark.parametrize(
    "statistic",
    [
        counts.accuracy,
        lambda matrix: counts.macro(counts.f1(matrix)),
        lambda matrix: float(counts.recall(matrix)[2]),
    ],
)
def test_the_fast_form_of_a_matrix_is_the_slow_one(
    statistic: Callable[[object], float],
) -> None:
    sample = clustered(12, seed=7)

    def slow(rows: NDArray[np.int64]) -> float:
        return statistic(counts.confusion_matrix(sample.true[rows], sample.predicted[rows], 3))

    fast = intervals.bootstrap_matrix(
        sample.true, sample.predicted, 3, sample.groups, statistic, repeats=100, seed=9
    )
    assert fast == intervals.bootstrap(slow, sample.groups, repeats=100, seed=9)


@pytest.mark.parametrize(
    "statistic",
    [
        Sweep.auc,
        Sweep.average_precision,
        lambda swept: thresholds.within_false_positive_rate(swept, 0.2).recall,
        lambda swept: thresholds.reaching_recall(swept, 0.8).threshold,
    ],
)
def test_the_fast_form_of_a_curve_is_the_slow_one(statistic: Callable[[Sweep], float]) -> None:
    random = np.random.default_rng(8)
    groups = random.integers(40, size=150)
    truth = random.random(150) < 0.4
    scores = np.round(random.random(150) + 0.3 * truth, 1)
    fast = intervals.bootstrap_sweep(truth, scores, groups, statistic, repeats=100, seed=9)
    slow = intervals.bootstrap(
        lambda rows: statistic(sweep(truth[rows], scores[rows])), groups, repeats=100, seed=9
    )
    assert fast.low == pytest.approx(slow.low)
    assert fast.high == pytest.approx(slow.high)


def test_a_point_lies_in_its_interval() -> None:
    random = np.random.default_rng(3)
    truth = random.random(400) < 0.5
    scores = random.random(400) + 0.3 * truth
    found = intervals.bootstrap_sweep(
        truth, scores, np.arange(400), Sweep.average_precision, repeats=200
    )
    assert found.low < average_precision(truth, scores) < found.high


def test_draws_without_a_value_are_left_out() -> None:
    assert intervals.percentile([math.nan, 1, 2, 3], 0.5) == Interval(1.5, 2.5, 0.5)
    nowhere = intervals.percentile([math.nan])
    assert math.isnan(nowhere.low)
    assert math.isnan(nowhere.high)


def test_a_class_of_one_image_does_not_stop_the_bootstrap() -> None:
    found = intervals.bootstrap_matrix(
        [0, 1, 1], [0, 1, 0], 2, [0, 1, 2], lambda matrix: float(counts.recall(matrix)[0])
    )
    assert (found.low, found.high) == (1, 1)


def test_one_group_is_a_point() -> None:
    found = intervals.bootstrap(lambda rows: float(rows.mean()), [4, 4, 4], repeats=10)
    assert (found.low, found.high) == (1, 1)


def test_a_thousand_draws_of_twenty_thousand_images_take_a_second() -> None:
    """Measured: .15 to .3 s on 2 cores; five times that is a loop in Python."""
    random = np.random.default_rng(1)
    true = random.integers(5, size=20_000)
    predicted = np.where(random.random(20_000) < 0.9, true, 0)
    groups = random.integers(15_000, size=20_000)
    start = time.perf_counter()
    drawn = intervals.resampled_matrices(true, predicted, 5, groups)
    figures = [counts.macro(counts.f1(matrix)) for matrix in drawn]
    assert len(figures) == 1000
    assert time.perf_counter() - start < 3  # other work on the machine allowed for


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (8, 10), (10, 10), (1, 1), (37, 988)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_is_that_of_scipy(successes: int, trials: int, level: float) -> None:
    found = intervals.wilson(successes, trials, level)
    expected = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)


@pytest.mark.parametrize("groups", [1, 7, 100])
def test_a_share_of_none_or_all_has_wilsons_interval(groups: int) -> None:
    none, all_ = (intervals.unvaried(share, groups, 0, 1) for share in (0, 1))
    assert (none.low, none.high) == pytest.approx((0, intervals.wilson(0, groups).high))
    assert (all_.low, all_.high) == pytest.approx((intervals.wilson(groups, groups).low, 1))


def test_an_interval_of_one_group_holds_its_mean() -> None:
    found = intervals.unvaried(0.7, 1, 0, 1)
    assert 0 < found.low < 0.7 < found.high < 1


def test_of_no_trials_nothing_is_known() -> None:
    assert intervals.wilson(0, 0) == Interval(0, 1, 0.95)


@pytest.mark.parametrize(
    "call",
    [
        lambda: intervals.bootstrap(lambda rows: 0.0, []),
        lambda: intervals.bootstrap(lambda rows: 0.0, [0.5]),
        lambda: intervals.bootstrap(lambda rows: 0.0, [1], repeats=0),
        lambda: intervals.bootstrap(lambda rows: 0.0, [1], level=1.0),
        lambda: intervals.bootstrap(lambda rows: 0.0, [1], seed=-1),
        lambda: intervals.resampled_matrices([0, 1], [0, 1], 2, [1]),
        lambda: intervals.resampled_matrices([0, 2], [0, 1], 2, [1, 2]),
        lambda: intervals.resampled_sweeps([True], [0.5], [1, 2]),
        lambda: intervals.resampled_sweeps([True], [0.5], [1], repeats=0),
        lambda: intervals.wilson(3, 2),
        lambda: intervals.wilson(-1, 2),
        lambda: intervals.wilson(1, 2, 0),
    ],
)
def test_what_is_out_of_range_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        call()
