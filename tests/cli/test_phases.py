"""Progress of work in phases: a bar on a terminal, elsewhere a line now and then."""

import os
import pty
import subprocess
import sys

import pytest

from figleaf.cli.phases import Phases


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Phases(shown=True, clock=clock) as phases:
        phases.start("examining", 20_000)
        for step in range(1, 8):
            clock.now = 10.0 * step
            phases.done(1_000 * step)
        phases.start("comparing", 50)
        clock.now += 29.0
        phases.done(10)
        clock.now += 1.0
        phases.done(20)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "examining: 3,000 of 20,000",
        "examining: 6,000 of 20,000",
        "comparing: 20 of 50",
    ]


def test_nothing_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Phases(shown=False, clock=clock) as phases:
        phases.start("examining", 10)
        clock.now = 100.0
        phases.done(5)
    assert capsys.readouterr() == ("", "")


PROGRAM = """
from figleaf.cli.phases import Phases
with Phases(shown=True) as phases:
    phases.start("examining", 40)
    phases.done(20)
    phases.start("comparing", 7)
    phases.done(7)
    phases.start("nothing", 0)
print("the end")
"""


def test_a_bar_on_a_terminal_that_is_gone_at_the_end() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
            check=True,
            timeout=60,
        )
        os.close(theirs)
        shown = b""
        try:
            while part := screen.read(65_536):
                shown += part
        except OSError:  # the end of a terminal
            pass
    assert done.stdout == b"the end\n"
    assert b"examining" in shown
    assert b"20/40" in shown
    assert b"7/7" in shown
    assert b"nothing" not in shown
    assert shown.count(b"\x1b[?25h") == 2  # the cursor is there again after each bar
