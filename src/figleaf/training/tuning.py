"""Training by fine-tuning: the net and its head, and the features that it gives afterwards."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.errors import DatasetError, InputError
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.opening import split_names
from figleaf.training.examples import Examples
from figleaf.training.features import Features, computing
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.finetune.tuned import Finetuned
from figleaf.training.fitted import Fitted
from figleaf.training.holding import held_out
from figleaf.training.material import Material
from figleaf.training.rules import AUTO, TrainRules
from figleaf.training.timing import Stopwatch

if TYPE_CHECKING:
    from figleaf.training.nets import Net


@dataclass(frozen=True, slots=True)
class Tuned:
    """A net after fine-tuning, and the images that it did not learn from."""

    net: "Net"
    found: Finetuned
    trained: int
    validation: Examples
    held_out: str


def complete(rules: TrainRules, tuning: FinetuneRules | None) -> FinetuneRules:
    """The rules of fine-tuning with the class weights, which are those of both modes.

    Raises:
        InputError: the rules of fine-tuning have class weights of their own.
    """
    plain = FinetuneRules()
    tuning = tuning or plain
    if (tuning.class_weights, tuning.power) != (plain.class_weights, plain.power):
        raise InputError("class_weights and power are those of TrainRules, for both modes")
    return replace(tuning, class_weights=str(rules.class_weights), power=rules.power)


def tune(
    material: Material,
    rules: TrainRules,
    tuning: FinetuneRules,
    work: Path,
    watch: Watch,
    *,
    anew: bool,
) -> Tuned:
    """Fine-tune a net: the part of the work that several processes of torchrun share.

    Args:
        material: the split's images.
        rules: the backbone, the seed, what is held out.
        tuning: how it is trained, complete.
        work: the folder of its checkpoint and logs.
        watch: is told how it goes.
        anew: leave a checkpoint that is there unread.

    Raises:
        InputError: a backbone that cannot be fine-tuned, or rules that make no sense.
        DatasetError: too few images.
        ModelError, MissingExtraError: see `figleaf.training.finetune.finetune.finetune`.
    """
    if rules.backbone == AUTO or len(split_names(rules.backbone)) > 1:
        raise InputError(
            f"{rules.backbone} cannot be fine-tuned: name one backbone, such as resnet50_thin"
        )
    from figleaf.training.nets import (
        open_net,  # first, as it says in our words where torch is missing
    )

    weights = Path(rules.weights) if rules.weights else None
    net = open_net(rules.backbone, weights, rules.sha256, download=rules.download)
    train, validation, words = _parted(material, rules)
    from figleaf.training.finetune.finetune import finetune

    found = finetune(
        net,
        len(material.labels),
        train,
        validation,
        tuning,
        work=work,
        seed=rules.seed,
        watch=watch,
        anew=anew,
    )
    return Tuned(net, found, len(train), validation, words)


def fit_net(
    material: Material,
    rules: TrainRules,
    tuning: FinetuneRules,
    work: Path,
    caches: Path,
    clock: Stopwatch,
    watch: Watch,
    *,
    anew: bool,
) -> Fitted:
    """Fine-tune a net, and compute the features that it gives of what it has not seen.

    Args and errors are those of `tune`; besides:
        caches: a folder for features that are of no use afterwards.
        clock: is told what took how long.
    """
    with clock.phase("training"):
        tuned = tune(material, rules, tuning, work, watch, anew=anew)
    net, found = tuned.net, tuned.found
    clock.add("training", found.earlier)
    backbone = Backbone(
        f"{net.name}_finetuned",
        net.input,
        found.graph,
        net.width,
        net.license,
        net.training_data,
        net.source,
    )
    # As they will be when it classifies: in f32, of whole pictures.
    features = Features(caches, (backbone,), computing(fast=False))
    unseen = (tuned.validation, material.parts[Part.TEST])
    computed = 0
    with clock.phase("features"):
        for some in unseen:
            watch.start("features", int(features.missing(some).sum()))
            computed += features.compute(some, watch.done)
    seen = features.readable_of(tuned.validation)
    if not len(seen):
        raise DatasetError("no image of the validation part can be read")
    return Fitted(
        backbones=(backbone,),
        head=found.head,
        features=features,
        logits=found.head.logits(features.matrix(seen)),
        labels=seen.labels,
        held_out=tuned.held_out,
        trained=tuned.trained - found.left_out,
        unreadable=found.left_out + sum(int(features.missing(some).sum()) for some in unseen),
        computed=computed,
        precision=found.precision,
        iterations=found.epochs[-1].step if found.epochs else 0,
        epochs=found.epochs,
    )


def forget(work: Path) -> None:
    """Remove the checkpoint of a training whose bundle is in its place; the logs stay."""
    from figleaf.training.finetune.checkpoint import NAME

    (work / NAME).unlink(missing_ok=True)


def _parted(material: Material, rules: TrainRules) -> tuple[Examples, Examples, str]:
    train, validation = material.parts[Part.TRAIN], material.parts[Part.VALIDATION]
    if len(validation):
        return train, validation, "the validation part"
    out = held_out(train, rules.validation, rules.seed)
    inner = train.take(~out)
    if not out.any() or len(np.unique(inner.labels)) < len(material.labels):
        raise DatasetError(
            "too few images to hold any out for validation: collect more, or make the share larger"
        )
    return inner, train.take(out), f"{rules.validation:.0%} of train"
