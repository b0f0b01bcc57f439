"""Extensions that lie: what files of the data set, and sources, call a picture that it is not."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import restored
from figleaf.dataset.records import MEMBER_SEPARATOR, Kind
from figleaf.dataset.store import Store

_BATCH = 500
_PAGE = 10_000
_WRONG = """
SELECT id, sha256, images.format, examinations.format
FROM examinations JOIN images ON id = image_id
WHERE examinations.format != images.format AND quarantine IS NOT 'blocklisted' ORDER BY image_id
"""
# In the order of the table itself: by items, each page would sort all that come after it.
_NAMES = f"""
SELECT origins.rowid, kind, locator, format FROM origins NOT INDEXED
CROSS JOIN items ON items.id = origins.item_id
CROSS JOIN locators ON locators.item_id = origins.item_id
CROSS JOIN images ON images.id = image_id
WHERE origins.rowid > ? AND seconds IS NULL AND locator IS NOT NULL
ORDER BY origins.rowid LIMIT {_PAGE}
"""
_FORMATS = {
    "jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "png": "png", "apng": "png",
    "gif": "gif", "webp": "webp", "avif": "avif", "heic": "heic", "heif": "heic", "bmp": "bmp",
    "tif": "tiff", "tiff": "tiff",
}  # fmt: skip


class _Wrong(NamedTuple):
    id: int
    sha256: bytes
    named: str
    format: str


def count_wrong(ledger: Ledger) -> int:
    """How many images have another type than the ledger, and their file's name, say."""
    return len(ledger.read(_WRONG))


def correct(ledger: Ledger) -> int:
    """Give images their own type in the ledger, and their files its extension.

    First the names, then the rows: whatever is stopped in between is taken up by the next call.

    Args:
        ledger: open for writing; the images were examined.

    Returns:
        how many there were.

    Raises:
        OSError: a file cannot be renamed.
    """
    store = Store(ledger.folder)
    wrong = map(_Wrong._make, ledger.read(_WRONG))
    corrected = 0
    while batch := list(islice(wrong, _BATCH)):
        for one in batch:
            store.rename(one.sha256, one.named, one.format)
        store.flush()
        with ledger.transaction() as db:
            rows = [(one.format, one.id) for one in batch]
            db.executemany("UPDATE images SET format = ? WHERE id = ?", rows)
        corrected += len(batch)
    return corrected


def count_misnamed(ledger: Ledger) -> Counter[tuple[str, str]]:
    """Count the URLs, files and members whose extension is another format's than the image's.

    Returns:
        (extension, format by content) -> how many.
    """
    found: Counter[tuple[str, str]] = Counter()
    for kind, locator, name in _names(ledger):
        extension = _extension(kind, locator)
        if _FORMATS.get(extension, name) != name:
            found[extension, name] += 1
    return found


def _names(ledger: Ledger) -> Iterator[tuple[str, str, str]]:
    """What still pictures came from: its kind, its locator, and their format."""
    last = 0
    while rows := ledger.read(_NAMES, (last,)):
        last = rows[-1][0]
        yield from ((kind, restored(locator), name) for _, kind, locator, name in rows)


def _extension(kind: str, locator: str) -> str:
    """The extension in lower case; "" for none. Of a million in a few seconds: no parser's work."""
    if kind == Kind.MEMBER:
        locator = locator.rpartition(MEMBER_SEPARATOR)[2]
    elif kind == Kind.URL:
        place = locator.partition("://")[2].partition("#")[0].partition("?")[0]
        locator = place.partition("/")[2]
    stem, _, extension = locator.rpartition("/")[2].rpartition(".")
    return extension.lower() if stem else ""
