"""How high a rate may be that was observed on some images: bounds that hold for any scores.

A threshold that is chosen on the same images flatters itself, but not beyond its exact interval.
Where k of n images reach it, it lies above the (k+1)-th highest score. Whatever the distribution
of scores, the share of future ones above the (k+1)-th highest of n is at most Beta(k+1, n-k)
distributed (Wilks, "Determination of sample sizes for setting tolerance limits", 1941), and the
quantile of that is the upper end of Clopper and Pearson's interval. Likewise for the lower end,
Beta(k, n-k+1). So the interval is that of a threshold that was given beforehand, and needs no
images to be held back. It does need future pictures to be like these.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from figleaf.metrics import checks
from figleaf.metrics.intervals import LEVEL, Interval


def clopper_pearson(successes: float, trials: float, level: float = LEVEL) -> Interval:
    """The exact interval of a share (Clopper and Pearson, 1934).

    Args:
        successes: 0..trials; no whole number where images come in groups.
        trials: above 0.
        level: above 0, below 1: half of the rest is left on each side.

    Raises:
        InputError: a level out of range.
    """
    rest = (1 - checks.share(level, "level", zero=False, one=False)) / 2
    failures = trials - successes
    low = float(betaincinv(successes, failures + 1, rest)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - rest)) if failures > 0 else 1.0
    return Interval(low, high, level)


def clustered(hits: NDArray[np.bool_], groups: NDArray[np.int64], level: float = LEVEL) -> Interval:
    """The exact interval of the share of images that are hit, of as many trials as they are worth.

    Near duplicates are hit together. So there are as many trials as would have the variance that
    the groups have (Korn and Graubard, "Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data", 1998), and no more than there are groups.
    Where no group has a second image that is Clopper and Pearson's interval itself.

    Args:
        hits: booleans of shape (images,), at least one.
        groups: whole numbers of shape (images,), the same for images that belong together.
        level: above 0, below 1.
    """
    images = len(hits)
    trials = _effective(hits, groups)
    return clopper_pearson(int(hits.sum()) * (trials / images), trials, level)


def needed(rate: float, level: float = LEVEL) -> int:
    """How many images, none of them flagged, it takes for the interval to end at a rate.

    The rule of three, 3 / rate, is the same for a one-sided bound of .95.

    Args:
        rate: above 0, below 1.
        level: above 0, below 1, of the two-sided interval.
    """
    return math.ceil(math.log((1 - level) / 2) / math.log1p(-rate))


def _effective(hits: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
    """How many independent images these are worth."""
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    rate = float(hits.mean())
    residuals = np.bincount(numbers, weights=hits) - rate * sizes
    spread = float((residuals * residuals).sum())
    if len(sizes) == len(hits) or rate in (0, 1) or not spread:
        return float(len(sizes))
    return min(float(len(sizes)), rate * (1 - rate) * len(hits) ** 2 / spread)
