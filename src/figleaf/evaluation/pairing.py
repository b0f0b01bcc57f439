"""Two models on the images whose classes they share: by class, and as safe or unsafe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.policy import Policy
from figleaf.errors import InputError
from figleaf.evaluation.figures import Draws
from figleaf.evaluation.labelled import Labelled
from figleaf.evaluation.scoring import unsafe_columns
from figleaf.evaluation.truth import number_labels
from figleaf.evaluation.versus import Answers, View, answers, versus

SAFETY = ("safe", "unsafe")
"""The classes of the view that any two models share, in the order of the scores."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of images that both could read: (images, classes)."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]

    def numbers(self, names: Sequence[str]) -> NDArray[np.int64]:
        """The number of each name among the classes, -1 for none."""
        return number_labels(names, self.classes)

    def unsafe(self, policy: Policy) -> NDArray[np.float32] | None:
        """The probabilities of `SAFETY`, (images, 2); None where all classes are one of the two."""
        columns = unsafe_columns(self.classes, policy)
        if columns.all() or not columns.any():
            return None
        unsafe = np.minimum(self.probabilities[:, columns].sum(axis=1, dtype=np.float64), 1.0)
        return np.stack([1 - unsafe, unsafe], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Pair:
    """Both models on images whose classes they share.

    Attributes:
        rows: the images, by their numbers among those that were read.
        labels: the class of each, of shape (rows,).
        said: what each model says of them.
        answers: and what they answer.
    """

    rows: NDArray[np.int64]
    labels: tuple[str, ...]
    said: tuple[Said, Said]
    answers: tuple[Answers, Answers]

    def view(self, draws: Draws) -> View:
        """The figures."""
        groups = draws.groups[self.rows]
        return versus(*self.answers, self.labels, replace(draws, groups=groups))

    def distances(self) -> NDArray[np.float64]:
        """The total variation distance of the two models' probabilities of each image, 0..1."""
        one, other = self.said
        place = number_labels(other.classes, one.classes)
        shared = place >= 0
        moved = np.zeros(one.probabilities.shape)
        moved[:, place[shared]] = other.probabilities[:, shared]
        beyond = other.probabilities[:, ~shared].sum(axis=1)
        return np.asarray((np.abs(moved - one.probabilities).sum(axis=1) + beyond) / 2, np.float64)


def _paired(rows: NDArray[np.int64], names: Sequence[str], said: Sequence[Said]) -> Pair:
    one, other = (Said(found.classes, found.probabilities[rows]) for found in said)
    of_rows = tuple(names[row] for row in rows)
    first, second = (
        answers(found.classes, found.probabilities, found.numbers(of_rows))
        for found in (one, other)
    )
    return Pair(rows, of_rows, (one, other), (first, second))


def by_class(data: Labelled, said: Sequence[Said]) -> Pair | None:
    """Both models on the images whose class both have; None where there is none."""
    one, other = said
    rows = np.flatnonzero((one.numbers(data.labels) >= 0) & (other.numbers(data.labels) >= 0))
    # By the first model's names: those of the data may be several for one class.
    names = [one.classes[number] for number in one.numbers(data.labels)]
    return _paired(rows, names, said) if rows.size else None


def by_safety(
    data: Labelled, said: Sequence[Said], policy: Policy, is_unsafe: Mapping[str, np.bool_]
) -> Pair | None:
    """Both models as models of two classes; None where one of them cannot be taken for that."""
    scores = [one.unsafe(policy) for one in said]
    shares = [Said(SAFETY, one) for one in scores if one is not None]
    if len(shares) < len(scores):
        return None
    truth = [SAFETY[int(is_unsafe[label])] for label in data.labels]
    return _paired(np.arange(len(data)), truth, shares)


def check_comparable(data: Labelled, classes: Sequence[tuple[str, ...]], policy: Policy) -> None:
    """Raise InputError where two models can be compared neither by class nor as safe or unsafe."""
    has_class = [number_labels(data.labels, one) >= 0 for one in classes]
    unsafe = [unsafe_columns(one, policy) for one in classes]
    if all(one.any() and not one.all() for one in unsafe) or (has_class[0] & has_class[1]).any():
        return
    there = ", ".join(sorted(set(data.labels)))
    one, other = (", ".join(names) for names in classes)
    raise InputError(
        f"{data.name} has the classes {there}; the first model has {one}, the second {other}: they"
        f" share none with the data, nor do both tell what policy {policy.tag} calls unsafe from"
        " what it does not"
    )
