"""What would fail late in a run, tried first: models, policies and lists that rules name."""

from pathlib import Path

from figleaf.classify.lists.known import load_hashes
from figleaf.classify.policy import Policy, load_policy
from figleaf.errors import InputError
from figleaf.models.bundle import open_card
from figleaf.pipeline.rules import RunRules, StageName
from figleaf.training.backbones.opening import open_backbones, split_names
from figleaf.training.rules import AUTO, Mode, TrainRules
from figleaf.training.tuning import complete


def check_named(rules: RunRules, stages: frozenset[StageName]) -> None:
    """Open what the rules of some stages name, and forget it.

    Args:
        rules: of all stages.
        stages: those that were not done yet; what the others need was there.

    Raises:
        FigleafError: what the stage itself would raise, once it came to it.
    """
    if StageName.CLEAN in stages and rules.clean.placeholders:
        load_hashes([rules.clean.placeholders])
    if StageName.SCREEN in stages and rules.screen:
        open_card(rules.screen.model)
    if StageName.EVALUATE in stages:
        policy = rules.evaluate.policy
        if policy is not None and not isinstance(policy, Policy):
            load_policy(policy)
    if StageName.TRAIN in stages:
        _check_training(rules)
    if StageName.AUDIT in stages and rules.auditing.backbone != rules.train.backbone:
        open_backbones(rules.auditing.backbone)


def _check_training(rules: RunRules) -> None:
    train = rules.train
    if train.mode is Mode.FINETUNE:
        complete(train, rules.finetune)
        _check_net(train)
    elif train.backbone != AUTO and not train.download:
        open_backbones(train.backbone, weights=train.weights, sha256=train.sha256)


def _check_net(train: TrainRules) -> None:
    if train.backbone == AUTO or len(split_names(train.backbone)) > 1:
        raise InputError(
            f"{train.backbone} cannot be fine-tuned: name one backbone, such as resnet50_thin"
        )
    if train.download:  # once is enough
        return
    from figleaf.training.nets import open_net  # needs torch, and says so where it is missing

    open_net(train.backbone, Path(train.weights) if train.weights else None, train.sha256)
