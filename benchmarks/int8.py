"""int8 beside bf16 and f32: the model alone, on all cores; and how far the scores are from f32's.

    python -m benchmarks.int8 --photos DIR [--update-readme]                   about 12 minutes
    python -m benchmarks.int8 --photos DIR --rounds 1 --seconds 2 --pictures 20 --holdout 20

The second is a quick look. Each model is quantised once by each method, with 160 of the photos, and
compared on 400 others.
Then, in each round, f32, bf16 and int8 run one after the other, each in its own process. Ratios are
medians of each round's own. The exit code is 1 where a target was missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from benchmarks import machine, report, summary
from benchmarks.measure import Run, RunnerFailedError, Task, measure
from benchmarks.peers import Peer, prepare
from benchmarks.plan import Comparison
from figleaf.classify.classifier import policy_for
from figleaf.classify.quantising.drawn import Drawn
from figleaf.classify.quantising.drift import Drift, measure_drift
from figleaf.classify.quantising.quantise import quantise
from figleaf.classify.quantising.rules import QuantiseRules
from figleaf.classify.source import walk
from figleaf.models.int8.ranges import Method
from figleaf.models.model import load_model
from figleaf.models.runtime import Precision, has_bf16

MODELS = ("mobilenet_v2_mid", "inception_v3", "mobilenet_v2", "resnet50_thin")
LEAST = {"mobilenet_v2_mid": 1.5, "inception_v3": 1.5}
"""How many times as fast as bf16."""

_PICTURES = 64  # prepared; all of the runner's
_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Measured:
    """How far a model in int8 is from itself in f32, by one method."""

    model: str
    method: str
    calibrated: int
    drift: Drift


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/int8.json`."""

    machine: machine.Machine
    commit: str
    rounds: int
    rates: list[summary.Rate]
    checks: list[summary.Check]
    drifts: list[Measured]
    runs: list[Run]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    before = machine.describe()
    with tempfile.TemporaryDirectory(prefix="figleaf-int8-") as folder:
        drifts = [one for name in options.models for one in _twins(name, options, folder)]
        try:
            runs = list(_runs(options, Path(folder)))
        except RunnerFailedError as error:
            _say(f"int8: {error}")
            return 1
    checks = [check for name in options.models for check in _checks(name, runs)]
    record = Record(
        machine=before,
        commit=machine.commit(),
        rounds=options.rounds,
        rates=summary.rates(runs),
        checks=checks,
        drifts=drifts,
        runs=runs,
    )
    report.write_json("int8", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("int8", markdown(record))
    return 0 if all(check.passed is not False for check in checks) else 1


def _twins(name: str, options: argparse.Namespace, folder: str) -> Iterator[Measured]:
    """A model in bf16 and quantised by each method, beside f32; the default one is written."""
    photos: Path = options.photos
    # Any drift is measured, and none refused.
    rules = QuantiseRules(options.pictures, options.holdout, drift=1, changed=1)
    if has_bf16():
        yield Measured(name, "bf16, for comparison", 0, _bf16(name, photos, rules))
    for method in Method:
        found = quantise(name, photos, replace(rules, method=method))
        _say(f"{name}, {method}: {found.drift}")
        yield Measured(name, method, found.pictures, found.drift)
        if method is QuantiseRules().method:
            found.write(Path(folder, f"{name}_int8"))


def _bf16(name: str, photos: Path, rules: QuantiseRules) -> Drift:
    """On the same pictures as int8."""
    exact, fast = (load_model(name, precision=p) for p in (Precision.F32, Precision.BF16))
    drawn = Drawn(exact, photos, rules.seed)
    with ThreadPoolExecutor(exact.streams) as threads:
        pictures = islice(drawn.pictures(threads), rules.pictures, rules.pictures + rules.holdout)
        return measure_drift(exact, fast, pictures, policy_for(exact.card, None))


def _runs(options: argparse.Namespace, folder: Path) -> Iterator[Run]:
    suffixes = (".jpg", ".jpeg", ".png")
    photos = [Path(path) for path in walk(options.photos) if path.lower().endswith(suffixes)]
    environment = prepare(Peer.FIGLEAF, folder)
    for number in range(1, options.rounds + 1):
        for task in [task for name in options.models for task in _tasks(name, folder, options)]:
            found = measure(task, environment, photos, number)
            _say(f"round {number}: {task.name}: {report.number(found.rate)}/s")
            yield found


def _tasks(name: str, folder: Path, options: argparse.Namespace) -> list[Task]:
    ways = [("f32", name, "f32"), ("int8", str(folder / f"{name}_int8"), "f32")]
    if has_bf16():
        ways.insert(1, ("bf16", name, "fast"))
    return [
        Task(
            f"{name} {kind}",
            Peer.FIGLEAF,
            ("--model", model, "--precision", precision, "--stage", "model"),
            _PICTURES,
            options.seconds,
        )
        for kind, model, precision in ways
    ]


def _checks(name: str, runs: Sequence[Run]) -> list[summary.Check]:
    ours = f"{name} int8"
    others = {"bf16": LEAST.get(name), "f32": None}
    return [
        summary.compare(runs, Comparison(f"{ours} / {kind}", ours, (f"{name} {kind}",), target))
        for kind, target in others.items()
    ]


def markdown(record: Record) -> str:
    """The section of the README."""
    rates = [
        (
            one.task,
            report.number(one.pictures_per_second),
            f"{report.number(one.slowest)} to {report.number(one.fastest)}",
            report.number(one.load_seconds),
            f"{one.peak_rss_bytes / 1e6:.0f}",
        )
        for one in record.rates
    ]
    head = ("the model alone", "pictures/s", "rounds", "load, s", "peak memory, MB")
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f"{record.rounds} rounds; figleaf at commit {record.commit or 'unknown'}.",
            report.table(head, rates),
            summary.checks_table(record.checks),
            _drift_table(record.drifts),
        ]
    )


def _drift_table(drifts: Sequence[Measured]) -> str:
    head = ["against f32", "cut off by", "photos", "mean", "largest", "same class"]
    rows = [
        [
            f"`{one.model}`",
            one.method,
            str(one.drift.pictures),
            f"{one.drift.mean:.4f}",
            f"{one.drift.largest:.3f}",
            f"{one.drift.same_class:.1%}",
            "" if one.drift.same_decision is None else f"{one.drift.same_decision:.1%}",
        ]
        for one in drifts
    ]
    return report.table([*head, "same decision"], rows)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="safe photos, 600 or more")
    parser.add_argument("--models", nargs="+", default=list(MODELS), help="embedded models' names")
    parser.add_argument("--pictures", type=int, default=160, help="that calibrate")
    parser.add_argument("--holdout", type=int, default=400, help="others, to compare by")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of each, at least")
    parser.add_argument("--update-readme", action="store_true", help="put the tables there too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
