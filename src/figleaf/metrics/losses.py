"""What is lost by probabilities that are off: log-loss and Brier score."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.metrics import checks


def log_losses(true: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Minus the natural logarithm of the probability that each image's own class got.

    Probabilities are kept off 0 and 1 by the epsilon of their dtype, as scikit-learn does: of
    float32 the worst loss is 15.9, of float64 36.0.

    Args:
        true: class numbers of shape (N,), N at least 1.
        probabilities: floats of shape (N, C), 0..1, rows that sum to 1 within .01.

    Returns:
        float64 of shape (N,), 0 or more.

    Raises:
        InputError: another shape or type, a number out of range, nan. So do all functions here.
    """
    numbers, shares = _checked(true, probabilities)
    own = np.take_along_axis(shares, numbers[:, None], axis=1)[:, 0]
    least = float(np.finfo(own.dtype).eps)
    return -np.log(np.clip(own.astype(np.float64), least, 1 - least))


def log_loss(true: ArrayLike, probabilities: ArrayLike) -> float:
    """The mean of `log_losses`: natural logarithm, 0 or more, ln C for a guess of all C classes."""
    return float(log_losses(true, probabilities).mean())


def brier_scores(true: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """The squared distance of each image's probabilities from those of certainty.

    The sum over the classes of (p - y)^2, with y 1 for its own class and 0 for others (Brier,
    "Verification of forecasts expressed in terms of probability", 1950).

    Args and errors are those of `log_losses`.

    Returns:
        float64 of shape (N,), 0..2.
    """
    numbers, shares = _checked(true, probabilities)
    off = shares.astype(np.float64)
    off[np.arange(len(off)), numbers] -= 1
    return np.asarray((off * off).sum(axis=1))


def brier(true: ArrayLike, probabilities: ArrayLike) -> float:
    """The mean of `brier_scores`, 0..2; of two classes, twice what goes by the name elsewhere."""
    return float(brier_scores(true, probabilities).mean())


def _checked(true: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.int64], NDArray[Any]]:
    shares = checks.probabilities(probabilities)
    numbers = checks.class_numbers(true, shares.shape[1], "true")
    checks.same_length([numbers, shares], "true and probabilities")
    return numbers, shares
