"""Features of photos of 360 KB: the stage of `figleaf train` beside a plain loop.

    python -m benchmarks.features --photos DIR                about 35 minutes, and 8 at first
    python -m benchmarks.features --photos DIR --images 200 --rounds 1 --seconds 2      a quick look

The photos are crops of the pictures under DIR, each file another crop, 1000x750 (every third
upright), 360 KB on average; they are made once and kept under --work, 2 GB of them. Everything runs
once in each round, in its own process, with the files in the page cache. Rates are medians over the
rounds, ratios medians of each round's own. The exit code is 1 where a target was missed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks import machine, report, summary
from benchmarks.corpus import Corpus, CorpusError, Settings, default_corpus
from benchmarks.measure import Run, evenly_spaced
from benchmarks.plan import Comparison, Efficiency
from benchmarks.process import ProcessFailedError, run
from benchmarks.runners.features_runner import FULL, Answer
from figleaf.training.rules import DEFAULT_BACKBONE

REFERENCE_IMAGES, REFERENCE_SECONDS = 125_214, 12_600
"""What the reference loaded, and what loading, features and training took it: 3 h 30 min."""
SIZE, BYTES, OFF = (1000, 750), 360_000, 0.05
NETS = ("resnet50_thin", DEFAULT_BACKBONE, FULL)
LEAST_RATES = {"resnet50_thin fast": 100.0, f"{FULL} fast": 35.0}
LEAST_EFFICIENCY = 0.85

_CHECKOUT = Path(__file__).parents[1]
_FEW = {f"{FULL} f32": 1500, f"{FULL} naive": 500}
"""How many of the photos, evenly spaced, where all would take minutes."""
_NAIVE = 1000
_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Way:
    """Something to measure: its name, the runner's arguments, and how many photos at most."""

    name: str
    net: str
    way: str
    fast: bool
    photos: int


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/features.json`.

    `apart` is how far the naive loop's features are from ours in f32: of the mean size, the mean
    difference.
    """

    machine: machine.Machine
    commit: str
    versions: dict[str, str]
    photos: int
    mean_bytes: int
    size: tuple[int, int]
    rounds: int
    rates: list[summary.Rate]
    checks: list[summary.Check]
    apart: dict[str, float]
    runs: list[Run]


class Bench:
    """Runs ways on one corpus, with files under a folder that ends with it."""

    def __init__(self, folder: Path, corpus: Corpus, seconds: float) -> None:
        self._folder, self._corpus, self._seconds = folder, corpus, seconds
        self._run("export", FULL, corpus.photos[:1])

    def measure(self, way: Way, number: int) -> Run:
        """One way, in the round of this number."""
        photos = evenly_spaced(self._corpus.photos, way.photos)
        for photo in photos:
            photo.read_bytes()  # into the page cache: the disk is not what is compared
        more = ["--seconds", str(self._seconds), "--out", str(self._file(way.name))]
        output = self._run(way.way, way.net, photos, *more, *(["--fast"] if way.fast else []))
        answer = Answer(**json.loads(output.splitlines()[-1]))
        found = Run(
            task=way.name,
            round=number,
            pictures=answer.pictures,
            seconds=answer.seconds,
            load_seconds=0,
            peak_rss_bytes=answer.peak_rss_bytes,
            versions={},
            notes={"precision": answer.precision},
        )
        _say(f"round {number}: {way.name}: {report.number(found.rate)}/s")
        return found

    def apart(self, net: str) -> float:
        """How far the naive loop's features are from those of the stage in f32."""
        ours, theirs = (np.load(self._file(f"{net} {way}")) for way in ("f32", "naive"))
        # The photos of both are evenly spaced, and only the first is the same for sure.
        return float(np.abs(ours[0] - theirs[0]).mean() / np.abs(theirs[0]).mean())

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.npy"

    def _run(self, way: str, net: str, photos: Sequence[Path], *more: str) -> str:
        paths = self._folder / "photos.json"
        paths.write_text(json.dumps([str(photo.resolve()) for photo in photos]))
        command = [sys.executable, "-m", "benchmarks.runners.features_runner", way, net]
        command += [str(paths), "--nets", str(self._folder), *more]
        environment = machine.environment() | {"PYTHONPATH": str(_CHECKOUT)}
        # Its memory is what it says itself: to look at it would take of the processors.
        ended = run(command, self._folder, environment, every=2.0, most_seconds=1800)
        return ended.output


def ways(images: int) -> list[Way]:
    """What is measured, in the order of a round."""
    found = []
    for net in NETS:
        for name, way, fast in (
            ("fast", "stage", True),
            ("fast, preparation alone", "prepare", True),
            ("fast, model alone", "model", True),
            ("f32", "stage", False),
            ("f32, preparation alone", "prepare", False),
            ("f32, model alone", "model", False),
            ("naive", "naive", False),
        ):
            full = f"{net} {name}"
            most = _NAIVE if way in ("naive", "prepare") else images
            found.append(Way(full, net, way, fast, min(_FEW.get(full, most), images)))
    return found


def checks(runs: Sequence[Run]) -> list[summary.Check]:
    """Ratios to the naive loop, rates and efficiencies, with their targets."""
    found = []
    for net in NETS:
        for how in ("fast", "f32"):
            ours = f"{net} {how}"
            naive = Comparison(f"{ours} / naive", ours, (f"{net} naive",), None)
            found.append(summary.compare(runs, naive))
            if target := LEAST_RATES.get(ours):
                rates = tuple(run.rate for run in runs if run.task == ours)
                value = float(np.median(rates))
                name = f"images/s of {ours}"
                found.append(summary.Check(name, value, rates, target, value >= target))
            halves = f"{ours}, preparation alone", f"{ours}, model alone"
            whole = Efficiency(f"efficiency of {ours}", ours, *halves, LEAST_EFFICIENCY)
            found.append(summary.efficiency(runs, whole))
    return found


def corpus_of(photos: Path, images: int, work: Path) -> Corpus:
    """The photos, made at the first call.

    Raises:
        CorpusError: they cannot be made, or weigh something else.
    """
    corpus = default_corpus(work, photos, Settings(images, SIZE, BYTES))
    mean = corpus.total_bytes / len(corpus.photos)
    if abs(mean / BYTES - 1) > OFF:
        raise CorpusError(f"photos of {mean / 1000:.0f} KB, not {BYTES / 1000:.0f}")
    return corpus


def measure(options: argparse.Namespace, folder: Path) -> Record:
    """Make the photos, and measure everything in every round.

    Raises:
        CorpusError, ProcessFailedError: it cannot be done.
    """
    corpus = corpus_of(options.photos, options.images, options.work)
    before = machine.describe()
    bench, wanted = Bench(folder, corpus, options.seconds), ways(options.images)
    runs = [bench.measure(way, n) for n in range(1, options.rounds + 1) for way in wanted]
    names = ("openvino", "onnxruntime", "numpy", "pillow", "simplejpeg", "torch")
    return Record(
        machine=before,
        commit=machine.commit(),
        versions={name: version(name) for name in names},
        photos=len(corpus.photos),
        mean_bytes=corpus.total_bytes // len(corpus.photos),
        size=SIZE,
        rounds=options.rounds,
        rates=summary.rates(runs),
        checks=checks(runs),
        apart={net: bench.apart(net) for net in NETS},
        runs=runs,
    )


def markdown(record: Record) -> str:
    """The section of the README."""
    pictures = {one.task: one.pictures for one in record.runs}
    rows = [
        (
            one.task,
            report.number(one.pictures_per_second),
            f"{report.number(one.slowest)} to {report.number(one.fastest)}",
            f"{pictures[one.task]:,}",
            _minutes(one),
            f"{one.peak_rss_bytes / 1e6:.0f}",
        )
        for one in record.rates
    ]
    head = (
        "files to features",
        "photos/s",
        "rounds",
        "photos",
        f"{REFERENCE_IMAGES:,}, min",
        "peak memory, MB",
    )
    width, height = record.size
    apart = ", ".join(f"{net} {100 * value:.2g} %" for net, value in record.apart.items())
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f"{record.photos:,} photos, {width}x{height}, {record.mean_bytes / 1000:.0f} KB on"
            f" average; {record.rounds} rounds; figleaf at commit {record.commit or 'unknown'}. The"
            f" reference took {REFERENCE_SECONDS // 60} min for {REFERENCE_IMAGES:,}, training"
            " included.",
            report.table(head, rows),
            summary.checks_table(record.checks),
            f"The loop's features, from figleaf's in f32: {apart}.",
            ", ".join(f"{name} {number}" for name, number in record.versions.items()) + ".",
        ]
    )


def _minutes(rate: summary.Rate) -> str:
    """How long the reference's images would take at this rate; halves are no way to do it."""
    if "alone" in rate.task:
        return ""
    return report.number(REFERENCE_IMAGES / rate.pictures_per_second / 60)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="safe pictures, to crop from")
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of a half, at least")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for the photos")
    parser.add_argument("--name", default="features", help="results/NAME.json is written")
    parser.add_argument("--update-readme", action="store_true", help="put the tables there too")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=options.work, prefix="features-") as folder:
            record = measure(options, Path(folder))
    except (CorpusError, ProcessFailedError, OSError) as error:
        _say(f"features: {error}")
        return 1
    report.write_json(options.name, record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("features", markdown(record))
    return 0 if all(check.passed is not False for check in record.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
