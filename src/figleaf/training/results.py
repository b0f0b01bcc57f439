"""How a classifier does on labelled images: the figures that its card states."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.metrics import counts
from figleaf.metrics.calibration import calibration_error
from figleaf.metrics.losses import log_loss
from figleaf.training.temperature import fit_temperature, softmax


@dataclass(frozen=True, slots=True)
class Results:
    """Figures on some images.

    Attributes:
        images: how many.
        accuracy: 0..1.
        macro_f1: the mean of the classes' F1, 0..1.
        log_loss: natural logarithm, 0 or more.
        calibration_error: ECE in 15 bins, 0..1.
        matrix: int64 of shape (classes, classes), rows true.
    """

    images: int
    accuracy: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    matrix: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types, to six digits."""
        return {
            "images": self.images,
            "accuracy": round(self.accuracy, 6),
            "macro_f1": round(self.macro_f1, 6),
            "log_loss": round(self.log_loss, 6),
            "calibration_error": round(self.calibration_error, 6),
            "confusion_matrix": self.matrix.tolist(),
        }


@dataclass(frozen=True, slots=True)
class Calibration:
    """The temperature, and what it was worth on the images that it was fitted on.

    Attributes:
        temperature: that logits are divided by.
        images: how many it was fitted on, none of which the fit had seen that gave their logits.
        before: the expected calibration error without it, 0..1.
        after: likewise with it; for each image by a temperature that was fitted on others.
    """

    temperature: float
    images: int
    before: float
    after: float


def results(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Results:
    """The figures of probabilities of shape (images, classes), at least one image."""
    classes = probabilities.shape[1]
    matrix = counts.confusion_matrix(labels, probabilities.argmax(axis=1), classes)
    return Results(
        images=len(labels),
        accuracy=counts.accuracy(matrix),
        macro_f1=counts.macro(counts.f1(matrix)),
        log_loss=log_loss(labels, probabilities),
        calibration_error=calibration_error(labels, probabilities),
        matrix=matrix,
    )


def calibrate(
    logits: NDArray[np.float32], labels: NDArray[np.int64], unseen: NDArray[np.float64]
) -> Calibration:
    """Fit a temperature on logits of images that no fit has seen.

    Args:
        logits: float32 of shape (images, classes).
        labels: the number of each one's class, of shape (images,).
        unseen: the probabilities that `temperature.calibrated` makes of them.
    """
    return Calibration(
        temperature=fit_temperature(logits, labels),
        images=len(labels),
        before=calibration_error(labels, softmax(logits)),
        after=calibration_error(labels, unseen),
    )
