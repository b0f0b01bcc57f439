"""The scores of a data set's images by one model, kept in its ledger: once computed, they stay."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, tee
from pathlib import Path
from sys import intern

from figleaf.classify.classifier import Classifier
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import Quarantine
from figleaf.dataset.store import Store
from figleaf.errors import Status
from figleaf.models.bundle import is_embedded
from figleaf.models.model import Model

_DIGITS = 8  # of a hash, in a tag
_BATCH = 64  # what an interruption loses at most
_PAGE = 2_000
_AGAIN = (Status.NOT_FOUND, Status.UNREADABLE, Status.TIMEOUT, Status.CRASHED)
"""What may be otherwise the next time."""
SCREENABLE = f"(quarantine IS NULL OR quarantine = '{Quarantine.SCREENED}')"
"""What may be screened: what screening itself has set aside, too."""
# Without an index: in the order of ids, where an index would have to be sorted for every page.
_WAITING = f"""
FROM images NOT INDEXED LEFT JOIN scores ON image_id = images.id AND model = ?
WHERE {SCREENABLE} AND label IN (SELECT value FROM json_each(?))
  AND (status IS NULL OR status IN ({", ".join(f"'{status}'" for status in _AGAIN)}))
"""
_IMAGES = f"""
SELECT images.id, sha256, format, label {_WAITING}
  AND images.id > ? ORDER BY images.id LIMIT {_PAGE}
"""
_SCORED = f"""
SELECT images.id, sha256, format, label, status, scores, iif(quarantine IS NULL, NULL,
       (SELECT who FROM quarantines WHERE image_id = images.id ORDER BY id DESC LIMIT 1))
FROM images NOT INDEXED CROSS JOIN scores ON image_id = images.id AND model = ?
WHERE images.id > ? AND {SCREENABLE} AND label IN (SELECT value FROM json_each(?))
ORDER BY images.id LIMIT {_PAGE}
"""


_IS_OTHER = "status = 'ok' AND json_extract(scores, '$.' || json_quote(label)) IS NULL"


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the ledger that has a class."""

    id: int
    sha256: bytes
    format: str
    label: str


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of an image; no scores where it could not be read.

    Attributes:
        image: the image.
        aside_by: which way of screening has set it aside; None if it is in use.
        scores: class -> probability, or its own class -> likeness.
    """

    image: Image
    aside_by: str | None
    scores: Mapping[str, float] | None


Scorer = Callable[
    [Iterator[tuple[Image, Path]]], Iterator[tuple[Image, Status, Mapping[str, float]]]
]
"""Gives a status and scores for each image, in order."""


def by_classifier(classifier: Classifier) -> Scorer:
    """Scores that are the probabilities of a model's classes."""

    def score(
        images: Iterator[tuple[Image, Path]],
    ) -> Iterator[tuple[Image, Status, Mapping[str, float]]]:
        ours, theirs = tee(images)
        predictions = classifier.stream(path for _, path in theirs)
        for (image, _), found in zip(ours, predictions, strict=True):
            yield image, found.status, found.scores

    return score


def model_tag(model: Model, name: str | Path, *, scaled: bool) -> str:
    """What the scores are filed under: the model, its version, and how it computed.

    Args:
        model: the model.
        name: what it was loaded as. An embedded one is known by its version; of a bundle from
            elsewhere, which may be trained again and keep its version, digits of its hash are told.
        scaled: whether files are decoded at a fraction of their size, which changes scores, too.
    """
    tag = model.card.tag
    if not is_embedded(name):
        tag += f" {model.card.sha256['model.onnx'][:_DIGITS]}"
    tag = f"{tag} {model.precision}"
    return f"{tag} scaled" if scaled else tag


def count_labels(ledger: Ledger) -> dict[str, int]:
    """How many images may be screened, by class."""
    query = (
        f"SELECT label, count(*) FROM images WHERE {SCREENABLE} AND label IS NOT NULL GROUP BY 1"
    )
    return dict(ledger.read(query))


def count_unscored(ledger: Ledger, model: str, labels: Collection[str]) -> int:
    """How many images of some classes a model has not seen yet."""
    query = f"SELECT count(*) {_WAITING}"
    return int(ledger.read(query, (model, json.dumps(list(labels))))[0][0])


def score_all(
    ledger: Ledger,
    score: Scorer,
    model: str,
    labels: Collection[str],
    done: Callable[[int], None],
) -> None:
    """Let a model look at all images of some classes that it has not seen.

    Args:
        ledger: open for writing.
        score: how it looks.
        model: what the scores are filed under.
        labels: the classes.
        done: is told how many are scored, now and then.
    """
    store = Store(ledger.folder)
    scored = score(_unscored(ledger, store, model, labels))
    total = 0
    while batch := list(islice(scored, _BATCH)):
        _keep(ledger, model, batch)
        total += len(batch)
        done(total)


def read_scored(ledger: Ledger, model: str, labels: Collection[str]) -> Iterator[Scored]:
    """All images of some classes that a model has seen, in the order in which they came."""
    last, names = 0, json.dumps(list(labels))
    while rows := ledger.read(_SCORED, (model, last, names)):
        last = rows[-1][0]
        for number, sha256, name, label, status, scores, aside_by in rows:
            found = json.loads(scores) if status == Status.OK else None
            yield Scored(Image(number, sha256, name, intern(label)), aside_by, found)


def forget_other_classes(ledger: Ledger, model: str) -> None:
    """Drop scores that are for another class than the one that an image has by now."""
    others = f"SELECT id FROM images JOIN scores ON image_id = id AND model = ? WHERE {_IS_OTHER}"
    delete = f"DELETE FROM scores WHERE model = ? AND image_id IN ({others})"
    with ledger.transaction() as db:
        db.execute(delete, (model, model))


def forget_other_references(ledger: Ledger, model: str, tag: str) -> None:
    """Drop scores of a model by other references than the one that it has by now.

    Args:
        ledger: open for writing.
        model: what likeness by this model is filed under, without the reference.
        tag: the same with the reference that holds.
    """
    with ledger.transaction() as db:
        db.execute(
            "DELETE FROM scores WHERE substr(model, 1, ?) = ? AND model != ?",
            (len(model), model, tag),
        )


def _unscored(
    ledger: Ledger, store: Store, model: str, labels: Collection[str]
) -> Iterator[tuple[Image, Path]]:
    last, names = 0, json.dumps(list(labels))
    while rows := ledger.read(_IMAGES, (model, names, last)):
        last = rows[-1][0]
        yield from ((Image(*row), store.path(row[1], row[2])) for row in rows)


def _keep(
    ledger: Ledger, model: str, batch: Iterable[tuple[Image, Status, Mapping[str, float]]]
) -> None:
    rows = (
        (image.id, model, status, json.dumps({k: round(v, 6) for k, v in scores.items()}))
        for image, status, scores in batch
    )
    with ledger.transaction() as db:
        db.executemany("REPLACE INTO scores VALUES (?, ?, ?, ?)", rows)
