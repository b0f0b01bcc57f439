"""Where to draw the line, and what comes of it.

An image is flagged where its score is at least the threshold. A threshold is chosen from the scores
that there are; infinity is the one that flags nothing.
"""

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from figleaf.errors import InputError
from figleaf.metrics import checks
from figleaf.metrics.curves import Sweep, sweep
from figleaf.metrics.ratios import quotient

IMAGES = 10_000


@dataclass(frozen=True, slots=True)
class Operating:
    """What a threshold does. What has nothing below its line is nan.

    Attributes:
        threshold: from which score on an image is flagged.
        recall: the share of what is true that is flagged, 0..1.
        false_positive_rate: the share of the rest that is flagged, 0..1.
        precision: the share of what is flagged that is true, 0..1.
    """

    threshold: float
    recall: float
    false_positive_rate: float
    precision: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be expected of 10,000 images.

    Attributes:
        caught: true, and flagged.
        missed: true, and not flagged.
        false_alarms: not true, and flagged.
        passed: not true, and not flagged.
        precision: the share of what is flagged that is true, 0..1; nan where nothing is flagged.
    """

    caught: float
    missed: float
    false_alarms: float
    passed: float
    precision: float


def at(truth: ArrayLike, scores: ArrayLike, threshold: float) -> Operating:
    """What a given threshold does.

    Args:
        truth: booleans of shape (N,), N at least 1.
        scores: finite numbers of shape (N,).
        threshold: any number, or infinity.

    Raises:
        InputError: another shape or type, or nan.
    """
    true, score = checks.truths(truth), checks.finite(scores, "scores")
    checks.same_length([true, score], "truth and scores")
    if math.isnan(threshold):
        raise InputError("threshold must be a number, not nan")
    flagged = score >= threshold
    caught, positives = int((flagged & true).sum()), int(true.sum())
    alarms = int(flagged.sum()) - caught
    return _operating(float(threshold), caught, positives, alarms, len(true) - positives)


def for_false_positive_rate(truth: ArrayLike, scores: ArrayLike, rate: float) -> Operating:
    """The lowest threshold whose false-positive rate does not exceed a limit.

    Args:
        truth: booleans of shape (N,), N at least 1.
        scores: finite numbers of shape (N,).
        rate: the limit, 0..1.

    Returns:
        a threshold from among the scores; infinity where even the highest one flags too many. All
        nan where everything is true.

    Raises:
        InputError: another shape or type, nan, or a rate out of range.
    """
    return within_false_positive_rate(sweep(truth, scores), rate)


def for_recall(truth: ArrayLike, scores: ArrayLike, recall: float) -> Operating:
    """The highest threshold whose recall is not below an aim.

    Args:
        truth: booleans of shape (N,), N at least 1.
        scores: finite numbers of shape (N,).
        recall: the aim, above 0, up to 1.

    Returns:
        a threshold from among the scores. All nan where nothing is true.

    Raises:
        InputError: another shape or type, nan, or a recall out of range.
    """
    return reaching_recall(sweep(truth, scores), recall)


def within_false_positive_rate(swept: Sweep, rate: float) -> Operating:
    """As `for_false_positive_rate`, of a sweep: for `intervals.bootstrap_sweep`."""
    checks.share(rate, "rate")
    if not swept.negatives:
        return _NOWHERE
    # A quotient is rounded as the limit was when it was typed; 29 <= .29 * 100 would be false.
    kept = int((swept.false_alarms / swept.negatives <= rate).sum())
    return _point(swept, kept - 1)


def reaching_recall(swept: Sweep, recall: float) -> Operating:
    """As `for_recall`, of a sweep: for `intervals.bootstrap_sweep`."""
    checks.share(recall, "recall", zero=False)
    if not swept.positives:
        return _NOWHERE
    short = int((swept.caught / swept.positives < recall).sum())
    return _point(swept, short)


def per_ten_thousand(recall: float, false_positive_rate: float, base_rate: float) -> Expected:
    """What is to be expected of 10,000 images, of which a share is true.

    Args:
        recall: the share of what is true that is flagged, 0..1.
        false_positive_rate: the share of the rest that is flagged, 0..1.
        base_rate: the share of all images that is true, 0..1.

    Raises:
        InputError: a number out of range, or nan.
    """
    true = IMAGES * checks.share(base_rate, "base_rate")
    caught = true * checks.share(recall, "recall")
    alarms = (IMAGES - true) * checks.share(false_positive_rate, "false_positive_rate")
    return Expected(
        caught, true - caught, alarms, IMAGES - true - alarms, quotient(caught, caught + alarms)
    )


_NOWHERE = Operating(math.nan, math.nan, math.nan, math.nan)


def _point(swept: Sweep, index: int) -> Operating:
    """What a threshold of a sweep does; -1 is before the first one, which flags nothing."""
    threshold, caught, alarms = (
        (math.inf, 0, 0)
        if index < 0
        else (
            float(swept.thresholds[index]),
            int(swept.caught[index]),
            int(swept.false_alarms[index]),
        )
    )
    return _operating(threshold, caught, swept.positives, alarms, swept.negatives)


def _operating(
    threshold: float, caught: int, positives: int, alarms: int, negatives: int
) -> Operating:
    return Operating(
        threshold,
        quotient(caught, positives),
        quotient(alarms, negatives),
        quotient(caught, caught + alarms),
    )
