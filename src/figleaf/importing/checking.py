"""A model's answers on pictures that are known to be safe: a reversed index would call them unsafe.

The only check of the labels that needs no unsafe picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImageError, ImportModelError, InputError
from figleaf.images import Limits, decode
from figleaf.importing.imported import Imported
from figleaf.importing.verifying import opened
from figleaf.labels import LABELS
from figleaf.models.model import Model

MOST = 200
_THRESHOLD = 0.5
_MOST_UNSAFE = 0.5


@dataclass(frozen=True, slots=True)
class Checked:
    """How many safe pictures were looked at, and how many of them were called unsafe."""

    pictures: int
    unsafe: int

    @property
    def share(self) -> float:
        """Of the pictures, those that were called unsafe."""
        return self.unsafe / self.pictures


def check_on(imported: Imported, folder: Path) -> Checked:
    """Classify safe pictures with a model that is not written yet.

    Args:
        imported: the model.
        folder: of pictures that are safe, folders in it included; up to `MOST` are looked at, from
            all over it.

    Raises:
        InputError: there is no such folder, or no picture in it.
        ImportModelError: more than half of them are unsafe to the model, or none of its classes
            are.
    """
    model = opened(imported.card, imported.graph)
    unsafe = [i for i, name in enumerate(model.card.labels) if _is_unsafe(name)]
    if not unsafe:
        raise ImportModelError(
            f"--check: none of {', '.join(model.card.labels)} is known as unsafe: there is"
            " nothing to check"
        )
    scores = [float(row[unsafe].sum()) for row in _rows(model, folder)]
    if not scores:
        raise InputError(f"{folder}: no picture in it that can be read")
    checked = Checked(len(scores), sum(score > _THRESHOLD for score in scores))
    if checked.share > _MOST_UNSAFE:
        raise ImportModelError(
            f"{checked.unsafe} of {checked.pictures} safe pictures are unsafe to this model: its"
            " classes are most probably the wrong way round. Nothing was written; see the model's"
            " own card, and --label"
        )
    return checked


def _is_unsafe(name: str) -> bool:
    return name in LABELS and LABELS[name].unsafe


def _rows(model: Model, folder: Path) -> Iterator[NDArray[np.float32]]:
    """The probabilities of each picture that can be read."""
    for path in _spread(folder):
        try:
            picture = decode(path.read_bytes(), limits=Limits(), background=model.card.background)
        except (ImageError, OSError):
            continue
        yield model.run([model.prepare(picture.pixels)]).probabilities[0]


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not there, before any work is done.

    Raises:
        InputError: it is not.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")


def _spread(folder: Path) -> list[Path]:
    """Files from all over a folder, whose order often goes by what they show."""
    check_folder(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    step = max(1, len(files) / MOST)
    return [files[int(i * step)] for i in range(min(MOST, len(files)))]
