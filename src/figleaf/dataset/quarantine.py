"""Images that are set aside: they stay as rows, with the reason, and can be brought back.

Setting aside and bringing back are events, kept for ever: who, when, from, to and why.
"""

import sqlite3
from collections.abc import Iterable
from enum import StrEnum

from figleaf.dataset.labelling import COLLECT


class Quarantine(StrEnum):
    """Why an image is set aside."""

    DENIED = "denied"
    """Its list or name has come to be denied after it was fetched."""
    BLOCKLISTED = "blocklisted"
    """It was found on a blocklist after it was stored; nothing lifts it."""
    UNCHECKED = "unchecked"
    """It could not be compared with a blocklist that came later."""

    BROKEN = "broken"
    """Its file is gone, altered, or no image that can be decoded in full."""
    PLACEHOLDER = "placeholder"
    """What a host sends in place of a picture that was deleted."""
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    ASPECT_RATIO = "aspect_ratio"
    """A banner or a strip."""
    SINGLE_COLOUR = "single_colour"
    """Nothing but one colour."""
    LABEL_CONFLICT = "label_conflict"
    """The same picture is filed under more than one class."""
    DUPLICATE = "duplicate"
    """The same picture is there already, as a better file."""
    SCREENED = "screened"
    """A model says that it is none of its class."""


OF_SAFETY = frozenset({Quarantine.DENIED, Quarantine.BLOCKLISTED, Quarantine.UNCHECKED})
"""Reasons that no restoring lifts, and that take the place of any other."""

_OTHERS = frozenset(Quarantine) - OF_SAFETY

_EVENT = """
INSERT INTO quarantines (image_id, before, after, who, why, at)
SELECT id, quarantine, ?, ?, ?, ? FROM images WHERE id = ? AND quarantine IS NOT ?
"""
_WITH_ITS_ITEMS = """
SELECT ? UNION SELECT others.image_id FROM origins JOIN origins AS others USING (item_id)
WHERE origins.image_id = ?
"""
_WHY_DENIED = """
SELECT coalesce(mentions.denied, listings.detail)
FROM origins JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
WHERE image_id = ? AND (listings.reason = 'denied' OR mentions.denied IS NOT NULL)
ORDER BY 1 LIMIT 1
"""


def set_aside(
    db: sqlite3.Connection, image: int, reason: str | None, *, who: str, why: str, at: float
) -> bool:
    """Set an image aside for a reason, or, for None, bring it back; an event says so.

    Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        reason: one of `Quarantine`, or None.
        who: a tool or a person.
        why: one line for people.
        at: seconds since 1970.

    Returns:
        whether that changed anything.
    """
    return db.execute(_EVENT, (reason, who, why, at, image, reason)).rowcount > 0


def set_all_aside(
    db: sqlite3.Connection, changes: Iterable[tuple[int, str | None, str]], *, who: str, at: float
) -> None:
    """Write an event for each of many images that is known to need one. See `set_aside`.

    Args:
        db: the ledger.
        changes: image, reason or None, and why.
        who: a tool or a person.
        at: seconds since 1970.
    """
    db.executemany(
        "INSERT INTO quarantines (image_id, before, after, who, why, at)"
        " SELECT id, quarantine, ?, ?, ?, ? FROM images WHERE id = ?",
        ((reason, who, why, at, image) for image, reason, why in changes),
    )


def quarantine_denied(db: sqlite3.Connection, image: int, at: float) -> None:
    """Set an image aside where a list that names it is denied by now; else bring it back.

    What is set aside for another reason of safety stays so. Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        at: seconds since 1970.
    """
    found = db.execute(_WHY_DENIED, (image,)).fetchone()
    if found:
        _set_aside_for_safety(db, image, Quarantine.DENIED, found[0], at)
    else:
        _lift(db, image, Quarantine.DENIED, "no list that names it is denied any more", at)


def quarantine_blocklisted(db: sqlite3.Connection, image: int, why: str, at: float) -> None:
    """Set an image aside for good, and the other frames of the moving pictures that it is from.

    None of them would have been stored. Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        why: which list it is on, without the hash.
        at: seconds since 1970.
    """
    for (one,) in db.execute(_WITH_ITS_ITEMS, (image, image)).fetchall():
        set_aside(db, one, Quarantine.BLOCKLISTED, who=COLLECT, why=why, at=at)


def quarantine_unchecked(
    db: sqlite3.Connection, image: int, *, is_checked: bool, at: float
) -> None:
    """Set an image aside that could not be checked, or bring it back once it could.

    What is set aside for another reason of safety stays so. Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        is_checked: whether it could.
        at: seconds since 1970.
    """
    if not is_checked:
        why = "it could not be compared with a blocklist that came later"
        _set_aside_for_safety(db, image, Quarantine.UNCHECKED, why, at)
    elif _lift(db, image, Quarantine.UNCHECKED, "it was compared with a blocklist", at):
        quarantine_denied(db, image, at)  # it may have come to be denied meanwhile


def _set_aside_for_safety(
    db: sqlite3.Connection, image: int, reason: Quarantine, why: str, at: float
) -> None:
    """Set an image aside that is in use, or is not for a reason that others may lift.

    What could not be checked goes before what is denied: the one is lifted by a check, after which
    it is asked again whether the image is denied, the other without one.
    """
    yielding = {None, *_OTHERS} | ({Quarantine.DENIED} if reason is Quarantine.UNCHECKED else set())
    if _reason(db, image) in yielding:
        set_aside(db, image, reason, who=COLLECT, why=why, at=at)


def _lift(db: sqlite3.Connection, image: int, reason: Quarantine, why: str, at: float) -> bool:
    """Take a reason of safety away, if it is just that: what was there before it holds again."""
    if _reason(db, image) != reason:
        return False
    query = "SELECT before FROM quarantines WHERE image_id = ? ORDER BY id DESC LIMIT 1"
    event = db.execute(query, (image,)).fetchone()
    return set_aside(db, image, event[0] if event else None, who=COLLECT, why=why, at=at)


def _reason(db: sqlite3.Connection, image: int) -> str | None:
    found: str | None = db.execute(
        "SELECT quarantine FROM images WHERE id = ?", (image,)
    ).fetchone()[0]
    return found
