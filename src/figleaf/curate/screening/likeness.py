"""How like the rest of its class an image is, by a model's features: pure.

For whatever classes there are, figleaf's or not: drawings among photos, letters among faces. The
images of a class that look like nothing else in it have a low cosine to the class's mean, in
features of which each has mean 0 and deviation 1. How low is low, each class says itself: by its
median, and by the median absolute deviation, which outliers do not move (Iglewicz and Hoaglin,
"How to Detect and Handle Outliers", 1993).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NORMAL = 1.4826
"""The standard deviation of a normal distribution, in median absolute deviations."""
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Reference:
    """What the classes look like.

    Attributes:
        labels: the classes.
        centre: float32 of shape (width,): the mean of each feature.
        scale: likewise, its deviation.
        means: float32 of shape (classes, width): each class's mean, of length 1.
    """

    labels: tuple[str, ...]
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    means: NDArray[np.float32]

    @classmethod
    def of(cls, features: Mapping[str, NDArray[np.float32]]) -> "Reference":
        """Learn it.

        Args:
            features: class -> float32 of shape (n, width), of some of its images; n of 1 or more.
                Without any class, there is nothing that an image could be like.
        """
        if not features:
            nothing = np.zeros(0, np.float32)
            return cls((), nothing, nothing, nothing.reshape(0, 0))
        labels = tuple(sorted(features))
        everything = np.concatenate([features[label] for label in labels])
        centre = everything.mean(axis=0)
        scale = everything.std(axis=0) + np.float32(_LEAST)
        means = [_directions((features[label] - centre) / scale).mean(axis=0) for label in labels]
        return cls(labels, centre, scale, _directions(np.stack(means)))

    def likeness(self, features: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
        """The cosine of images to the means of their classes.

        Args:
            features: float32 of shape (n, width).
            labels: the class of each, of those in `labels`.

        Returns:
            shape (n,), each -1..1.
        """
        rows = [self.labels.index(label) for label in labels]
        directions = _directions((features - self.centre) / self.scale)
        cosines: NDArray[np.float32] = np.einsum("nw,nw->n", directions, self.means[rows])
        return cosines


_SAME = 1e-9
"""A deviation of cosines that is only of their last digits; by less, scores could be infinite."""


def robust_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many robust standard deviations each value lies above the median of all.

    Args:
        values: shape (n,).

    Returns:
        shape (n,); zeros where more than half of the values are the same, to nine digits.
    """
    middle = np.median(values)
    deviation = _NORMAL * np.median(np.abs(values - middle))
    if deviation < _SAME:
        return np.zeros(len(values))
    scores: NDArray[np.float64] = (values - middle) / deviation
    return scores


def _directions(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows, of length 1."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    directions: NDArray[np.float32] = rows / np.maximum(lengths, np.float32(_LEAST))
    return directions
