"""The first half of cleaning: every image's file is read, verified, decoded in full and measured.

It is a stage: `examined` maps images to examinations, touches no ledger and can be repeated; one
writer keeps what comes of it. What was examined is not examined again, whatever the rules become.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from figleaf.classify.stream import ordered_map
from figleaf.curate.cleaning.measure import Hashes, Measured, parse_measured
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.store import Store
from figleaf.errors import ImageError, Status

Measure = Callable[[bytes], dict[str, Any]]

ALTERED = "altered"
"""The status of a file whose bytes are not those that its name, their hash, says."""

_BATCH = 500
_PAGE = 2_000
_AGAIN = (Status.NOT_FOUND, Status.UNREADABLE, Status.TIMEOUT, Status.CRASHED)
"""What may be otherwise the next time."""
_WAITING = f"""
FROM images LEFT JOIN examinations ON image_id = images.id
WHERE (status IS NULL OR status IN ({", ".join(f"'{status}'" for status in _AGAIN)}))
  AND quarantine IS NOT 'blocklisted'
"""
_IMAGES = f"""
SELECT images.id, sha256, format {_WAITING} AND images.id > ? ORDER BY images.id LIMIT {_PAGE}
"""
_EXAMINATION = """
REPLACE INTO examinations
(image_id, status, detail, spread, mirrored, inner_pdq, inner_mirrored, inner_quality, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_IMAGE = """
UPDATE images SET (format, width, height, pdq, pdq_quality) = (?, ?, ?, ?, ?)
WHERE id = ? AND (format, width, height, pdq, pdq_quality) IS NOT (?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the ledger that is to be examined."""

    id: int
    sha256: bytes
    format: str


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

    Raises:
        OSError: a file of another type than its name said cannot be written under the right name.
    """
    return ordered_map(lambda one: threads.submit(_examine, one, store, measure), images, ahead)


def examine_all(
    ledger: Ledger,
    measure: Measure,
    threads: Executor,
    *,
    ahead: int,
    done: Callable[[Examination], None],
) -> int:
    """Examine all images of a data set that still wait for it, and keep what was measured.

    Args:
        ledger: open for writing.
        measure, threads, ahead: see `examined`.
        done: is told of each.

    Returns:
        how many files had another type than their name said; they have the right name now.
    """
    store = Store(ledger.folder)
    found = examined(waiting(ledger), store, measure, threads, ahead=ahead)
    corrected = 0
    while batch := list(islice(found, _BATCH)):
        store.flush()
        _keep(ledger, batch)
        for one in batch:
            corrected += _drop_old_name(store, one)
            done(one)
    return corrected


def _examine(image: Image, store: Store, measure: Measure) -> Examination:
    try:
        data = store.path(image.sha256, image.format).read_bytes()
    except FileNotFoundError:
        return Examination(image, Status.NOT_FOUND, "its file is gone")
    except OSError as error:
        return Examination(image, Status.UNREADABLE, error.strerror or str(error))
    if hashlib.sha256(data).digest() != image.sha256:
        return Examination(image, ALTERED, "its bytes are not those that were collected")
    try:
        measured = parse_measured(measure(data))
    except ImageError as error:
        return Examination(image, error.status, error.reason)
    if measured.format != image.format:
        store.put(data, image.sha256, measured.format)
    return Examination(image, Status.OK, "", measured)


def _keep(ledger: Ledger, batch: list[Examination]) -> None:
    now = ledger.clock()
    with ledger.transaction() as db:
        for one in batch:
            measured = one.measured
            if measured:
                whole = measured.whole
                facts = (measured.format, measured.width, measured.height, whole.pdq, whole.quality)
                db.execute(_IMAGE, (*facts, one.image.id, *facts))
            db.execute(_EXAMINATION, (one.image.id, one.status, one.detail, *_facts(measured), now))


def _facts(measured: Measured | None) -> tuple[float | bytes | int | None, ...]:
    if measured is None:
        return (None,) * 5
    inner = measured.inner or Hashes(b"", b"", 0)
    return (
        measured.spread,
        measured.whole.mirrored,
        inner.pdq or None,
        inner.mirrored or None,
        inner.quality if measured.inner else None,
    )


def _drop_old_name(store: Store, one: Examination) -> bool:
    """Remove the file under the wrong name, once the ledger says the right one."""
    if one.measured is None or one.measured.format == one.image.format:
        return False
    old = store.path(one.image.sha256, one.image.format)
    if old != store.path(one.image.sha256, one.measured.format):
        old.unlink(missing_ok=True)
    return True
