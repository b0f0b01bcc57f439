"""Ratios that may have nothing below the line."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ratio(above: ArrayLike, below: ArrayLike) -> NDArray[np.float64]:
    """above / below, element by element, in float64; nan where below is 0."""
    upper, lower = np.asarray(above), np.asarray(below)
    found = np.full(np.broadcast_shapes(upper.shape, lower.shape), np.nan)
    np.divide(upper, lower, out=found, where=lower != 0)
    return found


def quotient(above: float, below: float) -> float:
    """above / below of two numbers; nan where below is 0."""
    return float(above / below) if below else math.nan
