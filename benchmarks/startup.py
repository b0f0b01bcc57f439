"""Whole processes: `figleaf --version`, and one photo through `figleaf classify`.

    python -m benchmarks.startup

Each is run seven times after one that is not counted (it leaves Python's compiled files), every
time with a home folder that is new and empty. The median is shown.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import machine, report
from benchmarks.corpus import CorpusError, Settings, default_corpus

_RUNS = 7
# What would lead a process to another home, or make it behave as it does for developers.
_NOT_PASSED_ON = ("CI", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


class StartupError(Exception):
    """A command failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A command, as a user would type it, and its seconds from start to exit."""

    command: str
    seconds: tuple[float, ...]
    median_seconds: float
    target_seconds: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/startup.json`."""

    machine: machine.Machine
    commit: str
    timings: list[Timing]


def launcher() -> list[str]:
    """The installed `figleaf` command beside this interpreter, or what it runs."""
    script = Path(sys.executable).with_name("figleaf.exe" if os.name == "nt" else "figleaf")
    if script.is_file():
        return [str(script)]
    # A checkout that is not installed: isolated mode (-I) would hide it.
    return [sys.executable, "-c", "import sys; from figleaf.cli import main; sys.exit(main())"]


def time_command(shown: str, arguments: Sequence[str], target: float) -> Timing:
    """Run a figleaf command several times.

    Raises:
        StartupError: it did not exit with 0.
    """
    command = [*launcher(), *arguments]
    _once(command)
    seconds = tuple(_once(command) for _ in range(_RUNS))
    middle = median(seconds)
    return Timing(shown, seconds, middle, target, middle <= target)


def markdown(record: Record) -> str:
    """The section of the README."""
    rows = [
        (
            f"`{timing.command}`",
            f"{timing.median_seconds:.2f}",
            f"{min(timing.seconds):.2f} to {max(timing.seconds):.2f}",
            f"<= {timing.target_seconds:g}",
            "pass" if timing.passed else "**fail**",
        )
        for timing in record.timings
    ]
    text = report.table(("whole process", "median, s", f"{_RUNS} runs", "target", "verdict"), rows)
    return f"{machine.sentence(record.machine)}\n\n{text}"


def _once(command: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as home:
        kept = {k: v for k, v in machine.environment().items() if k not in _NOT_PASSED_ON}
        environment = kept | {"HOME": home, "USERPROFILE": home}
        begun = time.perf_counter()
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - begun
    if result.returncode:
        raise StartupError(f"exit code {result.returncode}: {result.stderr.strip()}")
    return seconds


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photo", type=Path, help="to classify; one is made if none is given")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for the photo that is made")
    parser.add_argument("--update-readme", action="store_true", help="put the table there too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options, before = _parse(arguments), machine.describe()
    try:
        made = () if options.photo else default_corpus(options.work, None, Settings(count=1)).photos
        photo = str((options.photo or made[0]).resolve())
        timings = [
            time_command("figleaf --version", ["--version"], 0.2),
            time_command("figleaf classify FILE", ["classify", photo], 1.5),
        ]
    except (CorpusError, StartupError) as error:
        print(f"startup: {error}", file=sys.stderr)
        return 1
    record = Record(before, machine.commit(), timings)
    report.write_json("startup", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("startup", markdown(record))
    return 0 if all(timing.passed for timing in timings) else 1


if __name__ == "__main__":
    sys.exit(main())
