"""What is kept of a file whose hash is on a blocklist, so that it can be reported.

The file itself is not written anywhere. Where it came from goes to one file that only its owner can
read, and nowhere else: it is not exported, not shown and not logged.
"""

import json
import os
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from figleaf.errors import DatasetError
from figleaf.sources.blocklist import Match

MATCHES_FILE = "blocklist-matches.jsonl"
"""Its name in the data set's folder. Whatever copies or exports a data set leaves it out."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class MatchFile:
    """The matches of a data set: one JSON object a line.

    Each has `locator` (URL, path, or shard and member), `at` (UTC), `list`, `kind`, `hash` and
    `distance`. The file is made for the first match, for its owner only (mode 0600) from the start,
    and each match is on the disk before `add` returns. A line that a kill cut short stays as it is,
    and is ended before the next one; its match is written again when its file is met again.

    One thread writes at a time, of the process that holds the data set's lock.

    Raises:
        DatasetError: the file is a symbolic or hard link, is no file, is another user's, or cannot
            be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MATCHES_FILE
        self._known: set[str] = set()
        self._file: int | None = None
        if os.path.lexists(self.path):
            self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """How many different matches there are."""
        return len(self._known)

    def close(self) -> None:
        """Close the file. Adding opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def add(self, locator: str, match: Match, at: float) -> bool:
        """Write a match down, unless this hash was written down for this locator before.

        Args:
            locator: where the file came from.
            match: what it matched.
            at: when, in seconds since 1970.

        Returns:
            Whether it is new.

        Raises:
            DatasetError: it cannot be written, or the file is not as it must be (see the class).
        """
        if self._file is None:
            self._open()
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
        # In ASCII, since a file's name need not be valid Unicode.
        self._append(json.dumps(record).encode("ascii") + b"\n")
        self._known.add(key)
        return True

    def _open(self) -> None:
        try:
            self._file = _open_for_owner(self.path)
            self._read()
        except OSError as error:
            self.close()
            raise DatasetError(f"{self.path}: cannot be opened ({error.strerror})") from error
        except DatasetError:
            self.close()
            raise

    def _read(self) -> None:
        """Learn what is written down already, and end a line that a kill cut short."""
        assert self._file is not None
        line = b""
        with os.fdopen(self._file, "rb", closefd=False) as file:
            for line in file:
                if key := _key_of(line):
                    self._known.add(key)
        if line and not line.endswith(b"\n"):
            self._append(b"\n")

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        end = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)  # in one piece, unless the disk is full
            if written != len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, end)
            raise DatasetError(f"{self.path}: cannot be written ({error.strerror})") from error


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
