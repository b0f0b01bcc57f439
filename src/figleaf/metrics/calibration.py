"""Whether what is predicted with a confidence of .8 is right in 80 of 100 cases.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.errors import InputError
from figleaf.metrics import checks
from figleaf.metrics.ratios import ratio

BINS = 15
"""As in the paper."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Predictions by their confidence, in bins of one width, (low, high].

    Attributes:
        edges: float64 of shape (bins + 1,), from 0 to 1.
        counts: int64 of shape (bins,): predictions in each bin.
        confidence: float64 of shape (bins,): their mean confidence; nan in an empty bin.
        accuracy: likewise, the share of them that is right.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error, 0..1: the mean gap, weighted by the bins' counts."""
        full = self.counts > 0
        gaps = np.abs(self.accuracy[full] - self.confidence[full])
        return float((gaps * self.counts[full]).sum() / self.counts.sum())


def reliability(true: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> Reliability:
    """Sort predictions, the most probable class of each image, by their probability.

    Args:
        true: class numbers of shape (N,), N at least 1.
        probabilities: floats of shape (N, C), 0..1, rows that sum to 1 within .01. Of equal ones
            the first class is the predicted one.
        bins: at least 1.

    Raises:
        InputError: another shape or type, a number out of range, nan.
    """
    shares = checks.probabilities(probabilities)
    numbers = checks.class_numbers(true, shares.shape[1], "true")
    checks.same_length([numbers, shares], "true and probabilities")
    return reliability_of_score(shares.argmax(axis=1) == numbers, shares.max(axis=1), bins)


def reliability_of_score(truth: ArrayLike, scores: ArrayLike, bins: int = BINS) -> Reliability:
    """Sort images by a score of two kinds, such as the summed probability of what is unsafe.

    In what comes back `accuracy` is the share that is true.

    Args:
        truth: booleans of shape (N,), N at least 1.
        scores: numbers of shape (N,), 0..1.
        bins: at least 1.

    Raises:
        InputError: another shape or type, a number out of range, nan.
    """
    true, score = checks.truths(truth), checks.finite(scores, "scores")
    checks.same_length([true, score], "truth and scores")
    if score.min() < -checks.TOLERANCE or score.max() > 1 + checks.TOLERANCE:
        raise InputError(f"scores must be 0..1, not {score.min():g}..{score.max():g}")
    edges = np.linspace(0, 1, checks.at_least(bins, 1, "bins") + 1)
    # A confidence on an edge belongs below it, and 0 in the first bin.
    bin_of = np.clip(np.searchsorted(edges, score, side="left") - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    confidence = np.bincount(bin_of, weights=score, minlength=bins)
    right = np.bincount(bin_of, weights=true, minlength=bins)
    return Reliability(edges, counts, ratio(confidence, counts), ratio(right, counts))


def calibration_error(true: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> float:
    """The expected calibration error of the most probable class, 0..1; see `reliability`."""
    return reliability(true, probabilities, bins).error
