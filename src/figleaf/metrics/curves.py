"""How a binary score parts what is true from what is not, at every threshold.

An image is flagged where its score is at least the threshold. Images of one score are flagged
together, so that ties have one point on a curve, as in scikit-learn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.metrics import checks
from figleaf.metrics.counts import macro
from figleaf.metrics.ratios import ratio


@dataclass(frozen=True, slots=True)
class Roc:
    """The receiver operating characteristic.

    Attributes:
        thresholds: float64 of shape (M + 1,), descending: infinity, where nothing is flagged, and
            the M distinct scores.
        fpr: likewise, the share of what is not true that is flagged; nan where there is none.
        tpr: likewise, the share of what is true that is flagged; nan where there is none.
    """

    thresholds: NDArray[np.float64]
    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision against recall.

    Attributes:
        thresholds: float64 of shape (M,), ascending: the M distinct scores.
        precision: float64 of shape (M + 1,): of what is flagged, the share that is true. The last
            one, 1, is where nothing is flagged.
        recall: likewise, the share of what is true that is flagged, falling to 0; nan where nothing
            is true.
    """

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What each threshold flags, from the highest to the lowest: all curves follow from it.

    Attributes:
        thresholds: float64 of shape (M,), descending: the distinct scores.
        caught: int64 of shape (M,): the true ones whose score is at least the threshold.
        false_alarms: likewise, of those that are not true.
    """

    thresholds: NDArray[np.float64]
    caught: NDArray[np.int64]
    false_alarms: NDArray[np.int64]

    @property
    def positives(self) -> int:
        """How many are true; the lowest threshold flags all."""
        return int(self.caught[-1])

    @property
    def negatives(self) -> int:
        """How many are not."""
        return int(self.false_alarms[-1])

    def roc(self) -> Roc:
        """The curve with a point for each threshold."""
        return Roc(
            np.concatenate([[np.inf], self.thresholds]),
            ratio(np.concatenate([[0], self.false_alarms]), self.negatives),
            ratio(np.concatenate([[0], self.caught]), self.positives),
        )

    def auc(self) -> float:
        """See `auc`."""
        return auc(self.roc())

    def precision_recall(self) -> PrecisionRecall:
        """The curve with a point for each threshold."""
        precision = ratio(self.caught, self.caught + self.false_alarms)
        recall = ratio(self.caught, self.positives)
        return PrecisionRecall(
            self.thresholds[::-1],
            np.concatenate([precision[::-1], [1.0]]),
            np.concatenate([recall[::-1], [0.0]]),
        )

    def average_precision(self) -> float:
        """See `average_precision`."""
        if not self.positives:
            return float("nan")
        more = np.diff(self.caught, prepend=0)
        precision = self.caught / (self.caught + self.false_alarms)
        return float((more * precision).sum() / self.positives)


class Ranking:
    """Images by falling score, sorted once for many sweeps of other weights."""

    def __init__(self, truth: ArrayLike, scores: ArrayLike) -> None:
        true, score = checks.truths(truth), checks.finite(scores, "scores")
        checks.same_length([true, score], "truth and scores")
        self._order = np.argsort(-score, kind="stable")
        self._true = true[self._order]
        falling = score[self._order]
        self._last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # of each tie
        self._thresholds = falling[self._last]

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._order)

    def sweep(self, weights: NDArray[np.int64] | None = None) -> Sweep:
        """Count what each threshold flags.

        Args:
            weights: how often each image counts, int64 of shape (N,), not all 0; once, where not
                given. The scores of those that do not count are no thresholds.
        """
        times = np.ones(len(self._order), np.int64) if weights is None else weights[self._order]
        flagged = np.cumsum(times)[self._last]
        caught = np.cumsum(times * self._true)[self._last]
        there = np.diff(flagged, prepend=0) > 0
        return Sweep(self._thresholds[there], caught[there], (flagged - caught)[there])


def sweep(truth: ArrayLike, scores: ArrayLike) -> Sweep:
    """Count what each threshold flags.

    Args:
        truth: booleans of shape (N,), N at least 1.
        scores: finite numbers of shape (N,), higher for what is more likely true.

    Raises:
        InputError: another shape or type, or nan. So do all functions here.
    """
    return Ranking(truth, scores).sweep()


def roc(truth: ArrayLike, scores: ArrayLike) -> Roc:
    """The receiver operating characteristic, with a point for each distinct score.

    It is scikit-learn's roc_curve with drop_intermediate=False. Arguments and errors are those of
    `sweep`.
    """
    return sweep(truth, scores).roc()


def auc(roc: Roc) -> float:
    """The area under a ROC, by trapezoids: 0..1, .5 of guessing.

    It is the chance that of a true and another image, the true one has the higher score, ties
    counting half. nan where one of the kinds is missing.
    """
    heights = (roc.tpr[1:] + roc.tpr[:-1]) / 2
    return float((np.diff(roc.fpr) * heights).sum())


def roc_auc_ovr(true: ArrayLike, probabilities: ArrayLike) -> float:
    """The mean over the classes of the AUC of each against the rest, as Turi Create's `auc`.

    Args:
        true: class numbers of shape (N,), N at least 1.
        probabilities: scores of shape (N, C), of any scale.

    Returns:
        0..1. A class without images, or that all images are of, is left out; nan where none is
        left.

    Raises:
        InputError: another shape or type, a number out of range, nan.
    """
    scores = checks.class_scores(probabilities)
    numbers = checks.class_numbers(true, scores.shape[1], "true")
    checks.same_length([numbers, scores], "true and probabilities")
    return macro([sweep(numbers == own, scores[:, own]).auc() for own in range(scores.shape[1])])


def precision_recall(truth: ArrayLike, scores: ArrayLike) -> PrecisionRecall:
    """Precision against recall, with a point for each distinct score.

    It is scikit-learn's precision_recall_curve, but for the recall of nothing, which is nan and not
    1. Arguments and errors are those of `sweep`.
    """
    return sweep(truth, scores).precision_recall()


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float:
    """The mean of the precisions at each threshold, weighted by the recall that it adds.

    The sum over n of (R_n - R_n-1) P_n, without interpolation, as scikit-learn's. Arguments and
    errors are those of `sweep`.

    Returns:
        0..1; nan where nothing is true.
    """
    return sweep(truth, scores).average_precision()
