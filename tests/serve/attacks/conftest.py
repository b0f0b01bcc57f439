"""A server with low limits, and what is looked at after each attack on it."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from figleaf.images import Limits
from figleaf.serve.rules import ServeRules
from figleaf.serve.server import running
from figleaf.serve.service import Service, Surroundings

from .wire import HEALTH, ask, post

LIMITS = Limits(max_bytes=2**22, max_pixels=2**22)


def low_rules(**changes: Any) -> ServeRules:
    """Of a small server whose limits are soon reached."""
    kept: dict[str, Any] = {
        "port": 0,
        "models": ("mobilenet_v2",),
        "workers": 2,
        "limits": LIMITS,
        "max_body": 2**23,
        "memory": 2**26,
        "max_images": 8,
        "header_timeout": 1.0,
        "body_timeout": 2.0,
        "keep_alive": 1.0,
    }
    return ServeRules(**{**kept, **changes})


class Lines(io.BytesIO):
    """A log that is kept."""

    def events(self) -> list[dict[str, Any]]:
        """The lines so far; fails where one is no JSON."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@dataclass(frozen=True)
class Victim:
    """A server that is attacked."""

    url: str
    service: Service
    log: Lines = field(repr=False)

    def is_well(self, photo: Path) -> bool:
        """Whether it answers others as ever, and holds nothing of what was sent to it."""
        health = ask(self.url, HEALTH)
        good = post(self.url, photo.read_bytes())
        # Who has just gone away is noticed when the loop comes to it.
        return (health.status, good.status, good.statuses) == (200, 200, ["ok"]) and comes_true(
            lambda: self.service.budget.held == 0 and self.service.slots.held == 0
        )


def comes_true(condition: Callable[[], bool], within: float = 20.0) -> bool:
    """Whether a condition is met before so many seconds are over, however busy the machine is."""
    until = time.monotonic() + within
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.01)
    return met


@pytest.fixture(scope="session")
def victim() -> Iterator[Victim]:
    log, before = Lines(), set(threading.enumerate())
    with running(low_rules(), Surroundings(log=log)) as started:
        yield Victim(started.url, started.service, log)
    # Once all is over: nothing that anybody sent made the server raise what it does not foresee.
    assert [line for line in log.events() if line["event"] == "error"] == []
    left = [one for one in set(threading.enumerate()) - before if one.name.startswith("figleaf")]
    for thread in left:  # a model's end by themselves once it is let go
        thread.join(20)
    assert [thread.name for thread in left if thread.is_alive()] == []


@pytest.fixture(scope="session")
def patient() -> Iterator[Victim]:
    """One whose deadlines are far off: on a busy machine they would come before its limits."""
    log = Lines()
    rules = low_rules(header_timeout=60.0, body_timeout=60.0, keep_alive=60.0)
    with running(rules, Surroundings(log=log)) as started:
        yield Victim(started.url, started.service, log)
    assert [line for line in log.events() if line["event"] == "error"] == []
