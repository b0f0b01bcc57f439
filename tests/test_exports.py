"""The public names: a change here is a change of the interface, for the changelog."""

import subprocess
import sys

import pytest

import figleaf

PUBLIC = [
    "AuditReport",
    "AuditRules",
    "Classifier",
    "CleanRules",
    "CollectRules",
    "Comparison",
    "CropRules",
    "Dataset",
    "Decision",
    "EvaluateRules",
    "Evaluation",
    "Explanation",
    "FigleafError",
    "FinetuneRules",
    "FitRules",
    "FittedPolicy",
    "FrameRules",
    "FrameScores",
    "ImportRules",
    "Limits",
    "Policy",
    "Precision",
    "Prediction",
    "RunReport",
    "RunRules",
    "ScreenRules",
    "SplitChanges",
    "SplitRules",
    "Status",
    "TfjsExport",
    "TrainReport",
    "TrainRules",
    "ViewScores",
    "__version__",
    "audit",
    "check_split",
    "clean",
    "collect",
    "compare",
    "evaluate",
    "explain",
    "export_dataset",
    "export_tfjs",
    "export_web",
    "fit_policy",
    "import_model",
    "load",
    "load_policy",
    "restore",
    "run",
    "screen",
    "split",
    "stats",
    "train",
]


def test_the_public_names_are_pinned() -> None:
    assert figleaf.__all__ == PUBLIC


def test_dir_lists_the_public_names() -> None:
    assert dir(figleaf) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_name_resolves_alone_in_a_fresh_interpreter(name: str) -> None:
    code = f"from figleaf import {name}; assert {name} is not None"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_has_a_docstring() -> None:
    assert all(getattr(figleaf, name).__doc__ for name in PUBLIC)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'classifyy'"):
        _ = figleaf.classifyy
