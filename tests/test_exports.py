"""The public names: a change here is a change of the interface, for the changelog."""

import subprocess
import sys

import pytest

import figleaf

PUBLIC = [
    "Classifier",
    "CleanRules",
    "CollectRules",
    "Comparison",
    "Dataset",
    "Decision",
    "EvaluateRules",
    "Evaluation",
    "FigleafError",
    "Limits",
    "Policy",
    "Precision",
    "Prediction",
    "ScreenRules",
    "SplitRules",
    "Status",
    "__version__",
    "check_split",
    "clean",
    "collect",
    "compare",
    "evaluate",
    "export_dataset",
    "load",
    "load_policy",
    "restore",
    "screen",
    "split",
    "stats",
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


@pytest.mark.parametrize(
    "first", ["import figleaf.evaluate.rules", "figleaf.evaluate", "from figleaf import evaluate"]
)
def test_a_package_with_the_name_of_its_function_is_both(first: str) -> None:
    code = (
        f"import figleaf; {first}; import figleaf.evaluate.rules as rules\n"
        "from figleaf.evaluate import figures\n"
        "try: figleaf.evaluate('nowhere')\n"
        "except figleaf.FigleafError as error: assert 'no file or folder' in str(error)\n"
        "else: raise SystemExit('not called')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
