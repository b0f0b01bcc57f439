"""One run of the load generator against a server, and what it comes to."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.process import ProcessFailedError

_CHECKOUT = Path(__file__).parents[1]
_LONGER = 180.0  # seconds beyond those that were planned, after which a generator is ended

Answers = dict[int, dict[str, int]]
"""How often each photo, by its number, got which body."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a server is loaded.

    connections: that ask again once they are answered; with a `rate`, the most there may be.
    rate: requests a second, whether or not the server keeps up; None: as many as it answers.
    """

    connections: int
    rate: float | None
    seconds: float
    warm_up: float = 3.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds, over answers of one status."""

    median: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did under load.

    Attributes:
        shape: the load.
        statuses: how many answers of which status, in the seconds that count: of those that came
            in them without a rate; with one, of those whose requests fell due in them.
        latencies: of each status; with a rate, from the moment at which a request fell due.
        requests: all that were sent, warming up included.
        unanswered: those among them that got no answer, and how that went.
        unsent: fell due, and found no connection free until the end.
        no_retry_after: answers of 503 that do not say when to come again.
        most_connections: at work at once.
        generator_cores: how much of a processor core the generator took.
    """

    shape: Shape
    statuses: dict[str, int]
    latencies: dict[str, Latency]
    requests: int
    unanswered: dict[str, int]
    unsent: int
    no_retry_after: int
    most_connections: int
    generator_cores: float

    @property
    def rate(self) -> float:
        """Answers of 200 a second."""
        return self.statuses.get("200", 0) / self.shape.seconds


class Generator:
    """The generator's process; `finish` waits for what it has to say."""

    def __init__(self, port: int, path: str, photos: Sequence[Path], shape: Shape) -> None:
        self._shape = shape
        self._folder = tempfile.TemporaryDirectory()
        listed, self._out = Path(self._folder.name, "photos"), Path(self._folder.name, "out")
        listed.write_text(json.dumps([str(photo.resolve()) for photo in photos]))
        command = [sys.executable, "-m", "benchmarks.runners.serve_load", listed, self._out]
        options: dict[str, object] = {
            "--port": port,
            "--path": path,
            "--connections": shape.connections,
            "--seconds": shape.seconds,
            "--warm-up": shape.warm_up,
        }
        if shape.rate is not None:
            options["--rate"] = shape.rate
        words = [str(word) for option in options.items() for word in option]
        self._process = subprocess.Popen(
            [*map(str, command), *words], cwd=_CHECKOUT, env=machine.environment()
        )

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def finish(self) -> tuple[Load, Answers]:
        """Its result, and the answers that it got.

        Raises:
            ProcessFailedError: it failed, or takes too long.
        """
        limit = self._shape.seconds + self._shape.warm_up + _LONGER
        try:
            if self._process.wait(limit):
                raise ProcessFailedError("the load generator failed")
            log = json.loads(self._out.read_text())
        except subprocess.TimeoutExpired as error:
            raise ProcessFailedError("the load generator does not end") from error
        finally:
            self._process.kill()
            self._folder.cleanup()
        answers: Answers = {}
        for photo, body, count in log["answers"]:
            answers.setdefault(photo, {})[body] = count
        return summed_up(log, self._shape), answers


def summed_up(log: dict[str, Any], shape: Shape) -> Load:
    """From what the generator wrote (`serve_load.Log`) to what it comes to."""
    outcomes = np.array(
        [(one["due"], one["ended"], one["status"]) for one in log["outcomes"]]
    ).reshape(-1, 3)
    dues, ends, statuses = outcomes.T
    moments = ends if shape.rate is None else dues
    counted = (moments >= log["begun"]) & (moments < log["begun"] + shape.seconds)
    found = Counter(int(status) for status in statuses[counted] if status)
    return Load(
        shape=shape,
        statuses={str(status): count for status, count in sorted(found.items())},
        latencies={
            str(status): _latency((ends - dues)[counted & (statuses == status)])
            for status in sorted(found)
        },
        requests=len(outcomes),
        unanswered=log["failures"],
        unsent=log["unsent"],
        no_retry_after=log["no_retry_after"],
        most_connections=log["most_connections"],
        generator_cores=log["cpu_seconds"] / (shape.seconds + shape.warm_up),
    )


def _latency(seconds: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Latency:
    median, p99 = np.percentile(seconds, [50, 99])
    return Latency(float(median), float(p99), float(seconds.max()))
