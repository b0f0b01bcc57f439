"""Labels as events: who said when that an image is what, and why."""

import sqlite3

COLLECT = "collect"
"""Who it is that labels an image as its lists do."""
CLEAN = "clean"
SCREEN = "screen"
LIKENESS = "likeness"
AUDIT = "audit"
TOOLS = (COLLECT, CLEAN, SCREEN, LIKENESS, AUDIT)
"""Who says something of an image without being a person."""

BY_A_PERSON = f"who NOT IN {TOOLS!r}"
"""Of an event, in SQL: that a person is behind it."""

_LISTED = """
SELECT DISTINCT listings.label, listings.source || '/' || listings.listing
FROM origins
JOIN mentions USING (item_id)
JOIN listings ON listings.id = mentions.listing_id
WHERE origins.image_id = ? AND listings.label IS NOT NULL AND listings.reason IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM mentions AS every JOIN listings AS list ON list.id = every.listing_id
    WHERE every.item_id = origins.item_id
      AND (list.reason = 'denied' OR every.denied IS NOT NULL))
ORDER BY 1, 2
"""
_SHOWN = 4  # lists that an event names


def relabel(db: sqlite3.Connection, image: int, at: float) -> None:
    """Bring an image's label in line with the lists that name it; a person's word stands.

    An image that its lists file under more than one class has no label: it must not be trained on
    before somebody has looked. Nor has one whose lists are denied, or have no class, by now. Within
    the caller's transaction.

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
    listed: list[tuple[str, str]] = db.execute(_LISTED, (image,)).fetchall()
    classes = {label for label, _ in listed}
    before = last[1] if last else None
    after = classes.pop() if len(classes) == 1 else None
    if after == before and (last or not listed):
        return
    db.execute(
        "INSERT INTO labels (image_id, before, after, who, why, at) VALUES (?, ?, ?, ?, ?, ?)",
        (image, before, after, COLLECT, _why(listed), at),
    )


def _why(listed: list[tuple[str, str]]) -> str:
    if not listed:
        return "no list gives it a class any more"
    named = [f"{label} in {place.rstrip('/')}" for label, place in listed[:_SHOWN]]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"listed as {', '.join(named)}{more}"


def label_by_person(
    db: sqlite3.Connection, image: int, label: str | None, *, who: str, why: str, at: float
) -> None:
    """Write a person's word on an image's class, even where it agrees with what was said before.

    Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        label: the class; None for none.
        who: the person; none of `TOOLS`.
        why: one line for people.
        at: seconds since 1970.
    """
    db.execute(
        "INSERT INTO labels (image_id, before, after, who, why, at)"
        " SELECT id, label, ?, ?, ?, ? FROM images WHERE id = ?",
        (label, who, why, at, image),
    )
