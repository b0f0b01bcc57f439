"""The sources that images of a data set came from."""

from sys import intern

from figleaf.dataset.ledger import Ledger

# An image that several sources have comes once for each.
_SOURCES = """
SELECT DISTINCT images.sha256, source FROM splits
JOIN images ON images.id = splits.image_id JOIN origins ON origins.image_id = images.id
JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
WHERE splits.part = ?
"""
_ALL_SOURCES = """
SELECT DISTINCT images.sha256, source FROM images JOIN origins ON origins.image_id = images.id
JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
WHERE quarantine IS NULL AND images.label IS NOT NULL
"""


def read_sources(ledger: Ledger, part: str | None) -> dict[str, tuple[str, ...]]:
    """SHA-256, in hex, of each image -> the names of its sources, sorted.

    Args:
        ledger: of the data set.
        part: of its split; None for all labelled images in use.
    """
    rows = ledger.read(_ALL_SOURCES) if part is None else ledger.read(_SOURCES, (part,))
    found: dict[str, list[str]] = {}
    for sha256, source in rows:
        found.setdefault(sha256.hex(), []).append(intern(source))
    return {sha256: tuple(sorted(names)) for sha256, names in found.items()}
