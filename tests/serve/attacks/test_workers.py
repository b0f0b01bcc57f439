"""Decoders that hang or die, alone and under load, and what is left in memory after it all."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from figleaf.serve.server import Running, running
from figleaf.serve.service import Surroundings

from .. import slow
from .conftest import Lines, Victim, comes_true, low_rules
from .test_bodies import BOMBS, FORMS
from .wire import FORM, HEAD, Wire, form, part, post


def workers() -> set[int]:
    """The processes that decode for this one."""
    listed = ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(os.getpid())]
    found = subprocess.run(listed, capture_output=True, text=True, check=True)
    lines = (line.split(maxsplit=1) for line in found.stdout.splitlines())
    return {int(pid) for pid, command in lines if "images.worker" in command}


def resident() -> int:
    """Bytes that this process, and so the server, has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def misbehaving(**changes: Any) -> Iterator[Running]:
    rules = low_rules(workers=2, **changes)
    with running(rules, Surroundings(decode=slow.misbehave)) as started:
        yield started


def test_decoders_that_hang_are_killed_while_others_are_answered(photo: Path) -> None:
    # Time enough for a picture on a busy machine, and far less than what hangs would take.
    with misbehaving(decode_deadline=2.0) as started, ThreadPoolExecutor(8) as threads:
        url = started.url
        hanging = [threads.submit(post, url, slow.HANG, timeout=60) for _ in range(6)]
        assert comes_true(lambda: started.service.slots.held == 6)
        # Every worker hangs: others wait for a deadline or so, and are answered all the same.
        assert post(url, photo.read_bytes(), timeout=60).statuses == ["ok"]
        assert {one.result().status for one in hanging} == {200}
        assert {one.result().statuses[0] for one in hanging} == {"timeout"}
        assert post(url, photo.read_bytes()).statuses == ["ok"]


def test_a_decoder_that_dies_takes_its_own_request_along_and_no_other(photo: Path) -> None:
    with misbehaving() as started:
        _die_among_others(started.url, photo.read_bytes())


def _die_among_others(url: str, data: bytes) -> None:
    with ThreadPoolExecutor(8) as threads:
        deaths = [threads.submit(post, url, slow.DIE) for _ in range(8)]
        lives = [threads.submit(post, url, data) for _ in range(24)]
        assert [one.result().status for one in deaths] == [500] * 8
        assert [one.result().statuses for one in lives] == [["ok"]] * 24
    problem = deaths[0].result().json()
    assert problem["type"].startswith("urn:figleaf:problem:")
    assert "SIG" not in deaths[0].result().body.decode()
    # In a request with others, it is a result among theirs.
    mixed = post(url, form(part(slow.DIE), part(data)), FORM)
    assert (mixed.status, mixed.statuses) == (200, ["crashed", "ok"])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_workers_killed_under_load(photo: Path) -> None:
    """Of 32 clients' requests only those that were in a killed worker fail, each with a 500."""
    log = Lines()
    others = workers()
    data = slow.SLOW + photo.read_bytes()
    surroundings = Surroundings(log=log, decode=slow.misbehave)
    with running(low_rules(workers=4, max_queue=256), surroundings) as started:
        answers: list[int] = []
        ended = threading.Event()

        def ask() -> None:
            while not ended.is_set():
                answers.append(post(started.url, data, timeout=60).status)

        with ThreadPoolExecutor(32) as threads:
            asking = [threads.submit(ask) for _ in range(32)]
            killed = 0
            try:
                for _ in range(5):
                    time.sleep(0.6)
                    with suppress(ProcessLookupError):
                        os.kill(min(workers() - others), signal.SIGKILL)
                        killed += 1
                comes_true(lambda: len(answers) > 64)
            finally:
                ended.set()
            for one in asking:
                one.result()  # raises where a request got no answer
        counted = Counter(answers)
        assert set(counted) == {200, 500}
        assert 1 <= counted[500] <= killed
        assert counted[200] > 32
        # As many as there were, and they work.
        assert comes_true(lambda: len(workers() - others) == 4)
        assert started.service.slots.held == 0
        assert post(started.url, photo.read_bytes()).statuses == ["ok"]
    assert comes_true(lambda: workers() == others)
    assert [line for line in log.events() if line["event"] == "error"] == []


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_the_memory_that_attacks_took_is_given_back(victim: Victim, photo: Path) -> None:
    def attack() -> None:
        for body, _ in FORMS.values():
            post(victim.url, body, FORM)
        for body in BOMBS.values():
            post(victim.url, body, "application/json")
        for _ in range(20):
            with Wire(victim.url) as wire:
                wire.send(HEAD + b"Content-Length: 4000000\r\n\r\n" + bytes(2_000_000))
        time.sleep(0.5)

    attack()  # what is set up once, and the allocator's own
    before = resident()
    for _ in range(4):
        attack()
    assert resident() - before < 30 * 2**20
    assert victim.is_well(photo)
