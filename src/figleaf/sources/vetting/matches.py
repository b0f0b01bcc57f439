"""What is kept of a file whose hash is on a blocklist, so that it can be reported.

The file itself is not written anywhere. Where it came from goes to one file that only its owner can
read, and nowhere else: it is not exported, not shown and not logged.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from figleaf.classify.lists.known import Match
from figleaf.errors import DatasetError

MATCHES_FILE = "blocklist-matches.jsonl"
"""Its name in the data set's folder. Whatever copies or exports a data set leaves it out."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class MatchFile:
    """The matches of a data set: one JSON object a line.

    Each has `locator` (URL, path, or shard and member), `at` (UTC), `list`, `kind`, `hash` and
    `distance`; `answered_by` where redirects led to another URL. The file is made for the first
    match, for its owner only (mode 0600) from the start, and each match is on the disk before `add`
    returns. A line that a kill cut short stays as it is, and is ended before the next one; its
    match is written again when its file is met again.

    One thread writes at a time, of the process that holds the data set's lock.

    Raises:
        DatasetError: the file is a symbolic or hard link, is no file, is another user's, or cannot
            be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MATCHES_FILE
        self._known: set[str] = set()
        if os.path.lexists(self.path):
            with _opened(self.path) as file, os.fdopen(file, "rb", closefd=False) as lines:
                self._known.update(key for line in lines if (key := _key_of(line)))

    def __len__(self) -> int:
        """How many different matches there are."""
        return len(self._known)

    def add(self, locator: str, match: Match, at: float, *, answered_by: str | None = None) -> bool:
        """Write a match down, unless this hash was written down for this locator before.

        Args:
            locator: where the file came from.
            match: what it matched.
            at: when, in seconds since 1970.
            answered_by: the URL that answered, where redirects led to another.

        Returns:
            Whether it is new.

        Raises:
            DatasetError: it cannot be written, or the file is not as it must be (see the class).
        """
        key = _key(locator, match.kind, match.hash)
        if key in self._known:
            return False
        record = {
            "locator": locator,
            "at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
            "list": match.list_name,
            "kind": str(match.kind),
            "hash": match.hash,
            "distance": match.distance,
        }
        if answered_by not in (None, locator):
            record["answered_by"] = answered_by
        with _opened(self.path) as file:
            # In ASCII, since a file's name need not be valid Unicode.
            _append(file, json.dumps(record).encode("ascii") + b"\n")
        self._known.add(key)
        return True


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        file = _open_for_owner(path)
        try:
            yield file
        finally:
            os.close(file)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read or written ({error.strerror})") from error


def _append(file: int, line: bytes) -> None:
    """Add a line as a whole or not at all, and wait until it is on the disk."""
    end = os.fstat(file).st_size
    if end and os.pread(file, 1, end - 1) != b"\n":
        line = b"\n" + line  # the last one was cut short
    try:
        written = os.write(file, line)  # in one piece, unless the disk is full
        if written != len(line):
            os.write(file, line[written:])
        os.fsync(file)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, end)
        raise


def _open_for_owner(path: Path) -> int:
    """Open for reading and appending; make it if need be, with mode 0600 whatever the umask."""
    try:
        file = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.is_symlink():
            raise DatasetError(f"{path}: a symbolic link, not a file; remove it") from None
        file = os.open(path, _FLAGS)
    else:
        _sync_folder(path.parent)
    try:
        _check(path, os.fstat(file))
        os.fchmod(file, 0o600)
    except BaseException:
        os.close(file)
        raise
    return file


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise DatasetError(f"{path}: not a regular file; remove it")
    if found.st_nlink != 1:
        raise DatasetError(f"{path}: goes by another name too (a hard link); remove that one")
    if found.st_uid != os.geteuid():
        raise DatasetError(f"{path}: belongs to another user; run as that user")


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file on the disk too."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _key(locator: str, kind: str, hash_: str) -> str:
    return json.dumps([locator, str(kind), hash_])


def _key_of(line: bytes) -> str | None:
    """The key of a line; None for one that is cut short."""
    try:
        record = json.loads(line)
        return _key(record["locator"], record["kind"], record["hash"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
