"""Whether a loaded server says of a photo what figleaf says of it alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import figleaf
from benchmarks.load import Answers
from benchmarks.serve_sides import MODEL, Side

_MEASURED = ("scores", "unsafe")
_OWN = (*_MEASURED, "input", "sha256")


@dataclass(frozen=True, slots=True)
class Expected:
    """Of a photo: its SHA-256, and `Prediction.to_dict()` of its bytes."""

    sha256: str
    prediction: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Answers under load beside what was expected of them.

    Attributes:
        answers: all that were compared.
        photos: how many of them were answered.
        unsteady: of how many photos the server did not always say the same.
        worst: the largest difference of a score.
        otherwise: answers that differ in anything but scores: label, decision, digest, ...
    """

    answers: int
    photos: int
    unsteady: int
    worst: float
    otherwise: int


def expected(side: Side, photos: Sequence[Path]) -> list[Expected]:
    """What figleaf says of the photos, one by one; of a peer's photos, in f32."""
    with figleaf.load(MODEL, **(side.options or {})) as classifier:  # type: ignore[arg-type]  # of several types
        return [_expected(classifier, photo.read_bytes()) for photo in photos]


def agreement(answers: Answers, wanted: Sequence[Expected], *, ours: bool) -> Agreement:
    """Compare answers; a peer's have nothing but the score."""
    worst, otherwise = 0.0, 0
    for photo, bodies in answers.items():
        for body, count in bodies.items():
            found = json.loads(body)
            worst = max(worst, _difference(found, wanted[photo], ours=ours))
            otherwise += count if ours and not _is_alike(found, wanted[photo]) else 0
    return Agreement(
        answers=sum(count for bodies in answers.values() for count in bodies.values()),
        photos=len(answers),
        unsteady=sum(len(bodies) > 1 for bodies in answers.values()),
        worst=worst,
        otherwise=otherwise,
    )


def _expected(classifier: figleaf.Classifier, photo: bytes) -> Expected:
    return Expected(sha256(photo).hexdigest(), classifier.classify(photo).to_dict())


def _difference(found: Any, wanted: Expected, *, ours: bool) -> float:
    scores: dict[str, float] = wanted.prediction["scores"]
    if not ours:
        return abs(float(found["nsfw"]) - scores["nsfw"])
    said: dict[str, float] = found["results"][0]["scores"]
    return max(abs(said.get(label, 0.0) - score) for label, score in scores.items())


def _is_alike(found: Any, wanted: Expected) -> bool:
    """Whether all is as expected but for the measured numbers and the input's name."""
    said = found["results"]
    return (
        len(said) == 1
        and said[0]["sha256"] == wanted.sha256
        and all(
            said[0][name] == value for name, value in wanted.prediction.items() if name not in _OWN
        )
        and said[0]["scores"].keys() == wanted.prediction["scores"].keys()
    )
