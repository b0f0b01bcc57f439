"""What `-o` and terminals get."""

import csv
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from figleaf.cli.app import app
from figleaf.cli.listing import write_list
from figleaf.cli.output import opened
from figleaf.cli.terminal import print_json, quoted
from figleaf.errors import InputError

SMALL = ["--model", "mobilenet_v2"]
Shell = Callable[..., subprocess.CompletedProcess[bytes]]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["classify", *map(str, arguments), *SMALL])


def test_an_output_is_replaced_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("before")
    with suppress(ZeroDivisionError), opened(output) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert output.read_text() == "before"
    assert run(folder, "-o", output).exit_code == 0
    assert len(output.read_text().splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_permissions_are_kept(tmp_path: Path, mode: int) -> None:
    output = tmp_path / "out.csv"
    output.touch()
    output.chmod(mode)
    with opened(output) as file:
        file.write(b"new")
    assert output.stat().st_mode & 0o777 == mode
    assert output.read_bytes() == b"new"


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with opened(tmp_path / "out.csv"):
        pass
    modes = {(tmp_path / name).stat().st_mode for name in ("plain", "out.csv")}
    assert len(modes) == 1


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path: Path, exists: bool) -> None:
    link, target = tmp_path / "out.csv", tmp_path / "far" / "target.csv"
    target.parent.mkdir()
    if exists:
        target.write_text("before")
    link.symlink_to(target)
    with opened(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_devices_and_pipes_are_written_into(folder: Path, tmp_path: Path) -> None:
    # By another name: root could replace the device itself, if this went wrong.
    with Path(os.devnull).open("wb") as null:
        device = Path(f"/dev/fd/{null.fileno()}")
        assert run(folder, "-f", "json", "-o", device).exit_code == 0
        assert device.is_char_device()
    pipe, read = tmp_path / "out.json", list[bytes]()
    os.mkfifo(pipe)
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert run(folder, "-o", pipe).exit_code == 0
    reader.join(timeout=20)
    assert pipe.is_fifo()
    assert len(json.loads(read[0])) == 2


def test_a_folder_is_refused_before_anything_is_classified(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail = lambda *_, **__: pytest.fail("classified")  # noqa: E731
    monkeypatch.setattr("figleaf.classify.classifier.Classifier.stream", fail)
    result = run(folder, "-f", "csv", "-o", folder)
    assert isinstance(result.exception, InputError)
    assert "a folder; give -o a file" in str(result.exception)


@pytest.mark.parametrize("name", ["loop", "no/such/folder/out", "x" * 300])
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="give -o a file"), opened(tmp_path / name):
        pass


def test_a_name_of_any_length_is_written(tmp_path: Path) -> None:
    output = tmp_path / ("사진" * 42)
    with opened(output) as file:
        file.write(b"new")
    assert output.read_bytes() == b"new"


@dataclass(frozen=True)
class Record:
    """A row of a list."""

    name: str | None
    count: float


def test_no_cell_of_a_list_is_run_by_a_spreadsheet(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-x.jpg", "@a", "\tb", "\rc", "a=b", "'d", "", None]
    write_list([Record(name, -1.5) for name in names], Record, tmp_path / "a.csv", option="--list")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [name for name, _ in rows[1:]] == [
        *("'=1+1", "'+1", "'-x.jpg", "'@a", "'\tb", "'\rc", "a=b", "'d", "", "")
    ]
    assert {count for _, count in rows[1:]} == {"-1.5"}  # a number is no formula
    write_list([Record("=1", 1)], Record, tmp_path / "a.jsonl", option="--list")
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {"name": "=1", "count": 1}


def test_json_steers_no_terminal_and_says_the_same(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    value = {
        "\u202ename": ["\x9b2J\x1b", "\u2028", "\U000e0041", "고양이 é", "\udcff", 'a"\\n', "\n"]
    }
    print_json(value)
    written = capfdbinary.readouterr().out.decode()
    assert json.loads(written) == value
    assert r'"\u202ename"' in written
    assert r'"\u009b2J\u001b"' in written
    assert "고양이 é" in written
    assert all(char.isprintable() or char == "\n" for char in written)


@pytest.mark.parametrize(
    ("folder", "word"),
    [("a", "a"), ("a b", "'a b'"), ("-x", "./-x"), ("-x y", "'./-x y'"), (Path("/-x"), "/-x")],
)
def test_a_folder_is_a_word_of_a_command(folder: str | Path, word: str) -> None:
    assert quoted(folder) == word


def on_terminal(words: list[str], *, stdout_too: bool = True) -> tuple[str, str]:
    """What a terminal of 80 columns is sent, and what standard output gets if that is a pipe."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-m", "figleaf", "classify", *words, *SMALL],
        stdin=slave,
        stdout=slave if stdout_too else subprocess.PIPE,
        stderr=slave,
        env=environment,
    )
    os.close(slave)
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:  # the last process that had the terminal has closed it
            break
        if not data:
            break
        shown += data
    piped, _ = process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == 0
    return shown.decode(), (piped or b"").decode()


def test_rows_on_a_terminal_are_not_garbled_by_a_bar(folder: Path) -> None:
    shown, _ = on_terminal([str(folder), "-r"])
    assert "\x1b[2K" not in shown
    assert "images/s" in shown.splitlines()[-1]
    assert shown.count("allow") == 3 + 1
    assert len(shown.splitlines()) == 1 + 3 + 1


def test_a_bar_is_gone_before_sorted_rows(folder: Path) -> None:
    shown, _ = on_terminal([str(folder), "-r", "--sort", "input"])
    bar, table, rows = shown.partition("input ")
    assert "/3" in bar
    assert table
    assert "\x1b[2K" not in rows
    assert rows.count("allow") == 3 + 1


def test_a_bar_beside_a_file_or_pipe(folder: Path, tmp_path: Path) -> None:
    shown, _ = on_terminal([str(folder), "-o", str(tmp_path / "out.csv")])
    assert "/2" in shown
    shown, piped = on_terminal([str(folder), "-f", "jsonl"], stdout_too=False)
    assert "/2" in shown
    assert len(piped.splitlines()) == 2
    shown, _ = on_terminal([str(folder), "-q", "-f", "jsonl"], stdout_too=False)
    assert shown == ""
