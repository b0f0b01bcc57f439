"""The ledger: every URL and file that was ever named, every image, every label, in SQLite.

One process writes at a time, in transactions; others may read meanwhile. What a transaction holds
is complete or not there, whatever kills the process.
"""

import fcntl
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from figleaf._version import __version__
from figleaf.dataset.records import Kind, State, Task
from figleaf.errors import DatasetError, RulesError

FILE_NAME = "figleaf.db"
SCHEMA = Path(__file__).with_name("schema.sql")
VERSION = 1

_APPLICATION = 0x66696C66  # "filf", which tells this file from any other SQLite database
_LOCK_NAME = ".figleaf.lock"
_PAGE = 2_000  # rows read at a time, so that no cursor stays open beside the writer

Clock = Callable[[], float]


class Ledger:
    """The ledger of a data set's folder.

    Args:
        folder: the data set.
        write: take the lock and be the one writer; makes the folder and the ledger where missing.
        clock: gives the time in seconds since 1970.

    Raises:
        DatasetError: no data set there, not one of figleaf's, of a newer version, or in use.
    """

    def __init__(
        self, folder: str | Path, *, write: bool = False, clock: Clock = time.time
    ) -> None:
        self.folder = Path(folder)
        self.clock = clock
        self._lock: IO[bytes] | None = None
        path = self.folder / FILE_NAME
        if write:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder)
        elif not path.is_file():
            raise DatasetError(f"{self.folder}: no data set here; figleaf collect makes one")
        try:
            self.connection = _connect(path, write)
            self._check(path, write)
        except BaseException:
            self.close()
            raise

    def _check(self, path: Path, write: bool) -> None:
        try:
            application, version = _identity(self.connection)
            empty = not self.connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except sqlite3.DatabaseError as error:
            raise DatasetError(f"{path}: {error}") from error
        if empty and write:
            self._create()
        elif application != _APPLICATION:
            raise DatasetError(f"{path}: not a ledger of figleaf's")
        elif version != VERSION:
            raise DatasetError(
                f"{path}: of version {version}, this figleaf reads {VERSION}; install the other"
            )

    def _create(self) -> None:
        # executescript ends an open transaction: the script has its own.
        self.connection.executescript(
            f"BEGIN; {SCHEMA.read_text('utf-8')}"
            f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done within is kept together, or, after an error, not at all."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            # After a full disk SQLite may have rolled back by itself.
            with suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
            raise

    def pending(self, *kinds: Kind) -> Iterator[Task]:
        """What is still to be read, of some kinds.

        URLs come in the order of their keys, which is as good as shuffled: neighbours in a list
        are often on one host. Files and members come in the order of their sources.
        """
        for kind in kinds:
            order = "key" if kind is Kind.URL else "id"
            query = (
                f"SELECT {order}, id, locator, label FROM items"
                f" WHERE kind = ? AND state = 'pending' AND {order} > ? ORDER BY {order} LIMIT {_PAGE}"
            )
            last: Any = b"" if kind is Kind.URL else 0
            while rows := self.connection.execute(query, (kind, last)).fetchall():
                last = rows[-1][0]
                yield from (Task(number, kind, *rest) for _, number, *rest in rows)

    def count_pending(self) -> int:
        """How many items are still to be read."""
        query = "SELECT count(*) FROM items WHERE state = ?"
        (count,) = self.connection.execute(query, (State.PENDING,)).fetchone()
        return int(count)

    @contextmanager
    def run(
        self, command: str, arguments: Mapping[str, Any], hashes: Mapping[str, str]
    ) -> Iterator[None]:
        """Note that something runs, with what, and how it ended."""
        row = (command, __version__, json.dumps(arguments), json.dumps(hashes), self.clock())
        with self.transaction() as db:
            number = db.execute(
                "INSERT INTO runs (command, version, arguments, hashes, started)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            ).lastrowid
        outcome = "interrupted"
        try:
            yield
            outcome = "done"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
            raise
        finally:
            with suppress(sqlite3.Error):  # a full disk: then the run has no end, as after a kill
                self.connection.execute(
                    "UPDATE runs SET ended = ?, outcome = ? WHERE id = ?",
                    (self.clock(), outcome, number),
                )

    def was_cut_short(self) -> bool:
        """Whether a run was killed before it could note its end."""
        query = "SELECT 1 FROM runs WHERE ended IS NULL"
        return self.connection.execute(query).fetchone() is not None

    def note_recovery(self) -> None:
        """Mark the runs that were cut short as such."""
        with self.transaction() as db:
            db.execute(
                "UPDATE runs SET ended = ?, outcome = 'cut short' WHERE ended IS NULL",
                (self.clock(),),
            )

    def record_exemption(
        self, name: str, sha256: str, *, reason: str, date: str, terms: Iterable[str]
    ) -> None:
        """Keep which words were exempted, by whose file, and why.

        Raises:
            RulesError: another file was used under this name before.
        """
        query = "SELECT sha256, recorded FROM exemptions WHERE name = ?"
        known = self.connection.execute(query, (name,)).fetchone()
        if known and known[0] != sha256:
            day = time.strftime("%Y-%m-%d", time.gmtime(known[1]))
            raise RulesError(
                f"exemption {name!r}: this data set recorded a file of that name on {day}, with"
                f" SHA-256 {known[0][:12]}..., and this one has {sha256[:12]}...; if the change is"
                " meant, give it a new name, reason and date"
            )
        row = (name, sha256, reason, date, json.dumps(sorted(terms)), self.clock())
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO exemptions VALUES (?, ?, ?, ?, ?, ?)", row)

    def has_images(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Those of some SHA-256 hashes that are images of the data set."""
        query = "SELECT 1 FROM images WHERE sha256 = ?"
        return {one for one in hashes if self.connection.execute(query, (one,)).fetchone()}

    def close(self) -> None:
        """Let go of the file and the lock; idempotent."""
        connection = getattr(self, "connection", None)
        if connection is not None:
            connection.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _locked(folder: Path) -> IO[bytes]:
    file = (folder / _LOCK_NAME).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DatasetError(f"{folder}: another process is writing to this data set") from None
    return file


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    mode = "rwc" if write else "rw"  # a reader of a write-ahead log needs its shared memory
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            # The stage's one writer may be on another thread than the one that opened.
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise DatasetError(f"{path}: {error}") from error
    try:
        if write:
            connection.execute("PRAGMA journal_mode = WAL")
        else:
            connection.execute("PRAGMA query_only = ON")
        # With the log, NORMAL loses at most the last transactions when the power fails, and never
        # the order of them: what is lost is fetched again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")  # 64 MiB at most
        connection.execute("PRAGMA temp_store = FILE")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise DatasetError(f"{path}: {error}") from error
    return connection


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version
