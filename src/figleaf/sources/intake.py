"""What happens to the bytes of one file, whatever their source, before anything is written."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from figleaf.classify.lists.known import KnownHashes, Match
from figleaf.dataset.records import Outcome, Reason, Stored, Task
from figleaf.dataset.store import Store
from figleaf.errors import ImageError, Status
from figleaf.sources.reply import Found, Reply, parse_reply
from figleaf.sources.vetting.matches import MatchFile

Examine = Callable[[bytes], dict[str, Any]]


def reason_of(status: Status) -> Reason:
    """The reason that stands for a failure of decoding; of the same name but for a time-out."""
    return Reason.DECODE_TIMEOUT if status is Status.TIMEOUT else Reason(status.value)


class Intake:
    """Takes the bytes of one file after another; can be used from many threads.

    The order is that of docs/data-safety.md: the bytes' hashes against the blocklist, then an
    isolated decoder, then the PDQ of the picture against the blocklist, and only then the disk.

    Args:
        store: where images are written.
        examine: `examine.examine` in an isolated pool.
        matches: where a match is noted for reporting.
        blocklist: hashes that must never be written; None for none.
        min_bytes: smaller files are not taken.
        clock: gives the time in seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        examine: Examine,
        matches: MatchFile,
        *,
        blocklist: KnownHashes | None = None,
        min_bytes: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._examine = examine
        self._blocklist = blocklist
        self._matches = matches
        self._min_bytes = min_bytes
        self._clock = clock
        self._lock = threading.Lock()

    def take(
        self,
        task: Task,
        data: bytes,
        *,
        http_status: int | None = None,
        attempts: int = 1,
        answered_by: str | None = None,
    ) -> Outcome:
        """Judge the bytes and store the image, or the frames, that they hold.

        Args:
            task: what they were read for.
            data: the whole file.
            http_status: of the answer that they came with.
            attempts: requests that were made.
            answered_by: the URL that redirects led to, for reporting a match.

        Raises:
            OSError: the disk is full or cannot be written, which is no fault of the file's.
        """
        sha256 = hashlib.sha256(data).digest()

        def outcome(
            reason: Reason | None = None, detail: str = "", stored: tuple[Stored, ...] = ()
        ) -> Outcome:
            return Outcome(
                task.id, reason, detail, http_status, attempts, len(data), sha256, stored
            )

        # Before all else: nothing about a match may be kept, not even that it was small.
        match = self._blocklist.match_bytes(data, sha256) if self._blocklist else None
        if match:
            return self._blocked(task, match, answered_by)
        if len(data) < self._min_bytes:
            reason = Reason.TOO_FEW_BYTES if data else Reason.EMPTY
            return outcome(reason, f"{len(data):,} bytes, under the limit of {self._min_bytes:,}")
        try:
            reply = parse_reply(self._examine(data))
        except ImageError as error:
            return outcome(reason_of(error.status), error.reason)
        if reply.moving is not None:
            return outcome(Reason.MOVING, reply.moving)
        match = next(self._perceptual_matches(reply), None)
        if match:
            return self._blocked(task, match, answered_by)
        return outcome(stored=tuple(self._stored(one, data, sha256) for one in reply.pictures))

    def _perceptual_matches(self, reply: Reply) -> Iterator[Match]:
        hashes = [one.pdq for one in reply.pictures if one.pdq is not None]
        for pdq in (*hashes, *reply.others):
            match = self._blocklist.match_pdq(pdq.bits, pdq.quality) if self._blocklist else None
            if match:
                yield match

    def _blocked(self, task: Task, match: Match, answered_by: str | None) -> Outcome:
        """Note the match for reporting; the ledger gets neither the URL's text nor the hash."""
        with self._lock:
            self._matches.add(task.locator, match, self._clock(), answered_by=answered_by)
        return Outcome(task.id, Reason.BLOCKLISTED, f"a {match.kind} hash of {match.list_name}")

    def _stored(self, picture: Found, received: bytes, sha256: bytes) -> Stored:
        data = received
        if picture.data is not None:
            data = picture.data
            sha256 = hashlib.sha256(data).digest()
        self._store.put(data, sha256, picture.format)
        return Stored(
            sha256=sha256,
            format=picture.format,
            width=picture.width,
            height=picture.height,
            size=len(data),
            pdq=picture.pdq.bits if picture.pdq else None,
            pdq_quality=picture.pdq.quality if picture.pdq else None,
            seconds=picture.seconds,
        )
