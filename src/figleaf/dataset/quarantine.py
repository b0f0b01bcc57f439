"""Images that are set aside: they stay as rows, with the reason, and can be brought back."""

import sqlite3

DENIED = "denied"
"""The reason of an image whose list or name has come to be denied after it was fetched."""

BLOCKLISTED = "blocklisted"
"""The reason of an image that was found on a blocklist after it was stored; nothing lifts it."""
UNCHECKED = "unchecked"
"""The reason of an image that could not be compared with a blocklist that came later."""

_WITH_ITS_ITEMS = """
UPDATE images SET quarantine = ? WHERE id = ? OR id IN (
    SELECT others.image_id FROM origins JOIN origins AS others USING (item_id)
    WHERE origins.image_id = ?)
"""
_IS_DENIED = """
SELECT EXISTS (
    SELECT 1 FROM origins JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
    WHERE image_id = ? AND (listings.reason = 'denied' OR mentions.denied IS NOT NULL))
"""


def quarantine_denied(db: sqlite3.Connection, image: int) -> None:
    """Set an image aside where a list that names it is denied by now; else bring it back.

    What is set aside for another reason stays so. Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
    """
    (denied,) = db.execute(_IS_DENIED, (image,)).fetchone()
    before, after = (None, DENIED) if denied else (DENIED, None)
    db.execute(
        "UPDATE images SET quarantine = ? WHERE id = ? AND quarantine IS ?", (after, image, before)
    )


def quarantine_blocklisted(db: sqlite3.Connection, image: int) -> None:
    """Set an image aside for good, and the other frames of the moving pictures that it is from.

    None of them would have been stored. Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
    """
    db.execute(_WITH_ITS_ITEMS, (BLOCKLISTED, image, image))


def quarantine_unchecked(db: sqlite3.Connection, image: int, *, is_checked: bool) -> None:
    """Set an image aside that could not be checked, or bring it back once it could.

    What is set aside for another reason stays so. Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        is_checked: whether it could.
    """
    before, after = (UNCHECKED, None) if is_checked else (None, UNCHECKED)
    update = "UPDATE images SET quarantine = ? WHERE id = ? AND quarantine IS ?"
    if db.execute(update, (after, image, before)).rowcount and is_checked:
        quarantine_denied(db, image)  # it may have come to be denied meanwhile
