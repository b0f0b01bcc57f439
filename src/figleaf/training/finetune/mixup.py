"""Mixup: pictures and labels in between (Zhang et al. 2018, arXiv 1710.09412).

Neighbours in the shuffled order are mixed with each other, each pair by a share of its own. So what
becomes of a picture depends on its place alone, and not on how places are dealt out to processes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def draw_share(alpha: float, random: np.random.Generator) -> float:
    """How much of itself each picture of a pair keeps, of Beta(alpha, alpha); 1 for alpha 0."""
    return float(random.beta(alpha, alpha)) if alpha else 1.0


def mix_pairs(values: NDArray[Any], shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix the first with the second, the third with the fourth, and so on; an odd last one stays.

    Args:
        values: of shape (batch, ...): pictures, or what is aimed at.
        shares: float32 of shape (batch // 2,), of each pair, in 0..1.

    Returns:
        float32 of the same shape: share * own + (1 - share) * the other's.
    """
    mixed = np.array(values, np.float32)
    count = 2 * len(shares)
    pairs = np.array(mixed[:count]).reshape(len(shares), 2, *values.shape[1:])
    share = shares.reshape(-1, 1, *(1,) * (values.ndim - 1))
    mixed[:count] = (share * pairs + (1 - share) * pairs[:, ::-1]).reshape(count, *values.shape[1:])
    return mixed


def smoothed(labels: NDArray[np.int64], classes: int, smoothing: float) -> NDArray[np.float32]:
    """One-hot labels, a share of each spread evenly (Szegedy et al. 2016, arXiv 1512.00567).

    Returns:
        float32 of shape (labels, classes), each row of sum 1.
    """
    rows = np.full((len(labels), classes), smoothing / classes, np.float32)
    rows[np.arange(len(labels)), labels] += 1 - smoothing
    return rows
