import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from figleaf import __version__, labels
from figleaf.cli.app import app
from figleaf.models.bundle import embedded


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0
    return result.stdout


def test_models_are_listed_with_the_default_marked() -> None:
    output = run("models")
    assert "inception_v3 (default)" in output
    for name in embedded():
        assert name in output


def test_models_as_json_are_their_cards() -> None:
    (card,) = json.loads(run("models", "resnet50_thin", "--json"))
    assert card["labels"] == ["sfw", "nsfw"]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_labels_are_defined(language: str) -> None:
    output = run("labels", "--lang", language)
    for label in labels.LABELS.values():
        assert label.name in output
    assert ("음란물" in output) == (language == "ko")


def test_policies_show_their_thresholds() -> None:
    output = run("policies")
    assert "balanced@1 (default)" in output
    assert "0.95" in output


def test_version_and_module() -> None:
    assert run("--version") == f"figleaf {__version__}\n"
    words = [sys.executable, "-m", "figleaf", "--version"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert shown == f"figleaf {__version__}\n"
