"""Multinomial logistic regression by L-BFGS, in float32 where it costs and float64 where it counts.

The objective is that of Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
section 4.4, with a penalty as scikit-learn's; its C is 1 / (l2 * images) here, since the loss is a
mean: so one value of `l2` means about the same for any number of images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

MOST_ITERATIONS = 300
_TOLERANCE = 1e-5
"""Of the largest element of the gradient: below it, float32 sums tell little."""
_DECREASE = 1e-9
"""Relative decrease of the objective in an iteration, below which it has converged."""
_CORRECTIONS = 10


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What was fitted.

    Attributes:
        weight: float64 of shape (width, classes).
        bias: float64 of shape (classes,).
        iterations: of L-BFGS.
        converged: False where they ran out.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    iterations: int = 0
    converged: bool = True

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Float32 of shape (images, classes), of standardised features (images, width)."""
        logits = features @ self.weight.astype(np.float32)
        logits += self.bias.astype(np.float32)
        return logits


def zeros(width: int, classes: int) -> Coefficients:
    """Where a fit starts that has nothing better: every class as likely as any other."""
    return Coefficients(np.zeros((width, classes)), np.zeros(classes))


def fit(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float32],
    l2: float,
    start: Coefficients,
    *,
    iterations: int = MOST_ITERATIONS,
) -> Coefficients:
    """Minimise sum(weights * cross entropy) / sum(weights) + l2 / 2 * sum(weight ** 2).

    The bias is not penalised.

    Args:
        features: standardised, of shape (images, width).
        labels: the number of each one's class, of shape (images,).
        weights: of the images, of shape (images,).
        l2: the penalty, from 0.
        start: where to start; a fit with a stronger penalty is a good one.
        iterations: how many at most.
    """
    objective = _Objective(features, labels, weights / weights.sum(), l2, start.weight.shape)
    found = minimize(
        objective,
        np.concatenate([start.weight, start.bias[None]]).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": iterations,
            "maxfun": 2 * iterations,
            "gtol": _TOLERANCE,
            "ftol": _DECREASE,
            "maxcor": _CORRECTIONS,
        },
    )
    solved = found.x.reshape(-1, len(start.bias))
    return Coefficients(solved[:-1], solved[-1], int(found.nit), bool(found.success))


class _Objective:
    """The objective and its gradient, of all coefficients in one vector, the bias last."""

    def __init__(
        self,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        shares: NDArray[np.float32],
        l2: float,
        shape: tuple[int, ...],
    ) -> None:
        self._features = features
        self._labels = labels
        self._shares = shares.astype(np.float32)
        self._l2 = l2
        self._shape = (shape[0] + 1, shape[1])
        self._rows = np.arange(len(labels))

    def __call__(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        solved = flat.reshape(self._shape)
        weight = solved[:-1]
        rows = Coefficients(weight, solved[-1]).logits(self._features)
        rows -= rows.max(axis=1, keepdims=True)
        own = rows[self._rows, self._labels].copy()
        np.exp(rows, out=rows)
        sums = rows.sum(axis=1)
        losses = (np.log(sums) - own) * self._shares
        penalty = self._l2 / 2 * float(np.vdot(weight, weight))
        # The gradient by the logits: what each class got, minus what it should have got.
        rows /= sums[:, None]
        rows[self._rows, self._labels] -= 1
        rows *= self._shares[:, None]
        gradient = np.empty(self._shape)
        gradient[:-1] = (rows.T @ self._features).T  # in this order BLAS reads whole rows
        gradient[:-1] += self._l2 * weight
        gradient[-1] = rows.sum(axis=0, dtype=np.float64)
        return float(losses.sum(dtype=np.float64)) + penalty, gradient.ravel()
