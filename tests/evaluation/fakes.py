"""Labelled images that are none, and scores of a model that there is not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figleaf.classify.policy import load_policy
from figleaf.errors import Status
from figleaf.evaluation.evaluate import Evaluation, assess
from figleaf.evaluation.labelled import Labelled
from figleaf.evaluation.rules import EvaluateRules
from figleaf.evaluation.scoring import ModelUsed, Scored
from figleaf.evaluation.truth import truth_of
from figleaf.models.runtime import Precision

FIVE = ("drawings", "hentai", "neutral", "porn", "sexy")


def labelled(labels: Sequence[str], **more: Any) -> Labelled:
    """Images of these classes, each a group of its own, of one source."""
    count = len(labels)
    side = np.full(count, 300, np.int64)
    values: dict[str, Any] = {
        "name": "made up",
        "paths": tuple(Path(f"{n}.jpg") for n in range(count)),
        "labels": tuple(labels),
        "hashes": tuple(f"{n:064x}" for n in range(count)),
        "groups": np.arange(count),
        "sources": (("made up",),) * count,
        "formats": ("jpeg",) * count,
        "widths": side,
        "heights": side,
        "sizes": side,
        "parts": ("test",) * count,
        "seed": 7,
    }
    return Labelled(**(values | more))


def scored(
    probabilities: Sequence[Sequence[float]],
    classes: Sequence[str] = FIVE,
    policy: str = "balanced",
) -> Scored:
    """What a model says; a row of nan is an image that it could not read."""
    rows = np.array(probabilities, np.float32)
    chosen = load_policy(policy)
    used = ModelUsed("fake@1", "ab" * 32, Precision.F32, False, chosen.tag)
    statuses = tuple(Status.TRUNCATED if np.isnan(row).any() else Status.OK for row in rows)
    return Scored(used, tuple(classes), rows, statuses, chosen)


def evaluated(
    labels: Sequence[str],
    probabilities: Sequence[Sequence[float]],
    classes: Sequence[str] = FIVE,
    policy: str = "balanced",
    rules: EvaluateRules = EvaluateRules(repeats=50),  # noqa: B008  # frozen
    **more: Any,
) -> Evaluation:
    """All figures of a model that says this of images of these classes."""
    found, data = scored(probabilities, classes, policy), labelled(labels, **more)
    truth = truth_of(data.labels, found.classes, found.policy, "fake@1")
    return assess(data, found, truth, rules)


def guesses(classes: int, images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True classes, and probabilities that are right in most cases."""
    random = np.random.default_rng(seed)
    true = random.integers(classes, size=images)
    logits = random.normal(size=(images, classes))
    logits[np.arange(images), true] += 2
    shares = np.exp(logits)
    return true, (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
