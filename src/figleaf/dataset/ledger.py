"""The ledger: every URL and file that was ever named, every image, every label, in SQLite.

One process writes at a time, in transactions; others may read meanwhile. What a transaction holds
is complete or not there, whatever kills the process.
"""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from figleaf._version import __version__
from figleaf.dataset.locators import readable, restored
from figleaf.dataset.locking import HAS_LOCKS, try_lock
from figleaf.dataset.records import Kind, State, Task
from figleaf.errors import DatasetError, RulesError

FILE_NAME = "figleaf.db"
_SCHEMA = Path(__file__).with_name("schema")
VERSION = 2
"""Of the schema: each of its files brings a ledger from the version before to its own."""

_APPLICATION = 0x66696C66  # "filf", which tells this file from any other SQLite database
_LOCK_NAME = ".figleaf.lock"
_OLDEST = (3, 35, 0)  # the first SQLite that has RETURNING
_DONE = "done"
_COLLECTS = "command IN ('collect', 'recheck')"
"""Runs that write images' files. What curating runs in between says nothing of them."""

_SHARED = (
    # With the log, NORMAL loses at most the last transactions when the power fails, and never the
    # order of them: what is lost is fetched again.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -65536",  # 64 MiB at most
    "PRAGMA temp_store = FILE",
)
_READING = ("PRAGMA query_only = ON", *_SHARED)
_WRITING = (
    # Of a new ledger; the status of a large one is read from a cold disk in half the steps.
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    "PRAGMA secure_delete = ON",  # what is withheld is overwritten, not only unlinked
    *_SHARED,
)

_PAGE = 2_000  # rows read at a time, so that no cursor stays open beside the writer
_URLS = f"""
SELECT key, id, locator, label FROM items JOIN locators ON item_id = id
WHERE kind = ? AND state = 'pending' AND key > ? ORDER BY key LIMIT {_PAGE}
"""
# Without an index: in their own order, where an index would have to be sorted for every page.
_LOCAL = f"""
SELECT id, id, locator, label FROM items NOT INDEXED CROSS JOIN locators ON item_id = id
WHERE kind = ? AND state = 'pending' AND id > ? ORDER BY id LIMIT {_PAGE}
"""

Clock = Callable[[], float]


class Ledger:
    """The ledger of a data set's folder.

    Args:
        folder: the data set.
        write: take the lock and be the one writer.
        make: a writer makes the folder and the ledger where they are missing.
        clock: gives the time in seconds since 1970.

    Raises:
        DatasetError: no data set there, not one of figleaf's, of a newer version, or in use.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        write: bool = False,
        make: bool = True,
        clock: Clock = time.time,
    ) -> None:
        self.folder = Path(folder)
        self.clock = clock
        self._lock: IO[bytes] | None = None
        self._path = self.folder / FILE_NAME
        self._writes = write
        self._run: int | None = None
        if not (write and make) and not self._path.is_file():
            raise DatasetError(f"{self.folder}: no data set here; figleaf collect makes one")
        if write:
            self._lock = _locked(self.folder)
        try:
            self.connection = _connected(self._path, write)
            self._open()
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise DatasetError(f"{self._path}: {error}") from error
            raise

    def _open(self) -> None:
        # Nothing is changed, not even the kind of journal, before it is known whose the file is.
        application, version = _identity(self.connection)
        empty = not self.connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        new = empty and self._writes and application == 0
        if not new and application != _APPLICATION:
            raise DatasetError(f"{self._path}: not a ledger of figleaf's")
        if version > VERSION:
            raise DatasetError(
                f"{self._path}: of version {version}, this figleaf reads up to {VERSION};"
                " use the figleaf that made it"
            )
        if version < VERSION and not self._writes:
            raise DatasetError(
                f"{self._path}: of version {version}, this figleaf reads {VERSION}; the next"
                f" command that writes renews it, such as: figleaf collect --out {self.folder}"
            )
        for setting in _WRITING if self._writes else _READING:
            self.connection.execute(setting)
        if version < VERSION:
            self._renew(version)

    def _renew(self, version: int) -> None:
        """Bring the ledger, or an empty file, from a version to the present one."""
        scripts = "".join(
            path.read_text("utf-8")
            for path in sorted(_SCHEMA.glob("*.sql"))
            if int(path.name.partition("_")[0]) > version
        )
        # executescript ends an open transaction: the script has its own.
        self.connection.executescript(
            f"BEGIN; {scripts}"
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

    def checkpoint(self) -> None:
        """Empty the write-ahead log, in which earlier versions of rows stand, into the database.

        Best effort: while somebody reads it stays, until the next one.
        """
        with suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query gives.

        Raises:
            DatasetError: the ledger is closed, damaged, or cannot be read.
        """
        try:
            return self.connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise DatasetError(f"{self._path}: {error}") from error

    def pending(self, *kinds: Kind) -> Iterator[Task]:
        """What is still to be read, of some kinds.

        URLs come in the order of their keys, which is as good as shuffled: neighbours in a list
        are often on one host. Files and members come in the order of their sources.
        """
        for kind in kinds:
            query, last = (_URLS, b"") if kind is Kind.URL else (_LOCAL, 0)
            while rows := self.read(query, (kind, last)):
                last = rows[-1][0]
                for _, number, locator, label in rows:
                    yield Task(number, kind, restored(locator), label)

    def count_pending(self) -> int:
        """How many items are still to be read."""
        query = "SELECT count(*) FROM items WHERE state = ?"
        return int(self.read(query, (State.PENDING,))[0][0])

    @contextmanager
    def run(
        self, command: str, arguments: Mapping[str, Any], hashes: Mapping[str, str]
    ) -> Iterator[int]:
        """Note that something runs, with what, and how it ended; gives the run's number."""
        row = (command, __version__, json.dumps(arguments), json.dumps(hashes), self.clock())
        with self.transaction() as db:
            number = db.execute(
                "INSERT INTO runs (command, version, arguments, hashes, started)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            ).lastrowid
        assert number is not None  # as after any INSERT
        self._run = number
        outcome = "interrupted"
        try:
            yield number
            outcome = _DONE
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._run = None
            with suppress(sqlite3.Error):  # a full disk: then the run has no end, as after a kill
                self.connection.execute(
                    "UPDATE runs SET ended = ?, outcome = ? WHERE id = ?",
                    (self.clock(), readable(outcome), number),
                )

    def note_problems(self, source: str, counts: Iterable[tuple[str, int]]) -> None:
        """Keep what of a source became no item, in place of what an earlier run found in it.

        Within a `run`. Sources of the same name in one run are counted together.

        Args:
            source: its name.
            counts: kinds, in words for people, and how many of each.
        """
        name = readable(source)
        rows = [(name, readable(kind), count, self._run) for kind, count in counts]
        with self.transaction() as db:
            earlier = "DELETE FROM problems WHERE source = ? AND run_id IS NOT ?"
            db.execute(earlier, (name, self._run))
            db.executemany(
                "INSERT INTO problems VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                rows,
            )

    def ran_with(self, rules: str) -> bool:
        """Whether any run had rules of this kind: "blocklist", "exemption"."""
        query = "SELECT 1 FROM runs WHERE json_extract(hashes, '$.' || ?) IS NOT NULL LIMIT 1"
        return bool(self.read(query, (rules,)))

    def last_hashes(self) -> dict[str, str]:
        """The hashes of the last run's rules that collected: name -> SHA-256; empty before one."""
        rows = self.read(f"SELECT hashes FROM runs WHERE {_COLLECTS} ORDER BY id DESC LIMIT 1")
        return dict(json.loads(rows[0][0])) if rows else {}

    def all_ran_with(self, rules: str, sha256: str, *commands: str) -> bool:
        """Whether the last of these commands that ended, and all since, had just these rules.

        Where none ended all of them count.

        Args:
            rules: the kind: "blocklist", "exemption".
            sha256: the rules', in hex.
            commands: those of the runs that count.
        """
        marks = ", ".join("?" * len(commands))
        query = (
            "SELECT json_extract(hashes, '$.' || ?) FROM runs"
            f" WHERE command IN ({marks}) AND id >= coalesce((SELECT max(id) FROM runs"
            f" WHERE outcome = '{_DONE}' AND command IN ({marks})), 0)"
        )
        return all(found == sha256 for (found,) in self.read(query, (rules, *commands, *commands)))

    def was_cut_short(self) -> bool:
        """Whether the last run that collected did not come to its end: killed, or after an error.

        Then there may be files without a row: what was on its way when it stopped.
        """
        last = self.read(f"SELECT outcome FROM runs WHERE {_COLLECTS} ORDER BY id DESC LIMIT 1")
        return bool(last) and last[0][0] != _DONE

    def note_recovery(self) -> None:
        """Give the runs that were killed an end."""
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
        for known, recorded in self.read(query, (name,)):
            if known != sha256:
                day = time.strftime("%Y-%m-%d", time.gmtime(recorded))
                raise RulesError(
                    f"exemption {name!r}: this data set recorded a file of that name on {day},"
                    f" with SHA-256 {known[:12]}..., and this one has {sha256[:12]}...; if the"
                    " change is meant, give it a new name, reason and date"
                )
        row = (name, sha256, reason, date, json.dumps(sorted(terms)), self.clock())
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO exemptions VALUES (?, ?, ?, ?, ?, ?)", row)

    def has_images(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Those of some SHA-256 hashes that are images of the data set."""
        query = "SELECT 1 FROM images WHERE sha256 = ?"
        return {one for one in hashes if self.read(query, (one,))}

    def close(self) -> None:
        """Let go of the file and the lock; idempotent."""
        connection = getattr(self, "connection", None)
        if connection is not None:
            if self._writes:
                self.checkpoint()  # closing does it too, unless somebody still reads
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
    """The folder's lock, held until it is closed; the folder is made where missing."""
    if not HAS_LOCKS:
        raise DatasetError(f"{folder}: writing a data set needs a POSIX system")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK_NAME).open("ab")
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise DatasetError(f"{folder}: not a folder to write in: {error.strerror}") from error
    is_locked = False
    try:
        is_locked = try_lock(file.fileno())
    except BlockingIOError:
        raise DatasetError(f"{folder}: another process is writing to this data set") from None
    finally:
        if not is_locked:
            file.close()
    if not is_locked:
        raise DatasetError(f"{folder}: its file system has no locks; give a folder elsewhere")
    return file


def _connected(path: Path, write: bool) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise DatasetError(f"SQLite {sqlite3.sqlite_version} is too old: {needed} is the oldest")
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{_mode(path, write)}",
        uri=True,
        isolation_level=None,
        # The stage's one writer may be on another thread than the one that opened.
        check_same_thread=False,
    )


def _mode(path: Path, write: bool) -> str:
    if write:
        return "mode=rwc"
    if os.access(path.parent, os.W_OK) or path.with_name(f"{path.name}-wal").exists():
        return "mode=rw"  # a reader of a write-ahead log makes, or needs, its shared memory
    # A finished data set where this user cannot write: without a log, the file is all there is.
    return "mode=ro&immutable=1"


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version
