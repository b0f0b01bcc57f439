"""Images that were stored before a blocklist was given, or renewed, compared with it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from figleaf.classify.lists.hashlists import HashKind
from figleaf.classify.lists.known import KnownHashes, Match
from figleaf.classify.stream import ordered_map
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import restored
from figleaf.dataset.outcomes import block
from figleaf.dataset.quarantine import Quarantine, quarantine_unchecked
from figleaf.dataset.store import Store
from figleaf.errors import ImageError, Status
from figleaf.sources.reply import Perceptual, parse_reply
from figleaf.sources.vetting.matches import MatchFile

COMMAND = "recheck"
"""What a run of it is called in the ledger."""

_PAGE = 1_000
_IMAGES = f"""
SELECT id, sha256, images.format, pdq, pdq_quality, has_others
FROM images NOT INDEXED LEFT JOIN examinations ON image_id = images.id
WHERE quarantine IS NOT '{Quarantine.BLOCKLISTED}' AND id > ? ORDER BY id LIMIT {_PAGE}
"""
_RECEIVED = """
SELECT DISTINCT sha256 FROM origins JOIN items ON items.id = item_id
WHERE image_id = ? AND seconds IS NOT NULL AND sha256 IS NOT NULL
"""
_LOCATORS = """
SELECT DISTINCT locator FROM origins JOIN locators USING (item_id)
WHERE image_id = ? AND locator IS NOT NULL
"""

Examine = Callable[[bytes], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What came of it.

    Attributes:
        images: how many were compared, those that could not be included.
        matched: how many are on the list.
        unchecked: how many could not be compared with all of it; they are set aside.
    """

    images: int = 0
    matched: int = 0
    unchecked: int = 0


def is_due(ledger: Ledger, blocklist: KnownHashes) -> bool:
    """Whether there may be images in the data set that were not compared with this blocklist."""
    if not ledger.read("SELECT 1 FROM images LIMIT 1"):
        return False
    return not ledger.all_ran_with("blocklist", blocklist.sha256, "collect", COMMAND)


def recheck(
    ledger: Ledger, blocklist: KnownHashes, examine: Examine, threads: Executor, *, ahead: int
) -> Rechecked:
    """Compare every image of a data set with a blocklist, and set aside what is on it.

    Within a run of its own, `COMMAND`: where it is stopped, it is due again. A match is written to
    the file of matches, with all that the image came from and the path of its own file, before the
    ledger forgets these. What cannot be read or decoded is set aside too, until another check can.

    Args:
        ledger: open for writing.
        blocklist: the one that holds now.
        examine: `examine.examine` with PDQ hashes in an isolated pool; asked only where PDQ is
            needed, for images whose hash is not known, or whose file may hold further pictures.
        threads: where files are read and hashed.
        ahead: how many files are held at once.

    Raises:
        DatasetError: the file of matches cannot be written.
    """
    check = _Check(blocklist, Store(ledger.folder), examine)
    matches = MatchFile(ledger.folder)
    images = matched = unchecked = 0
    for page in _pages(ledger):
        found = list(ordered_map(lambda one: threads.submit(check, one), page, ahead))
        _note(ledger, found)
        for one in found:
            if one.match:
                _block(ledger, matches, one, one.match)
        images += len(found)
        matched += sum(one.match is not None for one in found)
        unchecked += sum(one.is_unchecked for one in found)
    return Rechecked(images, matched, unchecked)


@dataclass(frozen=True, slots=True)
class _Image:
    id: int
    sha256: bytes
    format: str
    pdq: bytes | None
    quality: int | None
    is_one_picture: bool
    """Whether it is known that its file holds no further pictures."""
    received: tuple[bytes, ...]
    """SHA-256 of the moving pictures that it is a frame of."""


@dataclass(frozen=True, slots=True)
class _Finding:
    id: int
    path: str
    match: Match | None = None
    pdq: bytes | None = None
    """Newly computed."""
    quality: int | None = None
    is_unchecked: bool = False


def _pages(ledger: Ledger) -> Iterator[list[_Image]]:
    last = 0
    while rows := ledger.read(_IMAGES, (last,)):
        last = rows[-1][0]
        yield [
            _Image(number, sha256, name, bits, quality, others == 0, _received(ledger, number))
            for number, sha256, name, bits, quality, others in rows
        ]


def _received(ledger: Ledger, image: int) -> tuple[bytes, ...]:
    return tuple(sha256 for (sha256,) in ledger.read(_RECEIVED, (image,)))


class _Check:
    """Compares one image after another; can be used from many threads."""

    def __init__(self, blocklist: KnownHashes, store: Store, examine: Examine) -> None:
        self._blocklist = blocklist
        self._store = store
        self._examine = examine
        self._reads = bool(blocklist.needs & {HashKind.MD5, HashKind.SHA1})
        self._needs_pdq = HashKind.PDQ in blocklist.needs

    def __call__(self, image: _Image) -> _Finding:
        path = self._store.path(image.sha256, image.format)
        where = str(path.absolute())
        match = self._by_sha256(image)
        if match:
            return _Finding(image.id, where, match)
        bits, quality = image.pdq, image.quality
        # What is kept is the hash of the first picture alone; a list may name one of the others.
        looks = self._needs_pdq and (bits is None or not image.is_one_picture)
        try:
            if self._reads or looks:
                data = path.read_bytes()
                match = self._blocklist.match_bytes(data, image.sha256)
                if match is None and looks:
                    first, *others = self._hashed(data)
                    bits, quality = first.bits, first.quality
                    found = (self._blocklist.match_pdq(one.bits, one.quality) for one in others)
                    match = next(filter(None, found), None)
        except (OSError, ImageError):
            return _Finding(image.id, where, is_unchecked=True)
        if match is None and self._needs_pdq and bits is not None and quality is not None:
            match = self._blocklist.match_pdq(bits, quality)
        is_new = image.pdq is None
        return _Finding(image.id, where, match, bits if is_new else None, quality)

    def _by_sha256(self, image: _Image) -> Match | None:
        """What needs no file."""
        if HashKind.SHA256 not in self._blocklist.needs:
            return None
        for digest in (image.sha256, *image.received):
            match = self._blocklist.match_bytes(b"", digest)
            # Of no bytes there are an MD5 and a SHA-1 too, and they are not this file's.
            if match and match.kind is HashKind.SHA256:
                return match
        return None

    def _hashed(self, data: bytes) -> tuple[Perceptual, ...]:
        """The PDQ hashes of a file of the store: of its picture, then of further ones in it."""
        reply = parse_reply(self._examine(data))
        if len(reply.pictures) != 1 or reply.pictures[0].pdq is None:
            raise ImageError(Status.CRASHED, "gave no hash of the picture")
        return reply.pictures[0].pdq, *reply.others


def _note(ledger: Ledger, found: list[_Finding]) -> None:
    """Keep new PDQ hashes, and which images could not be compared."""
    now = ledger.clock()
    with ledger.transaction() as db:
        for one in found:
            if one.pdq is not None:
                update = "UPDATE images SET pdq = ?, pdq_quality = ? WHERE id = ?"
                db.execute(update, (one.pdq, one.quality, one.id))
            quarantine_unchecked(db, one.id, is_checked=not one.is_unchecked, at=now)


def _block(ledger: Ledger, matches: MatchFile, one: _Finding, match: Match) -> None:
    """First what a report needs, on the disk; then the ledger forgets it."""
    now = ledger.clock()
    for (locator,) in ledger.read(_LOCATORS, (one.id,)):
        matches.add(restored(locator), match, now)
    matches.add(one.path, match, now)
    block(ledger, one.id, f"a {match.kind} hash of {match.list_name}; its file was stored before")
