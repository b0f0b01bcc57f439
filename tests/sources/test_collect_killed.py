"""kill -9 and Ctrl-C at any moment: the same command goes on, and the end is the same."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .collecting import QUICK, collected, listed, photo, state_of
from .server import MisbehavingServer

FILES = 2_000
KILLS = 50
COMMAND = [sys.executable, "-m", "figleaf", "collect"]
OPTIONS = ["--allow-loopback", "--no-robots", "--per-host", "64", "--retries", "0", "--quiet"]


@pytest.fixture(scope="module")
def server() -> Iterator[MisbehavingServer]:
    """Two thousand photos, all different."""
    base = photo(0)
    files = {f"/{number}.jpg": base + number.to_bytes(4) for number in range(FILES)}
    with MisbehavingServer(files) as running:
        yield running


@pytest.fixture(scope="module")
def source(server: MisbehavingServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """They, and some that are gone, in two lists that share some."""
    urls = [server.url(f"/{number}.jpg") for number in range(FILES)]
    urls += [server.url(f"/status/404/{number}.jpg") for number in range(50)]
    root = tmp_path_factory.mktemp("lists")
    listed(root / "raw_data/neutral/urls_neutral.txt", urls)
    listed(root / "raw_data/drawings/urls_drawings.txt", urls[:20])
    return root


def start(source: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, str(source), "--out", str(out), *OPTIONS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_killed_at_fifty_moments(source: Path, server: MisbehavingServer, tmp_path: Path) -> None:
    """The moments are random over the whole run, start-up and the last write included."""
    others = workers()
    undisturbed = tmp_path / "undisturbed"
    begun = time.monotonic()
    assert start(source, undisturbed).wait() == 0
    whole = time.monotonic() - begun
    expected = state_of(undisturbed)
    assert len(expected["rows"]) == FILES

    draw = random.Random(20261122)
    out = tmp_path / "killed"
    killed = finished = 0
    # Each run does some of the work: to kill at fifty moments, the work is begun anew when done.
    while killed < KILLS:
        process = start(source, out)
        try:
            process.wait(timeout=draw.uniform(0.2, whole * 0.9))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            continue
        assert process.returncode == 0
        assert state_of(out) == expected
        finished += 1
        out = tmp_path / f"killed-{finished}"
    assert start(source, out).wait() == 0
    assert state_of(out) == expected
    assert no_worker_is_left(others)


def workers() -> set[str]:
    """The process ids of all decoders on this machine."""
    command = ["pgrep", "-f", "figleaf.images.worker"]
    return set(subprocess.run(command, capture_output=True, text=True).stdout.split())


def no_worker_is_left(others: set[str]) -> bool:
    """Decoders of killed runs end by themselves; `others` are those of other tests' servers."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not workers() - others:
            return True
        time.sleep(0.5)
    return False


def test_ctrl_c_keeps_what_was_done(
    source: Path, server: MisbehavingServer, tmp_path: Path
) -> None:
    process = start(source, tmp_path / "data")
    before = len(server.requests)
    until = time.monotonic() + 60
    while len(server.requests) < before + 800 and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 130
    status = collected(source, tmp_path / "data", fetch=QUICK)
    assert status.total.images == FILES
    # Asked for twice is only what was on its way: 64 requests, 64 results that were handled.
    again = len(server.requests) - before - FILES - 50
    assert again <= 64 + 64 + 1
