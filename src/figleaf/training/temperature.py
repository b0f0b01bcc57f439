"""Calibration by one number: logits are divided by a temperature.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017. It changes
no order of classes, so that accuracy stays what it was.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from figleaf.metrics.losses import log_loss

_LOWEST, _HIGHEST = 0.02, 50.0
_PARTS = 5
_LEAST = float(np.finfo(np.float64).eps)


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities of shape (images, classes), of logits of the same shape."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature at which the log-loss is least.

    Of a few images that are all right the least loss would be at no temperature at all, and every
    picture's class would get 1.000. So labels are as sure as so many images can make them: 1 image
    in n + 2 is taken to be of any class (the targets of Platt, "Probabilistic Outputs for Support
    Vector Machines", 1999). Of a thousand images that changes next to nothing.

    Args:
        logits: of images that training has not seen, of shape (images, classes).
        labels: the number of each one's class, of shape (images,).
    """
    doubt = 1 / (len(labels) + 2)

    def loss(log: float) -> float:
        probabilities = softmax(logits, math.exp(log))
        any_class = float(-np.log(np.maximum(probabilities, _LEAST)).mean())
        return (1 - doubt) * log_loss(labels, probabilities) + doubt * any_class

    found = minimize_scalar(
        loss,
        bounds=(math.log(_LOWEST), math.log(_HIGHEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return math.exp(float(found.x))


def calibrated(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities of each image under a temperature that was fitted without it.

    What calibration comes to can so be told of the very images that it is fitted on.

    Args:
        logits: as for `fit_temperature`.
        labels: likewise.

    Returns:
        float64 of shape (images, classes).
    """
    parts = np.arange(len(labels)) % min(_PARTS, len(labels))
    found = np.empty(logits.shape)
    for part in np.unique(parts):
        own = parts == part
        others = ~own if len(labels) > 1 else own
        found[own] = softmax(logits[own], fit_temperature(logits[others], labels[others]))
    return found
