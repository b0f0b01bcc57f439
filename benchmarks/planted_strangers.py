"""Pictures of other kinds among labelled photos: which distance ranks them first."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.splits import Pooled
from figleaf.auditing.outliers import FAR, Landscape
from figleaf.training.examples import Examples
from figleaf.training.features import Features
from figleaf.training.probe import Scale, Table, take_roots

DRAWS = 5
PER_KIND = (1, 4)
_MOST = 30
"""Pictures of a kind that are drawn from."""
_PHOTOS = 891
"""Of those that strangers are planted among, each time others."""
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_SHRUNK = 0.6
"""What is left of a covariance's size is put on its diagonal."""
_NEIGHBOURS = 5

Values = NDArray[np.float64]
Distance = Callable[[Table, int], Values]


@dataclass(frozen=True, slots=True)
class Found:
    """Means over the draws.

    `precision` is of the farthest, as many as strangers were planted; `found` the share of
    strangers that are outliers, and `alarms` of photos, where the measure says what is far.
    """

    planted: str
    measure: str
    precision: float
    found: float | None = None
    alarms: float | None = None


def measure_strangers(features: Features, data: Pooled, folders: Sequence[Path]) -> list[Found]:
    """Every distance, on the same draws: each folder, or each folder in one, is a kind."""
    matrix = features.matrix(data.examples)
    kinds = list(_kinds(features, folders))
    found = []
    for per_kind in PER_KIND:
        draws = list(_draws(matrix, data, kinds, per_kind))
        planted = f"{per_kind} of each of {len(kinds)} kinds"
        found += [_measured(planted, name, one, draws) for name, one in MEASURES.items()]
    return found


@dataclass(frozen=True, slots=True)
class _Draw:
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    strange: NDArray[np.bool_]


def _kinds(features: Features, folders: Sequence[Path]) -> Iterator[NDArray[np.float32]]:
    """The features of some pictures of each kind."""
    files: defaultdict[Path, list[Path]] = defaultdict(list)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in _SUFFIXES:
                inner = path.relative_to(folder).parts[:-1]
                files[folder.joinpath(*inner[:1])].append(path)
    for paths in files.values():
        some = [paths[n] for n in np.random.default_rng(0).permutation(len(paths))[:_MOST]]
        hashes = [hashlib.sha256(path.read_bytes()).digest() for path in some]
        nothing = np.zeros(len(some), np.int64)
        examples = Examples(some, hashes, nothing, np.arange(len(some)))
        features.compute(examples, lambda images: None)
        readable = features.readable_of(examples)
        if len(readable):
            yield features.matrix(readable)


def _draws(
    matrix: NDArray[np.float32], data: Pooled, kinds: list[NDArray[np.float32]], per_kind: int
) -> Iterator[_Draw]:
    classes = len(data.classes)
    for seed in range(DRAWS):
        random = np.random.default_rng(seed)
        rows = random.permutation(len(matrix))[:_PHOTOS]
        strange = np.concatenate([one[random.permutation(len(one))[:per_kind]] for one in kinds])
        given = random.integers(0, classes, len(strange))
        yield _Draw(
            np.concatenate([matrix[rows], strange]),
            np.concatenate([data.examples.labels[rows], given]),
            np.arange(len(rows) + len(strange)) >= len(rows),
        )


def _measured(planted: str, name: str, distance: Distance, draws: list[_Draw]) -> Found:
    precisions, founds, alarms = [], [], []
    for draw in draws:
        values = distance(Table(draw.features.copy(), draw.labels), int(draw.labels.max()) + 1)
        first = np.argsort(-values, kind="stable")[: int(draw.strange.sum())]
        precisions.append(float(draw.strange[first].mean()))
        founds.append(float((values[draw.strange] > FAR).mean()))
        alarms.append(float((values[~draw.strange] > FAR).mean()))
    ours = name == OURS
    return Found(
        planted,
        name,
        float(np.mean(precisions)),
        float(np.mean(founds)) if ours else None,
        float(np.mean(alarms)) if ours else None,
    )


def _ours(table: Table, classes: int) -> Values:
    _, places = Landscape.of(table, classes)
    return places.deviations


def _standardised(table: Table) -> NDArray[np.float32]:
    take_roots(table)
    return Scale.of(table.features).standardise(table.features)


def _means(features: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> Values:
    return np.stack([features[labels == one].mean(axis=0) for one in range(classes)]).astype("f8")


def _one_measure(table: Table, classes: int) -> Values:
    """Euclidean, without a measure of its own for each class."""
    features = _standardised(table).astype(np.float64)
    means = _means(table.features, table.labels, classes)
    return _squares(features, means)


def _mahalanobis(table: Table, classes: int) -> Values:
    features = _standardised(table).astype(np.float64)
    means = _means(table.features, table.labels, classes)
    inner = features - means[table.labels]
    covariance = (1 - _SHRUNK) * (inner.T @ inner) / len(inner)
    size = np.trace(covariance) / (1 - _SHRUNK) / len(covariance)
    covariance[np.diag_indices_from(covariance)] += _SHRUNK * size
    factor = np.linalg.cholesky(np.linalg.inv(covariance))
    return _squares(features @ factor, means @ factor)


def _squares(rows: Values, means: Values) -> Values:
    """Of the distance to the nearest mean."""
    found: Values = np.stack([((rows - one) ** 2).sum(axis=1) for one in means]).min(axis=0)
    return found


def _directions(rows: Values) -> Values:
    found: Values = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return found


def _cosine(table: Table, classes: int) -> Values:
    """To the nearest class's mean direction."""
    rows = _directions(_standardised(table).astype(np.float64))
    means = _directions(_means(rows.astype(np.float32), table.labels, classes))
    found: Values = -(rows @ means.T).max(axis=1)
    return found


def _nearest(table: Table, classes: int) -> Values:
    """The mean cosine to the nearest images."""
    rows = _directions(_standardised(table).astype(np.float64))
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -1)
    found: Values = -np.sort(cosines, axis=1)[:, -_NEIGHBOURS:].mean(axis=1)
    return found


OURS = "Euclidean, each class by its own measure (figleaf's)"
MEASURES: dict[str, Distance] = {
    OURS: _ours,
    "Euclidean, one measure": _one_measure,
    f"Mahalanobis, shrunk by {_SHRUNK:g}": _mahalanobis,
    "cosine to the nearest class": _cosine,
    f"cosine to the {_NEIGHBOURS} nearest images": _nearest,
}
