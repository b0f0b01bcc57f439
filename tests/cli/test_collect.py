"""`figleaf collect` and `figleaf status` as people run them: tables, hints, codes, progress."""

import csv
import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from figleaf.cli.collecting import Collecting
from figleaf.cli.grid import print_grid
from figleaf.cli.terminal import Screen
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import set_aside
from figleaf.dataset.records import Kind, Outcome, Reason, Stored, Task

from ..sources.collecting import listed, photo
from ..sources.server import MisbehavingServer

LOCAL = ["--allow-loopback", "--workers", "1", "--no-robots"]
LINES = ["http://a.example/1.jpg", "http://a.example:80/2.jpg", "http://b.example/teen.jpg"]


class Done:
    """The end of a command; no end is a traceback."""

    def __init__(self, process: subprocess.CompletedProcess[bytes]) -> None:
        self.code = process.returncode
        self.out, self.err = process.stdout.decode(), process.stderr.decode()
        assert "Traceback" not in self.err, self.err
        if self.code == 2 and not self.err.lstrip().startswith("Usage"):
            assert self.err.splitlines()[-1].startswith("figleaf: ")


def figleaf(*words: object, **environment: str) -> Done:
    command = [sys.executable, "-m", "figleaf", *map(str, words)]
    variables = os.environ | {"COLUMNS": "100"} | environment
    return Done(
        subprocess.run(command, env=variables, capture_output=True, check=False, timeout=60)
    )


def collect(*words: object, **environment: str) -> Done:
    return figleaf("collect", *words, **environment)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos and a page under a photo's name."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(2):
        (folder / f"{seed}.jpg").write_bytes(photo(seed))
    (folder / "gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    return folder


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A checkout of four lists: mapped, ambiguous, unknown and denied."""
    root = tmp_path / "lists"
    for category in ("sex_anal", "exhibition_public", "고양이", "age_teen"):
        listed(root / "raw_data" / category / "forum" / "urls.txt", LINES)
    return root


# The plan.


def test_a_plan_is_a_table_and_its_end_says_what_comes_next(lists: Path) -> None:
    done = collect(lists, "--plan", COLUMNS="140")
    assert done.code == 0
    head, *rows = done.out.partition("\n\n")[0].splitlines()
    assert head.split() == ["category", "items", "hosts", "class", "denied", "why"]
    assert [row.split()[0] for row in rows] == [
        "sex_anal",
        "exhibition_public",
        "고양이",
        "age_teen",
    ]
    assert rows[0].split()[1:5] == ["3", "2", "porn", "1"]
    assert "1 denied: 'teen'" in rows[0]
    assert "denied (1)" in rows[3]
    assert done.out.partition("\n\n")[2].split() == [
        *("largest", "hosts", "items", "a.example", "8", "b.example", "4")
    ]
    assert "12 named (hosts: 2); 2 would be collected" in done.err
    assert "4 of 12 have no class: --map FILE or LABEL=PATH gives one" in done.err
    assert "warning" not in done.err
    assert done.err.splitlines()[-1] == ("nothing was fetched or written; --out DIR collects it")


def test_a_plan_as_json_names_the_largest_hosts(lists: Path) -> None:
    done = collect(lists, "--plan", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["hosts"] == 2
    assert found["largest_hosts"] == [
        {"host": "a.example", "items": 8},
        {"host": "b.example", "items": 4},
    ]
    rows = {row["category"]: row for row in found["rows"]}
    assert rows["sex_anal"]["denied_words"] == ["teen"]
    assert rows["고양이"]["label"] is None
    assert rows["age_teen"]["denied"] == 1


def test_a_source_without_classes_is_told_how_to_get_one(tmp_path: Path, photos: Path) -> None:
    done = collect(photos, "--plan")
    assert "the source names neither a class nor a category; LABEL=PATH" in done.out
    assert "warning: 3 of 3 have no class: LABEL=PATH gives one" in done.err
    assert "--map" not in done.err
    done = collect(photos, "--out", tmp_path / "data", "-q")
    assert done.code == 3
    assert "warning: 3 of 3 have no class (unmapped): --map FILE or LABEL=PATH" in done.err
    assert "name the source again" in done.err


def test_several_sources_are_told_apart(tmp_path: Path, photos: Path) -> None:
    other = tmp_path / "그림"
    other.mkdir()
    (other / "a.jpg").write_bytes(photo(9))
    done = collect(f"neutral={photos}", f"drawings={other}", "--plan", COLUMNS="60")
    assert done.out.split()[0] == "source"
    assert "그림" in done.out
    assert max(map(cell_len, done.out.splitlines())) <= 60


def test_a_plan_writes_nothing_where_out_says(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "my data"
    done = collect(f"neutral={photos}", "--out", out, "--plan")
    assert done.code == 0
    assert f"nothing was fetched or written; without --plan, --out '{out}' collects" in done.err
    assert not out.exists()


def test_a_map_is_read_for_classes_that_may_be_misspelt(tmp_path: Path, lists: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[categories]\nexhibition_public = "sexxy"\nsex_anal = "none"\n')
    done = collect(lists, "--map", mine, "--plan")
    assert done.code == 0
    assert "'sexxy' is no class of figleaf's (" in done.err
    assert "'none'" not in done.err
    mine.write_text('[categories]\nexhibition_public = "sexy"\n')
    assert "no class of figleaf" not in collect(lists, "--map", mine, "--plan").err


# Collecting.


def test_a_collection_is_counted_by_class(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "자료"
    done = collect(f"한복={photos}", "--out", out, "-q")
    assert (done.code, done.err) == (0, "")
    head, row = done.out.splitlines()
    assert head.split() == ["class", "images", "size", "named", "pending", "lost", "by", "cause"]
    assert [row.split()[n] for n in (0, 1, 4, 5, 6)] == ["한복", "2", "3", "0", "1"]
    assert row.endswith("not_an_image 1")
    assert figleaf("status", out).out == done.out
    found = json.loads(figleaf("status", out, "--json").out)
    assert found["classes"][0]["losses"] == {"not_an_image": 1}
    again = json.loads(collect("--out", out, "--json", "-q").out)
    assert again == found


def test_what_was_set_aside_can_be_brought_back_but_for_safety(
    tmp_path: Path, photos: Path
) -> None:
    out = tmp_path / "my data"
    collect(f"neutral={photos}", "--out", out, "-q")
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        for image, reason in ((1, "duplicate"), (2, "denied")):
            set_aside(db, image, reason, who="clean", why="a test", at=0)
    told = figleaf("status", out).err.splitlines()
    assert f"1 image is set aside: duplicate; `figleaf restore '{out}'` brings it back" in told
    assert "1 image is set aside: denied" in told
    assert not any(line.startswith("next:") for line in told)  # there is none in use


def test_conflicts_are_listed_by_cleaning_and_settled_by_restoring(
    tmp_path: Path, photos: Path
) -> None:
    out = tmp_path / "data"
    (photos / "1.jpg").unlink()
    collect(f"neutral={photos}", "--out", out, "-q")
    collect(f"drawings={photos}", "--out", out, "-q")
    assert (
        "1 image has no class, since its lists disagree about it;"
        f" `figleaf clean {out}` lists conflicts, `figleaf restore {out} HASH --label CLASS`"
        " settles each"
    ) in figleaf("status", out).err.splitlines()


def test_cleaning_comes_next_until_it_was_done(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "data"
    told = f"next: `figleaf clean {out} --dry-run`"
    assert collect(f"neutral={photos}", "--out", out).err.splitlines()[-1] == told
    assert figleaf("status", out).err.splitlines()[-1] == told
    figleaf("clean", out)
    assert told not in figleaf("status", out).err


def test_a_folder_of_tables_alone_is_told_how_to_name_them(tmp_path: Path, photos: Path) -> None:
    out, tables = tmp_path / "data", tmp_path / "my tables"
    collect(f"neutral={photos}", "--out", out, "-q")
    figleaf("export", "dataset", out, tables, "--format", "csv", "-q")
    done = collect(tables, "--out", tmp_path / "again")
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        f"figleaf: {tables}: no picture in this folder, but tables (data.csv): name them, and the"
        f" folder that their paths are relative to: figleaf collect '{tables}/data.csv' --root"
        " DATA_SET"
    )
    (tables / "more.Parquet").touch()
    told = collect(tables, "--plan").err
    assert "(data.csv, more.Parquet)" in told
    assert f"figleaf collect '{tables}/data.csv' ... --root" in told
    assert collect(tables / "data.csv", "--root", out, "--out", tmp_path / "again").code == 0


def test_losses_are_written_whole(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "data"
    assert collect(f"neutral={photos}", "--out", out, "-q").code == 0
    (table, lines) = (tmp_path / "lost.csv", tmp_path / "lost.jsonl")
    assert figleaf("status", out, "--losses", table).out == figleaf("status", out).out
    (row,) = csv.DictReader(io.StringIO(table.read_text("utf-8")))
    assert row.pop("detail")
    assert row == {
        "locator": str(photos / "gone.jpg"),
        "label": "neutral",
        "state": "failed",
        "reason": "not_an_image",
        "http_status": "",
        "attempts": "1",
    }
    assert figleaf("status", out, "--losses", lines).code == 0
    piped = figleaf("status", out, "--losses", "-")
    assert piped.out == lines.read_text("utf-8")
    assert json.loads(piped.out)["locator"] == row["locator"]


@pytest.mark.parametrize("words", [["--losses", "lost.txt"], ["--losses", "-", "--json"]])
def test_losses_that_cannot_be_written_are_refused(tmp_path: Path, words: list[str]) -> None:
    out = tmp_path / "data"
    folder = tmp_path / "neutral"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo(1))
    assert collect(f"neutral={folder}", "--out", out, "-q").code == 0
    done = figleaf("status", out, *words)
    assert (done.code, done.out) == (2, "")
    assert "--losses" in done.err


@pytest.mark.parametrize("more", [["-q"], ["--json", "-q"], []])
def test_a_match_with_a_blocklist_is_always_announced(
    tmp_path: Path, photos: Path, more: list[str]
) -> None:
    out, listing = tmp_path / "data", tmp_path / "known.txt"
    listing.write_text(f"sha256:{hashlib.sha256(photo(0)).hexdigest()}\n")
    done = collect(f"neutral={photos}", "--out", out, "--blocklist", listing, *more)
    assert done.code == 0
    wanted = (
        "1 file matched a blocklist: do not open them, do not go on collecting;"
        " docs/data-safety.md says what to do; what a report needs is in"
        f" {out / 'blocklist-matches.jsonl'}"
    )
    assert done.err.splitlines()[-1] == wanted
    assert figleaf("status", out, *[word for word in more if word != "-q"]).err == wanted + "\n"
    failed = collect("--out", out, *more)
    assert failed.code == 2
    assert failed.err.splitlines()[0] == wanted
    assert "collected with a blocklist; give it again" in failed.err


def test_nothing_kept_is_another_exit_code(tmp_path: Path) -> None:
    with MisbehavingServer() as server:
        names = listed(tmp_path / "urls_porn.txt", [server.url("/status/404/a.jpg")])
        done = collect(names, "--out", tmp_path / "data", *LOCAL)
    assert done.code == 3
    assert "gone 1" in done.out
    assert "1 to read" in done.err


def test_this_machine_is_named_only_where_nothing_public_was(tmp_path: Path) -> None:
    names = listed(tmp_path / "urls_porn.txt", ["http://127.0.0.1:9/a.jpg"])
    done = collect(names, "--out", tmp_path / "data", "-q")
    assert done.code == 3
    assert "1 of 1 have addresses that are not public, which are never fetched" in done.err
    assert "127.0.0.1, ::1) are, with --allow-loopback" in done.err


def test_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    out = tmp_path / "data"
    with MisbehavingServer({"/a.jpg": photo(1)}) as server:
        path = "/flaky/500/1/a.jpg"
        names = listed(tmp_path / "urls_porn.txt", [server.url(path)])
        first = collect(names, "--out", out, *LOCAL, "--retries", 0)
        second = collect("--out", out, *LOCAL, "--retry", "failed")
    assert first.code == 3
    assert "--retry failed tries it again" in first.err
    assert second.code == 0


def test_an_interrupted_collection_shows_what_it_has(tmp_path: Path) -> None:
    out = tmp_path / "data"
    # On two hosts: the one that hangs gets no second request before it has answered the first.
    hosts = ("127.0.0.1", "127.0.0.2")
    with MisbehavingServer({"/a.jpg": photo(1)}, hosts=hosts) as server:
        urls = [server.url("/a.jpg"), server.url("/hang", hosts[1])]
        names = listed(tmp_path / "urls_porn.txt", urls)
        process = subprocess.Popen(
            [sys.executable, "-m", "figleaf", "collect", names, "--out", out, *LOCAL],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        until = time.monotonic() + 30
        while len(server.paths()) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=30)
    done = Done(subprocess.CompletedProcess([], process.returncode, output, error))
    assert done.code == 130
    assert "interrupted; what was done is kept" in done.err
    assert done.out.startswith("class")
    # What was just fetched may not have been looked at yet.
    assert re.search(rf"[12] still pending: `figleaf collect --out {out}` goes on", done.err)


# Wrong use.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["photos"], "--out DIR says where"),
        (["photos", "--out", ""], "--out DIR says where"),
        (["", "--out", "data"], "a SOURCE is empty"),
        (["no-such-source", "--out", "data"], "no file or folder"),
        (["--out", "data"], "data: no data set here to go on with; a SOURCE begins one"),
        (["--out", "data", "--map", "m.toml"], "--map without a SOURCE: give the sources again"),
        (["--out", "data", "--exempt", "m.toml"], "--exempt without a SOURCE"),
        (["--plan"], "--plan needs a SOURCE"),
        (["photos", "--plan", "--retry", "failed"], "--plan shows what sources name"),
        (["photos", "--out", "data", "--rate", "0"], "--rate must be a finite number"),
        (["photos", "--out", "data", "--every", "nan"], "'--every'"),
        (["photos", "--out", "data", "--every", "inf"], "--every must be"),
        (["photos", "--out", "data", "--deadline", "inf"], "--deadline must be a finite number"),
        (["photos", "--out", "data", "--in-flight", "0"], "'--in-flight'"),
        (["photos", "--out", "data", "--workers", "257"], "'--workers'"),
        (["photos", "--out", "data", "--map", "m.toml"], "m.toml: no such file"),
    ],
)
def test_wrong_use_says_what_is_right_and_leaves_nothing_behind(
    photos: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    done = collect(*words, COLUMNS="200")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not Path("data").exists()
    assert not Path("figleaf.db").exists()


def test_more_requests_than_open_files_names_the_option(tmp_path: Path) -> None:
    names = listed(tmp_path / "urls_porn.txt", ["http://127.0.0.1:9/a.jpg"])
    done = collect(names, "--out", tmp_path / "data", "--in-flight", 10**9, "-q")
    assert done.code == 2
    assert "lower --in-flight or raise `ulimit -n`" in done.err


@pytest.mark.parametrize("word", ["denied", "unmapped", "blocklisted", "never", ""])
def test_a_wrong_word_for_retry_lists_what_may_be_tried(tmp_path: Path, word: str) -> None:
    done = collect("photos", "--out", tmp_path / "data", "--retry", word)
    assert done.code == 2
    known, _, rules = done.err.partition("; what is ")
    assert f"cannot retry {word!r}: give failed or one of not_public, " in known
    assert not {"denied,", "unmapped,", "blocklisted,"} & set(known.partition("one of")[2].split())
    assert rules == "denied, unmapped or blocklisted changes with its rules alone\n"


def test_without_a_data_set_there_is_no_status(tmp_path: Path) -> None:
    for words, said in (
        ([tmp_path], "no data set here"),
        ([""], "DIR is empty"),
        ([], "Missing argument 'DIR'"),
    ):
        done = figleaf("status", *words)
        assert (done.code, done.out) == (2, "")
        assert said in done.err


# Progress.


def on_terminal(words: list[object], columns: int = 100) -> tuple[int, str]:
    """The exit code, and what a terminal gets as standard error."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "figleaf", "collect", *map(str, words)],
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env=os.environ | {"TERM": "xterm", "COLUMNS": str(columns)},
    )
    os.close(slave)
    shown, until = b"", time.monotonic() + 60
    with suppress(OSError):  # the last process that had the terminal has closed it
        while time.monotonic() < until:
            if select.select([master], [], [], 1)[0]:
                shown += os.read(master, 65536)
    os.close(master)
    return process.wait(30), shown.decode()


@pytest.mark.parametrize("columns", [40, 100])
def test_a_terminal_shows_classes_rates_losses_and_the_time_left(
    tmp_path: Path, columns: int
) -> None:
    files = {f"/{n}.jpg": photo(n) for n in range(6)}
    with MisbehavingServer(files, latency=0.3) as server:
        urls = [server.url(path) for path in files] + [server.url("/status/404/x.jpg")]
        names = listed(tmp_path / "urls_drawings.txt", urls)
        words = [names, "--out", tmp_path / "data", *LOCAL, "--per-host", 1]
        code, shown = on_terminal(words, columns)
    assert code == 0
    for part in ("drawings", " images", "images/s", "MB/s", "/7", "lost", "0:00:0"):
        assert part in shown, shown


def test_quiet_shows_nothing_on_a_terminal(tmp_path: Path, photos: Path) -> None:
    assert on_terminal([f"neutral={photos}", "--out", tmp_path / "data", "-q"]) == (0, "")


def outcome(number: int, reason: Reason | None = None) -> tuple[Task, Outcome]:
    stored = () if reason else (Stored(bytes(32), "jpeg", 8, 8, 1000),)
    task = Task(number, Kind.URL, f"http://host.example/{number}.jpg", "neutral")
    return task, Outcome(number, reason, size=500_000, stored=stored)


def test_elsewhere_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with Collecting(shown=True, clock=lambda: now[0]) as watch:
        watch.start(1000)
        for number in range(1, 62):
            now[0] = float(number)
            watch.done(*outcome(number, Reason.GONE if number % 10 == 0 else None))
    assert capsys.readouterr().err.splitlines() == [
        "1,000 to read",
        "30 of 1,000, 0.9 images/s, 0.5 MB/s, 3 lost (3 gone)",
        "60 of 1,000, 0.9 images/s, 0.5 MB/s, 6 lost (6 gone)",
    ]


def test_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with Collecting(shown=False, clock=lambda: now[0]) as watch:
        watch.start(10)
        now[0] = 100.0
        watch.done(*outcome(1))
    assert capsys.readouterr().err == ""


# Grids.


def grid(width: int, head: list[str], rows: list[list[str]]) -> list[str]:
    file: Any = io.BytesIO()
    screen = Screen(file)
    screen.width = width
    print_grid(screen, head, rows)
    lines: list[str] = file.getvalue().decode().splitlines()
    return lines


@pytest.mark.parametrize("width", [48, 60, 80, 200])
def test_a_grid_is_no_wider_than_the_terminal(width: int) -> None:
    name = "artificial-images_fictional-characters-shows"
    why = "그림과 사진이 섞여 있어서 한 분류로 볼 수 없습니다 " * 3
    lines = grid(width, ["category", ">items", "why"], [[name, "73,349", why], ["x", "1", ""]])
    assert max(map(cell_len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)
    assert "73,349" in "".join(lines)
    assert "".join("".join(lines).split()).count("그림과") == 3


def test_a_long_name_is_cut_where_its_words_end() -> None:
    lines = grid(
        30, ["category", ">items", "why"], [["appearance_clothing_swimwear", "1", "y" * 9]]
    )
    assert [line.split()[0] for line in lines[1:]] == ["appearance_", "clothing_", "swimwear"]
