"""Classes that the model can't tell apart: pairwise areas under the ROC.

Hand and Till, "A Simple Generalisation of the Area Under the ROC Curve for Multiple Class
Classification Problems", Machine Learning 45, 2001, section 3.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from figleaf.auditing.report import Overlap
from figleaf.metrics.curves import sweep

TOLD_APART = 0.9
"""The area from which on two classes are told apart.

Of two normal scores of one spread, an area of .9 means that the best cut has 18 images in 100 on
the wrong side: Phi(d / 2) for the d of .9 = Phi(d / sqrt(2)).
"""
_SURE = 1.645
"""Standard errors: of a hundred pairs that are told apart just so well, chance names five."""


def pairwise(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    joint: NDArray[np.int64],
) -> list[Overlap]:
    """Every two classes that have images, those that are told apart worst first.

    Args:
        probabilities: of images that the model had not seen, of shape (images, classes).
        labels: of shape (images,).
        names: of the classes.
        joint: of `confident.confident_joint`.
    """
    found = [
        Overlap(
            names[one],
            names[other],
            separation(probabilities, labels, one, other),
            int(joint[one, other] + joint[other, one]),
        )
        for one, other in combinations(np.unique(labels).tolist(), 2)
    ]
    return sorted(found, key=lambda pair: (pair.auc, pair.one, pair.other))


def separation(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], one: int, other: int
) -> float:
    """Hand and Till's A(one, other), 0..1, .5 of guessing: their equation 2.

    The mean of two chances: that an image of the one has a higher probability of the one than an
    image of the other has, and the same the other way round; ties count half.
    """
    own = labels[(labels == one) | (labels == other)]
    some = probabilities[(labels == one) | (labels == other)]
    areas = [sweep(own == number, some[:, number]).auc() for number in (one, other)]
    return float(np.mean(areas))


def overlapping(pairs: Iterable[Overlap], counts: Mapping[str, int]) -> Iterator[Overlap]:
    """The pairs that are told apart worse than `TOLD_APART`, and surely so.

    Args:
        pairs: all.
        counts: class -> images.
    """
    for pair in pairs:
        error = standard_error(pair.auc, counts[pair.one], counts[pair.other])
        if pair.auc + _SURE * error < TOLD_APART:
            yield pair


def standard_error(area: float, ones: int, others: int) -> float:
    """Of an area under the ROC: Hanley and McNeil, Radiology 143, 1982, equation 1.

    Args:
        area: 0..1.
        ones: images of the one kind, at least 1.
        others: of the other, likewise.
    """
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area)
    variance += (ones - 1) * (first - area**2) + (others - 1) * (second - area**2)
    return sqrt(max(variance, 0) / (ones * others))
