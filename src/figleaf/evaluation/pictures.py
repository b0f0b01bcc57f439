"""Pictures that nobody has labelled, and what models say of them: the test on unseen pictures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.classify.classifier import Classifier, load
from figleaf.classify.policy import Policy
from figleaf.classify.prediction import Prediction
from figleaf.classify.source import walk
from figleaf.curate.watch import Watch
from figleaf.errors import InputError, Status
from figleaf.evaluation.candidates import check_candidates, distinct_names
from figleaf.models.runtime import Precision

TOP = 3
"""Classes of each picture, as the reference showed."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A model that was asked.

    Attributes:
        name: its name and version; of models that share them, with digits of their hashes.
        sha256: of its graph, in hex.
        labels: its classes.
        precision: what it computed in.
    """

    name: str
    sha256: str
    labels: tuple[str, ...]
    precision: Precision


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture, and what each model says of it, the models in order."""

    path: Path
    predictions: tuple[Prediction, ...]

    @property
    def status(self) -> Status:
        """OK where every model could look at it, else why one could not."""
        return next((one.status for one in self.predictions if not one.ok), Status.OK)

    @property
    def reason(self) -> str:
        """What was wrong with the file; empty for nothing."""
        return next((one.reason for one in self.predictions if not one.ok), "")


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a folder, and what models say of them.

    Attributes:
        folder: as it was given.
        version: figleaf's.
        k: classes of each picture, the most probable ones.
        fast: whether pictures were decoded at a fraction of their size.
        voices: the models, in order.
        seen: every file of the folder, in the order of their names.
    """

    folder: Path
    version: str
    k: int
    fast: bool
    voices: tuple[Voice, ...]
    seen: tuple[Seen, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of all models, each once, in order."""
        return tuple(dict.fromkeys(label for one in self.voices for label in one.labels))

    @property
    def failed(self) -> Mapping[str, int]:
        """Why files could not be looked at, and how many; the most frequent first."""
        counts = Counter(str(one.status) for one in self.seen if one.status is not Status.OK)
        return dict(counts.most_common())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; a prediction is what `Prediction.to_dict` gives, but for its path."""
        return {
            "folder": str(self.folder),
            "version": self.version,
            "top_k": self.k,
            "fast": self.fast,
            "models": [
                {
                    "name": one.name,
                    "sha256": one.sha256,
                    "labels": list(one.labels),
                    "precision": str(one.precision),
                }
                for one in self.voices
            ],
            "images": len(self.seen),
            "failed": dict(self.failed),
            "pictures": [
                {
                    "path": str(one.path),
                    "status": str(one.status),
                    "reason": one.reason,
                    "predictions": [_without_input(said) for said in one.predictions],
                }
                for one in self.seen
            ],
        }


def look(
    folder: str | Path,
    models: Sequence[str | Path],
    *,
    k: int = TOP,
    policy: str | Path | Policy | None = None,
    fast: bool = False,
    precision: Precision | str | None = None,
    threads: int | None = None,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
) -> Pictures:
    """Ask models about every file of a folder and of the folders in it, one model after another.

    Args:
        folder: where the pictures are; hidden files are left out. A file that is no picture is
            among the results, with its status.
        models: embedded models' names or bundles' folders, at least one.
        k: how many classes of each picture, the most probable ones.
        policy: whose sum is the unsafe score; by default what each model's card suggests.
        fast: bf16 where the processor has it, and scaled decoding.
        precision: "f32" or "bf16"; overrides what `fast` would choose.
        threads: batches at work at once; one a core by default.
        watch: is told how it goes.

    Raises:
        InputError: no model, `k` below 1, or a folder that is not there or has no files.
        ModelError, PolicyError: a model or a policy that cannot be used.
    """
    if not models:
        raise InputError("no model to ask: name at least one")
    if k < 1:
        raise InputError(f"k must be at least 1, not {k}")
    check_candidates(models)
    paths = tuple(walk(folder))
    if not paths:
        raise InputError(f"{folder}: no files here; name a folder of pictures")
    voices, answers = [], []
    for model in models:
        with load(
            model, policy=policy, fast=fast, precision=precision, threads=threads
        ) as classifier:
            voices.append(_voice(classifier))
            watch.start(voices[-1].name, len(paths))
            answers.append(list(_watched(classifier.stream(paths, top_k=k), watch)))
    names = distinct_names([(one.name, one.sha256) for one in voices])
    rows = zip(paths, zip(*answers, strict=True), strict=True)
    return Pictures(
        folder=Path(folder),
        version=__version__,
        k=k,
        fast=fast,
        voices=tuple(replace(one, name=name) for one, name in zip(voices, names, strict=True)),
        seen=tuple(Seen(Path(path), said) for path, said in rows),
    )


def _voice(classifier: Classifier) -> Voice:
    model = classifier.model
    card = model.card
    return Voice(card.tag, card.sha256["model.onnx"], card.labels, model.precision)


def _watched(predictions: Iterator[Prediction], watch: Watch) -> Iterator[Prediction]:
    for count, prediction in enumerate(predictions, 1):
        yield prediction
        watch.done(count)


def _without_input(prediction: Prediction) -> dict[str, Any]:
    found = prediction.to_dict()
    del found["input"]
    return found
