"""A model's scores of labelled images, and what they depend on."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.classifier import Classifier
from figleaf.classify.policy import Policy
from figleaf.errors import Status
from figleaf.models.model import Model
from figleaf.models.runtime import Precision

_TOLD = 16  # images between two words on how it goes


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """What scores depend on, beside the pictures.

    Attributes:
        tag: name and version: "inception_v3@1".
        sha256: of the graph, in hex.
        precision: what it computed in.
        scaled: whether large JPEGs were decoded at a fraction of their size.
        policy: name and version of what decides.
    """

    tag: str
    sha256: str
    precision: Precision
    scaled: bool
    policy: str


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of images, in their order.

    Attributes:
        used: the model, and how it was used.
        classes: the model's, in the order of the probabilities.
        probabilities: float32 of shape (images, classes); a row of NaN where there are none.
        statuses: of each image; OK where it has probabilities.
        policy: what decides.
    """

    used: ModelUsed
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    statuses: tuple[Status, ...]
    policy: Policy

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which images have probabilities, of shape (images,)."""
        return np.array([status is Status.OK for status in self.statuses], bool)

    @property
    def failures(self) -> Counter[str]:
        """Status -> images that could not be read."""
        return Counter(str(one) for one in self.statuses if one is not Status.OK)

    @property
    def unsafe(self) -> NDArray[np.float64] | None:
        """The policy's unsafe score, 0..1, of shape (images,), NaN where there is none; None where
        no class of the model is in that sum."""
        columns = unsafe_columns(self.classes, self.policy)
        if not columns.any():
            return None
        sums = self.probabilities[:, columns].sum(axis=1, dtype=np.float64)
        return np.asarray(np.minimum(sums, 1.0), np.float64)


def unsafe_columns(classes: Iterable[str], policy: Policy) -> NDArray[np.bool_]:
    """Which classes are in the policy's unsafe sum, of shape (classes,)."""
    return np.array([policy.unsafe_score({name: 1.0}) is not None for name in classes], bool)


def score_with(
    classifier: Classifier,
    paths: Iterable[Path],
    *,
    scaled: bool,
    done: Callable[[int], None] = lambda images: None,
) -> Scored:
    """Score files with a classifier that is loaded.

    Args:
        classifier: the classifier.
        paths: of the files.
        scaled: whether it decodes large JPEGs at a fraction of their size.
        done: is told how many are done, now and then.
    """
    classes = classifier.model.card.labels
    rows: list[NDArray[np.float32]] = []
    statuses: list[Status] = []
    for found in classifier.stream(paths):
        scores = [found.scores.get(name, np.nan) for name in classes]
        rows.append(np.array(scores, np.float32))
        statuses.append(found.status)
        if len(rows) % _TOLD == 0:
            done(len(rows))
    return Scored(
        used=describe(classifier.model, classifier.policy, scaled=scaled),
        classes=classes,
        probabilities=np.array(rows, np.float32).reshape(len(rows), len(classes)),
        statuses=tuple(statuses),
        policy=classifier.policy,
    )


def describe(model: Model, policy: Policy, *, scaled: bool) -> ModelUsed:
    """What scores of a model depend on."""
    card = model.card
    return ModelUsed(card.tag, card.sha256["model.onnx"], model.precision, scaled, policy.tag)
