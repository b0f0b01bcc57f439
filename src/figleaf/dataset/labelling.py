"""Labels as events: who said when that an image is what, and why."""

import sqlite3

COLLECT = "collect"
"""Who it is that labels an image as its lists do."""
CLEAN = "clean"
SCREEN = "screen"
LIKENESS = "likeness"
AUDIT = "audit"
OUTLIERS = "outliers"
"""The audit's doubts about images that are far from every class; it labels as `AUDIT`."""
TOOLS = (COLLECT, CLEAN, SCREEN, LIKENESS, AUDIT, OUTLIERS)
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
_LAST = f"""
SELECT who, after FROM labels WHERE image_id = ? AND who != '{AUDIT}' ORDER BY id DESC LIMIT 1
"""
_STANDING = f"""
WITH ends AS (SELECT image_id, max(id) AS last FROM labels GROUP BY image_id),
  changed AS (
    SELECT labels.image_id, labels.after, (
      SELECT after FROM labels AS earlier
      WHERE earlier.image_id = labels.image_id AND who != '{AUDIT}' ORDER BY id DESC LIMIT 1
    ) AS before
    FROM ends JOIN labels ON labels.id = last WHERE who = '{AUDIT}')
SELECT image_id, before FROM changed WHERE after IS NOT before
"""
"""Images whose last word is an audit's, and their class until then."""
_SHOWN = 4  # lists that an event names


def relabel(db: sqlite3.Connection, image: int, at: float) -> None:
    """Bring an image's label in line with the lists that name it; a person's word stands.

    An image that its lists file under more than one class has no label: it must not be trained on
    before somebody has looked. Nor has one whose lists are denied, or have no class, by now. What
    an audit has corrected stays so until its lists say something else than before. Within the
    caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        at: seconds since 1970.
    """
    last = db.execute(_LAST, (image,)).fetchone()
    if last is not None and last[0] != COLLECT:
        return
    listed: list[tuple[str, str]] = db.execute(_LISTED, (image,)).fetchall()
    classes = {label for label, _ in listed}
    before = last[1] if last else None
    after = classes.pop() if len(classes) == 1 else None
    if after == before and (last or not listed):
        return
    set_label(db, image, after, who=COLLECT, why=_why(listed), at=at)


def _why(listed: list[tuple[str, str]]) -> str:
    if not listed:
        return "no list gives it a class any more"
    named = [f"{label} in {place.rstrip('/')}" for label, place in listed[:_SHOWN]]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"listed as {', '.join(named)}{more}"


def set_label(
    db: sqlite3.Connection, image: int, label: str | None, *, who: str, why: str, at: float
) -> None:
    """Write somebody's word on an image's class, even where it agrees with what was said before.

    Within the caller's transaction.

    Args:
        db: the ledger.
        image: its id.
        label: the class; None for none.
        who: the tool or the person.
        why: one line for people.
        at: seconds since 1970.
    """
    db.execute(
        "INSERT INTO labels (image_id, before, after, who, why, at)"
        " SELECT id, label, ?, ?, ?, ? FROM images WHERE id = ?",
        (label, who, why, at, image),
    )


def take_back(db: sqlite3.Connection, *, why: str, at: float) -> int:
    """Give images the class back that an audit has changed, where it was the last to do so.

    Within the caller's transaction.

    Args:
        db: the ledger.
        why: one line for people.
        at: seconds since 1970.

    Returns:
        how many images.
    """
    standing = db.execute(_STANDING).fetchall()
    for image, before in standing:
        set_label(db, image, before, who=AUDIT, why=why, at=at)
    return len(standing)


def count_standing(db: sqlite3.Connection) -> int:
    """How many images have a class that an audit gave them: those that `take_back` would change."""
    return len(db.execute(_STANDING).fetchall())
