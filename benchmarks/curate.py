"""Curating: photos decoded and hashed beside Pillow and pdqhash, and a large data set.

    python -m benchmarks.curate --photos DIR [--from DIR] [--update-readme]

First photos of 110 KB: `figleaf clean` of a data set of them, whole processes, in turn with a pool
of processes that decode with Pillow and hash with pdqhash, the reference's own code. Then a ledger
of 1.3 million images, with hashes made up as in `duplicates`: cleaning, splitting, statistics. The
exit code is 1 where a target was missed or could not be measured. Linux only.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import figleaf
from benchmarks import machine, report
from benchmarks.corpus import DEFAULTS, Corpus, CorpusError, default_corpus
from benchmarks.duplicates import learned, make
from benchmarks.peers import Peer, PeerUnavailableError, prepare
from benchmarks.process import Ended, ProcessFailedError, run
from benchmarks.runners.ledger_runner import Answer
from benchmarks.startup import launcher

RATE = 150.0
"""Photos a second: the target."""
MOST_SECONDS = {"clean": 720.0, "split": 60.0, "stats": 60.0}
MOST_BYTES = 4_000_000_000

_ROUNDS = 3
_COUNT = 3_000
_CHECKOUT = Path(__file__).parents[1]
_STEPS = {
    "clean": "cleaning: rules, near duplicates, all written",
    "again": "the same again",
    "split": "splitting, stratified, five folds",
    "check": "looking for leaks",
    "stats": "statistics",
}


@dataclass(frozen=True, slots=True)
class Round:
    """Photos decoded and hashed, by both: photos a second over whole processes, and memory."""

    rate: float
    peer_rate: float | None
    peak_pss_bytes: int
    peer_peak_pss_bytes: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """Something done with the large ledger."""

    name: str
    count: int
    seconds: float
    target_seconds: float | None
    peak_rss_bytes: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/curate.json`."""

    machine: machine.Machine
    commit: str
    photos: int
    mean_bytes: int
    rounds: list[Round]
    peer_missing: str | None
    rows: int
    steps: list[Step]

    @property
    def rate(self) -> float:
        """Photos a second: the median of the rounds."""
        return median(one.rate for one in self.rounds)

    @property
    def passed(self) -> bool:
        """Whether every target was met and measured."""
        return self.rate >= RATE and not self.peer_missing and all(s.passed for s in self.steps)


def examine(work: Path, corpus: Corpus) -> tuple[list[Round], str | None]:
    """Photos to hashes, in turn with the peer's."""
    folder = work / "photos-data"
    figleaf.collect([f"neutral={corpus.folder}"], folder)
    paths = work / "photos.txt"
    paths.write_text("".join(f"{path}\n" for path in corpus.photos), "utf-8")
    try:
        peer = prepare(Peer.PDQHASH, work)
    except PeerUnavailableError as error:
        return [_round(work, folder, len(corpus.photos), None)], str(error)
    workers = str(machine.cores())
    command = (*peer.command, str(paths), "--processes", workers)
    return [_round(work, folder, len(corpus.photos), command) for _ in range(_ROUNDS)], None


def _round(work: Path, folder: Path, count: int, peer: Sequence[str] | None) -> Round:
    fresh = work / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(folder, fresh)
    ours = run([*launcher(), "clean", str(fresh), "--quiet"], work, machine.environment())
    theirs: Ended | None = None
    if peer:
        environment = machine.environment() | {"PYTHONPATH": str(_CHECKOUT)}
        theirs = run(peer, work, environment)
    return Round(
        count / ours.seconds,
        count / theirs.seconds if theirs else None,
        ours.peak_pss_bytes,
        theirs.peak_pss_bytes if theirs else None,
    )


def large(work: Path, photos: Path, rows: int) -> list[Step]:
    """A ledger of many images, from hashes to statistics."""
    data, hashes = work / "large", work / "hashes.npz"
    for step in ("register", "fill"):
        _answer("ledger_runner", step, data, "--rows", str(rows * 16 // 13))
    make(learned(photos), rows, hashes)
    _answer("curate_runner", "measure", data, "--hashes", str(hashes))
    return [_step(step, _answer("curate_runner", step, data)) for step in _STEPS]


def _answer(runner: str, step: str, data: Path, *more: str) -> Answer:
    command = [sys.executable, "-m", f"benchmarks.runners.{runner}", step, str(data), *more]
    environment = machine.environment() | {"PYTHONPATH": str(_CHECKOUT)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    answer = Answer(**json.loads(done.stdout.splitlines()[-1]))
    line = f"{step}: {answer.count:,}, {report.number(answer.seconds)} s"
    print(f"{line}, {answer.peak_rss_bytes / 1e6:.0f} MB", file=sys.stderr, flush=True)
    return answer


def _step(step: str, answer: Answer) -> Step:
    target = MOST_SECONDS.get(step)
    passed = (target is None or answer.seconds <= target) and answer.peak_rss_bytes < MOST_BYTES
    return Step(_STEPS[step], answer.count, answer.seconds, target, answer.peak_rss_bytes, passed)


def markdown(record: Record) -> str:
    """The section of the README."""
    steps = [
        (
            one.name,
            f"{one.count:,}",
            report.number(one.seconds),
            "" if one.target_seconds is None else f"<= {one.target_seconds:g}",
            f"{one.peak_rss_bytes / 1e6:.0f}",
            "pass" if one.passed else "**fail**",
        )
        for one in record.steps
    ]
    head = ("step", "images", "s", "target, s", "peak memory, MB", "verdict")
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f"{record.photos:,} photos, {record.mean_bytes / 1e3:.0f} KB on average, from the start"
            f" of the process to its end; figleaf at commit {record.commit or 'unknown'}.",
            report.table(
                ("photos decoded and hashed", "photos/s", "target", "peak memory (PSS), MB"),
                _rates(record),
            ),
            report.table(head, steps),
        ]
    )


def _rates(record: Record) -> list[tuple[str, ...]]:
    memory = max(one.peak_pss_bytes for one in record.rounds) / 1e6
    rows: list[tuple[str, ...]] = []
    rows.append(("`figleaf clean`", report.number(record.rate), f">= {RATE:g}", f"{memory:.0f}"))
    peers = [one.peer_rate for one in record.rounds if one.peer_rate]
    if record.peer_missing or not peers:
        return [*rows, (f"Pillow and pdqhash: {record.peer_missing}", "", "", "")]
    theirs = max(one.peer_peak_pss_bytes or 0 for one in record.rounds) / 1e6
    ratio = median(one.rate / one.peer_rate for one in record.rounds if one.peer_rate)
    rows.append(("Pillow and pdqhash", report.number(median(peers)), "", f"{theirs:.0f}"))
    rows.append(("ratio, of each round", report.number(ratio), "", ""))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="safe, to make hashes like")
    parser.add_argument("--from", dest="source", type=Path, help="pictures to crop photos from")
    parser.add_argument("--rows", type=int, default=1_300_000, help="images of the large ledger")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for photos and ledgers")
    parser.add_argument("--update-readme", action="store_true", help="put the tables there too")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    before = machine.describe()
    try:
        corpus = default_corpus(options.work, options.source, replace(DEFAULTS, count=_COUNT))
        with tempfile.TemporaryDirectory(dir=options.work, prefix="curate-") as folder:
            work = Path(folder)
            rounds, missing = examine(work, corpus)
            steps = large(work, options.photos, options.rows)
    except (CorpusError, ProcessFailedError, subprocess.CalledProcessError, OSError) as error:
        print(f"curate: {error}", file=sys.stderr)
        return 1
    mean = sum(path.stat().st_size for path in corpus.photos) // len(corpus.photos)
    record = Record(
        before,
        machine.commit(),
        len(corpus.photos),
        mean,
        rounds,
        missing,
        options.rows,
        steps,
    )
    report.write_json("curate", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("curate", markdown(record))
    return 0 if record.passed else 1


if __name__ == "__main__":
    sys.exit(main())
