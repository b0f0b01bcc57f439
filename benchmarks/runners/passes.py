"""What the Python runners share: arguments, the start signal, passes over the list, the answer.

A runner loads its library and model, warms up, prints `ready`, waits for a line on standard input
(so that several can begin at the same instant), works through the list, and prints one JSON line.
Only the standard library is imported: this runs in the environments of the peers too.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

WARM_UP = 8
"""How many pictures are classified before the clock starts."""

_STARTED = time.perf_counter()


@dataclass(frozen=True)
class Answer:
    """What a runner measured: the pictures it did, in how long, and what it took besides."""

    pictures: int
    seconds: float
    load_seconds: float
    peak_rss_bytes: int
    versions: dict[str, str]
    notes: dict[str, str | int] = field(default_factory=dict)


def parser(description: str) -> argparse.ArgumentParser:
    """The arguments that all runners have: the list and the least seconds."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("list", type=Path, help="a JSON file with the paths of the pictures")
    result.add_argument("--seconds", type=float, default=0.0, help="whole passes for at least this")
    return result


def read_list(path: Path) -> list[str]:
    paths: list[str] = json.loads(path.read_text())
    return paths


def whole_passes(items: Sequence[T], seconds: float) -> Iterator[T]:
    """All items once, and all of them again while less than `seconds` have gone by."""
    begun = time.perf_counter()
    yield from items
    while time.perf_counter() - begun < seconds:
        yield from items


def in_batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items; the last may be shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def since_start() -> float:
    """Seconds since this module was imported, which a runner does first."""
    return time.perf_counter() - _STARTED


def wait_for_start() -> float:
    """Say that everything is loaded and warm, wait for the signal, start the clock."""
    print("ready", flush=True)
    input()
    return time.perf_counter()


def versions(*packages: str) -> dict[str, str]:
    return {package: version(package) for package in packages}


def peak_rss() -> int:
    """The largest resident size so far, in bytes; 0 where there is no /proc.

    Not getrusage's: that one starts from what the parent process had.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def answer(result: Answer) -> None:
    print(json.dumps(asdict(result)), flush=True)
