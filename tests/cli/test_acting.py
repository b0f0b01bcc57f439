"""`figleaf classify` with --move-to, --copy-to, --blur-to and --resume, as its users run it."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from typer.testing import CliRunner, Result

from figleaf.actions.journal import NAME
from figleaf.cli.app import app
from figleaf.errors import FigleafError
from figleaf.models.bundle import find_bundle

from .conftest import SMALL, Shell


def run(*arguments: object) -> Result:
    words = ["classify", *map(str, arguments), *SMALL, "--threads", "1"]
    return CliRunner().invoke(app, words, catch_exceptions=True)


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def refusal(result: Result) -> str:
    assert isinstance(result.exception, FigleafError), result.exception
    return str(result.exception)


def files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    return sorted(str(path.relative_to(folder)) for path in found)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "sorted"


def test_files_are_moved_by_decision_and_keep_their_folders(folder: Path, place: Path) -> None:
    (folder / "note.jpg").write_text("no picture")
    result = run(folder, "-r", "--move-to", place, "-f", "jsonl")
    found = records(result.stdout)
    assert files(place) == [
        "allow/astronaut.png",
        "allow/coffee.png",
        "allow/sub/rocket.jpg",
        "failed/note.jpg",
    ]
    assert files(folder) == []
    moved = {Path(one["input"]).name: one["actions"] for one in found}
    assert moved["rocket.jpg"] == [
        {"kind": "move", "status": "done", "to": str(place / "allow/sub/rocket.jpg")}
    ]
    assert "3 allow, 1 failed (1 not_an_image), 4 moved" in result.stderr


def test_only_limits_what_is_moved(folder: Path, place: Path) -> None:
    (folder / "note.jpg").write_text("no picture")
    result = run(folder, "-r", "--move-to", place, "--only", "failed", "-f", "jsonl")
    assert files(place) == ["failed/note.jpg"]
    assert len(files(folder)) == 3
    assert len(records(result.stdout)) == 1


def test_what_lies_below_a_folder_of_ours_is_no_input(folder: Path) -> None:
    place = folder / "sorted"
    report = folder / "verdicts.jsonl"
    for _ in range(2):
        assert run(folder, "-r", "--copy-to", place, "--resume", report).exit_code == 0
    assert len(records(report.read_text())) == 3
    assert len(files(place)) == 3
    again = run(folder / ".." / "photos" / "**" / "*.*", "--copy-to", place, "-f", "jsonl")
    assert len(records(again.stdout)) == 4  # three pictures, and the results of the other run
    assert {one["actions"][0]["status"] for one in records(again.stdout)} == {"there", "done"}


def test_what_we_write_is_no_input_however_it_is_named(folder: Path, shell: Shell) -> None:
    look = "find . -type f | figleaf classify --list - --move-to sorted --resume a.jsonl $small"
    assert b"3 inputs" in shell(look).stderr
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    assert b"0 inputs" in shell(look).stderr
    named = "figleaf classify a.jsonl .a.jsonl.options sorted/.f* --move-to sorted --resume a.jsonl"
    assert b"0 inputs" in shell(f"{named} $small").stderr
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before


def test_what_a_run_is_made_with_stays_for_the_next_one(
    folder: Path, place: Path, harsh: Path
) -> None:
    bundle = shutil.copytree(find_bundle("mobilenet_v2"), folder / "mine")
    policy, listed = folder / "harsh.toml", folder / "blocked.txt"
    harsh.rename(policy)
    listed.write_text("0" * 64 + "\n")
    (folder / "note.txt").write_text("no picture")
    kept = sorted([*files(bundle.parent / "mine"), policy.name, listed.name])
    words = ("classify", folder, "-r", "--move-to", place, "--model", bundle)
    more = ("--policy", policy, "--block-list", listed, "--threads", "1")
    for _ in range(2):
        result = CliRunner().invoke(app, list(map(str, (*words, *more))))
        assert "0 inputs" in result.stderr or "4 moved" in result.stderr, result
    assert sorted(Path(name).name for name in files(folder)) == kept


def test_a_file_that_is_named_may_lie_where_files_go(folder: Path, shell: Shell) -> None:
    assert b"2 moved" in shell("figleaf classify *.png --move-to . $small").stderr
    assert b"2 moved" in shell("figleaf classify allow/*.png --move-to . $small").stderr
    assert files(folder) == ["allow/astronaut.png", "allow/coffee.png", "sub/rocket.jpg"]
    assert shell("printf 'a\\0b' | figleaf classify --list - --move-to . $small").returncode == 3


def test_every_format_says_what_was_done(folder: Path, place: Path, tmp_path: Path) -> None:
    url = folder / "gone.jpg"
    table = run(folder, url, "--copy-to", place).stdout
    assert "allow, copied" in table
    assert "not_found: no such file, not copied (no longer there)" in table
    rows = list(csv.DictReader(io.StringIO(run(folder, "--copy-to", place, "-f", "csv").stdout)))
    assert [row["actions"] for row in rows] == ["copied", "copied"]
    assert rows[0]["places"] == str(place / "allow/astronaut.png")
    output = tmp_path / "out.parquet"
    run(folder, "--copy-to", place, "--blur-to", tmp_path / "blurred", "-o", output)
    row = pyarrow.parquet.read_table(output).to_pylist()[0]
    assert row["actions"] == "blurred; copied"
    assert row["places"].count(";") == 1
    plain = next(csv.DictReader(io.StringIO(run(folder, "-f", "csv").stdout)))
    assert "actions" not in plain


def test_an_action_that_failed_is_told_by_the_exit_code(folder: Path, place: Path) -> None:
    place.mkdir()
    (place / "allow").write_text("in the way")
    result = run(folder, "--move-to", place)
    assert result.exit_code == 3
    assert "2 not moved" in result.stderr
    assert len(files(folder)) == 3


def test_standard_input_is_not_moved(folder: Path, place: Path, shell: Shell) -> None:
    done = shell(f"figleaf classify - --move-to {place} -f jsonl $small < coffee.png")
    (action,) = json.loads(done.stdout)["actions"]
    assert action == {"kind": "move", "status": "skipped", "reason": "no file"}


def test_wrong_use(folder: Path, place: Path, tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    (tmp_path / "file").write_text("")
    assert "same folder" in refusal(run(folder, "--move-to", place, "--copy-to", place))
    assert "can be written" in refusal(run(folder, "--move-to", tmp_path / "file"))
    assert "leave it" in refusal(run(folder, "--resume", lines, "-f", "csv"))
    assert "leave -o" in refusal(run(folder, "--resume", lines, "-o", "b.jsonl"))
    assert "leave --sort" in refusal(run(folder, "--resume", lines, "--sort", "unsafe"))
    assert "standard input" in refusal(run("-", "--resume", lines))
    assert "takes one" in refusal(run("--watch", tmp_path / "none"))
    for option in ("-o", "--resume"):
        page = tmp_path / "page.html"
        same = run(folder, option, folder / ".." / page.name, "-f", "jsonl", "--report", page)
        assert f"another file than {option}" in refusal(same)
        assert not page.exists()
    assert "never comes" in refusal(run("--watch", folder, "--sort", "unsafe"))


@pytest.mark.parametrize("option", ["--move-to", "--explain"])
def test_a_folder_that_is_written_into_has_no_inputs(folder: Path, option: str) -> None:
    before = files(folder)
    pattern = Path(f"{folder}/sub", "*.jpg")
    for inputs in ([folder, "-r"], [folder / "sub"], [pattern], ["--watch", folder / "sub" / ".."]):
        assert "nothing in it is an input" in refusal(run(*inputs, option, folder))
    assert files(folder) == before


def test_the_page_shows_files_where_they_are_now(folder: Path, place: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run(folder, "-r", "--move-to", place, "--report", page, "--lang", "ko", "-k", 1)
    text = page.read_text("utf-8")
    assert '<html lang="ko">' in text
    assert '"file": "sorted/allow/sub/rocket.jpg"' in text
    assert text.count("data:image/png;base64,") == 3
    assert [path.name for path in tmp_path.glob(".*")] == []
    assert "ends in .html" in refusal(run(folder, "--report", tmp_path / "page.txt"))
    assert "no folder" in refusal(run(folder, "--report", tmp_path / "none" / "page.html"))


# Going on.


def test_what_has_a_result_is_not_looked_at_again(folder: Path, tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    assert "2 inputs" in run(folder, "--resume", lines).stderr
    first = lines.read_bytes()
    assert "1 input, 1 allow" in run(folder, "-r", "--resume", lines, "-o", lines).stderr
    assert lines.read_bytes().startswith(first)
    assert "0 inputs" in run(folder, "-r", "--resume", lines).stderr
    assert len(records(lines.read_text())) == 3


def test_a_torn_last_line_is_cut(folder: Path, tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    run(folder, "--resume", lines)
    whole = lines.read_bytes()
    lines.write_bytes(whole[:-30])
    assert "1 input" in run(folder, "--resume", lines).stderr
    assert lines.read_bytes() == whole


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--policy", "strict"], "policy is strict@1 and was balanced@1"),
        (["--top-k", "2"], "--top-k is 2 and was null"),
        (["--frames", "3"], "most=3"),
        (["--fast", "--precision", "f32"], "fast is true and was false"),
        (["--copy-to", "elsewhere"], "actions is"),
    ],
)
def test_other_options_are_refused(
    folder: Path, tmp_path: Path, more: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = tmp_path / "a.jsonl"
    run(folder, "--resume", lines)
    before = lines.read_bytes()
    assert told in refusal(run(folder, "-r", "--resume", lines, *more))
    assert lines.read_bytes() == before
    assert not (tmp_path / "elsewhere").exists()


def test_a_policy_of_the_same_name_with_other_rules_is_refused(
    folder: Path, harsh: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "a.jsonl"
    run(folder, "--resume", lines, "--policy", harsh)
    harsh.write_text(harsh.read_text().replace("0.1", "0.2"))
    told = refusal(run(folder, "--resume", lines, "--policy", harsh))
    assert "policy's rules" in told


def test_a_file_that_is_none_of_results_is_left_alone(folder: Path, tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"a": 1}\n')
    assert "line 1 is no result" in refusal(run(folder, "--resume", lines))
    assert lines.read_text() == '{"a": 1}\n'


def test_a_file_that_comes_in_the_place_of_a_moved_one_is_looked_at(
    folder: Path, place: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "a.jsonl"
    options = (folder, "--resume", lines, "--move-to", place)
    run(*options)
    (folder / "coffee.png").write_bytes((place / "allow/astronaut.png").read_bytes())
    run(*options)
    assert len(records(lines.read_text())) == 3
    assert files(place) == ["allow/astronaut.png", "allow/coffee-1.png", "allow/coffee.png"]


HELD = """
import runpy, signal, sys
left = int(sys.argv.pop(1))
def hold(event, arguments):
    global left
    if event == "os.link":
        if not left:
            signal.pause()
        left -= 1
sys.addaudithook(hold)
runpy.run_module("figleaf", run_name="__main__", alter_sys=True)
"""
"""The command, which moves so many files and then waits to be killed: it cannot be too fast."""


def test_killed_runs_that_are_gone_on_with_lose_nothing(
    folder: Path, place: Path, tmp_path: Path
) -> None:
    """The real command, killed again and again; every file is moved and has one result."""
    count = 60
    data = (folder / "sub/rocket.jpg").read_bytes()
    for number in range(count):  # what follows the end of a JPEG is not part of the picture
        (folder / f"{number}.jpg").write_bytes(data + b"%d" % number)
    lines = tmp_path / "a.jsonl"
    command = ["classify", folder, "-r", *SMALL, "--threads", "1"]
    command += ["--move-to", place, "--resume", lines]
    kills = 0
    for _ in range(20):
        before, most = len(files(place)), 17 + 5 * kills
        process = subprocess.Popen([sys.executable, "-c", HELD, *map(str, [most, *command])])
        while process.poll() is None and len(files(place)) < before + most:
            time.sleep(0.001)
        process.kill()
        if process.wait() == 0:
            break
        kills += 1
    assert kills == 2
    assert files(folder) == []
    assert len(files(place)) == count + 3
    found = records(lines.read_text())
    assert len({one["input"] for one in found}) == len(found) == count + 3
    assert all(Path(one["actions"][0]["to"]).is_file() for one in found)


@pytest.mark.parametrize(("policy", "rows"), [("balanced", 4), ("strict", 2)])
def test_a_killed_run_leaves_its_rows_to_one_that_judges_alike(
    folder: Path, place: Path, tmp_path: Path, policy: str, rows: int
) -> None:
    run(folder, "--resume", tmp_path / "a.jsonl", "--move-to", place)
    journal = (place / NAME).read_text().splitlines(keepends=True)
    (place / NAME).write_text("".join(line for line in journal if '"begin"' in line))
    for number in range(2):
        (folder / f"{number}.png").write_bytes((place / "allow/coffee.png").read_bytes())
    options = ("--resume", tmp_path / "b.jsonl", "--move-to", place, "--policy", policy)
    run(folder, *options)
    run(folder, *options)
    found = records((tmp_path / "b.jsonl").read_text())
    assert {one["policy"] for one in found} == {f"{policy}@1"}
    assert len(found) == rows


# Watching.


def test_files_that_appear_are_moved_until_ctrl_c(
    folder: Path, place: Path, tmp_path: Path
) -> None:
    inbox, lines = tmp_path / "inbox", tmp_path / "a.jsonl"
    inbox.mkdir()
    for name in ("first.png", "second.png"):
        (inbox / name).write_bytes((folder / "coffee.png").read_bytes())
    command = [sys.executable, "-m", "figleaf", "classify", "--watch", inbox, *SMALL]
    command += ["--threads", "1", "--move-to", inbox / "sorted", "-r", "--resume", lines]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    try:
        # Written down as done while nothing else comes.
        _until(lambda: '"end": 2' in _text(inbox / "sorted" / NAME))
        assert (inbox / "sorted/allow/second.png").exists()
        (inbox / "sub").mkdir()
        # Whole at once: that a file which grows is waited for is tested with a clock of its own.
        (folder / "sub/rocket.jpg").rename(inbox / "sub/late.jpg")
        _until(lambda: (inbox / "sorted/allow/sub/late.jpg").exists())
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted after 3 inputs, 3 allow, 3 moved" in told
    assert [one["status"] for one in records(lines.read_text())] == ["ok", "ok", "ok"]


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_names_that_are_not_unicode_go_the_whole_way(folder: Path, place: Path) -> None:
    odd = folder / os.fsdecode(b"\xff\xfe.png")
    odd.write_bytes((folder / "coffee.png").read_bytes())
    lines = folder / "a.jsonl"
    run(odd, "--move-to", place, "--resume", lines)
    (record,) = records(lines.read_text())
    assert Path(record["actions"][0]["to"]).is_file()
