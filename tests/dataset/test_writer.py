"""The one writer: everything added is written, together; a kill leaves no row without its file."""

import hashlib
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Outcome, Reason
from figleaf.dataset.store import Store
from figleaf.dataset.writer import Writer

from .samples import image, ledger_with, line_of, mapped, one, pending, python, url


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path, *((url(f"{n}"), mapped()) for n in range(2_500))) as opened:
        yield opened


def outcomes(ledger: Ledger) -> list[Outcome]:
    return [Outcome(task.id, Reason.GONE) for task in pending(ledger)]


def test_all_that_was_added_is_in_the_ledger_on_leaving(ledger: Ledger) -> None:
    threads = threading.active_count()
    with Writer(ledger, Store(ledger.folder)) as writer:
        for outcome in outcomes(ledger):
            writer.add(outcome)
    assert ledger.count_pending() == 0
    assert threading.active_count() == threads


def test_what_was_added_before_an_error_is_kept(ledger: Ledger) -> None:
    def interrupted() -> None:
        with Writer(ledger, Store(ledger.folder)) as writer:
            for outcome in outcomes(ledger)[:10]:
                writer.add(outcome)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ledger.count_pending() == 2_490


def test_it_writes_when_there_is_much_or_after_a_while(ledger: Ledger) -> None:
    now = 0.0
    store = Store(ledger.folder)
    with Ledger(ledger.folder) as reader, Writer(ledger, store, clock=lambda: now) as writer:
        some = outcomes(ledger)

        def left_after(added: int, *, expected: int) -> int:
            for outcome in some[:added]:
                writer.add(outcome)
            del some[:added]
            # It writes on a thread of its own: soon, but not at once.
            deadline = time.monotonic() + 30
            while reader.count_pending() > expected and time.monotonic() < deadline:
                time.sleep(0.01)
            return reader.count_pending()

        assert left_after(999, expected=2_500) == 2_500
        assert left_after(1, expected=1_500) == 1_500
        assert left_after(10, expected=1_500) == 1_500
        now = 2.0
        assert left_after(1, expected=1_489) == 1_489
        now = 3.0
        assert left_after(10, expected=1_489) == 1_489


def test_nothing_to_write(ledger: Ledger) -> None:
    with Writer(ledger, Store(ledger.folder)):
        pass
    assert ledger.count_pending() == 2_500


def test_a_ledger_that_cannot_be_written_stops_it(ledger: Ledger) -> None:
    def all_of_them() -> None:
        with Writer(ledger, Store(ledger.folder)) as writer:
            for outcome in outcomes(ledger):
                writer.add(outcome)

    threads = threading.active_count()
    ledger.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        all_of_them()
    ledger.connection.execute("PRAGMA query_only = OFF")
    assert ledger.count_pending() == 2_500
    assert threading.active_count() == threads


def test_no_row_is_written_where_its_file_may_not_last(ledger: Ledger) -> None:
    store = Store(ledger.folder)
    store.prepare()
    kept = image("kept")
    store.put(b"kept", kept.sha256, "jpeg")
    shutil.rmtree(store.folder)

    def one_of_them() -> None:
        with Writer(ledger, store) as writer:
            writer.add(Outcome(1, stored=(kept,)))

    with pytest.raises(FileNotFoundError):
        one_of_them()
    assert one(ledger, "SELECT count(*) FROM images") == 0


KILLED = """
    import hashlib, sys
    from concurrent.futures import ThreadPoolExecutor
    from figleaf.dataset import writer as module
    from figleaf.dataset.ledger import Ledger
    from figleaf.dataset.records import Kind, Outcome, Stored
    from figleaf.dataset.store import Store

    folder, size = sys.argv[1], 3_000

    def take(task):
        data = task.locator.encode() * 50
        sha256 = hashlib.sha256(data).digest()
        store.put(data, sha256, "png")
        return Outcome(task.id, stored=(Stored(sha256, "png", 1, 1, len(data)),))

    with Ledger(folder, write=True) as ledger, ledger.run("collect", {}, {}):
        store = Store(folder)
        store.prepare()
        ticks = iter(range(10**9))
        print("started", flush=True)
        with Ledger(folder) as reader, ThreadPoolExecutor(4) as threads:
            # A clock that is fast: a transaction every few outcomes.
            with module.Writer(ledger, store, clock=lambda: next(ticks) / 7) as writer:
                for outcome in threads.map(take, reader.pending(Kind.URL)):
                    writer.add(outcome)
"""


def test_a_kill_at_any_moment_leaves_whole_files_for_all_rows(ledger: Ledger) -> None:
    folder, random = ledger.folder, Random(3)
    ledger.close()
    for _ in range(12):
        with python(KILLED, folder) as run:
            assert line_of(run) == "started\n"
            time.sleep(random.uniform(0.0, 0.15))
            run.kill()
        with Ledger(folder, write=True) as again:
            check(again)
    with python(KILLED, folder) as run:
        assert run.communicate() == ("started\n", "")
    with Ledger(folder) as reader:
        assert reader.count_pending() == 0
        assert one(reader, "SELECT count(*) FROM images") == 2_500
        assert one(reader, "SELECT count(*) FROM origins") == 2_500


def check(ledger: Ledger) -> None:
    store = Store(ledger.folder)
    assert one(ledger, "PRAGMA integrity_check") == "ok"
    rows = {store.path(sha256, "png") for (sha256,) in ledger.read("SELECT sha256 FROM images")}
    for path in rows:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    fetched = one(ledger, "SELECT count(*) FROM items WHERE state = 'fetched'")
    assert fetched == len(rows) == 2_500 - ledger.count_pending()
    if ledger.was_cut_short():
        store.sweep(ledger.has_images)
        ledger.note_recovery()
    assert {path for path in store.folder.rglob("*") if path.is_file()} == rows
