"""What a run does in each of its stages, as a value."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import get_args

from figleaf.auditing.rules import AuditRules
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.screening.rules import ScreenRules
from figleaf.curate.splitting.rules import SplitChanges
from figleaf.errors import InputError
from figleaf.evaluation.rules import EvaluateRules
from figleaf.labels import Language
from figleaf.sources.rules import CollectRules
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.rules import AUTO, DEFAULT_BACKBONE, Mode, TrainRules

LANGUAGES = get_args(Language)


class StageName(StrEnum):
    """The stages, in the order in which they come where nothing is relabelled."""

    COLLECT = "collect"
    CLEAN = "clean"
    SCREEN = "screen"
    SPLIT = "split"
    TRAIN = "train"
    AUDIT = "audit"
    EVALUATE = "evaluate"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class RunRules:
    """What a run does in each of its stages.

    ::

        rules = RunRules(split=SplitChanges(seed=1), train=TrainRules(fast=True), language="ko")
        figleaf.run(["photos"], "my-run", rules=rules)

    Attributes:
        collect: how sources are read and fetched; without meaning where the data set is there.
        clean: what is set aside.
        screen: what is doubted before training; None to leave that stage out.
        split: the parts; what is None is .85/.15 and so on, or, of a data set that was split before
            the run, as it is there.
        train: the model.
        finetune: how a net is fine-tuned, where `train.mode` says so.
        audit: what is doubted after it, by the features that a probe was trained on where no others
            are named; where `apply` relabels images, the audit comes before the training, which
            learns from the new labels.
        evaluate: how the model is measured, on the test part.
        name: of the model; None for the name that the run's folder had when it was first trained.
        language: of the report: "en" or "ko".
        note: a text that the report shows on top, and that stands in the model's cards: "practice"
            says that the pictures are generated.

    Raises:
        InputError: an unknown language, another part than the test part or none, or rules of
            fine-tuning for a probe.
    """

    collect: CollectRules = field(default_factory=CollectRules)
    clean: CleanRules = field(default_factory=CleanRules)
    screen: ScreenRules | None = field(default_factory=ScreenRules)
    split: SplitChanges = field(default_factory=SplitChanges)
    train: TrainRules = field(default_factory=TrainRules)
    finetune: FinetuneRules | None = None
    audit: AuditRules = field(default_factory=AuditRules)
    evaluate: EvaluateRules = field(default_factory=EvaluateRules)
    name: str | None = None
    language: Language = "en"
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.language not in LANGUAGES:
            raise InputError(
                f"language must be one of {', '.join(LANGUAGES)}, not {self.language!r}"
            )
        if self.evaluate.part not in (None, "test"):
            raise InputError(f"part={self.evaluate.part!r}: a run is measured on its test part")
        if self.split.test == 0:
            raise InputError("test=0 in split: a run is measured on its test part, give it a share")
        if self.finetune is not None and self.train.mode is not Mode.FINETUNE:
            raise InputError("finetune is for train's mode 'finetune'")

    @property
    def order(self) -> tuple[StageName, ...]:
        """The stages that there are, in their order."""
        names = [name for name in StageName if name is not StageName.SCREEN or self.screen]
        if self.audit.apply is not None:
            train, audit = names.index(StageName.TRAIN), names.index(StageName.AUDIT)
            names[train], names[audit] = names[audit], names[train]
        return tuple(names)

    @property
    def auditing(self) -> AuditRules:
        """How the audit judges: by the features that a probe was trained on, which are there, where
        no others are named."""
        train, audit = self.train, self.audit
        named = audit.backbone != DEFAULT_BACKBONE or train.weights or train.download
        if named or train.mode is not Mode.PROBE or train.backbone == AUTO:
            return audit
        return replace(audit, backbone=train.backbone, fast=audit.fast or train.fast)

    def faster(self) -> "RunRules":
        """The same with bf16 and scaled decoding in every stage but fine-tuning, which has none."""
        train = self.train
        return replace(
            self,
            screen=replace(self.screen, fast=True) if self.screen else None,
            train=replace(train, fast=True) if train.mode is Mode.PROBE else train,
            audit=replace(self.audit, fast=True),
            evaluate=replace(self.evaluate, fast=True),
        )
