"""The scores of a data set's images by one model, kept in its ledger: once computed, they stay."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, tee
from pathlib import Path
from sys import intern

from figleaf.classify.classifier import Classifier
from figleaf.classify.prediction import Prediction
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import Quarantine
from figleaf.dataset.store import Store
from figleaf.errors import Status

_BATCH = 64  # what an interruption loses at most
_PAGE = 2_000
_AGAIN = (Status.NOT_FOUND, Status.UNREADABLE, Status.TIMEOUT, Status.CRASHED)
"""What may be otherwise the next time."""
_LOOKED_AT = f"(quarantine IS NULL OR quarantine = '{Quarantine.SCREENED}')"
# Without an index: in the order of ids, where an index would have to be sorted for every page.
_WAITING = f"""
FROM images NOT INDEXED LEFT JOIN scores ON image_id = images.id AND model = ?
WHERE {_LOOKED_AT} AND label IN (SELECT value FROM json_each(?))
  AND (status IS NULL OR status IN ({", ".join(f"'{status}'" for status in _AGAIN)}))
"""
_IMAGES = f"""
SELECT images.id, sha256, format {_WAITING} AND images.id > ? ORDER BY images.id LIMIT {_PAGE}
"""
_SCORED = f"""
SELECT images.id, sha256, format, label, quarantine, status, scores
FROM images NOT INDEXED CROSS JOIN scores ON image_id = images.id AND model = ?
WHERE images.id > ? AND {_LOOKED_AT} AND label IN (SELECT value FROM json_each(?))
ORDER BY images.id LIMIT {_PAGE}
"""


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
        is_aside: whether an earlier screening has set it aside.
        scores: class -> probability.
    """

    image: Image
    is_aside: bool
    scores: dict[str, float] | None


def model_tag(classifier: Classifier, *, scaled: bool) -> str:
    """What the scores are filed under: the model, its version, and how it computed.

    Args:
        classifier: of the model.
        scaled: whether it decodes at a fraction of the size, which changes scores, too.
    """
    tag = f"{classifier.model.card.tag} {classifier.model.precision}"
    return f"{tag} scaled" if scaled else tag


def count_labels(ledger: Ledger) -> dict[str, int]:
    """How many images may be screened, by class."""
    query = (
        f"SELECT label, count(*) FROM images WHERE {_LOOKED_AT} AND label IS NOT NULL GROUP BY 1"
    )
    return dict(ledger.read(query))


def count_unscored(ledger: Ledger, model: str, labels: Collection[str]) -> int:
    """How many images of some classes a model has not seen yet."""
    query = f"SELECT count(*) {_WAITING}"
    return int(ledger.read(query, (model, json.dumps(list(labels))))[0][0])


def score_all(
    ledger: Ledger,
    classifier: Classifier,
    model: str,
    labels: Collection[str],
    done: Callable[[int], None],
) -> None:
    """Let a model look at all images of some classes that it has not seen, on all cores.

    Args:
        ledger: open for writing.
        classifier: of five classes or two.
        model: what the scores are filed under.
        labels: the classes.
        done: is told how many are scored, now and then.
    """
    store = Store(ledger.folder)
    numbers, paths = tee(_unscored(ledger, store, model, labels))
    predictions = classifier.stream(path for _, path in paths)
    pairs = zip((number for number, _ in numbers), predictions, strict=True)
    total = 0
    while batch := list(islice(pairs, _BATCH)):
        _keep(ledger, model, batch)
        total += len(batch)
        done(total)


def read_scored(ledger: Ledger, model: str, labels: Collection[str]) -> Iterator[Scored]:
    """All images of some classes that a model has seen, in the order in which they came."""
    last, names = 0, json.dumps(list(labels))
    while rows := ledger.read(_SCORED, (model, last, names)):
        last = rows[-1][0]
        for number, sha256, name, label, quarantine, status, scores in rows:
            found = json.loads(scores) if status == Status.OK else None
            image = Image(number, sha256, name, intern(label))
            yield Scored(image, quarantine is not None, found)


def _unscored(
    ledger: Ledger, store: Store, model: str, labels: Collection[str]
) -> Iterator[tuple[int, Path]]:
    last, names = 0, json.dumps(list(labels))
    while rows := ledger.read(_IMAGES, (model, names, last)):
        last = rows[-1][0]
        yield from ((number, store.path(sha256, name)) for number, sha256, name in rows)


def _keep(ledger: Ledger, model: str, batch: Iterable[tuple[int, Prediction]]) -> None:
    rows = (
        (number, model, one.status, json.dumps({k: round(v, 6) for k, v in one.scores.items()}))
        for number, one in batch
    )
    with ledger.transaction() as db:
        db.executemany("REPLACE INTO scores VALUES (?, ?, ?, ?)", rows)
