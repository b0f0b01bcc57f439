"""What every figure asks of the arrays that it is made of."""

import operator
from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.errors import InputError

TOLERANCE = 0.01
"""How far probabilities and their sums may be off: bf16 and rounded tables are a little off."""


def class_numbers(values: ArrayLike, classes: int, name: str) -> NDArray[np.int64]:
    """Whole numbers of shape (N,), each 0..classes-1."""
    array = _vector(values, name)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name} must be whole numbers of classes, not {array.dtype}")
    if array.min() < 0 or array.max() >= classes:
        raise InputError(
            f"{name} must be class numbers, 0..{classes - 1}: there are"
            f" {array.min()}..{array.max()} in it"
        )
    return array.astype(np.int64)


def truths(values: ArrayLike) -> NDArray[np.bool_]:
    """Booleans of shape (N,), N at least 1."""
    array = _some(_vector(values, "truth"), "truth")
    if array.dtype != np.bool_:
        raise InputError(f"truth must be booleans, not {array.dtype}")
    return array


def finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Real numbers of shape (N,), N at least 1, without nan and infinity."""
    array = _some(_vector(values, name), name)
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise InputError(f"{name} must be real numbers, without nan and infinity")
    return array.astype(np.float64)


def class_scores(values: ArrayLike) -> NDArray[Any]:
    """Finite scores of shape (N, C), both at least 1; floats as they are, others as float64."""
    array = np.asarray(values)
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"probabilities must have the shape (images, classes), not {array.shape}")
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise InputError("probabilities must be real numbers, without nan and infinity")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def probabilities(values: ArrayLike) -> NDArray[Any]:
    """Probabilities of shape (N, C): each 0..1, each row about 1 in all."""
    array = class_scores(values)
    if array.min() < -TOLERANCE or array.max() > 1 + TOLERANCE:
        raise InputError(
            f"probabilities must be 0..1, not {array.min():g}..{array.max():g}: these look like"
            " logits; give their softmax"
        )
    off = float(np.abs(array.sum(axis=1, dtype=np.float64) - 1).max())
    if off > TOLERANCE:
        raise InputError(f"each row of probabilities must sum to 1; one is off by {off:.3g}")
    return array


def same_length(columns: Sequence[Sized], names: str) -> None:
    """They have one entry for each image, all the same number."""
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise InputError(f"{names} must be of one length, not {', '.join(map(str, lengths))}")


def group_numbers(values: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers of shape (N,), N at least 1; the same for images that belong together."""
    array = _some(_vector(values, "groups"), "groups")
    if array.dtype.kind not in "iu":
        raise InputError(f"groups must be whole numbers, not {array.dtype}")
    return array.astype(np.int64)


def square(values: ArrayLike) -> NDArray[np.float64]:
    """Counts of shape (C, C), C at least 1, none below 0."""
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.size == 0:
        raise InputError(
            f"a confusion matrix must have the shape (classes, classes), not {array.shape}"
        )
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all() or array.min() < 0:
        raise InputError("a confusion matrix must hold counts, none below 0")
    return array.astype(np.float64)


def share(value: float, name: str, *, zero: bool = True, one: bool = True) -> float:
    """A number 0..1; 0 and 1 themselves where they are allowed."""
    if not (0 <= value <= 1) or (value == 0 and not zero) or (value == 1 and not one):
        low, high = "" if zero else "above ", "" if one else "below "
        raise InputError(f"{name} must be a number from {low}0 to {high}1, not {value}")
    return float(value)


def at_least(value: int, least: int, name: str) -> int:
    """A whole number that is not too small."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise InputError(f"{name} must be {least:,} or more, not {number:,}")
    return number


def _vector(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{name} must have the shape (images,), not {array.shape}")
    return array


def _some(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.size == 0:
        raise InputError(f"{name} is empty: there is no image to judge by")
    return array
