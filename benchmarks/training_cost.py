"""What training costs against how many images there are, with a plot.

    python -m benchmarks.training_cost --photos DIR                     about 15 minutes
    python -m benchmarks.training_cost --photos DIR --sizes 1000 5000   a quicker look

DIR has PART/CLASS/picture.jpg, of five classes. Features: the stage of `figleaf train` on photos of
360 KB, cropped from the same pictures, measured up to 2,000 of them and multiplied beyond, which is
said. Retraining: `figleaf.train`, whole, on a data set of that many images whose features are
cached, measured at every size. The exit code is 1 where 125,214 images take longer than a tenth of
what they took the reference.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, report
from benchmarks.corpus import Corpus, CorpusError
from benchmarks.features import REFERENCE_IMAGES, REFERENCE_SECONDS, corpus_of
from benchmarks.head import Bench, pictures_features
from benchmarks.measure import evenly_spaced
from benchmarks.process import ProcessFailedError, run
from benchmarks.runners.features_runner import Answer
from figleaf.report.plots import as_it_comes
from figleaf.training.rules import DEFAULT_BACKBONE

SIZES = (1_000, 5_000, 25_000, REFERENCE_IMAGES)
LEAST_RATIO = 10.0
"""The reference's time over that of `resnet50_thin`, fast, at the reference's size."""

_CHECKOUT = Path(__file__).parents[1]
_MEASURED = 2_000
_THIN = "resnet50_thin"
_WAYS = ((_THIN, True), (DEFAULT_BACKBONE, True), (DEFAULT_BACKBONE, False))
_PLOT = "training_cost.svg"


@dataclass(frozen=True, slots=True)
class Features:
    """The seconds of one way at every size; `measured` are the photos up to which they are so."""

    name: str
    seconds: list[float]
    measured: int


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/training_cost.json`; seconds are in the order of `sizes`."""

    machine: machine.Machine
    commit: str
    sizes: list[int]
    features: list[Features]
    retraining: list[float]

    @property
    def ratio(self) -> float:
        """The reference's seconds over those of the first way and the head, at the largest size."""
        ours = self.features[0].seconds[-1] + self.retraining[-1]
        return REFERENCE_SECONDS * self.sizes[-1] / REFERENCE_IMAGES / ours


def features_at(sizes: Sequence[int], corpus: Corpus, folder: Path) -> list[Features]:
    """Every way, measured at the small sizes and at the most that there are photos for."""
    most = len(corpus.photos)
    found = []
    for net, fast in _WAYS:
        name = f"{net}, {'fast' if fast else 'f32'}"
        known = {
            n: _features(net, corpus, n, folder, fast=fast) for n in {*sizes, most} if n <= most
        }
        seconds = [known[n] if n in known else known[most] * n / most for n in sizes]
        _say(f"{name}: " + ", ".join(report.number(one) for one in seconds) + " s")
        found.append(Features(name, seconds, most))
    return found


def _features(net: str, corpus: Corpus, count: int, folder: Path, *, fast: bool) -> float:
    photos = evenly_spaced(corpus.photos, count)
    for photo in photos:
        photo.read_bytes()  # into the page cache
    paths = folder / "photos.json"
    paths.write_text(json.dumps([str(photo.resolve()) for photo in photos]))
    command = [sys.executable, "-m", "benchmarks.runners.features_runner", "stage", net]
    command += [str(paths), *(["--fast"] if fast else [])]
    environment = machine.environment() | {"PYTHONPATH": str(_CHECKOUT)}
    ended = run(command, folder, environment, every=2.0, most_seconds=1800)
    return Answer(**json.loads(ended.output.splitlines()[-1])).seconds


def retraining_at(sizes: Sequence[int], pictures: Path, folder: Path) -> list[float]:
    """A data set of each size, and a whole training of it from its cached features."""
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            found.append(Bench(Path(own), pictures, size).answer("retrain").seconds)
    return found


def markdown(record: Record) -> str:
    """The section of the README."""
    measured = record.features[0].measured
    rows = []
    for place, size in enumerate(record.sizes):
        about = "" if size <= measured else "about "
        cells = [about + report.number(one.seconds[place]) for one in record.features]
        seconds = [one.seconds[place] + record.retraining[place] for one in record.features]
        whole = [about + report.number(one / 60) for one in seconds]
        rows.append((f"{size:,}", *cells, report.number(record.retraining[place]), *whole))
    names = [one.name for one in record.features]
    head = ("images", *(f"features of {name}, s" for name in names), "retraining, s")
    head += tuple(f"all with {name}, min" for name in names)
    verdict = "pass" if record.ratio >= LEAST_RATIO else "**fail**"
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f'Features are measured up to {measured:,} photos, and multiplied beyond ("about");'
            f" figleaf at commit {record.commit or 'unknown'}.",
            report.table(head, rows),
            f"The reference: {REFERENCE_SECONDS / 60:.0f} min for {REFERENCE_IMAGES:,}, ratio to"
            f" {names[0]} {report.number(record.ratio)}, target >= {LEAST_RATIO:g}: {verdict}.",
            f"![Seconds against images](results/{_PLOT})",
        ]
    )


def plot(record: Record) -> str:
    """An SVG, both axes logarithmic."""
    from io import StringIO

    with as_it_comes("training-cost"):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log")
        for one in record.features:
            line = axes.plot(record.sizes, one.seconds, marker="o", label=f"features: {one.name}")
            all_of_it = [a + b for a, b in zip(one.seconds, record.retraining, strict=True)]
            axes.plot(record.sizes, all_of_it, linestyle=":", color=line[0].get_color())
        label = f"retraining from cached features: {DEFAULT_BACKBONE}"
        axes.plot(record.sizes, record.retraining, marker="s", color="0.3", label=label)
        axes.plot(REFERENCE_IMAGES, REFERENCE_SECONDS, "k*", markersize=14, label="the reference")
        axes.annotate(
            "3 h 30 min",
            (REFERENCE_IMAGES, REFERENCE_SECONDS),
            (-72, -4),
            textcoords="offset points",
        )
        axes.set_xticks(record.sizes, [f"{size:,}" for size in record.sizes], minor=False)
        axes.minorticks_off()
        axes.set_xlabel("images")
        axes.set_ylabel("seconds (dotted: features and head)")
        axes.grid(color="0.9")
        axes.legend(frameon=False, fontsize=9)
        file = StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    # Trailing blanks are matplotlib's.
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="parts, each a folder a class")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="ascending")
    parser.add_argument("--measured", type=int, default=_MEASURED, help="photos to be made")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for photos and data sets")
    parser.add_argument("--name", default="training_cost", help="results/NAME.json is written")
    parser.add_argument("--update-readme", action="store_true", help="put table and plot there too")
    options = parser.parse_args(arguments)
    if options.sizes != sorted(options.sizes) or options.sizes[0] < 1000:
        parser.error("--sizes must ascend, from 1000 on")
    return options


def measure(options: argparse.Namespace, folder: Path) -> Record:
    """Everything at every size.

    Raises:
        CorpusError, ProcessFailedError: it cannot be done.
    """
    corpus = corpus_of(options.photos, options.measured, options.work)
    before = machine.describe()
    pictures_features(options.photos, options.work, folder / "pictures.npz")
    return Record(
        machine=before,
        commit=machine.commit(),
        sizes=options.sizes,
        features=features_at(options.sizes, corpus, folder),
        retraining=retraining_at(options.sizes, folder / "pictures.npz", folder),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=options.work, prefix="cost-") as folder:
            record = measure(options, Path(folder))
    except (CorpusError, ProcessFailedError, OSError) as error:
        _say(f"training_cost: {error}")
        return 1
    report.write_json(options.name, record)
    print(markdown(record))
    if options.update_readme:
        (report.RESULTS / _PLOT).write_text(plot(record))
        report.update_readme("training_cost", markdown(record))
    return 0 if record.ratio >= LEAST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
