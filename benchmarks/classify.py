"""Files to verdicts: figleaf and its peers in turn, on one folder of pictures.

    python -m benchmarks.classify                          about 15 minutes, makes its own pictures
    python -m benchmarks.classify --from DIR               pictures cropped from those in DIR
    python -m benchmarks.classify --folder DIR             the pictures in DIR as they are
    python -m benchmarks.classify --only mid --rounds 1    only tasks with "mid" in their name

Every task runs once in each round, in its own process. Rates are medians over the rounds, ratios
medians of each round's own ratio. The exit code is 1 where a target was missed, or not measured
although its tasks were asked for.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import machine, plan, report, summary
from benchmarks.corpus import Corpus, CorpusError, default_corpus, read
from benchmarks.measure import Run, RunnerFailedError, Task, measure
from benchmarks.peers import Environment, Peer, PeerUnavailableError, prepare


@dataclass(frozen=True, slots=True)
class Pictures:
    """The folder that was read, without saying where it lies."""

    folder: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/classify.json`."""

    machine: machine.Machine
    commit: str
    pictures: Pictures
    rounds: int
    versions: dict[str, dict[str, str]]
    rates: list[summary.Rate]
    checks: list[summary.Check]
    not_measured: dict[str, str]
    tasks: list[Task]
    runs: list[Run]


def measure_all(
    wanted: Sequence[Task], photos: Sequence[Path], rounds: int, work: Path
) -> tuple[list[Run], dict[str, str]]:
    """Measure every task in every round.

    Returns:
        the runs, and for what could not be measured, why. A task that failed is not tried again.
    """
    environments, missing = _environments({task.peer for task in wanted}, work)
    runs: list[Run] = []
    failed = {task.name: missing[task.peer] for task in wanted if task.peer in missing}
    for number in range(1, rounds + 1):
        for task in wanted:
            if task.name in failed:
                continue
            try:
                runs.append(measure(task, environments[task.peer], photos, number))
            except RunnerFailedError as error:
                # Only the exit code is recorded: the rest may name places on this machine.
                failed[task.name] = str(error).partition("\n")[0]
                _say(f"round {number}: {task.name}: failed: {error}")
            else:
                _say(f"round {number}: {task.name}: {report.number(runs[-1].rate)}/s")
    return runs, failed


def markdown(record: Record) -> str:
    """The section of the README."""
    pictures = record.pictures
    parts = [
        f"{machine.sentence(record.machine)}",
        f"{pictures.count} pictures, {pictures.bytes / pictures.count / 1000:.0f} KB on average; "
        f"{record.rounds} rounds; figleaf at commit {record.commit or 'unknown'}.",
        summary.rates_table(record.rates),
        *([summary.checks_table(record.checks)] if record.checks else []),
        "; ".join(_versions_of(peer, found) for peer, found in record.versions.items()) + ".",
        *(f"Not measured: {task} ({why})." for task, why in record.not_measured.items()),
    ]
    return "\n\n".join(parts)


def _environments(
    wanted: Iterable[Peer], work: Path
) -> tuple[dict[Peer, Environment], dict[Peer, str]]:
    ready: dict[Peer, Environment] = {}
    missing: dict[Peer, str] = {}
    for peer in sorted(wanted):
        try:
            ready[peer] = prepare(peer, work)
        except PeerUnavailableError as error:
            missing[peer] = str(error)
            _say(f"{peer} is left out: {error}")
    return ready, missing


def _record(
    options: argparse.Namespace, corpus: Corpus, wanted: list[Task], before: machine.Machine
) -> Record:
    runs, failed = measure_all(wanted, corpus.photos, options.rounds, options.work)
    names = {task.name for task in wanted}
    checks = [summary.compare(runs, one) for one in plan.comparisons() if names >= set(one.tasks)]
    checks += [
        summary.efficiency(runs, one) for one in plan.efficiencies() if names >= set(one.tasks)
    ]
    peers = {task.name: task.peer for task in wanted}
    versions: dict[str, dict[str, str]] = {}
    for run in runs:
        versions.setdefault(peers[run.task], {}).update(run.versions)
    return Record(
        machine=before,
        commit=machine.commit(),
        pictures=Pictures(corpus.folder.name, len(corpus.photos), corpus.total_bytes),
        rounds=options.rounds,
        versions=versions,
        rates=summary.rates(runs),
        checks=checks,
        not_measured=failed,
        tasks=wanted,
        runs=runs,
    )


def _wanted(options: argparse.Namespace) -> list[Task]:
    found = [task for task in plan.tasks(options.seconds) if options.only in task.name]
    if options.pictures is None:
        return found
    return [replace(task, pictures=min(task.pictures, options.pictures)) for task in found]


def _versions_of(peer: str, versions: dict[str, str]) -> str:
    return f"{peer}: " + ", ".join(f"{name} {number}" for name, number in versions.items())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--folder", type=Path, help="the pictures to classify, as they are")
    source.add_argument("--from", dest="source", type=Path, help="the pictures to make photos of")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for photos and environments")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="the least for each task")
    parser.add_argument("--pictures", type=int, help="at most so many for each task")
    parser.add_argument("--only", default="", help="tasks with this text in their name")
    parser.add_argument("--name", default="classify", help="results/NAME.json is written")
    parser.add_argument("--update-readme", action="store_true", help="put the tables there too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    wanted = _wanted(options)
    if not wanted:
        _say(f"no task has {shlex.quote(options.only)} in its name")
        return 2
    try:
        corpus = (
            read(options.folder) if options.folder else default_corpus(options.work, options.source)
        )
    except CorpusError as error:
        _say(f"classify: {error}")
        return 1
    record = _record(options, corpus, wanted, machine.describe())
    report.write_json(options.name, record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("results", markdown(record))
    return 0 if all(check.passed is not False for check in record.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
