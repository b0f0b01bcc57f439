"""A head on frozen features: logistic regression, its penalty and temperature chosen on images
that the fit has not seen.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from figleaf.metrics.losses import log_loss
from figleaf.models.runtime import available_cores
from figleaf.training import logistic
from figleaf.training.class_weights import class_weights
from figleaf.training.coordinates import covariance_of
from figleaf.training.head import Head
from figleaf.training.logistic import Coefficients, Threads
from figleaf.training.rules import TrainRules
from figleaf.training.temperature import fit_temperature, softmax

PENALTIES = tuple(float(10 ** (step / 2)) for step in range(2, -9, -1))
"""What `l2` is chosen from: 10 down to .0001, the strongest first, which a fit goes fast with."""

_PATIENCE = 2
"""Penalties that may be worse than the best so far before the search ends."""
_LEAST_DEVIATION = 1e-6
_LESS = 0.5
"""What a backbone's features are multiplied by to count less."""
MANY = 4
"""Images for each feature, from which on a covariance is worth what it takes."""

Rows = NDArray[np.int64]


def one_thread() -> AbstractContextManager[object]:
    """BLAS on one thread: the folds have one each.

    Several that spin while they wait for each other make fits of a thousand images up to thirty
    times as slow wherever something else is running.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


@dataclass(frozen=True, slots=True)
class Table:
    """Features and what they are of.

    Attributes:
        features: float32 of shape (images, width), as backbones give them. A fit changes them in
            place: all of them together may be gigabytes.
        labels: int64 of shape (images,).
        blocks: how wide each backbone's part of the features is; () for one of the whole width.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    blocks: tuple[int, ...] = ()

    def take(self, rows: Rows) -> "Table":
        """Those of some rows, copied."""
        return Table(self.features[rows], self.labels[rows], self.blocks)

    @property
    def slices(self) -> list[slice]:
        """Where each backbone's features are."""
        ends = np.cumsum(self.blocks or (self.features.shape[1],)).tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a penalty came to in validation.

    Attributes:
        l2: the penalty.
        shares: what each backbone's features are multiplied by once they are standardised.
        log_loss: of images that the fit has not seen, after a temperature.
        accuracy: of the same, 0..1.
    """

    l2: float
    shares: tuple[float, ...]
    log_loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Probe:
    """A head, and what validation says of it.

    Attributes:
        head: trained.
        l2: its penalty.
        shares: of the backbones, see `Tried`.
        iterations: of its last fit.
        converged: False where they ran out.
        tried: all that was tried, in order: the strongest penalty first.
        logits: float32 of shape (images, classes), of images that the fits had not seen.
        labels: of the same images.
        trained: how many images the last fit saw.
    """

    head: Head
    l2: float
    shares: tuple[float, ...]
    iterations: int
    converged: bool
    tried: Sequence[Tried]
    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    trained: int


@dataclass(frozen=True, slots=True)
class Scale:
    """What standardises features: each has mean 0 and deviation 1 over the images trained on.

    Attributes:
        mean: float32 of shape (width,).
        deviation: likewise; 1 for a feature that never changes.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> "Scale":
        """That of some features."""
        mean = features.mean(axis=0, dtype=np.float64)
        squares = np.einsum("ij,ij->j", features, features, dtype=np.float64, casting="same_kind")
        deviation = np.sqrt(np.maximum(squares / len(features) - mean**2, 0))
        constant = deviation < _LEAST_DEVIATION
        return cls(mean.astype(np.float32), np.where(constant, 1, deviation).astype(np.float32))

    def standardise(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The features standardised, in place."""
        features -= self.mean
        features /= self.deviation
        return features


@dataclass(frozen=True, slots=True)
class _Fold:
    """One fit and the images that it does not see."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]
    unseen: NDArray[np.float32]
    rows: Rows
    covariance: NDArray[np.float64] | None = None

    def multiply(self, block: slice, factor: float) -> None:
        """Multiply the features of one backbone, in place."""
        self.features[:, block] *= factor
        self.unseen[:, block] *= factor
        if self.covariance is not None:
            self.covariance[block] *= factor
            self.covariance[:, block] *= factor


def fit_with_folds(
    table: Table,
    folds: NDArray[np.int64],
    classes: int,
    rules: TrainRules,
    step: Callable[[], None],
) -> Probe:
    """Choose the penalty by cross-validation, and fit on all images with it.

    Args:
        table: all images of train.
        folds: the fold of each, from 0.
        classes: how many there are.
        rules: penalty and class weights.
        step: called after each fit.
    """
    with one_thread():
        of_roots = take_roots(table)
        made = [
            _fold(table, np.flatnonzero(folds != one), np.flatnonzero(folds == one), classes, rules)
            for one in np.unique(folds)
        ]
        search = _Search(made, table, classes, step)
        best = search.run(rules.l2)
        del made, search
        scale = Scale.of(table.features)
        features = scale.standardise(table.features)
        for block, share in zip(table.slices, best.tried.shares, strict=True):
            features[:, block] *= share
        weights = class_weights(table.labels, classes, rules.class_weights, rules.power)
        start = logistic.zeros(features.shape[1], classes)
        found = logistic.fit(features, table.labels, weights[table.labels], best.tried.l2, start)
        step()
        return _probe(found, scale, best, table, table, of_roots=of_roots)


def fit_with_part(
    train: Table, validation: Table, classes: int, rules: TrainRules, step: Callable[[], None]
) -> Probe:
    """Choose the penalty by a part that is never trained on.

    Args:
        train: what is fitted.
        validation: what the penalty and the temperature are chosen by.
        classes: how many there are.
        rules: penalty and class weights.
        step: called after each fit.
    """
    with one_thread():
        of_roots = take_roots(train, validation)
        scale = Scale.of(train.features)
        weights = class_weights(train.labels, classes, rules.class_weights, rules.power)
        features = scale.standardise(train.features)
        images, width = features.shape
        fold = _Fold(
            features,
            train.labels,
            weights[train.labels],
            scale.standardise(validation.features),
            np.arange(len(validation.labels)),
            covariance_of(features) if images >= MANY * width else None,
        )
        best = _Search([fold], validation, classes, step).run(rules.l2)
        (found,) = best.found
        return _probe(found, scale, best, train, validation, of_roots=of_roots)


def take_roots(*tables: Table) -> bool:
    """Replace features by their square roots in place, where none of them is negative.

    Pooled activations behind a ReLU are like counts: most are small, few are large, and the larger
    they are the more they vary. Roots even that out before a linear model ("Improving the Fisher
    Kernel", Perronnin, Sanchez and Mensink, ECCV 2010, section 3.2).

    Args:
        tables: what is trained on first: it decides for all.

    Returns:
        whether roots were taken.
    """
    if tables[0].features.min(initial=0) < 0:
        return False
    for table in tables:
        np.maximum(table.features, 0, out=table.features)
        np.sqrt(table.features, out=table.features)
    return True


def _fold(table: Table, seen: Rows, unseen: Rows, classes: int, rules: TrainRules) -> _Fold:
    inner, outer = table.take(seen), table.take(unseen)
    scale = Scale.of(inner.features)
    weights = class_weights(inner.labels, classes, rules.class_weights, rules.power)
    return _Fold(
        scale.standardise(inner.features),
        inner.labels,
        weights[inner.labels],
        scale.standardise(outer.features),
        unseen,
    )


@dataclass(frozen=True, slots=True)
class _Best:
    """The best that was tried: the logits of all unseen images, and what each fold's fit found."""

    tried: Tried
    logits: NDArray[np.float32]
    found: tuple[Coefficients, ...]
    all_tried: tuple[Tried, ...] = ()


class _Search:
    """Looks for the penalty, then for the backbones' shares, by images that fits have not seen.

    Args:
        folds: the fits; they have changed nothing for good when it is done.
        unseen: the images that they do not see, all together.
        classes: how many there are.
        step: called after each fit.
    """

    def __init__(
        self, folds: Sequence[_Fold], unseen: Table, classes: int, step: Callable[[], None]
    ) -> None:
        self._folds, self._labels, self._classes = folds, unseen.labels, classes
        self._blocks, self._step = unseen.slices, step
        self._tried: list[Tried] = []
        self._best: _Best | None = None

    def run(self, l2: float | None) -> _Best:
        """The best of all penalties, or of the one that is given, and of the shares."""
        cores = available_cores()
        with (
            ThreadPoolExecutor(min(len(self._folds), cores)) as threads,
            ThreadPoolExecutor(cores) as more,
        ):
            self._threads = threads
            # Where there are several folds they keep the cores busy by themselves.
            self._shared = Threads(more, cores) if len(self._folds) == 1 else None
            found: Sequence[Coefficients] = self._zeros()
            equal = (1.0,) * len(self._blocks)
            for penalty in PENALTIES if l2 is None else (l2,):
                found = self._try(penalty, equal, found)
                if self._is_past():
                    break
            best = self._best
            assert best is not None  # there is at least one penalty
            if len(self._blocks) > 1:
                self._try_shares(best.tried.l2)
                best = self._best or best
        return replace(best, all_tried=tuple(self._tried))

    def _try_shares(self, l2: float) -> None:
        """One backbone's features count less: each in turn."""
        for number, block in enumerate(self._blocks):
            shares = tuple(_LESS if one == number else 1.0 for one in range(len(self._blocks)))
            for fold in self._folds:
                fold.multiply(block, _LESS)
            self._try(l2, shares, self._zeros())
            for fold in self._folds:
                fold.multiply(block, 1 / _LESS)  # exact: it is a power of two

    def _zeros(self) -> list[Coefficients]:
        width = self._folds[0].features.shape[1]
        return [logistic.zeros(width, self._classes)] * len(self._folds)

    def _is_past(self) -> bool:
        """Whether penalties have only got worse for a while."""
        best = self._best
        return best is not None and len(self._tried) - 1 - self._tried.index(best.tried) > _PATIENCE

    def _try(
        self, l2: float, shares: tuple[float, ...], start: Sequence[Coefficients]
    ) -> tuple[Coefficients, ...]:
        logits = np.zeros((len(self._labels), self._classes), np.float32)
        fits = self._threads.map(partial(self._fitted, l2), self._folds, start)
        found = []
        for fold, one in zip(self._folds, fits, strict=True):
            logits[fold.rows] = one.logits(fold.unseen)
            found.append(one)
            self._step()
        probabilities = softmax(logits, fit_temperature(logits, self._labels))
        accuracy = float((logits.argmax(axis=1) == self._labels).mean())
        tried = Tried(l2, shares, log_loss(self._labels, probabilities), accuracy)
        self._tried.append(tried)
        if self._best is None or tried.log_loss < self._best.tried.log_loss:
            self._best = _Best(tried, logits, tuple(found))
        return tuple(found)

    def _fitted(self, l2: float, fold: _Fold, start: Coefficients) -> Coefficients:
        return logistic.fit(
            fold.features,
            fold.labels,
            fold.weights,
            l2,
            start,
            covariance=fold.covariance,
            threads=self._shared,
        )


def _probe(
    found: Coefficients,
    scale: Scale,
    best: _Best,
    trained: Table,
    unseen: Table,
    *,
    of_roots: bool,
) -> Probe:
    shares = np.ones(len(scale.mean), np.float32)
    for block, share in zip(trained.slices, best.tried.shares, strict=True):
        shares[block] = share
    head = Head(
        scale.mean,
        scale.deviation / shares,
        found.weight.astype(np.float32),
        found.bias.astype(np.float32),
        of_roots=of_roots,
    )
    return Probe(
        head,
        best.tried.l2,
        best.tried.shares,
        found.iterations,
        found.converged,
        best.all_tried,
        best.logits,
        unseen.labels,
        len(trained.labels),
    )
