"""What a split of few pictures comes to: figleaf's head, scikit-learn's, nets fine-tuned.

All see the same training pictures; what they choose (a penalty, an epoch, a temperature) they
choose on these alone. Nothing of the test part is seen before the figures are taken.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from figleaf.curate.watch import Watch
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.examples import Examples
from figleaf.training.features import Features, computing
from figleaf.training.holding import folds, held_out
from figleaf.training.probe import Table, fit_with_folds
from figleaf.training.results import results
from figleaf.training.rules import TrainRules
from figleaf.training.temperature import fit_temperature, softmax

FOLDS = 5
"""As `figleaf train` takes where a split has no validation part."""
TEST = 0.15
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_PEER_C = 0.01
_PEER_ITERATIONS = 1000
_HELD_OUT = 0.1
"""Of train, for fine-tuning: the default of `figleaf train`."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Labelled pictures of one or several folders; each is a group of its own."""

    classes: tuple[str, ...]
    examples: Examples


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of the pictures, for one seed."""

    seed: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """On the test part of one split.

    `raw` is the expected calibration error (15 bins) without a temperature; None where a figure was
    not taken. `l2` is the penalty that was chosen.
    """

    seed: int
    accuracy: float
    raw: float | None = None
    calibrated: float | None = None
    l2: float | None = None
    seconds: float | None = None


def pooled(folder: Path) -> Pooled:
    """The pictures of FOLDER/*/CLASS, of all its parts together, in the order of their hashes."""
    paths = [path for path in folder.glob("*/*/*") if path.suffix.lower() in _SUFFIXES]
    hashes = {path: hashlib.sha256(path.read_bytes()).digest() for path in paths}
    paths = sorted({digest: path for path, digest in hashes.items()}.values(), key=hashes.get)  # type: ignore[arg-type]  # all are there
    classes = tuple(sorted({path.parent.name for path in paths}))
    labels = np.array([classes.index(path.parent.name) for path in paths], np.int64)
    groups = np.arange(len(paths), dtype=np.int64)
    return Pooled(classes, Examples(paths, [hashes[path] for path in paths], labels, groups))


def splits(labels: NDArray[np.int64], count: int) -> list[Split]:
    """Stratified, the test part .15, one for each seed from 0."""
    found = []
    for seed in range(count):
        drawn = StratifiedShuffleSplit(1, test_size=TEST, random_state=seed)
        train, test = next(drawn.split(np.zeros(len(labels)), labels))
        found.append(Split(seed, np.sort(train), np.sort(test)))
    return found


def probed(
    features: NDArray[np.float32], blocks: tuple[int, ...], data: Pooled, split: Split
) -> Outcome:
    """figleaf's head: penalty by folds, temperature on what the folds had not seen."""
    train, labels = data.examples.take(split.train), data.examples.labels
    found = fit_with_folds(
        Table(features[split.train], train.labels, blocks),
        folds(train, FOLDS, split.seed),
        len(data.classes),
        TrainRules(seed=split.seed),
        lambda: None,
    )
    temperature = fit_temperature(found.logits, found.labels)
    logits = found.head.logits(features[split.test])
    return _outcome(split, labels[split.test], logits, temperature, l2=found.l2)


def peer(features: NDArray[np.float32], data: Pooled, split: Split) -> Outcome:
    """scikit-learn's logistic regression on the same features, standardised."""
    labels = data.examples.labels
    scale = StandardScaler().fit(features[split.train])
    model = LogisticRegression(C=_PEER_C, max_iter=_PEER_ITERATIONS)
    model.fit(scale.transform(features[split.train]), labels[split.train])
    logits = model.decision_function(scale.transform(features[split.test])).astype(np.float32)
    return _outcome(split, labels[split.test], logits, None)


def tuned(name: str, data: Pooled, split: Split, settings: dict[str, Any]) -> Outcome:
    """A net fine-tuned by figleaf, in f32 features of its graph. Needs torch."""
    from figleaf.training.finetune.finetune import finetune
    from figleaf.training.finetune.rules import FinetuneRules
    from figleaf.training.nets import open_net

    net = open_net(name)
    train, test = data.examples.take(split.train), data.examples.take(split.test)
    out = held_out(train, _HELD_OUT, split.seed)
    parts = train.take(~out), train.take(out)
    with TemporaryDirectory() as folder:
        found = finetune(
            net,
            len(data.classes),
            *parts,
            FinetuneRules(**settings),
            work=Path(folder, "work"),
            seed=split.seed,
        )
        backbone = Backbone(name, net.input, found.graph, net.width, "", "", {})
        features = computed(Path(folder, "features"), (backbone,), data.examples)
        logits = found.head.logits(features.matrix(parts[1]))
        temperature = fit_temperature(logits, parts[1].labels)
        logits = found.head.logits(features.matrix(test))
    return _outcome(split, test.labels, logits, temperature, seconds=found.seconds)


def plain(name: str, data: Pooled, split: Split) -> Outcome:
    """The same net fine-tuned by a plain loop, on the whole of train. Needs torch."""
    from benchmarks.plain_finetune import PlainRules, plain_accuracy, plain_finetune
    from figleaf.training.nets import open_net

    net = open_net(name)
    train, test = data.examples.take(split.train), data.examples.take(split.test)
    found = plain_finetune(net, len(data.classes), train, PlainRules(), seed=split.seed)
    accuracy = plain_accuracy(found, net.input, test)
    return Outcome(split.seed, accuracy, seconds=found.seconds)


def computed(folder: Path, backbones: Sequence[Backbone], examples: Examples) -> Features:
    """Features of all pictures, in f32, as `figleaf train` computes and keeps them."""
    features = Features(folder, backbones, computing(fast=False))
    watch = Watch()
    features.compute(examples, watch.done)
    unreadable = int(features.missing(examples).sum())
    if unreadable:
        raise SystemExit(f"{unreadable} pictures cannot be read")
    return features


def _outcome(
    split: Split,
    labels: NDArray[np.int64],
    logits: NDArray[np.float32],
    temperature: float | None,
    *,
    l2: float | None = None,
    seconds: float | None = None,
) -> Outcome:
    raw = results(labels, softmax(logits))
    calibrated = None
    if temperature is not None:
        calibrated = results(labels, softmax(logits, temperature)).calibration_error
    return Outcome(split.seed, raw.accuracy, raw.calibration_error, calibrated, l2, seconds)
