"""Confident learning: which labels are wrong, and how many, by probabilities of unseen images.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
Journal of Artificial Intelligence Research 70, 2021: thresholds (equation 2), the confident joint
(equation 1) and its calibration (equation 3). Pure NumPy.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Numbers = NDArray[np.int64]

_SLACK = 1e-6
"""Of a threshold: a mean of equal numbers may be their last digit more than each of them."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """How much each image's label is doubted.

    Attributes:
        given: float64 of shape (images,): the probability of its class.
        suggested: int64 likewise: the most likely other class.
        chance: float64 likewise: the probability of that one.
    """

    given: Probabilities
    suggested: Numbers
    chance: Probabilities

    @classmethod
    def of(cls, probabilities: Probabilities, labels: Numbers) -> Self:
        """Those of some images.

        Args:
            probabilities: of images that the model had not seen, of shape (images, classes), at
                least two classes.
            labels: the number of each one's class, of shape (images,).
        """
        rows = np.arange(len(labels))
        others = probabilities.copy()
        others[rows, labels] = -1
        suggested = others.argmax(axis=1).astype(np.int64)
        return cls(probabilities[rows, labels], suggested, others[rows, suggested])

    def and_those_of(self, other: "Doubts") -> "Doubts":
        """Those of both, these first."""
        return Doubts(
            np.concatenate([self.given, other.given]),
            np.concatenate([self.suggested, other.suggested]),
            np.concatenate([self.chance, other.chance]),
        )

    @property
    def doubt(self) -> Probabilities:
        """1 minus the normalised margin, 0..1; above .5 another class is likelier than the own."""
        return (1 - (self.given - self.chance)) / 2


def thresholds(probabilities: Probabilities, labels: Numbers) -> Probabilities:
    """From where on an image is confidently of a class: the mean that its own images have for it.

    Args:
        probabilities: of shape (images, classes).
        labels: of shape (images,).

    Returns:
        float64 of shape (classes,); infinity for a class without images.
    """
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(len(labels)), labels]
    sums = np.bincount(labels, weights=own, minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_classes(probabilities: Probabilities, least: Probabilities) -> Numbers:
    """The class that each image confidently is of: the likeliest of those above their thresholds.

    Args:
        probabilities: of shape (images, classes).
        least: the thresholds, of shape (classes,).

    Returns:
        int64 of shape (images,); -1 for none.
    """
    confident = np.where(probabilities >= least - _SLACK, probabilities, -1)
    found = confident.argmax(axis=1)
    return np.where(confident.max(axis=1) < 0, -1, found).astype(np.int64)


def confident_joint(confident: Numbers, labels: Numbers, classes: int) -> Numbers:
    """Images by the class that they are estimated to be of, and the class that they have.

    Counted over the images that are confidently of some class, and scaled so that each class that
    images have keeps its number of them, in whole numbers.

    Args:
        confident: what `confident_classes` gives, of shape (images,).
        labels: of shape (images,).
        classes: how many there are.

    Returns:
        int64 of shape (classes, classes), the estimated class by rows, the given one by columns;
        each column sums to the images of its class.
    """
    some = confident >= 0
    cells = classes * labels[some] + confident[some]
    counted = np.bincount(cells, minlength=classes**2).reshape(classes, classes)
    # Of a class that no image is confidently of, one is taken to be right: all of it is, then.
    np.fill_diagonal(counted, np.maximum(counted.diagonal(), 1))
    sizes = np.bincount(labels, minlength=classes)
    shares = counted / counted.sum(axis=1, keepdims=True)
    rows = [_whole(row * size, size) for row, size in zip(shares, sizes.tolist(), strict=True)]
    return np.stack(rows).T


def _whole(values: Probabilities, total: int) -> Numbers:
    """Whole numbers of that sum, near the values: what is left goes to the largest remainders."""
    floors = np.floor(values + _SLACK).astype(np.int64)
    order = np.argsort(floors - values, kind="stable")
    floors[order[: total - int(floors.sum())]] += 1
    return floors


def label_errors(confident: Numbers, doubts: Doubts, labels: Numbers) -> NDArray[np.bool_]:
    """Which labels are wrong: the confident joint's off-diagonal set.

    Left out of it is what the model, all in all, takes for the class that it has.

    Args:
        confident: what `confident_classes` gives, of shape (images,).
        doubts: of the same images.
        labels: of shape (images,).
    """
    wrong: NDArray[np.bool_] = (confident >= 0) & (confident != labels)
    return wrong & (doubts.chance > doubts.given)
