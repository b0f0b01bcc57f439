"""The head of 125,214 images, beside scikit-learn's; and a whole retraining from cached features.

    python -m benchmarks.head --photos DIR                  about 20 minutes, 2 GB on the disk
    python -m benchmarks.head --photos DIR --images 20000   a quicker look

DIR has PART/CLASS/picture.jpg, of five classes: features are made up that are like those of these
pictures. Every step is a process of its own; figleaf and scikit-learn run in turn, on the same rows
and with the penalty that figleaf had chosen. The exit code is 1 where a target was missed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import machine, report
from benchmarks.made_features import COUNTS
from benchmarks.process import ProcessFailedError, run
from benchmarks.runners.head_runner import Answer
from benchmarks.splits import computed, pooled
from figleaf.training.backbones.opening import open_backbones
from figleaf.training.rules import DEFAULT_BACKBONE

IMAGES = sum(COUNTS)
MOST_SECONDS = 120.0
MOST_BYTES = 5_000_000_000
MOST_RETRAINING = 180.0

_CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Round:
    """Both on the same rows."""

    ours: Answer
    theirs: Answer


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/head.json`."""

    machine: machine.Machine
    commit: str
    versions: dict[str, str]
    pictures: int
    images: int
    rounds: list[Round]
    retrained: Answer

    @property
    def seconds(self) -> float:
        """Of figleaf's head: the median of the rounds."""
        return median(one.ours.seconds for one in self.rounds)

    @property
    def peak_bytes(self) -> int:
        """The most memory that figleaf's head or a retraining took."""
        most = max(one.ours.peak_rss_bytes for one in self.rounds)
        return max(most, self.retrained.peak_rss_bytes)

    @property
    def passed(self) -> bool:
        """Whether every target was met."""
        in_time = self.seconds < MOST_SECONDS and self.retrained.seconds < MOST_RETRAINING
        return in_time and self.peak_bytes < MOST_BYTES


class Bench:
    """Runs steps on one data set.

    Args:
        folder: of the data set; it is made here.
        pictures: an .npz of features that the made ones are to be like.
        images: of the data set.
    """

    def __init__(self, folder: Path, pictures: Path, images: int) -> None:
        self._folder, self._images = folder, images
        self.answer("make", "--pictures", str(pictures))

    def answer(self, step: str, *more: str) -> Answer:
        """One step, in a process of its own."""
        data = str(self._folder / "data")
        command = [sys.executable, "-m", "benchmarks.runners.head_runner", step, data]
        command += ["--images", str(self._images), *more]
        environment = machine.environment() | {"PYTHONPATH": str(_CHECKOUT)}
        ended = run(command, self._folder, environment, most_seconds=3600)
        found = Answer(**json.loads(ended.output.splitlines()[-1]))
        memory = f"{found.peak_rss_bytes / 1e6:.0f} MB"
        _say(f"{step}: {found.count:,}, {report.number(found.seconds)} s, {memory}")
        return found

    def round(self) -> Round:
        """figleaf's head, then scikit-learn's with the penalty that came of it."""
        ours = self.answer("head")
        return Round(ours, self.answer("peer", "--l2", str(ours.facts["l2"])))


def pictures_features(photos: Path, work: Path, file: Path) -> int:
    """Write the features of real pictures, of as many classes; gives how many there are."""
    data = pooled(photos)
    if len(data.classes) != len(COUNTS):
        raise SystemExit(f"{photos} has {len(data.classes)} classes, not {len(COUNTS)}")
    backbones = open_backbones(DEFAULT_BACKBONE)
    features = computed(work / "clothing-features", backbones, data.examples)
    np.savez(file, features=features.matrix(data.examples), labels=data.examples.labels)
    return len(data.examples)


def measure(options: argparse.Namespace, folder: Path) -> Record:
    """Make a data set in a folder, and measure.

    Raises:
        ProcessFailedError: a step failed.
    """
    before = machine.describe()
    pictures = pictures_features(options.photos, options.work, folder / "pictures.npz")
    bench = Bench(folder, folder / "pictures.npz", options.images)
    rounds = [bench.round() for _ in range(options.rounds)]
    return Record(
        machine=before,
        commit=machine.commit(),
        versions={name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
        pictures=pictures,
        images=options.images,
        rounds=rounds,
        retrained=bench.answer("retrain"),
    )


def markdown(record: Record) -> str:
    """The section of the README."""
    first, facts = record.rounds[0], record.rounds[0].ours.facts
    fits, held_out = int(facts["fits"]), int(facts["held_out"])
    ratios = [one.theirs.seconds / one.ours.seconds for one in record.rounds]
    their_seconds = median(one.theirs.seconds for one in record.rounds)
    rows = [
        _row(f"figleaf, {fits} penalties", first.ours, record.seconds, MOST_SECONDS),
        _row("scikit-learn, one penalty", first.theirs, their_seconds, None),
        _row("`figleaf.train`, whole", record.retrained, record.retrained.seconds, MOST_RETRAINING),
    ]
    head = ("step", "s", "target, s", "peak memory, MB", "log-loss", "accuracy", "verdict")
    parts = ", ".join(
        f"{name} {report.number(seconds)} s" for name, seconds in record.retrained.parts.items()
    )
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f"{record.images:,} images, features like those of {record.pictures:,} pictures; the"
            f" head sees {int(facts['train']):,}, and {held_out:,} are held out; figleaf at commit"
            f" {record.commit or 'unknown'}, scikit-learn {record.versions['scikit-learn']}."
            f" Memory is to stay under {MOST_BYTES / 1e9:.0f} GB.",
            report.table(head, rows),
            f"scikit-learn / figleaf: {report.number(median(ratios))}, over {len(ratios)} rounds"
            f" ({report.number(min(ratios))} to {report.number(max(ratios))}), although figleaf"
            f" fits {fits} times; a fit: {report.number(median(ratios) * fits)}. The penalty"
            f" {facts['l2']:g}, {int(facts['iterations'])} iterations at it,"
            f" {int(first.theirs.facts['iterations'])} of scikit-learn's. Of the whole: {parts}.",
        ]
    )


def _row(name: str, answer: Answer, seconds: float, target: float | None) -> tuple[str, ...]:
    verdict = ""
    if target is not None:
        met = seconds < target and answer.peak_rss_bytes < MOST_BYTES
        verdict = "pass" if met else "**fail**"
    return (
        name,
        report.number(seconds),
        "" if target is None else f"< {target:g}",
        f"{answer.peak_rss_bytes / 1e6:.0f}",
        "" if answer.log_loss is None else f"{answer.log_loss:.5f}",
        "" if answer.accuracy is None else f"{answer.accuracy:.4f}",
        verdict,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="safe, to make features like")
    parser.add_argument("--images", type=int, default=IMAGES, help="at least 1,000")
    parser.add_argument("--rounds", type=int, default=3)
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for the data set")
    parser.add_argument("--name", default="head", help="results/NAME.json is written")
    parser.add_argument("--update-readme", action="store_true", help="put the table there too")
    options = parser.parse_args(arguments)
    if options.images < 1000:
        parser.error("--images must be at least 1000")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=options.work, prefix="head-") as folder:
            record = measure(options, Path(folder))
    except (ProcessFailedError, OSError) as error:
        _say(f"head: {error}")
        return 1
    report.write_json(options.name, record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("head", markdown(record))
    return 0 if record.passed else 1


if __name__ == "__main__":
    sys.exit(main())
