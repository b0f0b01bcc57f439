"""What figleaf says of one input. Its dictionary is the one schema of CLI, HTTP and browser."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from figleaf.errors import InputError, Status
from figleaf.images.box import Box
from figleaf.models.runtime import Precision


class Decision(StrEnum):
    """What a policy makes of scores, from harmless to harmful."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"

    @property
    def severity(self) -> int:
        """0 for allow, 1 for review, 2 for block."""
        return list(Decision).index(self)


class Schema(StrEnum):
    """The shapes that `Prediction.to_dict` can take."""

    FIGLEAF = "figleaf"
    NSFWJS = "nsfwjs"


@dataclass(frozen=True, slots=True)
class FrameScores:
    """What figleaf says of one frame of a moving picture.

    seconds: when it is shown, counted from the first frame.
    scores: class -> probability in 0..1, most probable first; the first k with top_k=k.
    unsafe: the summed probability of the classes that the policy calls unsafe, in 0..1, or None.
    decision: what the policy makes of this frame alone.
    """

    seconds: float
    scores: Mapping[str, float]
    unsafe: float | None
    decision: Decision | None

    def top(self, k: int) -> "FrameScores":
        """The same with only the `k` most probable classes in `scores`."""
        return replace(self, scores=dict(list(self.scores.items())[:k]))

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of plain JSON types; numbers are rounded to six decimals."""
        return {
            "seconds": round(self.seconds, 6),
            "scores": _rounded(self.scores),
            "unsafe": None if self.unsafe is None else round(self.unsafe, 6),
            "decision": None if self.decision is None else str(self.decision),
        }


@dataclass(frozen=True, slots=True)
class ViewScores:
    """What figleaf says of a part of a still picture.

    name: "whole", "trimmed" (without its border), "centre", "top left" and so on.
    box: where it is, in the picture's pixels.
    scores: class -> probability in 0..1, most probable first; the first k with top_k=k.
    unsafe: the summed probability of the classes that the policy calls unsafe, in 0..1, or None.
    decision: what the policy makes of this part alone.
    """

    name: str
    box: Box
    scores: Mapping[str, float]
    unsafe: float | None
    decision: Decision | None

    def top(self, k: int) -> "ViewScores":
        """The same with only the `k` most probable classes in `scores`."""
        return replace(self, scores=dict(list(self.scores.items())[:k]))

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of plain JSON types; `box` is left, top, right, bottom."""
        box = self.box
        return {
            "name": self.name,
            "box": [round(side) for side in (box.left, box.top, box.right, box.bottom)],
            "scores": _rounded(self.scores),
            "unsafe": None if self.unsafe is None else round(self.unsafe, 6),
            "decision": None if self.decision is None else str(self.decision),
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """What figleaf says of one input: scores by a model, a decision by a policy, and why.

    input: the path as it was given, or "<bytes>", "<array>", "<image>", "<file>".
    status: OK, or the kind of failure; then there is no label, score or unsafe score. Nor is there
        where a list decided (see `figleaf.classify.lists`), with the status OK.
    label: the most probable class.
    scores: class -> probability in 0..1, most probable first; the first k with top_k=k.
    unsafe: the summed probability of the classes that the policy calls unsafe, in 0..1; None where
        the model has none of them.
    decision: None only where the policy has no rule for any class of the model.
    reason: the rule or the list that decided, or what was wrong with the input.
    policy, model: name and version, as in "balanced@1".
    precision: what the model computed in.
    frames: of a moving picture the frames that were looked at, in order of time; else none.
    views: of a still picture that was looked at in crops too, all that was looked at; else none.
    """

    input: str
    status: Status
    label: str | None
    scores: Mapping[str, float]
    unsafe: float | None
    decision: Decision | None
    reason: str
    policy: str
    model: str
    precision: Precision
    frames: tuple[FrameScores, ...] = ()
    views: tuple[ViewScores, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the input could be classified, or a list decided on it."""
        return self.status is Status.OK

    def top(self, k: int) -> "Prediction":
        """The same with only the `k` most probable classes in `scores`."""
        frames = tuple(frame.top(k) for frame in self.frames)
        views = tuple(view.top(k) for view in self.views)
        scores = dict(list(self.scores.items())[:k])
        return replace(self, scores=scores, frames=frames, views=views)

    def to_dict(self, schema: Schema | str = Schema.FIGLEAF) -> dict[str, Any]:
        """A dictionary of plain JSON types; probabilities are rounded to six decimals.

        Args:
            schema: "figleaf", every field of this class by its name, `frames` and `views` only
                where there are any; or "nsfwjs", whose `predictions` are what NSFW JS's `classify`
                returns.

        Raises:
            InputError: another schema.
        """
        if schema not in list(Schema):
            raise InputError(f"schema must be one of {', '.join(Schema)}, not {schema!r}")
        if schema == Schema.NSFWJS:
            predictions = [
                {"className": _nsfwjs_name(name), "probability": round(score, 6)}
                for name, score in self.scores.items()
            ]
            return {"input": self.input, "status": str(self.status), "predictions": predictions}
        record: dict[str, Any] = {
            "input": self.input,
            "status": str(self.status),
            "label": self.label,
            "scores": _rounded(self.scores),
            "unsafe": None if self.unsafe is None else round(self.unsafe, 6),
            "decision": None if self.decision is None else str(self.decision),
            "reason": self.reason,
            "policy": self.policy,
            "model": self.model,
            "precision": str(self.precision),
        }
        # A still picture's result has the fields that it always had.
        if self.frames:
            record["frames"] = [one.to_dict() for one in self.frames]
        if self.views:
            record["views"] = [one.to_dict() for one in self.views]
        return record


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(score, 6) for name, score in scores.items()}


def _nsfwjs_name(label: str) -> str:
    return "Drawing" if label == "drawings" else label.capitalize()
