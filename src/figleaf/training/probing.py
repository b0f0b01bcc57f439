"""Training by a probe: features from the cache, and the head on them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.errors import DatasetError, InputError
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.embedded import EMBEDDED
from figleaf.training.backbones.opening import open_backbones
from figleaf.training.examples import Examples
from figleaf.training.features import Features, computing
from figleaf.training.fitted import Fitted
from figleaf.training.holding import folds, held_out
from figleaf.training.material import Material
from figleaf.training.probe import Probe, Table, fit_with_folds, fit_with_part
from figleaf.training.rules import AUTO, DEFAULT_BACKBONE, TrainRules
from figleaf.training.steps import MOST_IN_FOLDS, Steps, tries
from figleaf.training.timing import Stopwatch

CANDIDATES = (*EMBEDDED, DEFAULT_BACKBONE)
"""What "auto" chooses from."""

_FOLDS = 5


def fit_probe(
    material: Material, rules: TrainRules, caches: Path, clock: Stopwatch, watch: Watch
) -> Fitted:
    """Compute the features that are missing, and fit the head.

    Args:
        material: the split's images.
        rules: how.
        caches: the folder of features.
        clock: is told what took how long.
        watch: is told how it goes.

    Raises:
        DatasetError: too few images can be read.
        ModelError, InputError, MissingExtraError: the backbones cannot be opened.
    """
    if rules.backbone != AUTO:
        backbones = open_backbones(
            rules.backbone,
            weights=rules.weights,
            sha256=rules.sha256,
            download=rules.download,
        )
        return _fit(material, rules, caches, backbones, clock, watch)
    if rules.weights or rules.download:
        raise InputError("auto chooses from nets that come with their weights: name another net")
    computed = 0
    if not rules.fast:  # in fast decoding, size depends on the others: nothing to share
        together = tuple(open_backbones(name)[0] for name in EMBEDDED)
        features = Features(caches, together, computing(fast=False))
        computed = _computed(material, features, clock, watch)
    found = {
        name: _fit(material, rules, caches, open_backbones(name), clock, watch)
        for name in CANDIDATES
    }
    losses = {name: min(one.log_loss for one in fit.tried) for name, fit in found.items()}
    best = min(losses, key=losses.__getitem__)
    computed += sum(one.computed for one in found.values())
    return replace(found[best], chosen=losses, computed=computed)


def _computed(material: Material, features: Features, clock: Stopwatch, watch: Watch) -> int:
    """See that all images of the split have features; gives how many were computed."""
    everything = _all(list(material.parts.values()))
    with clock.phase("features"):
        watch.start("features", int(features.missing(everything).sum()))
        return features.compute(everything, watch.done)


def _all(parts: Sequence[Examples]) -> Examples:
    return Examples(
        [path for part in parts for path in part.paths],
        [sha256 for part in parts for sha256 in part.hashes],
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.groups for part in parts]),
    )


def _fit(
    material: Material,
    rules: TrainRules,
    caches: Path,
    backbones: tuple[Backbone, ...],
    clock: Stopwatch,
    watch: Watch,
) -> Fitted:
    how = computing(fast=rules.fast)
    features = Features(caches, backbones, how)
    computed = _computed(material, features, clock, watch)
    parts = {part: features.readable_of(some) for part, some in material.parts.items()}
    unreadable = sum(map(len, material.parts.values())) - sum(map(len, parts.values()))
    train, validation = parts[Part.TRAIN], parts[Part.VALIDATION]
    classes = len(material.labels)
    if len(np.unique(train.labels)) < classes:
        raise DatasetError("images of some class cannot be read: figleaf clean says which and why")
    with clock.phase("training"):
        found, words = _probe(features, train, validation, classes, rules, watch)
    return Fitted(
        backbones=backbones,
        head=found.head,
        features=features,
        logits=found.logits,
        labels=found.labels,
        held_out=words,
        trained=found.trained,
        unreadable=unreadable,
        computed=computed,
        precision=str(how.precision),
        iterations=found.iterations,
        l2=found.l2,
        shares=found.shares,
        converged=found.converged,
        tried=found.tried,
    )


def _probe(
    features: Features,
    train: Examples,
    validation: Examples,
    classes: int,
    rules: TrainRules,
    watch: Watch,
) -> tuple[Probe, str]:
    """The head, and in words what it was validated on."""
    steps = Steps(watch)
    blocks = tuple(one.width for one in features.backbones)
    fits = tries(rules, len(blocks))
    if not len(validation) and len(train) <= MOST_IN_FOLDS:
        steps.start(fits * _FOLDS + 1)
        table = Table(features.matrix(train), train.labels, blocks)
        numbers = folds(train, _FOLDS, rules.seed)
        if len(np.unique(numbers)) < 2:  # near duplicates all, or frames of one film
            raise DatasetError("the images of train are all of one group: collect others as well")
        return fit_with_folds(table, numbers, classes, rules, steps.step), f"{_FOLDS} folds"
    words = "the validation part"
    if not len(validation):
        out = held_out(train, rules.validation, rules.seed)
        train, validation = train.take(~out), train.take(out)
        words = f"{rules.validation:.0%} of train"
    if not len(validation) or len(np.unique(train.labels)) < classes:
        raise DatasetError(
            "too few images to hold any out for validation: collect more, or make the share larger"
        )
    steps.start(fits)
    table = Table(features.matrix(train), train.labels, blocks)
    unseen = Table(features.matrix(validation), validation.labels, blocks)
    return fit_with_part(table, unseen, classes, rules, steps.step), words
