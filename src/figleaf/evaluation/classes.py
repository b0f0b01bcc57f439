"""A model's classes against the true ones: every figure of the confusion matrix and the curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.evaluation.figures import Draws, Figure, plain
from figleaf.metrics import counts
from figleaf.metrics.calibration import Reliability, reliability
from figleaf.metrics.curves import Ranking, Sweep
from figleaf.metrics.losses import brier, log_loss


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """What holds for one class against the others; nan where there is nothing to tell from.

    Attributes:
        label: the class.
        support: images that are of it.
        predicted: images that were taken for it.
        precision: of those, the share that is of it.
        recall: of its images, the share that was taken for it.
        f1: the harmonic mean of these two.
        average_precision: of its probability.
        auc: the area under the ROC of its probability.
    """

    label: str
    support: int
    predicted: int
    precision: Figure
    recall: Figure
    f1: float
    average_precision: float
    auc: Figure

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        names = ("label", "support", "predicted", "precision", "recall", "f1")
        more = ("average_precision", "auc")
        return {name: plain(getattr(self, name)) for name in (*names, *more)}


@dataclass(frozen=True, slots=True)
class ClassView:
    """How a model tells its classes.

    Attributes:
        classes: the model's, in their order.
        matrix: the confusion matrix, int64 of shape (classes, classes), a row for each true class.
        figures: of each class.
        accuracy: the share of images whose class was the most probable one.
        macro_precision, macro_recall, macro_f1, macro_auc: means over the classes that have one.
        micro_precision, micro_recall, micro_f1: over all classes at once; each is the accuracy,
            since an image has one class and gets one.
        log_loss: natural logarithm.
        brier: 0..2.
        top_k: k -> the share of images whose class is among the k most probable ones.
        reliability: confidence against accuracy, in 15 bins.
        sweeps: of each class's probability, for its curves.
    """

    classes: tuple[str, ...]
    matrix: NDArray[np.int64]
    figures: tuple[ClassFigures, ...]
    accuracy: Figure
    macro_precision: float
    macro_recall: float
    macro_f1: Figure
    macro_auc: Figure
    micro_precision: float
    micro_recall: float
    micro_f1: float
    log_loss: float
    brier: float
    top_k: dict[int, float]
    reliability: Reliability
    sweeps: tuple[Sweep, ...]

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, 0..1."""
        return self.reliability.error

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types; the curves are elsewhere."""
        averages = ("macro_precision", "macro_recall", "macro_f1", "macro_auc")
        micro = ("micro_precision", "micro_recall", "micro_f1", "log_loss", "brier", "top_k")
        return {
            "labels": list(self.classes),
            "accuracy": plain(self.accuracy),
            "by_class": [one.to_dict() for one in self.figures],
            **{name: plain(getattr(self, name)) for name in (*averages, *micro)},
            "matrix": plain(self.matrix),
            "matrix_normalised": plain(counts.normalised(self.matrix)),
            "calibration": reliability_dict(self.reliability),
        }


def class_view(
    true: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    draws: Draws,
    top_k: int = 1,
) -> ClassView:
    """All figures of some images.

    Args:
        true: the number of each image's class, of shape (images,), at least one.
        probabilities: of shape (images, classes), each row summing to 1.
        classes: their names.
        draws: for the intervals.
        top_k: up to which k to give the accuracy, as far as there are more classes.
    """
    number = len(classes)
    predicted = probabilities.argmax(axis=1)
    matrix = counts.confusion_matrix(true, predicted, number)
    rankings = [Ranking(true == own, probabilities[:, own]) for own in range(number)]
    sweeps = tuple(ranking.sweep() for ranking in rankings)
    cells = true * number + predicted

    def statistics(weights: NDArray[np.int64]) -> NDArray[np.float64]:
        drawn = np.bincount(cells, weights=weights, minlength=number * number)
        square = drawn.reshape(number, number).astype(np.int64)
        aucs = [ranking.sweep(weights).auc() for ranking in rankings]
        single = [counts.accuracy(square), counts.macro(counts.f1(square)), counts.macro(aucs)]
        return np.concatenate([single, counts.precision(square), counts.recall(square), aucs])

    drawn = draws.of(statistics)
    by_class = drawn[:, 3:].reshape(-1, 3, number)
    right = true == predicted
    aucs = [one.auc() for one in sweeps]
    f1 = counts.f1(matrix)
    figures = tuple(
        ClassFigures(
            label=label,
            support=int(matrix[own].sum()),
            predicted=int(matrix[:, own].sum()),
            precision=draws.share(right, predicted == own, by_class[:, 0, own]),
            recall=draws.share(right, true == own, by_class[:, 1, own]),
            f1=float(f1[own]),
            average_precision=sweeps[own].average_precision(),
            auc=draws.figure(aucs[own], by_class[:, 2, own]),
        )
        for own, label in enumerate(classes)
    )
    return ClassView(
        classes=tuple(classes),
        matrix=matrix,
        figures=figures,
        accuracy=draws.share(right, np.ones_like(right), drawn[:, 0]),
        macro_precision=counts.macro(counts.precision(matrix)),
        macro_recall=counts.macro(counts.recall(matrix)),
        macro_f1=draws.figure(counts.macro(f1), drawn[:, 1]),
        macro_auc=draws.figure(counts.macro(aucs), drawn[:, 2]),
        micro_precision=counts.micro_precision(matrix),
        micro_recall=counts.micro_recall(matrix),
        micro_f1=counts.micro_f1(matrix),
        log_loss=log_loss(true, probabilities),
        brier=brier(true, probabilities),
        top_k={
            k: counts.top_k_accuracy(true, probabilities, k)
            for k in range(2, min(top_k, number - 1) + 1)
        },
        reliability=reliability(true, probabilities),
        sweeps=sweeps,
    )


def reliability_dict(found: Reliability) -> dict[str, Any]:
    """The calibration curve and its error, in JSON's types."""
    return {
        "expected_calibration_error": plain(found.error),
        "bins": [
            {
                "from": plain(low),
                "to": plain(high),
                "images": int(count),
                "confidence": plain(confidence),
                "accuracy": plain(accuracy),
            }
            for low, high, count, confidence, accuracy in zip(
                found.edges[:-1].tolist(),
                found.edges[1:].tolist(),
                found.counts,
                found.confidence.tolist(),
                found.accuracy.tolist(),
                strict=True,
            )
        ],
    }
