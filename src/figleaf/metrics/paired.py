"""Whether one of two models is better on the same images."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.metrics import checks
from figleaf.metrics.intervals import (
    LEVEL,
    REPEATS,
    Interval,
    bootstrap,
    percentile,
    resampled_matrices,
)

_FEW = 25
"""Below so many the chi-squared distribution is a poor likeness of the binomial one."""


@dataclass(frozen=True, slots=True)
class McNemar:
    """A test of whether two models are right equally often.

    Attributes:
        statistic: chi-squared of one degree of freedom; of an exact test, the smaller count.
        p: the chance of a difference as large or larger between equal models, 0..1.
        exact: whether it is the binomial test.
    """

    statistic: float
    p: float
    exact: bool


def mcnemar(only_a: int, only_b: int) -> McNemar:
    """Test the images that only one of two models got right (McNemar, 1947).

    The two-sided binomial test below 25 images, above that chi-squared with Edwards's correction
    for continuity (1948). It takes images for independent; where there are groups of duplicates,
    `paired_bootstrap` does not.

    Args:
        only_a: images that only the first model got right.
        only_b: images that only the second one got right.

    Raises:
        InputError: not whole numbers, or below 0.
    """
    a, b = checks.at_least(only_a, 0, "only_a"), checks.at_least(only_b, 0, "only_b")
    different = a + b
    if different < _FEW:
        smaller = min(a, b)
        tail = sum(math.comb(different, k) for k in range(smaller + 1)) / 2**different
        return McNemar(float(smaller), min(1.0, 2 * tail), exact=True)
    statistic = max(abs(a - b) - 1, 0) ** 2 / different
    return McNemar(statistic, math.erfc(math.sqrt(statistic / 2)), exact=False)


def paired_bootstrap(
    a: Callable[[NDArray[np.int64]], float],
    b: Callable[[NDArray[np.int64]], float],
    groups: ArrayLike,
    *,
    repeats: int = REPEATS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The interval of a figure of one model less that of another, both of the same draws.

    Args:
        a: the figure of the first model for some images, given by their numbers; see
            `intervals.bootstrap`, as for the other arguments and the errors.
        b: that of the second one.
        groups: whole numbers of shape (N,).
        repeats: how many draws.
        level: above 0, below 1.
        seed: of the draws.
    """
    return bootstrap(
        lambda rows: a(rows) - b(rows), groups, repeats=repeats, level=level, seed=seed
    )


def paired_bootstrap_matrix(
    true: ArrayLike,
    predicted_a: ArrayLike,
    predicted_b: ArrayLike,
    classes: int,
    groups: ArrayLike,
    statistic: Callable[[NDArray[np.int64]], float],
    *,
    repeats: int = REPEATS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """As `paired_bootstrap`, of a figure of the confusion matrix, and faster.

    Args:
        true: class numbers of shape (N,), N at least 1.
        predicted_a: those that the first model predicts.
        predicted_b: those that the second one predicts.
        classes: how many there are.
        groups: as for `intervals.bootstrap`.
        statistic: the figure of a matrix, int64 of shape (classes, classes).
        repeats: as for `intervals.bootstrap`.
        level: likewise.
        seed: likewise.
    """
    # The same seed draws the same groups for both.
    of_a, of_b = (
        resampled_matrices(true, predicted, classes, groups, repeats=repeats, seed=seed)
        for predicted in (predicted_a, predicted_b)
    )
    pairs = zip(of_a, of_b, strict=True)
    return percentile((statistic(first) - statistic(second) for first, second in pairs), level)
