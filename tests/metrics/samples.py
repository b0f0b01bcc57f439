"""Labels, probabilities, scores and groups to measure, drawn or made."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

# alex000kim/nsfw_data_scraper, ResNet-34, as its README prints it; rows are the true classes.
PUBLISHED = np.array(
    [
        [1893, 29, 72, 3, 3],  # drawings
        [422, 1553, 15, 4, 6],  # hentai
        [12, 1, 1953, 11, 23],  # neutral
        [2, 0, 12, 1963, 23],  # porn
        [1, 0, 46, 126, 1827],  # sexy
    ]
)


@dataclass(frozen=True)
class Labelled:
    classes: int
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class Clustered:
    """Images of a model that is right or wrong for whole clusters at once, more or less."""

    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    groups: NDArray[np.int64]
    expected: float


def numbers(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@st.composite
def labelled(draw: st.DrawFn) -> Labelled:
    """1..5 classes, 1..40 images; classes that are absent or never predicted are common."""
    classes = draw(st.integers(1, 5))
    pair = st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1))
    pairs = draw(st.lists(pair, min_size=1, max_size=40))
    true, predicted = zip(*pairs, strict=True)
    return Labelled(classes, numbers(list(true)), numbers(list(predicted)))


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    """1..40 images, few distinct scores: ties, one kind alone and one score for all are common."""
    levels = draw(st.integers(1, 8))
    image = st.tuples(st.booleans(), st.integers(0, levels - 1))
    truth, scores = zip(*draw(st.lists(image, min_size=1, max_size=40)), strict=True)
    return Scored(np.array(truth), np.array(scores) / 8)


def probabilities(images: int, classes: int, seed: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """True classes, all there, and float64 rows that favour them somewhat."""
    random = np.random.default_rng(seed)
    true = np.arange(images) % classes
    rows = random.dirichlet(np.ones(classes), images)
    rows[np.arange(images), true] += random.random(images)
    return true, rows / rows.sum(axis=1, keepdims=True)


def clustered(groups: int, seed: int, within: float = 0.9) -> Clustered:
    """Groups of 1..9 images of one class; most images of a group are right, or most are wrong."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 10, groups)
    group_of = np.repeat(np.arange(groups), sizes)
    true = random.integers(3, size=groups)[group_of]
    group_right = random.random(groups) < 0.75
    right = np.where(random.random(len(true)) < within, group_right[group_of], False)
    order = random.permutation(len(true))  # a group's images do not lie side by side
    predicted = np.where(right, true, (true + 1) % 3)
    return Clustered(true[order], predicted[order], group_of[order], 0.75 * within)
