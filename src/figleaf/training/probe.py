"""A head on frozen features: logistic regression, its penalty and temperature chosen on images
that the fit has not seen.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
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
_MANY = 4
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
        features: float32 of shape (images, width), as backbones give them.
        labels: int64 of shape (images,).
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]

    def take(self, rows: Rows) -> "Table":
        """Those of some rows, copied."""
        return Table(self.features[rows], self.labels[rows])


@dataclass(frozen=True, slots=True)
class Tried:
    """What a penalty came to in validation.

    Attributes:
        l2: the penalty.
        log_loss: of images that the fit has not seen, after a temperature.
        accuracy: of the same, 0..1.
    """

    l2: float
    log_loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Probe:
    """A head, and what validation says of it.

    Attributes:
        head: trained.
        l2: its penalty.
        iterations: of its last fit.
        converged: False where they ran out.
        tried: every penalty that was tried, the strongest first.
        logits: float32 of shape (images, classes), of images that the fits had not seen.
        labels: of the same images.
        trained: how many images the last fit saw.
    """

    head: Head
    l2: float
    iterations: int
    converged: bool
    tried: Sequence[Tried]
    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    trained: int


@dataclass(frozen=True, slots=True)
class _Fold:
    """One fit and the images that it does not see."""

    scale: "Scale"
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]
    unseen: NDArray[np.float32]
    rows: Rows
    covariance: NDArray[np.float64] | None = None


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
        return _fit_with_folds(table, folds, classes, rules, step)


def _fit_with_folds(
    table: Table,
    folds: NDArray[np.int64],
    classes: int,
    rules: TrainRules,
    step: Callable[[], None],
) -> Probe:
    made = [
        _fold(table, np.flatnonzero(folds != one), np.flatnonzero(folds == one), classes, rules)
        for one in np.unique(folds)
    ]
    tried, l2, logits = _search(made, table.labels, classes, rules, step)
    del made
    scale = Scale.of(table.features)
    features = scale.standardise(table.features)
    weights = class_weights(table.labels, classes, rules.class_weights, rules.power)[table.labels]
    start = logistic.zeros(features.shape[1], classes)
    found = logistic.fit(features, table.labels, weights, l2, start)
    step()
    return Probe(
        _head(found, scale),
        l2,
        found.iterations,
        found.converged,
        tried,
        logits,
        table.labels,
        len(table.labels),
    )


def fit_with_part(
    train: Table, validation: Table, classes: int, rules: TrainRules, step: Callable[[], None]
) -> Probe:
    """Choose the penalty by a part that is never trained on.

    Args:
        train: what is fitted; its features are standardised in place.
        validation: what the penalty and the temperature are chosen by.
        classes: how many there are.
        rules: penalty and class weights.
        step: called after each fit.
    """
    with one_thread():
        return _fit_with_part(train, validation, classes, rules, step)


def _fit_with_part(
    train: Table, validation: Table, classes: int, rules: TrainRules, step: Callable[[], None]
) -> Probe:
    scale = Scale.of(train.features)
    weights = class_weights(train.labels, classes, rules.class_weights, rules.power)
    features = scale.standardise(train.features)
    images, width = features.shape
    fold = _Fold(
        scale,
        features,
        train.labels,
        weights[train.labels],
        scale.standardise(validation.features.copy()),
        np.arange(len(validation.labels)),
        covariance_of(features) if images >= _MANY * width else None,
    )
    best: list[Coefficients] = []
    tried, l2, logits = _search([fold], validation.labels, classes, rules, step, best)
    (found,) = best
    return Probe(
        _head(found, scale),
        l2,
        found.iterations,
        found.converged,
        tried,
        logits,
        validation.labels,
        len(train.labels),
    )


def _fold(table: Table, seen: Rows, unseen: Rows, classes: int, rules: TrainRules) -> _Fold:
    inner, outer = table.take(seen), table.take(unseen)
    scale = Scale.of(inner.features)
    weights = class_weights(inner.labels, classes, rules.class_weights, rules.power)
    return _Fold(
        scale,
        scale.standardise(inner.features),
        inner.labels,
        weights[inner.labels],
        scale.standardise(outer.features),
        unseen,
    )


def _search(
    folds: Sequence[_Fold],
    labels: NDArray[np.int64],
    classes: int,
    rules: TrainRules,
    step: Callable[[], None],
    best: list[Coefficients] | None = None,
) -> tuple[list[Tried], float, NDArray[np.float32]]:
    """Try penalties until they only get worse.

    Returns:
        what was tried, the best penalty, and the logits under it, of all folds' unseen images. The
        coefficients of the (only) fold go into `best`, where it is given.
    """
    tried: list[Tried] = []
    chosen = logits = None
    for l2, rows, found in _path(folds, len(labels), classes, rules, step):
        one = _judged(l2, rows, labels)
        tried.append(one)
        if chosen is None or one.log_loss < chosen.log_loss:
            chosen, logits = one, rows
            if best is not None:
                best[:] = found
        elif len(tried) - tried.index(chosen) > _PATIENCE:
            break
    assert chosen is not None  # there is at least one penalty
    assert logits is not None  # likewise
    return tried, chosen.l2, logits


def _path(
    folds: Sequence[_Fold],
    images: int,
    classes: int,
    rules: TrainRules,
    step: Callable[[], None],
) -> Iterator[tuple[float, NDArray[np.float32], list[Coefficients]]]:
    """Each penalty, the logits of all unseen images, and what was fitted: each from the last."""
    found = [logistic.zeros(fold.features.shape[1], classes) for fold in folds]
    cores = available_cores()
    with ThreadPoolExecutor(min(len(folds), cores)) as threads, ThreadPoolExecutor(cores) as more:
        # Where there are several folds they keep the cores busy by themselves.
        shared = Threads(more, cores) if len(folds) == 1 else None
        for l2 in PENALTIES if rules.l2 is None else (rules.l2,):
            logits = np.zeros((images, classes), np.float32)
            fits = threads.map(partial(_fitted, l2=l2, threads=shared), folds, list(found))
            for number, (fold, one) in enumerate(zip(folds, fits, strict=True)):
                found[number] = one
                logits[fold.rows] = one.logits(fold.unseen)
                step()
            yield l2, logits, list(found)


def _fitted(fold: _Fold, start: Coefficients, l2: float, threads: Threads | None) -> Coefficients:
    return logistic.fit(
        fold.features,
        fold.labels,
        fold.weights,
        l2,
        start,
        covariance=fold.covariance,
        threads=threads,
    )


def _judged(l2: float, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Tried:
    probabilities = softmax(logits, fit_temperature(logits, labels))
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return Tried(l2, log_loss(labels, probabilities), accuracy)


def _head(found: Coefficients, scale: Scale) -> Head:
    return Head(
        scale.mean,
        scale.deviation,
        found.weight.astype(np.float32),
        found.bias.astype(np.float32),
    )
