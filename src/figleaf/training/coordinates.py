"""Coordinates in which L-BFGS goes straight where features are correlated.

Standardised features of a net vary by hundreds of times as much in some directions as in others,
and a fit takes steps by the hundred. In coordinates u with weight = L^-T u, where L L^T is the
Hessian at its start, they are by the dozen; the objective, and so its minimum, is the same.
(Nocedal and Wright, "Numerical Optimization", 2006, section 5.1, for preconditioning by a change of
variables.)
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_MOST_ROWS = 16_384
"""Enough to say which directions matter: it is the way that depends on them, not where it ends."""


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A change of variables.

    Attributes:
        factor: L, float64 of shape (width, width), lower triangular.
        scale: the same for a bias, which has nothing to be correlated with.
    """

    factor: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, covariance: NDArray[np.float64], classes: int, l2: float) -> Self:
        """Those of one penalty.

        With all coefficients 0 every class has 1/classes, and the Hessian of the mean loss is
        covariance / classes, but for what all classes share, which changes no probability.

        Args:
            covariance: of the standardised features, of shape (width, width).
            classes: how many there are.
            l2: the penalty, above 0.
        """
        hessian = covariance / classes
        hessian[np.diag_indices_from(hessian)] += l2
        factor = np.asarray(np.linalg.cholesky(hessian), np.float64)
        return cls(factor, classes**-0.5)

    def inwards(self, solved: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients, of shape (width + 1, classes), the bias last, in these coordinates."""
        return np.vstack([self.factor.T @ solved[:-1], solved[-1:] * self.scale])

    def outwards(self, inner: NDArray[np.float64]) -> NDArray[np.float64]:
        """The way back."""
        return np.vstack([self._solve(inner[:-1], "T"), inner[-1:] / self.scale])

    def gradient(self, outer: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gradient by these coordinates, of that by the coefficients."""
        return np.vstack([self._solve(outer[:-1], "N"), outer[-1:] / self.scale])

    def _solve(self, right: NDArray[np.float64], side: str) -> Any:
        from scipy.linalg import solve_triangular

        return solve_triangular(self.factor, right, lower=True, trans=side, check_finite=False)


def covariance_of(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """That of standardised features of shape (images, width), from some of the rows."""
    step = -(-len(features) // _MOST_ROWS)
    some = np.ascontiguousarray(features[::step])
    return (some.T @ some).astype(np.float64) / len(some)
