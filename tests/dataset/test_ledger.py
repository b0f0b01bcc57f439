"""Making, opening and locking ledgers, transactions, runs, what is pending, exemptions."""

import signal
import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import figleaf.dataset.ledger as ledger_module
from figleaf.dataset.ledger import _LOCAL, _URLS, FILE_NAME, Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Kind, Outcome, Reason
from figleaf.dataset.register import register
from figleaf.errors import DatasetError, RulesError

from .samples import NOON, file, ledger_with, line_of, mapped, one, pending, python, url

OPEN = """
    import sys
    from figleaf.dataset.ledger import Ledger
    from figleaf.errors import DatasetError
    try:
        ledger = Ledger(sys.argv[1], write=sys.argv[2] == "write")
        print(ledger.count_pending(), flush=True)
    except DatasetError as error:
        print(error, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path) as opened:
        yield opened


def test_a_writer_makes_the_folder_and_a_reader_opens_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "with ? and # and é"
    with Ledger(folder, write=True) as ledger:
        register(ledger, [(url("a"), mapped())])
    with Ledger(folder) as ledger:
        assert ledger.count_pending() == 1
    assert sorted(path.name for path in folder.iterdir()) == [".figleaf.lock", FILE_NAME]


def test_a_reader_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set here; figleaf collect makes one"):
        Ledger(tmp_path / "none")
    assert not any(tmp_path.iterdir())


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    ledger_with(tmp_path).close()
    with Ledger(tmp_path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.connection.execute("DELETE FROM items")


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("made_by", "complaint"),
    [
        ("CREATE TABLE cats (name)", "not a ledger of figleaf's"),
        ("PRAGMA application_id = 7", "not a ledger of figleaf's"),
        ("PRAGMA user_version = 3", r"of version 3, this figleaf reads up to 2; use the figleaf"),
    ],
)
def test_what_is_not_ours_is_refused_and_left_as_it_is(
    tmp_path: Path, made_by: str, complaint: str, write: bool
) -> None:
    path = tmp_path / FILE_NAME
    if "user_version" in made_by:
        ledger_with(tmp_path).close()
    connection = sqlite3.connect(path)
    connection.execute(made_by)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatasetError, match=complaint):
        Ledger(tmp_path, write=write)
    assert path.read_bytes() == before


@pytest.mark.parametrize("write", [False, True])
def test_a_file_that_is_no_database(tmp_path: Path, write: bool) -> None:
    content = b"not a database, and longer than the header of one" * 40
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(DatasetError, match=r"figleaf\.db: file is not a database"):
        Ledger(tmp_path, write=write)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_an_empty_file_is_made_a_ledger_by_a_writer_only(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(DatasetError, match="not a ledger"):
        Ledger(tmp_path)
    with Ledger(tmp_path, write=True) as ledger:
        assert ledger.count_pending() == 0


def test_a_damaged_ledger_is_an_error_of_the_data_set(tmp_path: Path) -> None:
    with ledger_with(tmp_path, *((url(f"{n}"), mapped()) for n in range(2_000))):
        pass
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    behind_the_schema = 4096 * 80
    data[behind_the_schema:] = b"\xa5" * (len(data) - behind_the_schema)
    path.write_bytes(data)
    with Ledger(tmp_path) as ledger, pytest.raises(DatasetError, match="malformed"):
        pending(ledger)


@pytest.mark.parametrize("name", ["file", "file/under"])
def test_a_folder_that_cannot_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="not a folder to write in"):
        Ledger(tmp_path / name, write=True)


def test_one_process_writes_while_others_read(tmp_path: Path) -> None:
    with python(OPEN, tmp_path, "write") as other:
        assert line_of(other) == "0\n"
        with pytest.raises(DatasetError, match="another process is writing to this data set"):
            Ledger(tmp_path, write=True)
        with Ledger(tmp_path) as reader:
            assert reader.count_pending() == 0
        other.communicate()
    Ledger(tmp_path, write=True).close()


def test_a_reader_sees_what_another_process_has_committed(tmp_path: Path) -> None:
    with ledger_with(tmp_path, (url("a"), mapped())) as writer:
        with writer.transaction() as db:
            db.execute("UPDATE items SET state = 'failed'")
            with python(OPEN, tmp_path, "read") as other:
                assert other.communicate() == ("1\n", "")
        with python(OPEN, tmp_path, "read") as other:
            assert other.communicate() == ("0\n", "")


def test_a_second_writer_in_the_same_process_is_refused_too(ledger: Ledger) -> None:
    with pytest.raises(DatasetError, match="another process"):
        Ledger(ledger.folder, write=True)


def test_the_lock_goes_with_the_process_that_had_it(tmp_path: Path) -> None:
    with python(OPEN, tmp_path, "write") as other:
        assert line_of(other) == "0\n"
        other.kill()
    Ledger(tmp_path, write=True).close()


def test_a_finished_data_set_is_read_where_nothing_can_be_written() -> None:
    drop = "import os, sqlite3; os.getuid() or os.setuid(65534)\n    try:"
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "data"
        ledger_with(folder, (url("a"), mapped())).close()
        Path(parent).chmod(0o755)
        folder.chmod(0o555)
        with python(OPEN.replace("try:", drop), folder, "read") as other:
            assert other.communicate() == ("1\n", "")
        folder.chmod(0o755)


def test_closing_twice_and_reading_after_it(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path)
    ledger.close()
    ledger.close()
    with pytest.raises(DatasetError, match="closed"):
        ledger.count_pending()


def test_a_transaction_is_complete_or_not_there(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])

    def interrupted() -> None:
        with ledger.transaction() as db:
            db.execute("UPDATE items SET state = 'failed', reason = 'dns'")
            db.execute("DELETE FROM mentions")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ledger.count_pending() == 1
    assert one(ledger, "SELECT count(*) FROM mentions") == 1
    with ledger.transaction() as db:
        db.execute("UPDATE items SET state = 'failed', reason = 'dns'")
    assert ledger.count_pending() == 0


KILLED = """
    import os, signal, sys
    from figleaf.dataset.ledger import Ledger
    ledger = Ledger(sys.argv[1], write=True)
    with ledger.run("collect", {}, {}), ledger.transaction() as db:
        db.execute("INSERT INTO exemptions VALUES ('half', '', '', '', '', 0)")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_is_seen_as_cut_short_and_noted(tmp_path: Path) -> None:
    with python(KILLED, tmp_path) as killed:
        killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    with Ledger(tmp_path, write=True, clock=lambda: NOON) as ledger:
        assert ledger.was_cut_short()
        assert one(ledger, "SELECT count(*) FROM exemptions") == 0
        ledger.note_recovery()
        assert one(ledger, "SELECT ended, outcome FROM runs") == (NOON, "cut short")
        with ledger.run("collect", {}, {}):
            pass
        assert not ledger.was_cut_short()


def test_a_run_notes_what_ran_with_what_and_how_it_ended(ledger: Ledger) -> None:
    assert not ledger.was_cut_short()
    with ledger.run("collect", {"sources": ["a \udce9"]}, {"deny": "ab"}):
        assert one(ledger, "SELECT ended IS NULL FROM runs") == 1
    found = one(ledger, "SELECT command, arguments, hashes, started, ended, outcome FROM runs")
    arguments = r'{"sources": ["a \udce9"]}'
    assert found == ("collect", arguments, '{"deny": "ab"}', NOON, NOON, "done")
    assert not ledger.was_cut_short()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("no \udce9 there"), r"ValueError: no \udce9 there"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_a_run_that_did_not_end_well_may_have_left_files(
    ledger: Ledger, error: BaseException, outcome: str
) -> None:
    with pytest.raises(type(error)), ledger.run("collect", {}, {}):
        raise error
    assert one(ledger, "SELECT outcome FROM runs") == outcome
    assert ledger.was_cut_short()
    ledger.note_recovery()
    assert one(ledger, "SELECT outcome FROM runs") == outcome


def test_urls_come_in_no_order_of_hosts_and_files_in_that_of_their_sources(ledger: Ledger) -> None:
    names = [f"/{n:04}.jpg" for n in range(5_000)]
    register(ledger, [(file(name), mapped()) for name in names])
    register(ledger, [(url(name), mapped()) for name in names])
    files = [task.locator for task in ledger.pending(Kind.FILE)]
    urls = [task.locator for task in ledger.pending(Kind.URL)]
    assert files == names
    assert sorted(urls) == [f"https://pictures.example/{name}" for name in names]
    neighbours = sum(a < b for a, b in pairwise(urls))
    assert 2_000 < neighbours < 3_000
    assert [task.kind for task in ledger.pending(Kind.URL, Kind.FILE)][::5_000] == ["url", "file"]
    assert not list(ledger.pending(Kind.MEMBER))


@pytest.mark.parametrize("kind", [Kind.URL, Kind.FILE])
def test_all_that_is_pending_comes_once_while_a_writer_finishes_what_came(
    tmp_path: Path, kind: Kind
) -> None:
    make = url if kind is Kind.URL else file
    entries = [(make(f"/{n}.jpg"), mapped()) for n in range(6_500)]
    with ledger_with(tmp_path, *entries) as writer, Ledger(tmp_path) as reader:
        seen: list[int] = []
        batch: list[Outcome] = []
        for task in reader.pending(kind):
            seen.append(task.id)
            batch.append(Outcome(task.id, Reason.GONE))
            if len(batch) == 700:
                apply(writer, batch)
                batch = []
        assert sorted(seen) == list(range(1, 6_501))
        assert reader.count_pending() == len(batch)


def test_a_task_has_the_class_of_its_item(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped("drawings")), (file("/b"), mapped(None))])
    assert [(task.kind, task.label) for task in pending(ledger)] == [
        (Kind.URL, "drawings"),
        (Kind.FILE, None),
    ]


@pytest.mark.parametrize("ordered", ["key", "id"])
def test_no_page_of_what_is_pending_is_sorted(ledger: Ledger, ordered: str) -> None:
    query = _URLS if ordered == "key" else _LOCAL
    plan = ledger.read(f"EXPLAIN QUERY PLAN {query}", ("url", 0))
    assert "ORDER BY" not in str(plan)


def record(ledger: Ledger, sha256: str) -> None:
    ledger.record_exemption(
        "art school", sha256, reason="museum", date="2026-05-28", terms=["b", "a"]
    )


def test_an_exemption_is_recorded_once(ledger: Ledger) -> None:
    record(ledger, "11" * 32)
    record(ledger, "11" * 32)
    found = one(ledger, "SELECT name, sha256, reason, date, terms, recorded FROM exemptions")
    assert found == ("art school", "11" * 32, "museum", "2026-05-28", '["a", "b"]', NOON)


def test_another_exemption_file_of_the_same_name_is_refused(ledger: Ledger) -> None:
    record(ledger, "11" * 32)
    with pytest.raises(RulesError, match=r"'art school'.*on 2026-05-28.*111111111111\.\.\..*2222"):
        record(ledger, "22" * 32)
    assert one(ledger, "SELECT sha256 FROM exemptions") == "11" * 32


def test_which_hashes_are_images(ledger: Ledger) -> None:
    assert ledger.has_images([b"a" * 32]) == set()
    assert ledger.has_images([]) == set()


def first_version(folder: Path) -> None:
    """A ledger as the first version left it, with an image that is set aside."""
    folder.mkdir()
    script = (Path(ledger_module.__file__).parent / "schema/1_collect.sql").read_text("utf-8")
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.executescript(script)
        connection.execute(
            "INSERT INTO images (sha256, format, width, height, bytes, quarantine, added)"
            " VALUES (x'00', 'png', 1, 1, 1, 'denied', 7.0)"
        )
        connection.execute(f"PRAGMA application_id = {0x66696C66}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()


def schema_of(folder: Path) -> list[tuple[str, str]]:
    with Ledger(folder) as ledger:
        query = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
        return sorted((name, sql) for name, sql in ledger.read(query) if sql)


def test_an_older_ledger_is_renewed_by_whoever_writes(tmp_path: Path) -> None:
    first_version(tmp_path / "old")
    with pytest.raises(DatasetError, match="of version 1, this figleaf reads 2; the next command"):
        Ledger(tmp_path / "old")
    with Ledger(tmp_path / "old", write=True) as ledger:
        event = "SELECT before, after, who, at FROM quarantines"
        assert ledger.read(event) == [(None, "denied", "collect", 7.0)]
    Ledger(tmp_path / "new", write=True).close()
    assert schema_of(tmp_path / "old") == schema_of(tmp_path / "new")
