"""Images that are set aside: they stay as rows, with the reason, and can be brought back."""

import sqlite3

DENIED = "denied"
"""The reason of an image whose list or name has come to be denied after it was fetched."""

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
