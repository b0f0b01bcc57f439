"""Where a model's scores contradict an image's class: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from figleaf import labels
from figleaf.curate.screening.rules import ScreenRules


class DoubtKind(StrEnum):
    """What is doubted."""

    SAFE_AMONG_UNSAFE = "safe_among_unsafe"
    """It is in an unsafe class, and the model finds nothing unsafe in it."""
    UNSAFE_AMONG_SAFE = "unsafe_among_safe"
    """It is in a safe class, and the model finds it unsafe."""
    OTHER_CLASS = "other_class"
    """The model is sure of another class, as safe or unsafe as its own."""
    UNLIKE_ITS_CLASS = "unlike_its_class"
    """It is far less like the rest of its class than is usual in it."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A contradiction: its kind, how strong it is (0..1), and a line for people."""

    kind: DoubtKind
    degree: float
    detail: str


def expected_class(label: str, rules: ScreenRules) -> labels.Label | None:
    """The class of figleaf's that an image's class stands for; None for none."""
    return labels.find(rules.same.get(label, label))


def unsafe_score(scores: Mapping[str, float]) -> float:
    """The summed probability of the unsafe classes, 0..1."""
    found = ((labels.find(name), score) for name, score in scores.items())
    return min(sum(score for label, score in found if label and label.unsafe), 1.0)


def doubt(expected: labels.Label, scores: Mapping[str, float], rules: ScreenRules) -> Doubt | None:
    """Whether, and how much, a model's scores contradict a class.

    Args:
        expected: the class that the image is of.
        scores: class -> probability, of one model.
        rules: from where on it counts.
    """
    unsafe = unsafe_score(scores)
    if expected.unsafe and unsafe <= rules.safe_below:
        return Doubt(DoubtKind.SAFE_AMONG_UNSAFE, 1 - unsafe, f"unsafe {unsafe:.3f}")
    if not expected.unsafe and unsafe >= rules.unsafe_above:
        return Doubt(DoubtKind.UNSAFE_AMONG_SAFE, unsafe, f"unsafe {unsafe:.3f}")
    if expected.name not in scores:  # a model of two classes knows no more
        return None
    other = max(scores, key=lambda name: scores[name])
    found = labels.find(other)
    is_as_safe = found is not None and found.unsafe == expected.unsafe
    if is_as_safe and found != expected and scores[other] >= rules.other_above:
        return Doubt(DoubtKind.OTHER_CLASS, scores[other], f"{other} {scores[other]:.3f}")
    return None
