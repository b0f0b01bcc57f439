"""Labels as events: who said when that an image is what, and why."""

import sqlite3

COLLECT = "collect"
"""Who it is that labels an image as its lists do."""

_LISTED = """
SELECT DISTINCT listings.label, listings.source || '/' || listings.listing
FROM origins
JOIN mentions USING (item_id)
JOIN listings ON listings.id = mentions.listing_id
WHERE origins.image_id = ? AND listings.label IS NOT NULL AND listings.reason IS NULL
ORDER BY 1, 2
"""
_SHOWN = 4  # lists that an event names


def relabel(db: sqlite3.Connection, image: int, at: float) -> None:
    """Bring an image's label in line with the lists that name it; a person's word stands.

    An image that its lists file under more than one class has no label: it must not be trained on
    before somebody has looked. Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        at: seconds since 1970.
    """
    last = db.execute(
        "SELECT who, after FROM labels WHERE image_id = ? ORDER BY id DESC LIMIT 1", (image,)
    ).fetchone()
    if last is not None and last[0] != COLLECT:
        return
    listed = db.execute(_LISTED, (image,)).fetchall()
    classes = {label for label, _ in listed}
    before = last[1] if last else None
    after = classes.pop() if len(classes) == 1 else None
    if not listed or (last is not None and after == before):
        return
    named = [f"{label} in {place.rstrip('/')}" for label, place in listed[:_SHOWN]]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    db.execute(
        "INSERT INTO labels (image_id, before, after, who, why, at) VALUES (?, ?, ?, ?, ?, ?)",
        (image, before, after, COLLECT, f"listed as {', '.join(named)}{more}", at),
    )
