"""The first half of cleaning: every image's file is read, verified, decoded in full and measured.

It is a stage: `examined` maps images to examinations, touches no ledger, writes no file and can be
repeated; one writer keeps what comes of it. What was measured is not measured again, whatever the
rules become.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from figleaf.classify.source import read_bytes
from figleaf.classify.stream import ordered_map
from figleaf.curate.cleaning.measure import Measured, parse_measured
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.store import Store
from figleaf.errors import ImageError, Status
from figleaf.images.limits import Limits

Measure = Callable[[bytes], dict[str, Any]]

ALTERED = "altered"
"""The status of a file whose bytes are not those that its name, their hash, says."""

_BATCH = 64
"""Of examinations that are kept together: what is on its way when it is stopped is done again."""
_PAGE = 2_000
_AGAIN = (ALTERED, Status.NOT_FOUND, Status.UNREADABLE, Status.TIMEOUT, Status.CRASHED)
"""What may be otherwise the next time: a file that is put back, a machine with less to do."""
_WAITING = f"""
FROM images LEFT JOIN examinations ON image_id = images.id
WHERE (status IS NULL OR status IN ({", ".join(f"'{status}'" for status in _AGAIN)}))
  AND quarantine IS NOT 'blocklisted'
"""
_IMAGES = f"""
SELECT images.id, sha256, images.format, bytes {_WAITING}
AND images.id > ? ORDER BY images.id LIMIT {_PAGE}
"""
_EXAMINATION = """
REPLACE INTO examinations (image_id, status, detail, format, spread, mirrored,
                           inner_pdq, inner_mirrored, inner_quality, has_others, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_IMAGE = """
UPDATE images SET (width, height, pdq, pdq_quality) = (?, ?, ?, ?)
WHERE id = ? AND (width, height, pdq, pdq_quality) IS NOT (?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the ledger that is to be examined; `size` is its file's, in bytes."""

    id: int
    sha256: bytes
    format: str
    size: int


@dataclass(frozen=True, slots=True)
class Examination:
    """What became of it: `measured`, or the status and the line that say why not."""

    image: Image
    status: str
    detail: str = ""
    measured: Measured | None = None


def count_waiting(ledger: Ledger) -> int:
    """How many images are still to be examined."""
    return int(ledger.read(f"SELECT count(*) {_WAITING}")[0][0])


def forget(ledger: Ledger) -> None:
    """Let all images wait to be examined once more."""
    with ledger.transaction() as db:
        db.execute("DELETE FROM examinations")


def waiting(ledger: Ledger) -> Iterator[Image]:
    """The images that are still to be examined, in the order in which they came."""
    last = 0
    while rows := ledger.read(_IMAGES, (last,)):
        last = rows[-1][0]
        yield from (Image(*row) for row in rows)


def examined(
    images: Iterable[Image], store: Store, measure: Measure, threads: Executor, *, ahead: int
) -> Iterator[Examination]:
    """Examine images on several threads, in their order.

    Args:
        images: of the store.
        store: where their files are.
        measure: `measure.measure`, in an isolated pool.
        threads: where files are read and hashed.
        ahead: how many files are held at once.
    """
    return ordered_map(lambda one: threads.submit(_examine, one, store, measure), images, ahead)


def examine_all(
    ledger: Ledger,
    measure: Measure,
    threads: Executor,
    *,
    ahead: int,
    done: Callable[[Examination], None],
) -> None:
    """Examine all images of a data set that still wait for it, and keep what was measured.

    Args:
        ledger: open for writing.
        measure, threads, ahead: see `examined`.
        done: is told of each.
    """
    found = examined(waiting(ledger), Store(ledger.folder), measure, threads, ahead=ahead)
    while batch := list(islice(found, _BATCH)):
        _keep(ledger, batch)
        for one in batch:
            done(one)


def _examine(image: Image, store: Store, measure: Measure) -> Examination:
    try:
        data = _read(image, store)
        if data is None or hashlib.sha256(data).digest() != image.sha256:
            return Examination(image, ALTERED, "its bytes are not those that were collected")
        return Examination(image, Status.OK, "", parse_measured(measure(data)))
    except ImageError as error:
        return Examination(image, error.status, error.reason)


def _read(image: Image, store: Store) -> bytes | None:
    """The file; None where it is larger than the one that came, and is not read."""
    try:
        limits = Limits(max_bytes=image.size)
        return read_bytes(store.path(image.sha256, image.format), limits)
    except ImageError as error:
        if error.status is Status.TOO_MANY_BYTES:
            return None
        raise


def _keep(ledger: Ledger, batch: list[Examination]) -> None:
    now = ledger.clock()
    with ledger.transaction() as db:
        for one in batch:
            if one.measured:
                whole = one.measured.whole
                facts = (one.measured.width, one.measured.height, whole.pdq, whole.quality)
                db.execute(_IMAGE, (*facts, one.image.id, *facts))
            row = (one.image.id, one.status, one.detail, *_facts(one.measured), now)
            db.execute(_EXAMINATION, row)


def _facts(measured: Measured | None) -> tuple[str | float | bytes | int | None, ...]:
    if measured is None:
        return (None,) * 7
    facts = (measured.format, measured.spread, measured.whole.mirrored)
    inner = measured.inner
    hashes = (inner.pdq, inner.mirrored, inner.quality) if inner else (None,) * 3
    return (*facts, *hashes, measured.has_others)
