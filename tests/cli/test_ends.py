"""How the command ends: exit codes, Ctrl-C, readers and disks that are no more."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from figleaf.cli.interruption import Interruption

SMALL = ["--model", "mobilenet_v2"]
Shell = Callable[..., subprocess.CompletedProcess[bytes]]


def command(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "figleaf", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdout=pipe, stderr=pipe, **options)


def many(folder: Path, count: int) -> Path:
    """A list of one picture, many times."""
    listed = folder.parent / "list.txt"
    listed.write_text(f"{folder / 'coffee.png'}\n" * count)
    return listed


def test_an_error_is_one_line_and_exit_code_2() -> None:
    with command("classify", ".", "--model", "none") as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == b""
    assert errors.startswith(b"figleaf: no model 'none'")
    assert len(errors.splitlines()) == 1


def test_wrong_options_are_told_as_usual(shell: Shell) -> None:
    done = shell("figleaf classify . --no-such-option")
    assert done.returncode == 2
    assert b"No such option: --no-such-option" in done.stderr
    assert shell("figleaf classify . --no-such-option 2>&-").returncode == 2


def test_ctrl_c_keeps_what_was_done(folder: Path, tmp_path: Path) -> None:
    listed, output = many(folder, 100_000), tmp_path / "out.json"
    with command("classify", "--list", listed, "-o", output, *SMALL) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".out.json.*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    done = json.loads(output.read_text())
    assert 0 < len(done) < 100_000
    assert f"interrupted after {len(done):,} inputs".encode() in errors
    assert b"Traceback" not in errors


def test_ctrl_c_ends_waiting_for_standard_input() -> None:
    with command("classify", "-", "-f", "json", *SMALL, stdin=subprocess.PIPE) as process:
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.4, 0.8])
def test_ctrl_c_at_any_time_is_no_traceback(folder: Path, delay: float) -> None:
    # Before that it is the interpreter that is starting, and whose traceback it would be.
    code = (
        "import sys\n"
        "from figleaf.cli import interruption, main\n"
        "print('started', flush=True)\n"
        f"sys.argv = ['figleaf', 'classify', '--list', {str(many(folder, 100_000))!r}, '-q']\n"
        f"sys.argv += {SMALL!r}\n"
        "main()\n"
    )
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors


def test_ctrl_c_ends_counting_at_once(folder: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from figleaf.cli import main, progress\n"
        "from figleaf.cli.inputs import Inputs\n"
        "def count(self):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    sys.exit('not ended')\n"
        "Inputs.count = count\n"
        "sys.stderr.isatty = lambda: True\n"
        f"sys.argv = ['figleaf', 'classify', {str(folder)!r}, *{SMALL!r}]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"")


def test_where_ctrl_c_was_ignored_it_still_is() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGINT)
            assert list(interruption.until_asked([1, 2])) == [1, 2]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("kind", ["jsonl", "table"])
def test_a_reader_that_goes_away_is_no_error(folder: Path, kind: str) -> None:
    with command("classify", "--list", many(folder, 2000), "-f", kind, *SMALL) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 141
    assert b"Traceback" not in errors
    assert b"Exception" not in errors


@pytest.mark.parametrize("kind", ["table", "csv", "jsonl", "json"])
def test_a_full_disk_is_one_line(shell: Shell, kind: str) -> None:
    done = shell(f"figleaf classify . -f {kind} $small > /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"figleaf: standard output: No space left on device\n"


@pytest.mark.parametrize("name", ["labels", "models", "models --json", "policies"])
def test_a_full_disk_for_the_catalogue(shell: Shell, name: str) -> None:
    done = shell(f"figleaf {name} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"figleaf: standard output: No space left on device\n"


def test_a_full_disk_for_the_help(shell: Shell) -> None:
    done = shell("figleaf --help > /dev/full")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_under_the_output(shell: Shell) -> None:
    # By another name: root could replace the device itself, if this went wrong.
    done = shell("figleaf classify . -f csv -o /dev/fd/3 $small 3> /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"figleaf: /dev/fd/3: No space left on device\n"


def test_closed_streams(shell: Shell) -> None:
    quiet = shell("figleaf classify . -f csv $small 2>&-")
    assert quiet.returncode == 0
    assert len(quiet.stdout.splitlines()) == 3  # the summary has not come here
    closed = shell("figleaf classify . $small >&-")
    assert closed.returncode == 2
    assert closed.stderr.startswith(b"figleaf: standard output is closed")
    shell("figleaf classify . missing.tif -o out.csv $small 2>&- 0<&- >&-")
    assert shell("wc -l < out.csv").stdout == b"4\n"


@pytest.mark.parametrize("redirected", ["<&-", "0>/dev/null"])
@pytest.mark.parametrize("arguments", ["-", "--list -"])
def test_standard_input_that_cannot_be_read(shell: Shell, redirected: str, arguments: str) -> None:
    done = shell(f"figleaf classify . {arguments} $small {redirected}")
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"figleaf: standard input")
    assert len(done.stderr.splitlines()) == 1
