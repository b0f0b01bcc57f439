import json
from dataclasses import replace
from typing import Any

import pytest

from figleaf.errors import InputError
from figleaf.training.finetune.rules import FinetuneRules


def test_they_survive_json() -> None:
    rules = FinetuneRules(class_weights=(1.0, 2.0))
    values = json.loads(json.dumps(rules.as_dict()))
    values["class_weights"] = tuple(values["class_weights"])
    assert FinetuneRules(**values) == rules


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": -1},
        {"batch": 0},
        {"rate": float("nan")},
        {"decay": 1.5},
        {"smoothing": 1.0},
        {"average": 1.0},
        {"stretch": 0.5},
        {"threads": 0},
        {"optimiser": "adam"},
        {"precision": "int8"},
        {"device": "tpu"},
        {"class_weights": "rare"},
        {"class_weights": (1.0, 0.0)},
        {"deterministic": True, "precision": "bf16"},
        {"mixup": 0.2, "batch": 7},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        FinetuneRules(**wrong)


def test_how_often_is_saved_decides_nothing() -> None:
    rules = FinetuneRules()
    other = replace(rules, checkpoint_seconds=1.0, tensorboard=True, memory=0, threads=1)
    assert rules.decisive() == other.decisive()
    assert rules.decisive() != replace(rules, rate=2e-3).decisive()
