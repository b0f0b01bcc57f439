"""Features like those of real pictures, as many as wanted.

Random normal numbers would flatter an optimiser: real features are correlated, a few directions
holding most of what varies, and zero where a net's last unit is silent. So new ones are drawn with
the covariance that the features of some pictures have within their classes, and cut at zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COUNTS = (15_205, 4_248, 34_910, 56_968, 13_883)
"""Images of each class that the reference had, in the order of `figleaf.labels.FIVE`."""

_APART = 0.3
"""How far apart the classes are, of what they are in the pictures: few pictures in many dimensions
look further apart than they are. So that a head gets about nine of ten right."""
_WRONG = 0.03
"""The share of labels that are wrong: more than three in a hundred are in any large collection."""
_NOISE = 0.3
"""The deviation of what is a feature's own, of its deviation in the pictures."""
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Source:
    """What features are made from.

    Attributes:
        means: float32 of shape (classes, width).
        spread: float32 of shape (pictures, width): normal numbers of shape (images, pictures)
            times it have the covariance of the pictures within their classes.
        noise: float32 of shape (width,).
    """

    means: NDArray[np.float32]
    spread: NDArray[np.float32]
    noise: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Of the features."""
        return int(self.means.shape[1])


def learned(features: NDArray[np.float32], labels: NDArray[np.int64]) -> Source:
    """From the features of some pictures, of shape (pictures, width), of as many classes."""
    overall = features.mean(axis=0)
    means = np.stack([features[labels == one].mean(axis=0) for one in range(len(COUNTS))])
    spread = (features - means[labels]) / np.sqrt(len(features))
    return Source(overall + _APART * (means - overall), spread, _NOISE * features.std(axis=0))


def true_classes(count: int, seed: int) -> NDArray[np.int64]:
    """Classes in the reference's proportions, in random order."""
    shares = np.array(COUNTS) / sum(COUNTS)
    return np.random.default_rng(seed).choice(len(COUNTS), count, p=shares)


def labels_of(classes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """What they are labelled: a few of them wrongly."""
    chance = np.random.default_rng([seed, 1])
    wrong = chance.random(len(classes)) < _WRONG
    others = (classes + chance.integers(1, len(COUNTS), len(classes))) % len(COUNTS)
    return np.where(wrong, others, classes)


def made(source: Source, classes: NDArray[np.int64], seed: int) -> Iterator[NDArray[np.float32]]:
    """Features of pictures of these classes, in blocks of shape (up to 4096, width)."""
    for number, start in enumerate(range(0, len(classes), _BLOCK)):
        chance = np.random.default_rng([seed, 2, number])
        some = classes[start : start + _BLOCK]
        found = source.means[some]
        normal = chance.standard_normal((len(some), len(source.spread)), np.float32)
        found += normal @ source.spread
        found += chance.standard_normal(found.shape, np.float32) * source.noise
        yield np.maximum(found, 0, out=found)
