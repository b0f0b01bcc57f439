"""A model's answers on changed pictures, beside its answers on the pictures as they are."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.classifier import Classifier
from figleaf.classify.decoding import decoder_for
from figleaf.classify.source import Reader
from figleaf.classify.stream import ordered_map
from figleaf.errors import ImageError
from figleaf.evaluation.figures import plain
from figleaf.evaluation.robustness import CHANGES, Change
from figleaf.images import Limits
from figleaf.metrics.ratios import quotient

LIMITS = Limits(max_pixels=25_000_000)
"""Of pictures that are changed: one that is enlarged takes four times its memory, on every core."""


@dataclass(frozen=True, slots=True)
class Robustness:
    """What one change does to the answers.

    Attributes:
        change: its name; one of `robustness.CHANGES`.
        images: that were changed.
        accuracy: the share of changed images whose class was the most probable one; nan without
            that view.
        accuracy_before: the same of these images as they are.
        same_class: the share whose most probable class is as before.
        safe_to_unsafe: images called safe before and unsafe now, at the rules' threshold; None
            without that view.
        unsafe_to_safe: the reverse, likewise.
        called_safe, called_unsafe: images that were so before, likewise.
        shift: the mean absolute change of the unsafe score; nan without that view.
    """

    change: str
    images: int
    accuracy: float
    accuracy_before: float
    same_class: float
    safe_to_unsafe: int | None
    unsafe_to_safe: int | None
    called_safe: int | None
    called_unsafe: int | None
    shift: float

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        return {name: plain(getattr(self, name)) for name in self.__slots__}


def choose(hashes: Sequence[str], most: int, seed: int) -> NDArray[np.int64]:
    """The numbers of at most so many images, by a hash of the seed and theirs, in their order."""
    keys = [hashlib.sha256(f"{seed} {one}".encode()).digest() for one in hashes]
    ranked = sorted(range(len(keys)), key=lambda number: (keys[number], number))
    return np.array(sorted(ranked[:most]), np.int64)


def score_changed(
    classifier: Classifier,
    paths: Sequence[Path],
    *,
    scaled: bool,
    changes: Mapping[str, Change] = CHANGES,
    done: Callable[[int], None] = lambda images: None,
) -> NDArray[np.float32]:
    """Score each picture as it is, and under every change; it is read and decoded once.

    Args:
        classifier: the classifier.
        paths: of the files.
        scaled: whether large JPEGs are decoded at a fraction of their size.
        changes: name -> change.
        done: is told how many pictures are done.

    Returns:
        float32 of shape (pictures, 1 + changes, classes), the picture as it is first; nan for one
        that cannot be read, or has more pixels than `LIMITS`.
    """
    model = classifier.model
    reader = Reader(decoder_for(model, LIMITS, scaled=scaled), LIMITS, model.card.background)
    nothing = np.full((1 + len(changes), len(model.card.labels)), np.nan, np.float32)

    def scores(path: Path) -> NDArray[np.float32]:
        try:
            pixels = reader.pixels(path)
            # Prepared one by one: of each change only what the model takes is kept.
            prepared = [model.prepare(pixels)]
            prepared += [model.prepare(change(pixels)) for change in changes.values()]
        except (ImageError, MemoryError):
            return nothing
        return model.run(prepared).probabilities

    found = []
    with ThreadPoolExecutor(model.streams, thread_name_prefix="figleaf") as threads:

        def submit(path: Path) -> Future[NDArray[np.float32]]:
            return threads.submit(scores, path)

        for number, rows in enumerate(ordered_map(submit, paths, 2 * model.streams)):
            found.append(rows)
            done(number + 1)
    return np.array(found, np.float32).reshape(len(found), *nothing.shape)


def robustness(
    probabilities: NDArray[np.float32],
    changes: Sequence[str],
    *,
    true: NDArray[np.int64] | None,
    unsafe: NDArray[np.bool_] | None,
    threshold: float,
) -> tuple[Robustness, ...]:
    """What each change does.

    Args:
        probabilities: of shape (images, 1 + changes, classes), from `score_changed`; images that
            are nan are left out.
        changes: their names.
        true: the number of each image's class; None without that view.
        unsafe: which of the classes are, of shape (classes,); None without that view.
        threshold: the unsafe score from which on an image is called unsafe.
    """
    there = ~np.isnan(probabilities).any(axis=(1, 2))
    rows = probabilities[there]
    best = rows.argmax(axis=2)
    right = None if true is None else best == true[there, None]
    scores = None if unsafe is None else np.minimum(rows[:, :, unsafe].sum(axis=2), 1.0)
    called = None if scores is None else scores >= threshold
    return tuple(
        Robustness(
            change=name,
            images=len(rows),
            accuracy=_mean(right, n),
            accuracy_before=_mean(right, 0),
            same_class=quotient(int((best[:, n] == best[:, 0]).sum()), len(rows)),
            safe_to_unsafe=None if called is None else int((called[:, n] & ~called[:, 0]).sum()),
            unsafe_to_safe=None if called is None else int((~called[:, n] & called[:, 0]).sum()),
            called_safe=None if called is None else int((~called[:, 0]).sum()),
            called_unsafe=None if called is None else int(called[:, 0].sum()),
            shift=_mean(None if scores is None else np.abs(scores - scores[:, :1]), n),
        )
        for n, name in enumerate(changes, 1)
    )


def _mean(values: NDArray[Any] | None, column: int) -> float:
    """The mean of a column; nan where there is none."""
    if values is None:
        return float("nan")
    return quotient(float(values[:, column].sum()), len(values))
