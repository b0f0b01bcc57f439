"""Multinomial logistic regression by L-BFGS, in float32 where it costs and float64 where it counts.

The objective is that of Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
section 4.4, with a penalty as scikit-learn's; its C is 1 / (l2 * images) here, since the loss is a
mean: so one value of `l2` means about the same for any number of images.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from figleaf.training.coordinates import Coordinates

_Floats = NDArray[np.float32]

MOST_ITERATIONS = 300
_TOLERANCE = 1e-5
"""Of the largest element of the gradient: below it, float32 sums tell little."""
_DECREASE = 1e-9
"""Relative decrease of the objective in an iteration, below which it has converged."""
_CORRECTIONS = 10
_BLOCK = 256
"""Rows whose logits and gradient are taken while they are in the cache: all rows together are often
a gigabyte, and go through memory once an evaluation instead of twice."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What was fitted.

    Attributes:
        weight: float64 of shape (width, classes).
        bias: float64 of shape (classes,).
        iterations: of L-BFGS.
        converged: False where they ran out; a step that no longer helps is an end, too.
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


@dataclass(frozen=True, slots=True)
class Threads:
    """Where parts of the rows are worked on.

    Attributes:
        executor: of threads.
        count: how many it has.
    """

    executor: Executor
    count: int


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
    covariance: NDArray[np.float64] | None = None,
    threads: Threads | None = None,
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
        covariance: of the features, of shape (width, width): worth its while for many images, whose
            fit takes a quarter of the evaluations with it. Unused where there is no penalty.
        threads: to share the rows among; BLAS should have one thread then. The last digits depend
            on how many there are.
        iterations: how many at most.
    """
    shares = weights / weights.sum()
    objective = _Objective(features, labels, shares, l2, start.weight.shape, threads)
    solved = np.concatenate([start.weight, start.bias[None]])
    inner = None
    if covariance is not None and l2 > 0:
        inner = Coordinates.of(covariance, len(start.bias), l2)
        solved = inner.inwards(solved)
    found = minimize(
        partial(_evaluated, objective, inner, solved.shape),
        solved.ravel(),
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
    solved = found.x.reshape(solved.shape)
    if inner:
        solved = inner.outwards(solved)
    return Coefficients(solved[:-1], solved[-1], int(found.nit), found.nit < iterations)


def _evaluated(
    objective: Callable[[NDArray[np.float64]], "_Value"],
    inner: Coordinates | None,
    shape: tuple[int, int],
    flat: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """The objective and its gradient as SciPy wants them, in inner coordinates if there are any."""
    solved = flat.reshape(shape)
    found = objective(inner.outwards(solved) if inner else solved)
    gradient = inner.gradient(found.gradient) if inner else found.gradient
    return found.loss, gradient.ravel()


@dataclass(frozen=True, slots=True)
class _Value:
    """A loss, and its gradient by all coefficients, of shape (width + 1, classes), bias last."""

    loss: float
    gradient: NDArray[np.float64]


class _Objective:
    """The objective and its gradient."""

    def __init__(
        self,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        shares: NDArray[np.float32],
        l2: float,
        shape: tuple[int, ...],
        threads: Threads | None,
    ) -> None:
        self._features = features
        self._labels = labels
        self._shares = shares.astype(np.float32)
        self._l2 = l2
        self._shape = (shape[0] + 1, shape[1])
        self._threads = threads

    def __call__(self, solved: NDArray[np.float64]) -> _Value:
        weight = solved[:-1]
        loss = self._l2 / 2 * float(np.vdot(weight, weight))
        gradient = np.zeros(self._shape)
        gradient[:-1] = self._l2 * weight
        for part in self._parts(weight.astype(np.float32), solved[-1].astype(np.float32)):
            loss += part.loss
            gradient += part.gradient
        return _Value(loss, gradient)

    def _parts(self, weight: _Floats, bias: _Floats) -> Iterator[_Value]:
        """What the rows add to it, those of each thread by themselves."""
        if not self._threads:
            yield self._part(weight, bias, 0, len(self._labels))
            return
        bounds = np.linspace(0, len(self._labels), self._threads.count + 1).astype(int).tolist()
        yield from self._threads.executor.map(
            partial(self._part, weight, bias), bounds[:-1], bounds[1:]
        )

    def _part(self, weight: _Floats, bias: _Floats, start: int, end: int) -> _Value:
        loss, turned = 0.0, np.zeros(self._shape[::-1])
        for begin in range(start, end, _BLOCK):
            block = slice(begin, min(begin + _BLOCK, end))
            losses, rows = self._block(weight, bias, block)
            loss += float(losses.sum(dtype=np.float64))
            turned[:, :-1] += rows.T @ self._features[block]
            turned[:, -1] += rows.sum(axis=0, dtype=np.float64)
        return _Value(loss, turned.T)

    def _block(self, weight: _Floats, bias: _Floats, block: slice) -> tuple[_Floats, _Floats]:
        """The loss of each row, and its gradient by the logits: what each class got, minus what it
        should have got.
        """
        labels, shares = self._labels[block], self._shares[block]
        rows = self._features[block] @ weight
        rows += bias
        rows -= rows.max(axis=1, keepdims=True)
        numbers = np.arange(len(labels))
        own = rows[numbers, labels].copy()
        np.exp(rows, out=rows)
        sums = rows.sum(axis=1)
        losses = (np.log(sums) - own) * shares
        rows /= sums[:, None]
        rows[numbers, labels] -= 1
        rows *= shares[:, None]
        return losses, rows
