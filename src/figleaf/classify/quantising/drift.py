"""How far a model's twin in int8 is from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.policy import Policy
from figleaf.models.model import Model, Prepared


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a model in int8 is from the same in f32, on pictures that did not calibrate it.

    Attributes:
        pictures: how many.
        mean, largest: absolute differences of a probability, over all pictures and classes.
        same_class: the share of pictures with the same most likely class.
        same_decision: the share with the same decision; None where the policy has none.
        policy: the tag of the policy, which is the one that the model suggests.
    """

    pictures: int
    mean: float
    largest: float
    same_class: float
    same_decision: float | None
    policy: str


def measure_drift(exact: Model, twin: Model, pictures: Iterator[Prepared], policy: Policy) -> Drift:
    """Run two models on the same pictures, a few at a time, and compare what they say."""
    ours: list[NDArray[np.float32]] = []
    theirs: list[NDArray[np.float32]] = []
    while batch := list(islice(pictures, exact.most)):
        ours.append(exact.run(batch).probabilities)
        theirs.append(twin.run(batch).probabilities)
    return drift_of(exact.card.labels, _stacked(ours), _stacked(theirs), policy)


def _stacked(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(rows) if rows else np.empty((0, 1), np.float32)


def drift_of(
    labels: Sequence[str],
    exact: NDArray[np.float32],
    twin: NDArray[np.float32],
    policy: Policy,
) -> Drift:
    """How far probabilities are from others of the same pictures.

    Args:
        labels: the classes.
        exact, twin: float32 of shape (pictures, classes); without pictures all figures are 0.
        policy: whose decisions are compared.
    """
    if not len(exact):
        return Drift(0, 0.0, 0.0, 0.0, None, policy.tag)
    differences = np.abs(exact - twin)
    decided = [
        [policy.decide(dict(zip(labels, map(float, row), strict=True)))[0] for row in rows]
        for rows in (exact, twin)
    ]
    has_decisions = all(decision is not None for decision in decided[0])
    pairs = list(zip(*decided, strict=True))
    return Drift(
        pictures=len(exact),
        mean=float(differences.mean(dtype=np.float64)),
        largest=float(differences.max()),
        same_class=float((exact.argmax(axis=1) == twin.argmax(axis=1)).mean()),
        same_decision=sum(a is b for a, b in pairs) / len(pairs) if has_decisions else None,
        policy=policy.tag,
    )
