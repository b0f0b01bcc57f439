"""What heads say of the images of train that they have not seen: each fold by the others.

One fold is in memory at a time where there are many images: no more than training takes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.watch import Watch
from figleaf.errors import DatasetError
from figleaf.models.runtime import available_cores
from figleaf.training import logistic
from figleaf.training.class_weights import class_weights
from figleaf.training.coordinates import covariance_of
from figleaf.training.examples import Examples
from figleaf.training.features import Features
from figleaf.training.head import Head
from figleaf.training.holding import folds, held_out
from figleaf.training.logistic import Threads
from figleaf.training.probe import (
    MANY,
    Probe,
    Scale,
    Table,
    fit_with_folds,
    fit_with_part,
    one_thread,
    take_roots,
)
from figleaf.training.rules import TrainRules
from figleaf.training.steps import MOST_IN_FOLDS, Steps, tries

_ROWS = 4096  # that a head is applied to at a time


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Judgements of images by heads that have not seen them.

    Attributes:
        logits: float32 of shape (images, classes).
        folds: int64 of shape (images,), from 0: what each image was held out with.
        head: one that has seen all of them, for others.
        l2: the penalty of all these heads.
        shares: of the backbones, see `probe.Tried`.
    """

    logits: NDArray[np.float32]
    folds: NDArray[np.int64]
    head: Head
    l2: float
    shares: tuple[float, ...]


def out_of_fold(
    features: Features,
    examples: Examples,
    classes: int,
    rules: TrainRules,
    *,
    count: int = 5,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
    most_together: int = MOST_IN_FOLDS,
) -> OutOfFold:
    """Judge each image by a head that was fitted on the folds that it is not in.

    Near duplicates, and frames of one film, are in one fold. The penalty is chosen as `figleaf
    train` chooses it: by all folds, or, of many images, by a share of them that is held out once.

    Args:
        features: of all the images.
        examples: the images, all of which have features.
        classes: how many there are.
        rules: penalty, class weights and seed.
        count: how many folds.
        watch: is told how it goes.
        most_together: images up to which all folds are in memory at once.

    Raises:
        DatasetError: the images are all of one group, or too few to hold some of each class out.
    """
    numbers = folds(examples, count, rules.seed)
    if len(np.unique(numbers)) < 2:  # near duplicates all, or frames of one film
        raise DatasetError("the images of train are all of one group: collect others as well")
    job = _Job(features, examples, classes, rules, Steps(watch))
    found = job.together(numbers) if len(examples) <= most_together else job.apart(numbers)
    return OutOfFold(found.logits, numbers, found.head, found.l2, found.shares)


@dataclass(frozen=True, slots=True)
class _Found:
    logits: NDArray[np.float32]
    head: Head
    l2: float
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """What is judged, and how."""

    features: Features
    examples: Examples
    classes: int
    rules: TrainRules
    steps: Steps

    def together(self, numbers: NDArray[np.int64]) -> _Found:
        """All folds at once."""
        self.steps.start(self._tries * len(np.unique(numbers)) + 1)
        table = self._table(self.examples)
        found = fit_with_folds(table, numbers, self.classes, self.rules, self.steps.step)
        return _Found(found.logits, found.head, found.l2, found.shares)

    def apart(self, numbers: NDArray[np.int64]) -> _Found:
        """A fold at a time, under the penalty that a part of the images has chosen."""
        present = np.unique(numbers)
        self.steps.start(self._tries + len(present) + 1)
        chosen = self._chosen()
        logits = np.empty((len(self.examples), self.classes), np.float32)
        for one in present:
            own = numbers == one
            head = self._fitted(self.examples.take(~own), chosen)
            logits[own] = self._applied(head, self.examples.take(own))
        head = self._fitted(self.examples, chosen)
        return _Found(logits, head, chosen.l2, chosen.shares)

    @property
    def _tries(self) -> int:
        return tries(self.rules, len(self.features.backbones))

    def _table(self, examples: Examples) -> Table:
        blocks = tuple(one.width for one in self.features.backbones)
        return Table(self.features.matrix(examples), examples.labels, blocks)

    def _chosen(self) -> Probe:
        out = held_out(self.examples, self.rules.validation, self.rules.seed)
        inner, outer = self.examples.take(~out), self.examples.take(out)
        if not len(outer) or len(np.unique(inner.labels)) < len(np.unique(self.examples.labels)):
            raise DatasetError("too few images to hold any out for validation: collect more")
        tables = self._table(inner), self._table(outer)
        return fit_with_part(*tables, self.classes, self.rules, self.steps.step)

    def _fitted(self, examples: Examples, chosen: Probe) -> Head:
        head = fit_head(self._table(examples), self.classes, self.rules, chosen.l2, chosen.shares)
        self.steps.step()
        return head

    def _applied(self, head: Head, examples: Examples) -> NDArray[np.float32]:
        return in_pieces(head.logits, self.features, examples, self.classes)


def in_pieces(
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    features: Features,
    examples: Examples,
    width: int,
) -> NDArray[np.float32]:
    """A function of features, applied to some images piece by piece, so that memory is bounded.

    Args:
        function: gives float32 of shape (n, width) for features of shape (n, of the backbones).
        features: of the images.
        examples: the images, all of which have features.
        width: of what the function gives.

    Returns:
        float32 of shape (images, width).
    """
    found = np.empty((len(examples), width), np.float32)
    for start in range(0, len(examples), _ROWS):
        piece = np.arange(start, min(start + _ROWS, len(examples)))
        found[piece] = function(features.matrix(examples.take(piece)))
    return found


def fit_head(
    table: Table, classes: int, rules: TrainRules, l2: float, shares: tuple[float, ...]
) -> Head:
    """A head on all images of a table, under a penalty and shares that are known.

    Args:
        table: the images; its features are changed in place.
        classes: how many there are.
        rules: the class weights.
        l2: the penalty.
        shares: of the backbones, see `probe.Tried`.
    """
    with one_thread(), ThreadPoolExecutor(available_cores()) as threads:
        of_roots = take_roots(table)
        scale = Scale.of(table.features)
        factors = np.ones(len(scale.mean), np.float32)
        for block, share in zip(table.slices, shares, strict=True):
            factors[block] = share
        scale = replace(scale, deviation=scale.deviation / factors)
        features = scale.standardise(table.features)
        images, width = features.shape
        weights = class_weights(table.labels, classes, rules.class_weights, rules.power)
        found = logistic.fit(
            features,
            table.labels,
            weights[table.labels],
            l2,
            logistic.zeros(width, classes),
            covariance=covariance_of(features) if images >= MANY * width else None,
            threads=Threads(threads, available_cores()),
        )
    weight, bias = found.weight.astype(np.float32), found.bias.astype(np.float32)
    return Head(scale.mean, scale.deviation, weight, bias, of_roots=of_roots)
