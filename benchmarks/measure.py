"""One measurement: start a runner, let it load, give the signal, read its answer."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from benchmarks import machine
from benchmarks.peers import Environment, Peer

_MOST_SECONDS = 180.0  # of a runner that hangs, before it is ended
_CHECKOUT = Path(__file__).parents[1]


class RunnerFailedError(Exception):
    """A runner stopped without an answer; the message has what it wrote last."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something to measure, in every round.

    `pictures` is how many of the folder's, evenly spaced; they are gone through whole, again and
    again until `seconds` have passed. `processes` share them and begin at the same instant.
    """

    name: str
    peer: Peer
    arguments: tuple[str, ...]
    pictures: int
    seconds: float = 0.0
    processes: int = 1


@dataclass(frozen=True, slots=True)
class Run:
    """What came out of one task in one round. Two processes are added up, the slower one's time."""

    task: str
    round: int
    pictures: int
    seconds: float
    load_seconds: float
    peak_rss_bytes: int
    versions: dict[str, str]
    notes: dict[str, str | int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.pictures / self.seconds


def measure(task: Task, environment: Environment, photos: Sequence[Path], number: int) -> Run:
    """Run a task once; `number` is the round's.

    Raises:
        RunnerFailedError: a runner ended, or took too long, without an answer.
    """
    sample = evenly_spaced(photos, task.pictures)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runners = [
            stack.enter_context(_started(task, environment, sample[n :: task.processes], folder, n))
            for n in range(task.processes)
        ]
        for runner in runners:
            runner.wait_until_ready()
        for runner in runners:
            runner.start()
        answers = [runner.answer() for runner in runners]
    return Run(
        task=task.name,
        round=number,
        pictures=sum(answer["pictures"] for answer in answers),
        seconds=max(answer["seconds"] for answer in answers),
        load_seconds=max(answer["load_seconds"] for answer in answers),
        peak_rss_bytes=sum(answer["peak_rss_bytes"] for answer in answers),
        versions=answers[0]["versions"],
        notes=answers[0]["notes"],
    )


def evenly_spaced(photos: Sequence[Path], count: int) -> list[Path]:
    """At most `count` of the photos, evenly spaced, in their order."""
    count = min(count, len(photos))
    return [photos[i * len(photos) // count] for i in range(count)]


@dataclass(frozen=True, slots=True)
class _Runner:
    process: "subprocess.Popen[str]"
    errors: Path

    def wait_until_ready(self) -> None:
        self._read_until("ready")

    def start(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._read_until("{"))
        return answer

    def _read_until(self, beginning: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line
        self.process.wait()
        said = "\n".join(self.errors.read_text().strip().splitlines()[-5:])
        raise RunnerFailedError(f"exit code {self.process.returncode}\n{said}")


@contextmanager
def _started(
    task: Task, environment: Environment, photos: Sequence[Path], folder: Path, number: int
) -> Iterator[_Runner]:
    """A runner's process; it is ended on the way out, whatever happened."""
    photo_list, errors = folder / f"{number}.json", folder / f"{number}.err"
    photo_list.write_text(json.dumps([str(photo.resolve()) for photo in photos]))
    command = [*environment.command, str(photo_list), "--seconds", str(task.seconds)]
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*command, *environment.arguments, *task.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=_CHECKOUT,
            env=machine.environment(),
        )
    limit = Timer(_MOST_SECONDS, process.kill)
    limit.start()
    with process:
        try:
            yield _Runner(process, errors)
        finally:
            limit.cancel()
            process.kill()
