"""A large ledger: 1.6 million URLs in 159 categories, 1.3 million images; what it takes to open it.

    python -m benchmarks.ledger                      about 8 minutes, 1 GB on the disk
    python -m benchmarks.ledger --rows 100000        a quicker look

The rows are made up, and written with the functions that `figleaf collect` writes them with; there
are no image files, and nothing is fetched. Every step runs in a process of its own. What only reads
runs three times with the file out of the page cache and three times with it there, and both medians
are held to the target. The exit code is 1 where a target was missed. Linux only.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import machine, report
from benchmarks.process import ProcessFailedError, run
from benchmarks.runners.ledger_runner import CATEGORIES, Answer
from benchmarks.startup import launcher

MOST_BYTES = 300_000_000
"""Resident memory of any step: the target."""

_ROUNDS = 3
_CHECKOUT = Path(__file__).parents[1]
_FILE = "figleaf.db"


@dataclass(frozen=True, slots=True)
class Step:
    """Something done with the ledger: medians, the memory is the most.

    `cold_seconds` is with the file out of the page cache; None where that says nothing.
    """

    name: str
    count: int
    seconds: float
    cold_seconds: float | None
    target_seconds: float | None
    peak_rss_bytes: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/ledger.json`."""

    machine: machine.Machine
    commit: str
    rows: int
    images: int
    categories: int
    file_bytes: int
    most_bytes: int
    steps: list[Step]


class Bench:
    """Runs steps on the ledger of one folder."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder = folder
        self._rows = rows

    def once(self, name: str, step: str) -> Step:
        """A step that changes the ledger, or takes long."""
        return _step(name, [self._answer(step)], [], None)

    def repeated(self, name: str, step: str, target: float) -> Step:
        """A step that only reads, from the disk and from the page cache, several times."""
        return self._repeated(name, lambda: self._answer(step), target)

    def command(self, target: float) -> Step:
        """`figleaf status`, from its process's start to its end."""
        return self._repeated("`figleaf status DIR`, whole process", self._status, target)

    def _repeated(self, name: str, measure: Callable[[], Answer], target: float) -> Step:
        cold, warm = [], []
        for _ in range(_ROUNDS):
            self._evict()
            cold.append(measure())
            warm.append(measure())
        return _step(name, warm, cold, target)

    def _answer(self, step: str) -> Answer:
        command = [sys.executable, "-m", "benchmarks.runners.ledger_runner", step, "data"]
        environment = machine.environment() | {"PYTHONPATH": str(_CHECKOUT)}
        ended = run([*command, "--rows", str(self._rows)], self._folder, environment)
        return Answer(**json.loads(ended.output.splitlines()[-1]))

    def _status(self) -> Answer:
        command = [*launcher(), "status", "data", "--json"]
        ended = run(command, self._folder, machine.environment(), every=0.02)
        return Answer(self._rows, ended.seconds, ended.cpu_seconds, ended.peak_rss_bytes)

    def _evict(self) -> None:
        """Ask the kernel to forget the file: the next one to read it waits for the disk."""
        os.sync()
        with (self._folder / "data" / _FILE).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(folder: Path, rows: int) -> Record:
    """Make a ledger in a folder, and measure all steps.

    Raises:
        ProcessFailedError: a step failed.
    """
    before, bench = machine.describe(), Bench(folder, rows)
    steps = [
        _shown(bench.once("registering", "register")),
        _shown(bench.once("writing outcomes", "fill")),
        _shown(bench.repeated("opening", "open", 1.0)),
        _shown(bench.repeated("`Dataset.status`", "status", 2.0)),
        _shown(bench.command(2.0)),
        _shown(bench.once("iterating over all images", "iterate")),
        _shown(bench.once("registering the same again", "register")),
    ]
    return Record(
        machine=before,
        commit=machine.commit(),
        rows=rows,
        images=steps[5].count,
        categories=CATEGORIES,
        file_bytes=(folder / "data" / _FILE).stat().st_size,
        most_bytes=MOST_BYTES,
        steps=steps,
    )


def markdown(record: Record) -> str:
    """The section of the README."""
    rows = [
        (
            step.name,
            report.number(step.seconds),
            "" if step.cold_seconds is None else report.number(step.cold_seconds),
            "" if step.target_seconds is None else f"<= {step.target_seconds:g}",
            f"{step.peak_rss_bytes / 1e6:.0f}",
            "pass" if step.passed else "**fail**",
        )
        for step in record.steps
    ]
    head = ("step", "s", "from the disk, s", "target, s", "peak memory, MB", "verdict")
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f"{record.rows:,} URLs in {record.categories} categories, {record.images:,} images, "
            f"{record.file_bytes / 1e6:.0f} MB; figleaf at commit {record.commit or 'unknown'}. "
            f"Memory is to stay under {record.most_bytes / 1e6:.0f} MB.",
            report.table(head, rows),
        ]
    )


def _step(name: str, warm: Sequence[Answer], cold: Sequence[Answer], target: float | None) -> Step:
    seconds = median(answer.seconds for answer in warm)
    from_disk = median(answer.seconds for answer in cold) if cold else None
    memory = max(answer.peak_rss_bytes for answer in (*warm, *cold))
    in_time = target is None or max(seconds, from_disk or 0) <= target
    passed = in_time and memory < MOST_BYTES
    return Step(name, warm[0].count, seconds, from_disk, target, memory, passed)


def _shown(step: Step) -> Step:
    memory = f"{step.peak_rss_bytes / 1e6:.0f} MB"
    line = f"{step.name}: {step.count:,}, {report.number(step.seconds)} s, {memory}"
    print(line, file=sys.stderr, flush=True)
    return step


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_600_000, help="URLs; at least 1,000")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for the ledger")
    parser.add_argument("--update-readme", action="store_true", help="put the table there too")
    options = parser.parse_args(arguments)
    if options.rows < 1000:
        parser.error("--rows must be at least 1000")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=options.work, prefix="ledger-") as folder:
            record = measure(Path(folder), options.rows)
    except (ProcessFailedError, OSError) as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1
    report.write_json("ledger", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("ledger", markdown(record))
    return 0 if all(step.passed for step in record.steps) else 1


if __name__ == "__main__":
    sys.exit(main())
