"""How far a figure may be off: bootstrap and Wilson intervals."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.metrics import checks
from figleaf.metrics.curves import Ranking, Sweep
from figleaf.metrics.resampling import Clusters

REPEATS = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure may lie.

    Attributes:
        low: the lower end; nan where there is none.
        high: the upper end, likewise.
        level: the confidence, such as .95.
    """

    low: float
    high: float
    level: float


def percentile(values: Iterable[float], level: float = LEVEL) -> Interval:
    """The middle of a figure's bootstrap draws (Efron's percentile interval).

    Args:
        values: the figure in each draw. Draws in which it has no value (nan: a class did not come)
            are left out.
        level: above 0, below 1.

    Returns:
        the interval that leaves (1 - level) / 2 of the draws on each side; nan where no draw has a
        value.

    Raises:
        InputError: a level out of range.
    """
    checks.share(level, "level", zero=False, one=False)
    drawn = np.fromiter(values, np.float64)
    there = drawn[~np.isnan(drawn)]
    if not there.size:
        return Interval(math.nan, math.nan, level)
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float],
    groups: ArrayLike,
    *,
    repeats: int = REPEATS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The interval of any figure, by drawing whole groups with replacement.

    For figures of a confusion matrix or of a score's curve, `bootstrap_matrix` and
    `bootstrap_sweep` are faster. Of one group there is only one draw, and the interval is a point;
    so it is where every image has the same outcome: see `wilson` and `unvaried`. Of few groups,
    some tens, a percentile interval is a little too narrow.

    Args:
        statistic: the figure of some images, given by their numbers, int64 of shape (n,); a number
            may come more than once, and n varies where the groups' sizes do. May be nan.
        groups: whole numbers of shape (N,), N at least 1: the same for near duplicates and frames
            of one film.
        repeats: how many draws, at least 1.
        level: above 0, below 1.
        seed: of the draws; the same seed, the same draws, in all functions here.

    Raises:
        InputError: another shape or type, or a number out of range. So do all functions here.
    """
    clusters = Clusters(groups)
    return percentile((statistic(rows) for rows in clusters.draw_rows(repeats, seed)), level)


def resampled_matrices(
    true: ArrayLike,
    predicted: ArrayLike,
    classes: int,
    groups: ArrayLike,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Iterator[NDArray[np.int64]]:
    """Confusion matrices of draws of whole groups: for many figures at once, and `percentile`.

    Args:
        true: class numbers of shape (N,), N at least 1.
        predicted: likewise.
        classes: how many there are.
        groups: as for `bootstrap`.
        repeats: likewise.
        seed: likewise.

    Returns:
        the matrices one by one, int64 of shape (classes, classes).
    """
    checks.at_least(classes, 1, "classes")
    rows = checks.class_numbers(true, classes, "true")
    columns = checks.class_numbers(predicted, classes, "predicted")
    clusters = Clusters(groups)
    checks.same_length([rows, columns, clusters], "true, predicted and groups")
    cells = rows * classes + columns

    def matrix(weights: NDArray[np.int64]) -> NDArray[np.int64]:
        counts = np.bincount(cells, weights=weights, minlength=classes * classes)
        return counts.reshape(classes, classes).astype(np.int64)

    return (matrix(weights) for weights in clusters.draw_weights(repeats, seed))


def bootstrap_matrix(
    true: ArrayLike,
    predicted: ArrayLike,
    classes: int,
    groups: ArrayLike,
    statistic: Callable[[NDArray[np.int64]], float],
    *,
    repeats: int = REPEATS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The interval of a figure of the confusion matrix, such as `counts.accuracy`.

    It is that of `bootstrap` with the same seed, faster.

    Args:
        true: class numbers of shape (N,), N at least 1.
        predicted: likewise.
        classes: how many there are.
        groups: as for `bootstrap`.
        statistic: the figure of a matrix, int64 of shape (classes, classes). May be nan.
        repeats: as for `bootstrap`.
        level: likewise.
        seed: likewise.
    """
    drawn = resampled_matrices(true, predicted, classes, groups, repeats=repeats, seed=seed)
    return percentile((statistic(matrix) for matrix in drawn), level)


def resampled_sweeps(
    truth: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Iterator[Sweep]:
    """What each threshold flags in draws of whole groups: for many figures, and `percentile`.

    The scores are sorted once.

    Args:
        truth: booleans of shape (N,), N at least 1.
        scores: finite numbers of shape (N,).
        groups: as for `bootstrap`.
        repeats: likewise.
        seed: likewise.

    Returns:
        the sweeps one by one.
    """
    ranking, clusters = Ranking(truth, scores), Clusters(groups)
    checks.same_length([ranking, clusters], "truth and groups")
    return (ranking.sweep(weights) for weights in clusters.draw_weights(repeats, seed))


def bootstrap_sweep(
    truth: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike,
    statistic: Callable[[Sweep], float],
    *,
    repeats: int = REPEATS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The interval of a figure of a score's thresholds, such as `Sweep.auc`.

    It is that of `bootstrap` with the same seed, faster.

    Args:
        truth: booleans of shape (N,), N at least 1.
        scores: finite numbers of shape (N,).
        groups: as for `bootstrap`.
        statistic: the figure of what each threshold flags. May be nan.
        repeats: as for `bootstrap`.
        level: likewise.
        seed: likewise.
    """
    drawn = resampled_sweeps(truth, scores, groups, repeats=repeats, seed=seed)
    return percentile((statistic(sweep) for sweep in drawn), level)


def wilson(successes: int, trials: int, level: float = LEVEL) -> Interval:
    """The score interval of a share of independent trials (Wilson, 1927).

    Without duplicates, and for shares near 0 or 1, where a bootstrap of few images gives one point.

    Args:
        successes: 0..trials.
        trials: 0 or more; of none, the interval is 0..1.
        level: above 0, below 1.

    Raises:
        InputError: a number out of range.
    """
    checks.share(level, "level", zero=False, one=False)
    checks.at_least(successes, 0, "successes")
    checks.at_least(trials, successes, "trials")
    if trials == 0:
        return Interval(0.0, 1.0, level)
    z = NormalDist().inv_cdf((1 + level) / 2)
    found = successes / trials
    middle = found + z * z / (2 * trials)
    reach = z * math.sqrt(found * (1 - found) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return Interval(max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale), level)


def unvaried(
    value: float, groups: int, least: float, most: float, level: float = LEVEL
) -> Interval:
    """The interval of a mean over groups that all have the same: no draw differs from another.

    That is not certainty. By Wilson's interval a share of up to w of what is not seen may be
    otherwise, anything from `least` to `most`, and the rest is as it was. Of a share of 0 or 1 it
    is Wilson's interval itself.

    Args:
        value: the mean, `least`..`most`.
        groups: how many there are.
        least: what an image can be at least: 0 of a share, -1 of a difference of two.
        most: and at most.
        level: above 0, below 1.

    Raises:
        InputError: a number out of range.
    """
    other = wilson(0, groups, level).high
    same = (1 - other) * value
    return Interval(same + other * least, same + other * most, level)
