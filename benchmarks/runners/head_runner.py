"""One step with many features, in a process of its own.

    python -m benchmarks.runners.head_runner STEP FOLDER [--images N] [--pictures FILE] [--l2 L2]

make      a data set of N images, split, whose features are all in its cache; no image files
head      figleaf's head on all N, as `figleaf train` fits it: a tenth held out, a penalty chosen
peer      scikit-learn's logistic regression on the same rows, with one penalty
retrain   `figleaf.train`, the whole of it
audit     `figleaf.audit`, likewise

FILE is an .npz with the `features` and `labels` of pictures that the made ones are to be like.
Besides the N of the data set there are others, not in it, that `head` and `peer` are tested on.
What is timed is the step without the imports; the last line of standard output is JSON.
"""

import argparse
import hashlib
import json
import resource
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import figleaf
from benchmarks.made_features import COUNTS, labels_of, learned, made, true_classes
from benchmarks.runners.ledger_runner import peak_rss_bytes
from figleaf import labels
from figleaf.auditing.audit import audit
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Decision, Item, Kind, Outcome, Stored
from figleaf.dataset.register import register
from figleaf.metrics.losses import log_loss
from figleaf.training.backbones.opening import open_backbones
from figleaf.training.cache import FOLDER, FeatureCache
from figleaf.training.examples import Examples
from figleaf.training.features import Features, computing, key_of
from figleaf.training.holding import held_out
from figleaf.training.probe import Probe, Scale, Table, fit_with_part
from figleaf.training.rules import DEFAULT_BACKBONE, TrainRules
from figleaf.training.temperature import softmax
from figleaf.training.train import train

_OTHERS = 20_000
_SEED, _OTHER_SEED = 3, 4
_NAMES = tuple(one.name for one in labels.FIVE)
_ITERATIONS = 300
_QUALITY, _SPREAD = 90, 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step did.

    `seconds` are the step's; `parts` has some of them by what they were for. `log_loss` and
    `accuracy` are of the other images, without a temperature; the rest of `facts` says how the fit
    went.
    """

    count: int
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    log_loss: float | None = None
    accuracy: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments, whichever step they are for."""

    folder: Path
    images: int
    pictures: Path | None
    l2: float


def _make(options: Options) -> Answer:
    assert options.pictures is not None, "--pictures"
    with np.load(options.pictures) as file:
        source = learned(file["features"], file["labels"])
    known = _known(options.images, _SEED)
    _write_ledger(options.folder, known)
    caches = _caches(options.folder)
    for some, seed in ((known, _SEED), (_known(_OTHERS, _OTHER_SEED), _OTHER_SEED)):
        classes, start = true_classes(len(some), seed), 0
        for block in made(source, classes, seed):
            left = 0
            for cache in caches:
                width = cache.key.width
                cache.append(some.hashes[start : start + len(block)], block[:, left : left + width])
                left += width
            start += len(block)
    return Answer(len(known), 0, 0, 0)


def _head(options: Options) -> Answer:
    features, train, validation, others = _rows(options)
    begun = time.perf_counter()
    blocks = tuple(one.width for one in features.backbones)
    table = Table(features.matrix(train), train.labels, blocks)
    unseen = Table(features.matrix(validation), validation.labels, blocks)
    read = time.perf_counter()
    steps: list[float] = []

    def step() -> None:
        steps.append(time.perf_counter())

    found = fit_with_part(table, unseen, len(COUNTS), TrainRules(), step)
    ended, memory = time.perf_counter(), peak_rss_bytes()
    logits = found.head.logits(features.matrix(others))
    facts = _facts(found) | {"train": len(train), "held_out": len(validation), "fits": len(steps)}
    parts = {"matrix": read - begun, "fitting": ended - read}
    return _tested(logits, others, ended - begun, memory, parts, facts)


def _peer(options: Options) -> Answer:
    import sklearn
    from sklearn.linear_model import LogisticRegression

    features, train, _, others = _rows(options)
    begun = time.perf_counter()
    matrix = features.matrix(train)
    scale = Scale.of(matrix)
    scale.standardise(matrix)
    # scikit-learn's objective is C * the sum of the losses + sum(weight ** 2) / 2.
    model = LogisticRegression(C=1 / (options.l2 * len(train)), max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        model.fit(matrix, train.labels)
    seconds, memory = time.perf_counter() - begun, peak_rss_bytes()
    logits = model.decision_function(scale.standardise(features.matrix(others)))
    facts = {"iterations": float(model.n_iter_[0]), "train": len(train)}
    return _tested(logits.astype(np.float32), others, seconds, memory, {}, facts)


def _retrain(options: Options) -> Answer:
    begun = time.perf_counter()
    out = options.folder.with_name(f"{options.folder.name}-model")
    report = train(options.folder, out, overwrite=True)
    seconds = time.perf_counter() - begun
    timing = report.timing
    assert timing.computed == 0, "features were computed: the cache has another key"
    parts = {
        "loading": timing.loading,
        "features": timing.features,
        "training": timing.training,
        "testing": timing.testing,
        "writing": timing.writing,
    }
    facts = {"train": float(report.trained), "l2": float(report.l2 or 0)}
    return Answer(options.images, seconds, 0, peak_rss_bytes(), parts=parts, facts=facts)


def _audit(options: Options) -> Answer:
    begun = time.perf_counter()
    report = audit(options.folder)
    seconds = time.perf_counter() - begun
    facts = {
        "listed": float(report.listed),
        "estimated": float(report.estimated),
        "outliers": float(len(report.outliers)),
        "l2": report.l2,
    }
    return Answer(
        report.images, seconds, 0, peak_rss_bytes(), accuracy=report.accuracy, facts=facts
    )


STEPS: dict[str, Callable[[Options], Answer]] = {
    "make": _make,
    "head": _head,
    "peer": _peer,
    "retrain": _retrain,
    "audit": _audit,
}


def _known(count: int, seed: int) -> Examples:
    """Images that are not there: hashes made up from their numbers, labels a few of them wrong."""
    hashes = [hashlib.sha256(_url(number, seed).encode()).digest() for number in range(count)]
    given = labels_of(true_classes(count, seed), seed)
    return Examples([Path(one.hex()) for one in hashes], hashes, given, np.arange(count))


def _url(number: int, seed: int) -> str:
    return f"http://host-{number % 1000}.example/{seed}/{number}.jpg"


def _write_ledger(folder: Path, known: Examples) -> None:
    """As collecting, cleaning and splitting leave it, but for the image files."""
    entries = (
        (
            Item(Kind.URL, _url(n, _SEED), _url(n, _SEED), "lists", label=_NAMES[label]),
            Decision(_NAMES[label]),
        )
        for n, label in enumerate(known.labels)
    )
    with Ledger(folder, write=True) as ledger, Ledger(folder) as reader:
        register(ledger, entries)
        apply(ledger, (_fetched(task.id, task.locator) for task in reader.pending(Kind.URL)))
        with ledger.transaction() as db:
            rows = db.execute("SELECT id, pdq FROM images").fetchall()
            db.executemany(
                "INSERT INTO examinations (image_id, status, detail, spread, mirrored, at)"
                " VALUES (?, 'ok', '', ?, ?, 0)",
                ((image, _SPREAD, pdq[::-1]) for image, pdq in rows),
            )
    figleaf.clean(folder)
    figleaf.split(folder)


def _fetched(task: int, url: str) -> Outcome:
    sha256 = hashlib.sha256(url.encode()).digest()
    pdq = hashlib.blake2b(url.encode(), digest_size=32).digest()
    stored = Stored(sha256, "jpeg", 1000, 750, 360_000, pdq, _QUALITY)
    return Outcome(task, http_status=200, size=stored.size, sha256=sha256, stored=(stored,))


def _caches(folder: Path) -> list[FeatureCache]:
    backbones, how = open_backbones(DEFAULT_BACKBONE), computing(fast=False)
    return [FeatureCache(folder / FOLDER, key_of(one, backbones, how)) for one in backbones]


def _rows(options: Options) -> tuple[Features, Examples, Examples, Examples]:
    """The features, and whose: fitted, held out, and the others."""
    how = computing(fast=False)
    features = Features(options.folder / FOLDER, open_backbones(DEFAULT_BACKBONE), how)
    rules, known = TrainRules(), _known(options.images, _SEED)
    out = held_out(known, rules.validation, rules.seed)
    return features, known.take(~out), known.take(out), _known(_OTHERS, _OTHER_SEED)


def _facts(found: Probe) -> dict[str, float]:
    return {
        "l2": found.l2,
        "iterations": float(found.iterations),
        "converged": float(found.converged),
        "tried": float(len(found.tried)),
        "least_held_out_log_loss": min(one.log_loss for one in found.tried),
    }


def _tested(
    logits: NDArray[np.float32],
    others: Examples,
    seconds: float,
    memory: int,
    parts: dict[str, float],
    facts: dict[str, float],
) -> Answer:
    loss = log_loss(others.labels, softmax(logits))
    accuracy = float((logits.argmax(axis=1) == others.labels).mean())
    count = int(facts["train"] + facts.get("held_out", 0))
    return Answer(count, seconds, 0, memory, loss, accuracy, parts, facts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=sum(COUNTS))
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--l2", type=float, default=0.01)
    given = parser.parse_args(arguments)
    options = Options(given.folder, given.images, given.pictures, given.l2)
    answer = asdict(STEPS[given.step](options))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(answer | {"cpu_seconds": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
