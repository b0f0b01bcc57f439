"""Moving, copying and blurring many files, killed half-way: nothing lost, nothing doubled.

    python -m benchmarks.actions                    10,000 files, some minutes
    python -m benchmarks.actions --files 1000       a shorter look
    python -m benchmarks.actions --place DIR        into a folder on another file system
    python -m benchmarks.actions --update-readme

Small pictures are made, among them some of the same name and some that are none. Each kind of
action is begun again and again with a verdict that the names tell, and killed (SIGKILL) at a random
moment until it comes to its end; then every file is looked for by its hash. Last comes the real
command, with `--move-to`, `--resume` and `--report`: each file is to have one result besides.
"""

import argparse
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import machine, report
from figleaf.actions.act import act
from figleaf.actions.journal import NAME
from figleaf.actions.judging import Found, judged
from figleaf.actions.places import below
from figleaf.actions.rules import Action, Kind
from figleaf.classify.prediction import Decision, Prediction
from figleaf.classify.source import Source, name_of, read_bytes, walk
from figleaf.errors import Status
from figleaf.images import Limits
from figleaf.models.runtime import Precision

COMMAND = "command"
_KILLS = 6
_MODEL = "mobilenet_v2"
_NO_PICTURE = 50
"""One file in so many is no picture."""


@dataclass(frozen=True, slots=True)
class Run:
    """One kind of action on all files.

    Attributes:
        what: the kind, or "command".
        kills: how often it was killed.
        files: how many there were.
        lost: hashes that are nowhere any more.
        doubled: files that are in more than one place.
        half_made: hidden files that are left beside the journal.
        unsettled: actions that the journal says were begun and not ended.
        results: of the command, inputs without a result or with several.
        seconds: all attempts together.
        peak_bytes: the most memory that an attempt took.
    """

    what: str
    kills: int
    files: int
    lost: int
    doubled: int
    half_made: int
    unsettled: int
    results: int
    seconds: float
    peak_bytes: int

    @property
    def passed(self) -> bool:
        """Whether it ended as if nobody had killed it."""
        wrong = self.lost, self.doubled, self.half_made, self.unsettled, self.results
        return self.kills > 0 and not any(wrong)


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/actions.json`."""

    machine: machine.Machine
    commit: str
    runs: list[Run]
    passed: bool


def picture(seed: int) -> bytes:
    """A small JPEG, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(noise).resize((48, 48)).save(file, "JPEG", quality=80)
        return file.getvalue()


def make(folder: Path, count: int) -> None:
    """Pictures in folders of folders; the same names come in many of them."""
    for number in range(count):
        path = folder / f"{number % 97:02}" / f"{number // 97:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number) if number % _NO_PICTURE else b"none: %d" % number)


def stream(sources: Iterable[Source]) -> Iterator[Prediction]:
    """Reads, and judges by names."""
    limits = Limits()
    for source in sources:
        ok = not read_bytes(source, limits).startswith(b"none")
        name = name_of(source)
        digest = hashlib.sha256(os.fsencode(Path(name).name)).digest()
        yield Prediction(
            input=name,
            status=Status.OK if ok else Status.NOT_AN_IMAGE,
            label=None,
            scores={},
            unsafe=None,
            decision=list(Decision)[digest[0] % 3],
            reason="by its name",
            policy="names@1",
            model="none@1",
            precision=Precision.F32,
        )


def work(kind: Kind, folder: Path, place: Path) -> None:
    """One attempt."""
    found = (Found(path, below(str(folder), path)) for path in walk(folder))
    for _ in act(judged(stream, found, Limits()), [Action(kind, place)]):
        pass


def attempts(
    command: Sequence[str], place: Path, files: int, chance: random.Random
) -> tuple[int, int]:
    """Begin it until it comes to its end, killing it; gives how often, and the most memory."""
    kills = peak = 0
    journal = place / NAME
    while True:
        before = journal.stat().st_size if journal.exists() else 0
        # An action takes some 300 bytes of the journal: a few of each hundred files.
        room = chance.randint(1, 80 * files)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        usage = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            peak = max(peak, _peak(usage))
            size = journal.stat().st_size if journal.exists() else 0
            if kills < _KILLS and size >= before + room:
                process.kill()
            time.sleep(0.002)
        if process.returncode >= 0:
            break
        kills += 1
    if process.returncode not in (0, 1, 3):
        raise RuntimeError(f"ended with {process.returncode}")
    return kills, peak


def _peak(status: Path) -> int:
    try:
        lines = status.read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def hashes(folder: Path) -> Counter[str]:
    """How often the bytes of each file are there."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def measured(what: str, root: Path, place: Path, count: int, chance: random.Random) -> Run:
    """One kind of action, from fresh files to what is left of them."""
    folder, lines = root / "in", root / "results.jsonl"
    make(folder, count)
    before = hashes(folder)
    begun = time.perf_counter()
    kills, peak = attempts(_command(what, folder, place, lines), place, count, chance)
    seconds = time.perf_counter() - begun
    after = hashes(place)
    if what == Kind.BLUR:  # other bytes: as many, and what is no picture is not among them
        lost = before.total() - count // _NO_PICTURE - after.total()
        doubled = max(0, -lost)
    else:
        left = hashes(folder)
        lost = len((before - after) if what == Kind.COPY else (before - after - left))
        doubled = (after - before).total() + (0 if what == Kind.COPY else (after & left).total())
    return Run(
        what=what,
        kills=kills,
        files=count,
        lost=max(0, lost),
        doubled=doubled,
        half_made=sum(1 for path in place.rglob(".*") if path.name != NAME),
        unsettled=_unsettled(place / NAME),
        results=_wrong_results(lines, count) if what == COMMAND else 0,
        seconds=seconds,
        peak_bytes=peak,
    )


def _command(what: str, folder: Path, place: Path, lines: Path) -> list[str]:
    start = [sys.executable, "-m"]
    if what != COMMAND:
        return [*start, "benchmarks.actions", "--work", what, str(folder), str(place)]
    options = ["--model", _MODEL, "--fast", "--quiet", "--recursive"]
    places = ["--move-to", place, "--resume", lines, "--report", lines.with_suffix(".html")]
    return [*start, "figleaf", "classify", str(folder), *options, *map(str, places)]


def _unsettled(journal: Path) -> int:
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    begun = [one["begin"] for one in records if "begin" in one]
    ended = [one["end"] for one in records if "end" in one]
    return len(set(begun) - set(ended)) + len(begun) - len(set(begun))


def _wrong_results(lines: Path, count: int) -> int:
    names = Counter(json.loads(line)["input"] for line in lines.read_text().splitlines())
    return count - len(names) + names.total() - len(names)


def markdown(record: Record) -> str:
    """What is printed."""
    head = (
        "killed",
        "times",
        "files",
        "lost",
        "doubled",
        "half made",
        "unsettled",
        "results wrong",
    )
    rows = [
        (
            one.what,
            *(f"{n:,}" for n in (one.kills, one.files, one.lost, one.doubled, one.half_made)),
            f"{one.unsettled:,}",
            f"{one.results:,}" if one.what == COMMAND else "",
            report.number(one.files / one.seconds),
            f"{one.peak_bytes / 1e6:.0f} MB",
        )
        for one in record.runs
    ]
    text = report.table((*head, "files/s", "memory"), rows)
    verdict = "pass" if record.passed else "**fail**"
    return f"{machine.sentence(record.machine)}\n\n{text}\n\n{verdict}"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=10_000, help="at least 500")
    parser.add_argument("--kinds", nargs="+", default=[*map(str, Kind), COMMAND])
    parser.add_argument("--place", type=Path, help="where to; beside the files without it")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--update-readme", action="store_true", help="put the table there too")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.files < 500:
        parser.error("--files must be at least 500")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where something was lost, doubled or left half done."""
    options = _parse(arguments)
    if options.work:
        kind, folder, place = options.work
        work(Kind(kind), Path(folder), Path(place))
        return 0
    before, runs = machine.describe(), []
    for what in options.kinds:
        with (
            tempfile.TemporaryDirectory() as root,
            tempfile.TemporaryDirectory(dir=options.place or root) as place,
        ):
            chance = random.Random(f"{options.seed} {what}")
            runs.append(measured(what, Path(root), Path(place), options.files, chance))
            print(runs[-1], file=sys.stderr, flush=True)
    record = Record(before, machine.commit(), runs, all(one.passed for one in runs))
    report.write_json("actions", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("actions", markdown(record))
    return 0 if record.passed else 1


if __name__ == "__main__":
    sys.exit(main())
