"""How much an example of each class counts in a loss, so that rare classes are not drowned."""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import InputError


class ClassWeights(StrEnum):
    """The ways to weight classes, by how many examples they have."""

    NONE = "none"
    """All the same."""
    SQRT = "sqrt"
    """By one over the square root of a class's examples."""
    BALANCED = "balanced"
    """By one over a class's examples: all classes count the same, as scikit-learn's "balanced"."""
    POWER = "power"
    """By one over a power of a class's examples: between and beyond the others."""


_EXPONENTS = {ClassWeights.NONE: 0.0, ClassWeights.SQRT: 0.5, ClassWeights.BALANCED: 1.0}


def class_weights(
    labels: NDArray[Any], classes: int, kind: str = ClassWeights.NONE, power: float = 0.5
) -> NDArray[np.float32]:
    """The weight of each class: (n / (classes n_c)) ** exponent, times what makes their mean 1.

    The mean is over the examples, so that a loss keeps its size. For "balanced", where every class
    has examples, it is 1 without that: n / (classes n_c), as in scikit-learn.

    Args:
        labels: the number of each example's class, whole numbers of shape (examples,).
        classes: how many there are.
        kind: "none", "sqrt" (exponent 1/2), "balanced" (1) or "power".
        power: the exponent of "power", 0..2.

    Returns:
        float32 of shape (classes,), above 0; 1 for a class that has no examples.

    Raises:
        InputError: no such kind, a power beyond its range, no examples, or a class's number beyond
            `classes`.
    """
    exponent = _exponent(kind, power)
    numbers = np.asarray(labels)
    if numbers.ndim != 1 or numbers.size == 0 or not np.issubdtype(numbers.dtype, np.integer):
        raise InputError(f"labels must be whole numbers, one an example: got {numbers.shape}")
    if numbers.min() < 0 or numbers.max() >= classes:
        raise InputError(f"labels must be in 0..{classes - 1}: got up to {numbers.max()}")
    counts = np.bincount(numbers, minlength=classes)
    weights = (numbers.size / (classes * np.maximum(counts, 1).astype(np.float64))) ** exponent
    weights *= numbers.size / (weights @ counts)
    return np.where(counts > 0, weights, 1.0).astype(np.float32)


def _exponent(kind: str, power: float) -> float:
    if kind not in list(ClassWeights):
        raise InputError(f"no class weights {kind!r}: they are {', '.join(ClassWeights)}")
    if kind != ClassWeights.POWER:
        return _EXPONENTS[ClassWeights(kind)]
    if not 0 <= power <= 2:
        raise InputError(f"power must be in 0..2, not {power}")
    return power
