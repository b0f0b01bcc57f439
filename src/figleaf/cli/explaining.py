"""`figleaf classify --explain`: for each input a PNG of which parts of it the score is about."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from figleaf.classify.classifier import Classifier
from figleaf.classify.explain import Explainer
from figleaf.classify.prediction import Prediction
from figleaf.cli.terminal import say
from figleaf.errors import ImageError, InputError

_MOST = 10_000
"""How many pictures of one name there may be in a folder."""
_LONGEST = 200
"""Bytes of a file's name that are kept: file systems take 255."""


@dataclass(frozen=True, slots=True)
class Explaining:
    """What `--explain` was given.

    Attributes:
        folder: where the PNGs go; it is made where it is missing.
        unblurred: show the pictures under the maps.
        label: the class that is explained; None for the unsafe score.
    """

    folder: Path
    unblurred: bool = False
    label: str | None = None

    def check(self) -> None:
        """Make the folder, before any work is done.

        Raises:
            InputError: it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--explain {self.folder}: {error.strerror}") from error


def explaining(folder: Path | None, label: str | None, *, unblurred: bool) -> Explaining | None:
    """What the options ask for; None where `--explain` is not among them.

    Raises:
        InputError: another of them is.
    """
    if folder is not None:
        return Explaining(folder, unblurred, label)
    if label is not None or unblurred:
        option = "--explain-label" if label is not None else "--explain-unblurred"
        raise InputError(f"{option} is about what --explain DIR writes: give that too")
    return None


@dataclass(slots=True)
class Explanations:
    """Writes a PNG for each input that is a file and was classified by the model."""

    explainer: Explainer
    given: Explaining
    written: int = 0
    without: int = 0
    _taken: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, classifier: Classifier, given: Explaining) -> "Explanations":
        """Those of a classifier.

        Raises:
            InputError: its model has no class that was asked for.
        """
        labels = classifier.model.card.labels
        if given.label is not None and given.label not in labels:
            raise InputError(f"--explain-label {given.label}: the model has {', '.join(labels)}")
        return cls(Explainer(classifier), given)

    def write(self, prediction: Prediction) -> Path | None:
        """Explain what was said of an input; None where there is nothing to explain.

        What failed has no explanation, nor what a list decided, nor what is no file that can be
        read once more: standard input and URLs.

        Args:
            prediction: with all of its classes.

        Raises:
            OSError: the PNG cannot be written.
        """
        from figleaf.report.overlay import overlay

        if not (prediction.ok and prediction.scores and os.path.isfile(prediction.input)):  # noqa: PTH113  # a path may be any str, a NUL byte included
            self.without += 1
            return None
        try:
            found = self.explainer.explain(
                prediction.input, label=self.given.label, prediction=prediction
            )
        except ImageError:  # it was there when it was classified
            self.without += 1
            return None
        name = Path(prediction.input).name
        png = overlay(found, name, unblurred=self.given.unblurred)
        self.written += 1
        return self._saved(name, png)

    def _saved(self, name: str, png: bytes) -> Path:
        """Write under a name that nothing has yet: photo.jpg.png, photo.jpg-2.png and so on."""
        name = os.fsdecode(os.fsencode(name)[:_LONGEST])
        for number in range(self._taken.get(name, 1), _MOST):
            path = self.given.folder / (f"{name}.png" if number == 1 else f"{name}-{number}.png")
            with suppress(FileExistsError):
                _write_new(path, png)
                self._taken[name] = number + 1
                return path
        raise InputError(f"{self.given.folder}: holds {_MOST:,} explanations of {name}")

    def summarise(self) -> None:
        """Say on standard error how many there are, and by which method."""
        explained = f"{self.written:,} explained in {self.given.folder}, by {self.explainer.method}"
        left = f"; {self.without:,} without an explanation" if self.without else ""
        say(f"{explained}{left}")
        if self.explainer.why_not_places:
            say(f"not by places: {self.explainer.why_not_places}")


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet; of one that cannot be written whole nothing is left."""
    with path.open("xb") as file:
        try:
            file.write(data)
            file.flush()
        except OSError:
            path.unlink()
            raise
