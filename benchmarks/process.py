"""A whole process and all that it starts: how long it takes, and what memory they have together."""

import os
import resource
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_MOST_SECONDS = 600.0  # of a process that hangs, before it is ended
_LOG = "output.txt"
_PROC = Path("/proc")


class ProcessFailedError(Exception):
    """A process failed; the message has what it wrote last."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended well.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of all its processes, on all cores.
        peak_pss_bytes: the most that its processes had at once. A page that several of them share
            counts in parts that add up to one (PSS).
        peak_rss_bytes: the same, where each counts it whole (RSS).
        output: all that it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_pss_bytes: int
    peak_rss_bytes: int
    output: str


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a tree of processes at a moment."""

    pss_bytes: int
    rss_bytes: int


def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    every: float = 0.2,
    most_seconds: float = _MOST_SECONDS,
) -> Ended:
    """Run a command in a folder.

    Args:
        command: a program and its arguments.
        folder: its current folder; what it prints is put into a file there.
        environment: all of its variables.
        every: seconds between two looks at its memory.
        most_seconds: that it may take, before it is ended.

    Raises:
        ProcessFailedError: its exit code is not 0, or it took too long.
        OSError: there is no /proc here.
    """
    log, peak_pss, peak_rss = folder / _LOG, 0, 0
    cpu_before = _cpu_of_ended()
    with log.open("w") as output:
        begun = time.perf_counter()
        with _started(command, folder, environment, output) as process:
            while not _has_ended(process, every):
                memory = memory_of(process.pid)
                peak_pss = max(peak_pss, memory.pss_bytes)
                peak_rss = max(peak_rss, memory.rss_bytes)
                if time.perf_counter() - begun > most_seconds:
                    raise ProcessFailedError(f"not done after {most_seconds:.0f} s")
        seconds = time.perf_counter() - begun
    text = log.read_text(errors="replace")
    if process.returncode:
        said = "\n".join(text.strip().splitlines()[-5:])
        raise ProcessFailedError(f"exit code {process.returncode}\n{said}")
    return Ended(seconds, _cpu_of_ended() - cpu_before, peak_pss, peak_rss, text)


def memory_of(process: int) -> Memory:
    """What a process and all below it have now.

    Raises:
        OSError: there is no /proc here.
    """
    found = [_rollup(one) for one in _tree(process)]
    return Memory(sum(one.pss_bytes for one in found), sum(one.rss_bytes for one in found))


def cpu_seconds_of(process: int) -> float:
    """The processor time of a process that runs, without those that it started."""
    user, system = _stat(process)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of_all(process: int) -> float:
    """The processor time of a process and of all below it that still run."""
    seconds = 0.0
    for one in _tree(process):
        try:
            seconds += cpu_seconds_of(one)
        except OSError:  # it has just ended
            continue
    return seconds


@contextmanager
def _started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], output: IO[str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a group of its own, which is ended on the way out, whatever happened."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _has_ended(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _cpu_of_ended() -> float:
    """Processor time of the children of this process that have ended, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tree(process: int) -> Iterator[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for name in os.listdir(_PROC):  # noqa: PTH208  # several times as fast, five times a second
        if name.isdigit():
            try:
                children[int(_stat(int(name))[1])].append(int(name))
            except OSError:
                continue  # it has just ended
    waiting = [process]
    while waiting:
        one = waiting.pop()
        waiting += children[one]
        yield one


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second may have anything in it."""
    return (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()


def _rollup(process: int) -> Memory:
    try:
        lines = (_PROC / str(process) / "smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # it has just ended
        return Memory(0, 0)
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return Memory(sizes.get("Pss", 0), sizes.get("Rss", 0))
