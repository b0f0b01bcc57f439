from dataclasses import replace
from pathlib import Path

import pytest

import figleaf
from figleaf.auditing.rules import AuditRules
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.errors import FigleafError
from figleaf.evaluation.rules import EvaluateRules
from figleaf.pipeline.early import check_named
from figleaf.pipeline.rules import RunRules, StageName
from figleaf.training.rules import Mode, TrainRules

ALL = frozenset(StageName)
QUICK = RunRules(train=TrainRules(backbone="mobilenet_v2"))


@pytest.mark.parametrize(
    ("stage", "rules", "message"),
    [
        (StageName.CLEAN, {"clean": CleanRules(placeholders=Path("gone.txt"))}, "gone.txt"),
        (StageName.SCREEN, {"screen": figleaf.ScreenRules(model="gone")}, "no model 'gone'"),
        (StageName.TRAIN, {"train": TrainRules(backbone="gone.toml")}, "no such file"),
        (StageName.AUDIT, {"audit": AuditRules(backbone="gone.toml")}, "no such file"),
        (StageName.EVALUATE, {"evaluate": EvaluateRules(policy="gone.toml")}, "no policy"),
        (
            StageName.TRAIN,
            {"train": TrainRules(mode=Mode.FINETUNE, backbone="resnet50_thin+efficientnet_lite0")},
            "cannot be fine-tuned",
        ),
    ],
)
def test_what_would_fail_late_fails_first(
    stage: StageName, rules: dict[str, object], message: str
) -> None:
    changed = replace(QUICK, **rules)  # type: ignore[arg-type]  # fields of any type
    with pytest.raises(FigleafError, match=message):
        check_named(changed, ALL)
    check_named(changed, ALL - {stage})


def test_what_is_there_passes() -> None:
    check_named(QUICK, ALL)
    check_named(RunRules(), frozenset())
