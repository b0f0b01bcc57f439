"""Extensions that lie: what sources call a file, and what it is."""

from collections import Counter
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import restored
from figleaf.dataset.records import MEMBER_SEPARATOR, Kind

_PAGE = 10_000
_NAMES = f"""
SELECT DISTINCT items.id, kind, locator, format FROM items JOIN locators ON item_id = items.id
JOIN origins USING (item_id) JOIN images ON images.id = image_id
WHERE items.id > ? AND seconds IS NULL AND locator IS NOT NULL ORDER BY items.id LIMIT {_PAGE}
"""
_FORMATS = {
    "jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "png": "png", "apng": "png",
    "gif": "gif", "webp": "webp", "avif": "avif", "heic": "heic", "heif": "heic", "bmp": "bmp",
    "tif": "tiff", "tiff": "tiff",
}  # fmt: skip


def count_misnamed(ledger: Ledger) -> Counter[tuple[str, str]]:
    """Count the URLs, files and members whose extension is another format's than the image's.

    Returns:
        (extension, format by content) -> how many.
    """
    found: Counter[tuple[str, str]] = Counter()
    last = 0
    while rows := ledger.read(_NAMES, (last,)):
        last = rows[-1][0]
        for _, kind, locator, name in rows:
            extension = _extension(kind, restored(locator))
            if _FORMATS.get(extension, name) != name:
                found[extension, name] += 1
    return found


def _extension(kind: str, locator: str) -> str:
    if kind == Kind.MEMBER:
        locator = locator.rpartition(MEMBER_SEPARATOR)[2]
    elif kind == Kind.URL:
        try:
            locator = urlsplit(locator).path
        except ValueError:
            return ""
    return PurePosixPath(locator).suffix.lstrip(".").lower()
