"""URLs to a data set: figleaf's `collect` beside img2dataset, from one server with 50 ms latency.

    python -m benchmarks.collect                      about 6 minutes, makes its own photos
    python -m benchmarks.collect --from DIR           photos cropped from the pictures in DIR
    python -m benchmarks.collect --folder DIR         the .jpg files in DIR as they are
    python -m benchmarks.collect --rounds 1 --count 3000

First the server alone is measured, at as many connections. Then img2dataset is tried with several
numbers of threads, in both of its output formats that keep files as they are; the best of each
goes against figleaf, all of them once in each round. Ratios are medians of each round's own ratio.
The exit code is 1 where a target was missed or could not be measured. Linux only.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import figleaf
from benchmarks import machine, report, summary
from benchmarks.collecting import (
    IN_FLIGHT,
    LATENCY,
    Bench,
    Ceiling,
    Run,
    Side,
    ceiling,
    figleaf_side,
    peer_side,
    serving,
)
from benchmarks.corpus import Corpus, CorpusError, Settings, default_corpus, read
from benchmarks.peers import PYTHON_PINS, Peer, PeerUnavailableError, prepare
from benchmarks.process import ProcessFailedError

THREADS = (16, 32, 64, 128, 256)
"""Of each of img2dataset's processes: tried before the rounds."""
FORMATS = ("files", "webdataset")

FASTER, LEANER, CEILING = 1.5, 1.0, 3.0
"""Targets: figleaf's images/s and memory by img2dataset's; the server's answers/s by the best."""

_PHOTOS = 300


@dataclass(frozen=True, slots=True)
class Rate:
    """A side over its rounds: medians, but for the memory, which is the most."""

    side: str
    images_per_second: float
    slowest: float
    fastest: float
    start_seconds: float
    without_start: float
    cpu_milliseconds: float
    peak_pss_bytes: int
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/collect.json`."""

    machine: machine.Machine
    commit: str
    photos: int
    mean_bytes: int
    urls: int
    latency_seconds: float
    ceilings: list[Ceiling]
    rates: list[Rate]
    checks: list[summary.Check]
    not_measured: dict[str, str]
    pins: tuple[str, ...]
    sides: list[Side]
    trials: list[Run]
    runs: list[Run]


def best_settings(
    bench: Bench, program: Sequence[str], output: str, options: argparse.Namespace
) -> tuple[Side, list[Run]]:
    """img2dataset with its fastest number of threads, and what all of them gave."""
    tried = {
        threads: _shown(
            bench.run(peer_side(program, output, threads, options.trial), options.trial)
        )
        for threads in THREADS
    }
    fastest = max(THREADS, key=lambda threads: tried[threads].rate)
    return peer_side(program, output, fastest, options.count), list(tried.values())


def rate_of(runs: Sequence[Run], start_seconds: float) -> Rate:
    """The runs of one side, summed up."""
    rates = [run.rate for run in runs]
    return Rate(
        side=runs[0].side,
        images_per_second=median(rates),
        slowest=min(rates),
        fastest=max(rates),
        start_seconds=start_seconds,
        without_start=median(run.images / (run.seconds - start_seconds) for run in runs),
        cpu_milliseconds=median(1000 * run.cpu_seconds / run.images for run in runs),
        peak_pss_bytes=max(run.peak_pss_bytes for run in runs),
        peak_rss_bytes=max(run.peak_rss_bytes for run in runs),
    )


def checks(
    runs: Sequence[Run], ceilings: Sequence[Ceiling], starts: dict[str, float]
) -> list[summary.Check]:
    """The targets, from what was measured in each round."""
    rounds = [
        [run for run in runs if run.round == number] for number in sorted({r.round for r in runs})
    ]
    pairs = [(this[0], this[1:]) for this in map(_ours_first, rounds) if len(this) > 1]

    def net(run: Run) -> float:
        return run.images / (run.seconds - starts[run.side])

    faster = [ours.rate / max(run.rate for run in theirs) for ours, theirs in pairs]
    without = [net(ours) / max(map(net, theirs)) for ours, theirs in pairs]
    leaner = [min(r.peak_pss_bytes for r in theirs) / ours.peak_pss_bytes for ours, theirs in pairs]
    ours_best = max((run.rate for run in runs if _is_ours(run)), default=None)
    theirs_best = max((run.rate for run in runs if not _is_ours(run)), default=None)
    return [
        _check("images/s of figleaf / img2dataset, its better", faster, FASTER),
        _check("the same without what a start takes", without, None),
        _check("memory of img2dataset, its leaner / figleaf", leaner, LEANER),
        *(
            _check(
                f"answers/s of the server alone {how} / {whose}, best", [one.rate / best], CEILING
            )
            for one, how, whose, best in (
                (ceilings[0], "over kept connections", "figleaf", ours_best),
                (ceilings[1], "over new connections", "img2dataset", theirs_best),
            )
            if best
        ),
    ]


def markdown(record: Record) -> str:
    """The section of the README."""
    rows = [
        (
            rate.side,
            report.number(rate.images_per_second),
            f"{report.number(rate.slowest)} to {report.number(rate.fastest)}",
            report.number(rate.start_seconds),
            report.number(rate.without_start),
            report.number(rate.cpu_milliseconds),
            f"{rate.peak_pss_bytes / 1e6:.0f}",
        )
        for rate in record.rates
    ]
    head = ("URL to data set", "images/s", "rounds", "start, s", "images/s without it")
    kept, closed = (report.number(one.rate) for one in record.ceilings)
    latency = median(one.median_latency for one in record.ceilings)
    tried = ", ".join(
        f"{run.side.partition(' ')[2]}: {report.number(run.rate)}" for run in record.trials
    )
    parts = [
        machine.sentence(record.machine),
        f"{record.urls} URLs, {record.photos} photos of {record.mean_bytes / 1000:.0f} KB on "
        f"average, no two answers alike; figleaf at commit {record.commit or 'unknown'}. The server"
        f" alone, {IN_FLIGHT} clients: {kept} answers/s over kept connections, {closed} over new "
        f"ones, {1000 * latency:.0f} ms each.",
        report.table((*head, "CPU, ms an image", "peak memory, MB"), rows),
        summary.checks_table(record.checks),
        *([f"img2dataset before the rounds, images/s: {tried}."] if tried else []),
        f"img2dataset: {', '.join(record.pins).replace('==', ' ')}.",
        *(f"Not measured: {name} ({why})." for name, why in record.not_measured.items()),
    ]
    return "\n\n".join(parts)


def measure(options: argparse.Namespace, corpus: Corpus) -> Record:
    """The server alone, img2dataset's settings, both starts, then the rounds."""
    before, count = machine.describe(), options.count
    sides, trials, missing = [figleaf_side()], list[Run](), dict[str, str]()
    with serving(corpus.folder) as server:
        ceilings = [ceiling(server, closes=closes) for closes in (False, True)]
        bench = Bench(server, options.work)
        try:
            program = prepare(Peer.IMG2DATASET, options.work).command
            for output in FORMATS:
                side, tried = best_settings(bench, program, output, options)
                sides.append(side)
                trials += tried
        except (PeerUnavailableError, ProcessFailedError) as error:
            missing["img2dataset"] = str(error).partition("\n")[0]
            _say(f"img2dataset is left out: {error}")
        starts = {side.name: bench.start_seconds(side) for side in sides}
        runs = [
            _shown(bench.run(side, count, number))
            for number in range(1, options.rounds + 1)
            # Turned round every time: who comes first finds a cooler machine.
            for side in (sides if number % 2 else sides[::-1])
        ]
    by_side = {side.name: [run for run in runs if run.side == side.name] for side in sides}
    return Record(
        machine=before,
        commit=machine.commit(),
        photos=len(corpus.photos),
        mean_bytes=corpus.total_bytes // len(corpus.photos),
        urls=count,
        latency_seconds=LATENCY,
        ceilings=ceilings,
        rates=[rate_of(found, starts[name]) for name, found in by_side.items()],
        checks=checks(runs, ceilings, starts),
        not_measured=missing,
        pins=PYTHON_PINS[Peer.IMG2DATASET],
        sides=[_without_places(side) for side in sides],
        trials=trials,
        runs=runs,
    )


def _is_ours(run: Run) -> bool:
    return run.side.startswith(Peer.FIGLEAF)


def _ours_first(runs: Sequence[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: not _is_ours(run))


def _check(name: str, values: Sequence[float], target: float | None) -> summary.Check:
    value = median(values) if values else None
    passed = None if target is None else value is not None and value >= target
    return summary.Check(name, value, tuple(values), target, passed)


def _without_places(side: Side) -> Side:
    """A side as it is recorded: where its program lies is this machine's affair."""
    named = (Path(word).name if Path(word).is_absolute() else word for word in side.command)
    return replace(side, command=tuple(named))


def _shown(run: Run) -> Run:
    memory = f"{run.peak_pss_bytes / 1e6:.0f} MB"
    when = f"round {run.round}" if run.round else "trial"
    _say(f"{when}: {run.side}: {report.number(run.rate)} images/s, {memory}")
    return run


def _corpus(options: argparse.Namespace) -> Corpus:
    """The photos to serve.

    Raises:
        CorpusError: the folder has none.
    """
    if not options.folder:
        return default_corpus(options.work, options.source, Settings(count=_PHOTOS))
    photos = tuple(path for path in read(options.folder).photos if path.suffix == ".jpg")
    if not photos:
        raise CorpusError(f"{options.folder} holds no .jpg file")
    return Corpus(options.folder, photos, sum(path.stat().st_size for path in photos))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--folder", type=Path, help="the .jpg files to serve, as they are")
    source.add_argument("--from", dest="source", type=Path, help="the pictures to make photos of")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for all that is written")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=10_000, help="URLs")
    parser.add_argument("--trial", type=int, default=3000, help="URLs to try a setting with")
    parser.add_argument("--update-readme", action="store_true", help="put the tables there too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        record = measure(options, _corpus(options))
    except (CorpusError, ProcessFailedError, OSError, figleaf.FigleafError) as error:
        _say(f"collect: {error}")
        return 1
    report.write_json("collect", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("collect", markdown(record))
    return 0 if all(check.passed is not False for check in record.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
