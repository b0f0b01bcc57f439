"""Evaluation: a model on labelled images, every figure with where it comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf._version import __version__
from figleaf.classify.classifier import Classifier, load, policy_for
from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.errors import InputError
from figleaf.evaluation import turi
from figleaf.evaluation.candidates import check_candidates
from figleaf.evaluation.changed import Robustness, choose, robustness, score_changed
from figleaf.evaluation.classes import ClassView, class_view
from figleaf.evaluation.figures import Draws, plain
from figleaf.evaluation.labelled import Labelled, open_labelled
from figleaf.evaluation.operating import Aim, Point, SafetyView, decide, safety_view
from figleaf.evaluation.robustness import CHANGES
from figleaf.evaluation.rules import EvaluateRules
from figleaf.evaluation.scoring import ModelUsed, Scored, score_with, unsafe_columns
from figleaf.evaluation.slices import Slice, slices
from figleaf.evaluation.truth import Truth, truth_of
from figleaf.models.bundle import DEFAULT_MODEL

Data = str | Path | Sequence[str | Path] | Labelled
"""What can be evaluated on: see `labelled.open_labelled`; or images that are read already."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the figures of an evaluation come from.

    Attributes:
        model: its tag, the SHA-256 of its graph, its precision, how it decoded, the policy.
        data: what the data are called.
        data_sha256: of every image's hash and label.
        split_seed: of the split that the images are a part of; None without one.
        version: figleaf's.
        bootstrap: repeats, level and seed of the intervals.
    """

    model: ModelUsed
    data: str
    data_sha256: str
    split_seed: int | None
    version: str
    bootstrap: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types, flat."""
        return {
            "model": self.model.tag,
            "model_sha256": self.model.sha256,
            "precision": str(self.model.precision),
            "scaled_decoding": self.model.scaled,
            "policy": self.model.policy,
            "data": self.data,
            "data_sha256": self.data_sha256,
            "split_seed": self.split_seed,
            "figleaf": self.version,
            "bootstrap": dict(self.bootstrap),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said of one image; None where it could not be read, or has no such score.

    Attributes:
        model: its tag.
        path, sha256: of the image.
        label: its class, as the data have it.
        status: "ok", or why there is no answer.
        predicted: the most probable class.
        probability: of that one.
        right: whether it is the image's; None where the model has no such class.
        unsafe: the policy's unsafe score.
    """

    model: str
    path: str
    sha256: str
    label: str
    status: str
    predicted: str | None
    probability: float | None
    right: bool | None
    unsafe: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How one model does on labelled images.

    Attributes:
        origin: where the figures come from.
        images: labelled images that were found.
        failures: status -> images that could not be read; they are in no other figure.
        left_out: what lies beside them and is no labelled image -> how many.
        classes: the view of the model's own classes; None where the data's are others.
        safety: the view of safe and unsafe; None where the model does not tell them apart.
        slices: how right it is on parts of the data.
        robustness: what changes of the pictures do; empty where that was not asked for.
        notes: what a reader has to know.
        data: the images.
        scored: the scores.
    """

    origin: Origin
    images: int
    failures: Mapping[str, int]
    left_out: Mapping[str, int]
    classes: ClassView | None
    safety: SafetyView | None
    slices: tuple[Slice, ...]
    robustness: tuple[Robustness, ...]
    notes: tuple[str, ...]
    data: Labelled = field(repr=False)
    scored: Scored = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types: Turi Create's names at the top, the rest in `classes`, `safe_unsafe` and
        so on; null for what has no value."""
        return {
            **turi.figures(self.classes, self.safety),
            "source": self.origin.to_dict(),
            "images": self.images,
            "evaluated": self.images - sum(self.failures.values()),
            "failures": dict(self.failures),
            "left_out": dict(self.left_out),
            "classes": self.classes.to_dict() if self.classes else None,
            "safe_unsafe": self.safety.to_dict() if self.safety else None,
            "slices": [one.to_dict() for one in self.slices],
            "robustness": [one.to_dict() for one in self.robustness],
            "notes": list(self.notes),
        }

    def answers(self) -> Iterator[Answer]:
        """What the model said of each image, in the order of the data."""
        scored, unsafe = self.scored, self.scored.unsafe
        right = self._right()
        for n, (path, status) in enumerate(zip(self.data.paths, scored.statuses, strict=True)):
            row = scored.probabilities[n]
            best = None if np.isnan(row).any() else int(row.argmax())
            yield Answer(
                model=self.origin.model.tag,
                path=str(path),
                sha256=self.data.hashes[n],
                label=self.data.labels[n],
                status=str(status),
                predicted=None if best is None else scored.classes[best],
                probability=None if best is None else plain(float(row[best])),
                right=None if best is None or right is None else bool(right[n] == best),
                unsafe=None if unsafe is None else plain(float(unsafe[n])),
            )

    def _right(self) -> NDArray[np.int64] | None:
        """The number of each image's class."""
        policy = self.scored.policy
        return truth_of(
            self.data.labels, self.scored.classes, policy, self.origin.model.tag
        ).classes


def evaluate(
    data: Data,
    model: str | Path = DEFAULT_MODEL,
    *,
    rules: EvaluateRules = EvaluateRules(),  # noqa: B008  # frozen, and shown as it is in the docs
    watch: Watch = Watch(),  # noqa: B008  # as above
) -> Evaluation:
    """Evaluate a model on labelled images.

    Args:
        data: a data set's folder, a folder with a folder for each class, "CLASS=FOLDER", or several
            of these together.
        model: an embedded model's name, or a bundle's folder.
        rules: which part, policy, thresholds, and how.
        watch: is told how it goes.

    Raises:
        InputError: no labelled image, none that can be read, or a model that cannot be held against
            the labels.
        DatasetError: a data set that cannot be opened, or has no split; the message says what to
            type.
        ModelError, PolicyError, SourceError, MissingExtraError: see figleaf.errors.
    """
    return evaluate_all(data, [model], rules=rules, watch=watch)[0]


def evaluate_all(
    data: Data,
    models: Sequence[str | Path],
    *,
    rules: EvaluateRules = EvaluateRules(),  # noqa: B008  # frozen
    watch: Watch = Watch(),  # noqa: B008  # frozen
) -> list[Evaluation]:
    """Evaluate several models on the same images, one after another. See `evaluate`.

    Raises:
        InputError: also where no model is named.
    """
    if not models:
        raise InputError("no model to evaluate: name one or more")
    # Before any picture is looked at: a model that is not there, or that the labels do not fit.
    cards = check_candidates(models)
    policies = [policy_for(card, rules.policy) for card in cards]
    if not isinstance(data, Labelled):
        data = open_labelled(data, part=rules.part, watch=watch)
    truths = [
        truth_of(data.labels, card.labels, policy, card.tag)
        for card, policy in zip(cards, policies, strict=True)
    ]
    pairs = zip(models, truths, strict=True)
    return [_evaluated(data, model, truth, rules, watch) for model, truth in pairs]


def _evaluated(
    data: Labelled, model: str | Path, truth: Truth, rules: EvaluateRules, watch: Watch
) -> Evaluation:
    with load(
        model,
        policy=rules.policy,
        fast=rules.fast,
        precision=rules.precision,
        runtime=rules.runtime,
        threads=rules.threads,
    ) as classifier:
        watch.start(f"scoring with {classifier.model.card.tag}", len(data))
        scored = score_with(classifier, data.paths, scaled=rules.fast, done=watch.done)
        if not scored.ok.any():
            raise InputError(f"{data.name}: none of its {len(data):,} pictures can be read")
        changed = _changed(classifier, data, scored, truth, rules, watch)
    return assess(data, scored, truth, rules, changed)


def _changed(
    classifier: Classifier,
    data: Labelled,
    scored: Scored,
    truth: Truth,
    rules: EvaluateRules,
    watch: Watch,
) -> tuple[Robustness, ...]:
    if not rules.robustness:
        return ()
    readable = np.flatnonzero(scored.ok)
    hashes = [data.hashes[n] for n in readable]
    rows = readable[choose(hashes, rules.robustness_images, rules.seed)]
    paths = [data.paths[n] for n in rows]
    watch.start(f"changing pictures for {scored.used.tag}", len(paths))
    found = score_changed(classifier, paths, scaled=rules.fast, done=watch.done)
    return robustness(
        found,
        list(CHANGES),
        true=None if truth.classes is None else truth.classes[rows],
        unsafe=None if truth.unsafe is None else unsafe_columns(scored.classes, scored.policy),
        threshold=rules.threshold,
    )


def assess(
    data: Labelled,
    scored: Scored,
    truth: Truth,
    rules: EvaluateRules,
    changed: tuple[Robustness, ...] = (),
) -> Evaluation:
    """All figures of scores that are there; no picture is looked at.

    Args:
        data: the images.
        scored: what a model says of them; of at least one.
        truth: what is true of them.
        rules: thresholds, intervals, slices.
        changed: what changes of the pictures do.
    """
    ok = scored.ok
    seen = data.take(ok)
    draws = Draws(seen.groups, rules.repeats, rules.level, rules.seed)
    probabilities = scored.probabilities[ok]
    classes = safety = right = rightly = None
    if truth.classes is not None:
        true = truth.classes[ok]
        classes = class_view(true, probabilities, scored.classes, draws, rules.top_k)
        right = probabilities.argmax(axis=1) == true
    if truth.unsafe is not None and scored.unsafe is not None:
        unsafe, scores = truth.unsafe[ok], scored.unsafe[ok]
        columns = unsafe_columns(scored.classes, scored.policy)
        safety = safety_view(
            unsafe,
            scores,
            scored.policy,
            rules,
            draws,
            decisions=decide(unsafe, probabilities, scored.classes, scored.policy),
            unsafe_classes=[name for name, own in zip(scored.classes, columns, strict=True) if own],
            unsafe_labels=sorted({seen.labels[n] for n in np.flatnonzero(unsafe)}),
        )
        rightly = (scores >= rules.threshold) == unsafe
    bootstrap = {"repeats": rules.repeats, "level": rules.level, "seed": rules.seed}
    return Evaluation(
        origin=Origin(scored.used, data.name, data.fingerprint, data.seed, __version__, bootstrap),
        images=len(data),
        failures=dict(scored.failures),
        left_out=data.left_out,
        classes=classes,
        safety=safety,
        slices=slices(seen, {"accuracy": right, "safety": rightly}, draws, rules.least),
        robustness=changed,
        notes=(*_notes_on_data(data), *_notes(truth, scored, classes, safety)),
        data=data,
        scored=scored,
    )


def _notes_on_data(data: Labelled) -> Iterator[str]:
    if trained := data.parts.count(Part.TRAIN):
        images = "1 image is" if trained == 1 else f"{trained:,} images are"
        yield f"{images} of part train: a model that was trained on them looks better than it is"


def _notes(
    truth: Truth, scored: Scored, classes: ClassView | None, safety: SafetyView | None
) -> Iterator[str]:
    model, policy = scored.used.tag, scored.used.policy
    if classes and (missing := [one.label for one in classes.figures if not one.support]):
        names = ", ".join(missing)
        yield f"no image is {names}: means over the classes leave out what has no value for them"
    if truth.others:
        names = ", ".join(truth.others)
        yield f"{model} has no class {names}: only safe and unsafe are compared"
    if safety is None:
        yield f"{model} has no class that {policy} calls unsafe, or no other: no view of the two"
        return
    if truth.own:
        names = ", ".join(truth.own)
        yield f"{names} count as safe: neither figleaf nor {policy} has a class of that name"
    if not safety.unsafe:
        yield "none of these images is unsafe: nothing can be said of what is missed"
    if not safety.safe:
        yield "none of these images is safe: nothing can be said of false alarms"
    for point in safety.points:
        if point.is_too_fine:
            yield _too_fine(point, safety)


def _too_fine(point: Point, safety: SafetyView) -> str:
    """What to say of an aim that is less than one image away from none, or from all."""
    if point.aim is Aim.RECALL:
        return (
            f"a recall of {point.target:g} cannot be told from 1 by {safety.unsafe:,} unsafe images"
        )
    return (
        f"a false-positive rate of {point.target:g} cannot be told from 0 by {safety.safe:,} safe"
        " images"
    )
