"""Images far from every class: strangers, whatever their labels say. Linear in images.

The distance is the squared Euclidean one to a class's mean, in the roots of features, each of
deviation 1. How far is far, each class says itself: by the median of its own images' distances, and
by their median absolute deviation, which outliers do not move (Iglewicz and Hoaglin, "How to Detect
and Handle Outliers", 1993). Far from every class is what is far by the measure of each.

Drawings and photos of anything were planted among photos of clothing to choose the distance
(benchmarks/README.md): it ranks them as Mahalanobis distances do (Lee, Lee, Lee and Shin, "A Simple
Unified Framework for Detecting Out-of-Distribution Samples", NeurIPS 2018), which take the
covariance of the features, and better than cosines do, to means or to the nearest images. By one
measure for all classes it would find some more there, but call the whole of a class outliers that
is more varied than the others.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from figleaf.training.probe import Scale, Table, take_roots

FAR = 3.0
"""Robust standard deviations above the median of a class, from which on an image is far from it."""

_NORMAL = 1.4826
"""The standard deviation of a normal distribution, in median absolute deviations."""
_LEAST = 20
"""Images below which a class has the measure of all: its own says nothing yet."""
_SAME = 1e-9
"""A relative deviation of distances that is only of their last digits."""
_ROWS = 4096  # that are worked on at a time

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where images lie.

    Attributes:
        nearest: int64 of shape (images,): the class that each is least far from, by its measure.
        deviations: float64 of shape (images,): how far from that, in robust standard deviations
            above the middle of its own images.
    """

    nearest: Numbers
    deviations: Floats


@dataclass(frozen=True, slots=True)
class Landscape:
    """Where the classes lie among features.

    Attributes:
        scale: what standardises features.
        of_roots: whether roots are taken of them first.
        means: float32 of shape (classes, width): of each class.
        counts: int64 of shape (classes,): their images.
        middles: float64 of shape (classes,): the median of its own images' squared distances.
        spreads: likewise, their robust standard deviation; infinity where they have none.
    """

    scale: Scale
    of_roots: bool
    means: NDArray[np.float32]
    counts: Numbers
    middles: Floats
    spreads: Floats

    @classmethod
    def of(cls, table: Table, classes: int) -> tuple[Self, Places]:
        """Learn it.

        Args:
            table: images, at least one; its features are changed in place.
            classes: how many there are.

        Returns:
            the landscape, and the places of these images. From its own class an image is as far as
            it would be without its own part in the mean.
        """
        of_roots = take_roots(table)
        scale = Scale.of(table.features)
        features, labels = scale.standardise(table.features), table.labels
        counts = np.bincount(labels, minlength=classes)
        means = (_sums(features, labels, classes) / np.maximum(counts, 1)[:, None]).astype("f4")
        own = np.empty(len(labels))
        for rows in _pieces(len(labels)):
            found = _squares(features[rows], means, counts, labels[rows])
            own[rows] = found[np.arange(len(found)), labels[rows]]
        middles, spreads = _measures(own, labels, counts)
        made = cls(scale, of_roots, means, counts, middles, spreads)
        return made, made._places(features, labels)

    def places(self, features: NDArray[np.float32]) -> Places:
        """The places of other images, of features as backbones give them, not changed.

        Args:
            features: of shape (images, width).
        """
        taken = np.sqrt(np.maximum(features, 0)) if self.of_roots else features.copy()
        return self._places(self.scale.standardise(taken), None)

    def _places(self, features: NDArray[np.float32], labels: Numbers | None) -> Places:
        nearest, deviations = np.empty(len(features), np.int64), np.empty(len(features))
        for rows in _pieces(len(features)):
            own = None if labels is None else labels[rows]
            found = _squares(features[rows], self.means, self.counts, own) - self.middles
            found = np.where(self.counts > 0, found / self.spreads, np.inf)
            nearest[rows] = found.argmin(axis=1)
            deviations[rows] = found.min(axis=1)
        return Places(nearest, deviations)


def _squares(
    features: NDArray[np.float32],
    means: NDArray[np.float32],
    counts: Numbers,
    own: Numbers | None,
) -> Floats:
    """Squared distances to the classes' means, of shape (images, classes)."""
    found = (features @ means.T).astype(np.float64) * -2
    found += np.einsum("ij,ij->i", features, features, dtype=np.float64)[:, None]
    found += np.einsum("ij,ij->i", means, means, dtype=np.float64)
    found = np.maximum(found, 0)
    if own is not None:
        # A mean without one of n images is n / (n - 1) times as far from that one. What is alone in
        # its class stays as near to it as it is: nothing is known of it.
        factors = (counts / np.maximum(counts - 1, 1)) ** 2
        found[np.arange(len(own)), own] *= factors[own]
    return found


def _measures(own: Floats, labels: Numbers, counts: Numbers) -> tuple[Floats, Floats]:
    """Middle and spread of each class, by its own images' distances to its mean."""
    every = _measure(own)
    found = [
        _measure(own[labels == one]) if counts[one] >= _LEAST else every
        for one in range(len(counts))
    ]
    middles, spreads = zip(*found, strict=True)
    return np.array(middles), np.array(spreads)


def _measure(values: Floats) -> tuple[float, float]:
    middle = float(np.median(values))
    spread = _NORMAL * float(np.median(np.abs(values - middle)))
    return middle, spread if spread > _SAME * max(middle, 1.0) else np.inf


def _sums(features: NDArray[np.float32], labels: Numbers, classes: int) -> Floats:
    """Of the features of each class, of shape (classes, width)."""
    found = np.zeros((classes, features.shape[1]))
    for rows in _pieces(len(features)):
        own = (labels[rows, None] == np.arange(classes)).astype(np.float32)
        found += own.T @ features[rows]
    return found


def _pieces(count: int) -> list[slice]:
    return [slice(start, start + _ROWS) for start in range(0, count, _ROWS)]
