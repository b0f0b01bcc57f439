"""Writing what became of items: the one writer's half of the collecting stage."""

import sqlite3
from collections.abc import Iterable

from figleaf.dataset.labelling import relabel
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import readable
from figleaf.dataset.quarantine import quarantine_blocklisted
from figleaf.dataset.records import Outcome, Reason, Stored
from figleaf.errors import InputError

_ITEM = """
UPDATE items SET state = ?, reason = ?, detail = ?, http_status = ?, attempts = attempts + ?,
                 bytes = ?, sha256 = ?, updated = ?
WHERE id = ? AND (state = 'pending' OR reason IS NOT 'blocklisted' AND ? = 'blocklisted')
"""
_IMAGE = """
INSERT INTO images (sha256, format, width, height, bytes, pdq, pdq_quality, added)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sha256) DO UPDATE SET pdq = coalesce(pdq, excluded.pdq),
    pdq_quality = coalesce(pdq_quality, excluded.pdq_quality)
RETURNING id
"""
# A match is known by its key alone: the ledger travels, and the URL must not.
_WITHHOLD = "UPDATE locators SET locator = NULL WHERE item_id = ?"

# Whatever it failed for before a list denied it.
_IS_DENIED = """EXISTS (
    SELECT 1 FROM mentions JOIN listings ON listings.id = listing_id
    WHERE item_id = items.id AND (listings.reason = 'denied' OR mentions.denied IS NOT NULL))
"""
_FINAL = frozenset({Reason.DENIED, Reason.UNMAPPED, Reason.BLOCKLISTED})


def apply(ledger: Ledger, outcomes: Iterable[Outcome]) -> None:
    """Write outcomes in one transaction.

    Only what is pending gets one: to write an outcome again changes nothing. A match with a
    blocklist is written whatever the item's state, and its locator leaves the ledger's file.

    The images' files must be on the disk before.

    Args:
        ledger: open for writing.
        outcomes: of tasks of this ledger.
    """
    now = ledger.clock()
    with ledger.transaction() as db:
        withheld = [_apply(db, outcome, now) for outcome in outcomes]
    if any(withheld):
        ledger.checkpoint()  # the log has what stood there before


def block(ledger: Ledger, image: int, detail: str) -> None:
    """Set a stored image aside that turned out to be on a blocklist; its items are blocklisted.

    Its row and its file stay; the locators of its items leave the ledger's file. To do it again
    changes nothing.

    Args:
        ledger: open for writing.
        image: its id.
        detail: which list it is on, without the hash.
    """
    now = ledger.clock()
    with ledger.transaction() as db:
        quarantine_blocklisted(db, image, detail, now)
        query = "SELECT DISTINCT item_id FROM origins WHERE image_id = ?"
        for (item,) in db.execute(query, (image,)).fetchall():
            _apply(db, Outcome(item, Reason.BLOCKLISTED, detail, attempts=0), now)
    ledger.checkpoint()


def retry(ledger: Ledger, reasons: Iterable[Reason]) -> int:
    """Make pending again what was refused or failed for one of these reasons; returns how many.

    Raises:
        InputError: a reason that no second try changes: the item is denied, unmapped or
            blocklisted.
    """
    wanted = tuple(reasons)
    for reason in _FINAL & set(wanted):
        raise InputError(f"{reason}: no second try changes it; the rules do")
    marks = ", ".join("?" * len(wanted))
    with ledger.transaction() as db:
        return db.execute(
            "UPDATE items SET state = 'pending', reason = NULL, detail = ''"
            f" WHERE state IN ('failed', 'refused') AND reason IN ({marks}) AND NOT {_IS_DENIED}",
            wanted,
        ).rowcount


def _apply(db: sqlite3.Connection, outcome: Outcome, now: float) -> bool:
    """Write one outcome; returns whether a locator was withheld."""
    written = db.execute(
        _ITEM,
        (
            outcome.state,
            outcome.reason,
            readable(outcome.detail),
            outcome.http_status,
            outcome.attempts,
            outcome.size,
            outcome.sha256,
            now,
            outcome.id,
            outcome.reason,
        ),
    )
    if not written.rowcount:
        return False
    for stored in outcome.stored:
        image = _image(db, stored, now)
        # Not UNIQUE's work alone: to it, no two NULLs are equal.
        db.execute(
            "INSERT INTO origins SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM origins"
            " WHERE item_id = ?1 AND image_id = ?2 AND seconds IS ?3)",
            (outcome.id, image, stored.seconds),
        )
        relabel(db, image, now)
    if outcome.reason is Reason.BLOCKLISTED:
        db.execute(_WITHHOLD, (outcome.id,))
        return True
    return False


def _image(db: sqlite3.Connection, stored: Stored, now: float) -> int:
    row = (
        stored.sha256,
        stored.format,
        stored.width,
        stored.height,
        stored.size,
        stored.pdq,
        stored.pdq_quality,
        now,
    )
    number: int = db.execute(_IMAGE, row).fetchone()[0]
    return number
