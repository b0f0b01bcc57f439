"""An audit of labels that were made wrong, of strangers that were planted, and of 125,214 images.

    python -m benchmarks.audit --photos DIR --strangers DIR...          about 20 minutes
    python -m benchmarks.audit --photos DIR --strangers DIR... --images 0   without the large one

The photos' folder has parts (train, test), each with a folder a class; they are pooled, and split
anew as `benchmarks.clothing` has it. Of each split's training labels a tenth is given to another
class, by chance. Strangers are pictures of other kinds: each folder, or each folder in one, is a
kind. The exit code is 1 where a target was missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import machine, report
from benchmarks.head import Bench, pictures_features
from benchmarks.made_features import COUNTS
from benchmarks.planted_strangers import Found, measure_strangers
from benchmarks.runners.head_runner import Answer
from benchmarks.splits import Pooled, Split, computed, pooled, splits
from figleaf.auditing.confident import Doubts, confident_classes, label_errors, thresholds
from figleaf.auditing.rules import RECOMMENDED
from figleaf.training.backbones.opening import open_backbones
from figleaf.training.examples import Examples
from figleaf.training.features import Features
from figleaf.training.out_of_fold import OutOfFold, out_of_fold
from figleaf.training.probe import one_thread
from figleaf.training.rules import DEFAULT_BACKBONE, TrainRules
from figleaf.training.temperature import calibrated

WRONG = 0.1
APPLIED = (0.7, 0.8, 0.9)
LEAST_PRECISION, LEAST_RECALL, LEAST_WON_BACK = 0.78, 0.95, 0.5
MOST_SECONDS, MOST_BYTES = 150.0, 5_000_000_000
_PAGE = Path(__file__).parents[1] / "docs" / "audit.md"
_PEER_C, _PEER_ITERATIONS, _PEER_FOLDS = 0.01, 1000, 5

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Applied:
    """Relabelling from a doubt on: how many, which share was wrong, accuracy of what is trained."""

    doubt: float
    relabelled: int
    precision: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Round:
    """One split.

    `precision` is of the first suspects, as many as labels are wrong; `recall` of the first twice
    as many. `listed` and `listed_precision` are of confident learning's set. `clean` and `noisy`
    are accuracies on the test part, whose labels are untouched.
    """

    seed: int
    wrong: int
    precision: float
    recall: float
    plain_precision: float
    plain_recall: float
    listed: int
    listed_precision: float
    clean: float
    noisy: float
    applied: tuple[Applied, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/audit.json`."""

    machine: machine.Machine
    commit: str
    versions: dict[str, str]
    pictures: int
    rounds: list[Round]
    strangers: list[Found]
    large: Answer | None

    def won_back(self, doubt: float) -> float:
        """Of the accuracy that wrong labels cost, all splits together."""
        lost = sum(one.clean - one.noisy for one in self.rounds)
        won = sum(_at(one, doubt).accuracy - one.noisy for one in self.rounds)
        return won / lost

    @property
    def passed(self) -> bool:
        """Whether every target was met."""
        large = self.large
        in_time = large is None or (
            large.seconds <= MOST_SECONDS and large.peak_rss_bytes < MOST_BYTES
        )
        return (
            in_time
            and mean(one.precision for one in self.rounds) >= LEAST_PRECISION
            and mean(one.recall for one in self.rounds) >= LEAST_RECALL
            and self.won_back(RECOMMENDED) >= LEAST_WON_BACK
        )


def flipped(labels: Labels, classes: int, seed: int) -> tuple[Labels, NDArray[np.bool_]]:
    """A tenth of the labels given to another class, and which they are."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(labels))[: round(WRONG * len(labels))]
    found, wrong = labels.copy(), np.zeros(len(labels), bool)
    found[rows] = (labels[rows] + random.integers(1, classes, len(rows))) % classes
    wrong[rows] = True
    return found, wrong


def measure(features: Features, data: Pooled, split: Split) -> Round:
    """One split: judged, ranked, corrected, trained again."""
    classes = len(data.classes)
    train, test = data.examples.take(split.train), data.examples.take(split.test)
    labels, wrong = flipped(train.labels, classes, split.seed)
    clean, noisy = (_judged(features, train, one, classes, split) for one in (train.labels, labels))
    probabilities = calibrated(noisy.logits, labels)
    doubts = Doubts.of(probabilities, labels)
    order = np.argsort(-doubts.doubt, kind="stable")
    plain = np.argsort(-_plain_doubts(features.matrix(train), labels), kind="stable")
    confident = confident_classes(probabilities, thresholds(probabilities, labels))
    listed = label_errors(confident, doubts, labels)
    count = int(wrong.sum())

    def accuracy(found: OutOfFold) -> float:
        logits = found.head.logits(features.matrix(test))
        return float((logits.argmax(axis=1) == test.labels).mean())

    def applied(doubt: float) -> Applied:
        rows = (doubts.doubt >= doubt) & (doubts.chance > doubts.given)
        corrected = np.where(rows, doubts.suggested, labels)
        again = _judged(features, train, corrected, classes, split)
        return Applied(doubt, int(rows.sum()), float(wrong[rows].mean()), accuracy(again))

    return Round(
        seed=split.seed,
        wrong=count,
        precision=float(wrong[order[:count]].mean()),
        recall=float(wrong[order[: 2 * count]].sum() / count),
        plain_precision=float(wrong[plain[:count]].mean()),
        plain_recall=float(wrong[plain[: 2 * count]].sum() / count),
        listed=int(listed.sum()),
        listed_precision=float(wrong[listed].mean()),
        clean=accuracy(clean),
        noisy=accuracy(noisy),
        applied=tuple(map(applied, APPLIED)),
    )


def _judged(
    features: Features, train: Examples, labels: Labels, classes: int, split: Split
) -> OutOfFold:
    some = replace(train, labels=labels)
    return out_of_fold(features, some, classes, TrainRules(seed=split.seed))


def _plain_doubts(features: NDArray[np.float32], labels: Labels) -> NDArray[np.float64]:
    """The margins of scikit-learn's logistic regression, cross-validated, as they are."""
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=_PEER_C, max_iter=_PEER_ITERATIONS)
    )
    folds = StratifiedKFold(_PEER_FOLDS, shuffle=True, random_state=0)
    with one_thread():
        found = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")
    return Doubts.of(np.asarray(found, np.float64), labels).doubt


def _at(one: Round, doubt: float) -> Applied:
    return next(applied for applied in one.applied if applied.doubt == doubt)


def markdown(record: Record) -> str:
    """The section of the README."""
    rounds = record.rounds
    ranking = report.table(
        ("ranking", "precision at the number flipped", "recall at twice that"),
        [
            _ranked("figleaf", rounds, "precision", "recall"),
            _ranked("scikit-learn's margin, C = .01", rounds, "plain_precision", "plain_recall"),
            ("target", f">= {LEAST_PRECISION:g}", f">= {LEAST_RECALL:g}"),
        ],
    )
    listed = mean(one.listed for one in rounds)
    right = mean(one.listed_precision for one in rounds)
    parts = [
        machine.sentence(record.machine),
        f"{record.pictures:,} pictures, {len(rounds)} splits, {rounds[0].wrong} labels wrong in"
        f" each; figleaf at commit {record.commit or 'unknown'}, scikit-learn"
        f" {record.versions['scikit-learn']}.",
        ranking,
        f"Confident learning lists {listed:.0f} labels, {right:.3f} of them wrong.",
        applied_table(record),
        report.table(
            ("strangers, distance", "precision at their number", "found", "photos called far"),
            [
                (
                    f"{one.planted}, {one.measure}",
                    f"{one.precision:.3f}",
                    "" if one.found is None else f"{one.found:.3f}",
                    "" if one.alarms is None else f"{one.alarms:.4f}",
                )
                for one in record.strangers
            ],
        ),
    ]
    if record.large:
        large = record.large
        parts.append(
            f"{large.count:,} images, features in the cache: {report.number(large.seconds)} s"
            f" ({report.number(large.cpu_seconds)} s of processor; target {MOST_SECONDS:g}),"
            f" {large.peak_rss_bytes / 1e6:.0f} MB (target {MOST_BYTES / 1e6:.0f});"
            f" {int(large.facts['listed']):,} labels found wrong, about"
            f" {int(large.facts['estimated']):,} estimated."
        )
    parts.append(f"All targets met: {'yes' if record.passed else '**no**'}.")
    return "\n\n".join(parts)


def applied_table(record: Record) -> str:
    """What relabelling is worth; docs/audit.md has it as well."""
    rounds = record.rounds
    clean, noisy = mean(one.clean for one in rounds), mean(one.noisy for one in rounds)
    rows = [
        ("true labels", "", "", f"{clean:.4f}", ""),
        ("a tenth wrong", "", "", f"{noisy:.4f}", "0"),
        *(_applied(record, doubt) for doubt in APPLIED),
    ]
    return report.table(("trained on", "relabelled", "of them wrong", "accuracy", "won back"), rows)


def _ranked(name: str, rounds: Sequence[Round], *figures: str) -> tuple[str, ...]:
    values = [[getattr(one, figure) for one in rounds] for figure in figures]
    return name, *(f"{mean(some):.3f} (sd {stdev(some):.3f})" for some in values)


def _applied(record: Record, doubt: float) -> tuple[str, str, str, str, str]:
    some = [_at(one, doubt) for one in record.rounds]
    return (
        f"relabelled from {doubt:g} on",
        f"{mean(one.relabelled for one in some):.0f}",
        f"{mean(one.precision for one in some):.3f}",
        f"{mean(one.accuracy for one in some):.4f}",
        f"{record.won_back(doubt):.2f}",
    )


def _large(options: argparse.Namespace) -> Answer | None:
    if not options.images:
        return None
    with tempfile.TemporaryDirectory(dir=options.work, prefix="audit-") as name:
        folder = Path(name)
        pictures_features(options.photos, options.work, folder / "pictures.npz")
        return Bench(folder, folder / "pictures.npz", options.images).answer("audit")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="parts, each a folder a class")
    parser.add_argument("--strangers", type=Path, nargs="+", required=True, help="other kinds")
    parser.add_argument("--splits", type=int, default=10, help="at least 2")
    parser.add_argument("--images", type=int, default=sum(COUNTS), help="of the large one; 0: none")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for features")
    parser.add_argument("--name", default="audit", help="results/NAME.json is written")
    parser.add_argument(
        "--update-readme", action="store_true", help="put the tables there, and in docs/"
    )
    options = parser.parse_args(arguments)
    if options.splits < 2:
        parser.error("--splits must be at least 2")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    before = machine.describe()
    data = pooled(options.photos)
    features = computed(
        options.work / "clothing-features", open_backbones(DEFAULT_BACKBONE), data.examples
    )
    rounds = []
    for split in splits(data.examples.labels, options.splits):
        rounds.append(measure(features, data, split))
        one = rounds[-1]
        _say(f"seed {one.seed}: precision {one.precision:.3f}, recall {one.recall:.3f}")
    strangers = measure_strangers(features, data, options.strangers)
    record = Record(
        machine=before,
        commit=machine.commit(),
        versions={name: version(name) for name in ("numpy", "scipy", "scikit-learn", "openvino")},
        pictures=len(data.examples),
        rounds=rounds,
        strangers=strangers,
        large=_large(options),
    )
    report.write_json(options.name, record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("audit", markdown(record))
        report.update_readme("audit-applied", applied_table(record), _PAGE)
    return 0 if record.passed else 1


if __name__ == "__main__":
    sys.exit(main())
