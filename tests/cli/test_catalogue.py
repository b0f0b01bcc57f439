import json
import os
import subprocess
import sys
from pathlib import Path

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


def test_any_locale_will_do() -> None:
    words = [sys.executable, "-m", "figleaf", "labels", "--lang", "ko"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    shown = subprocess.run(words, capture_output=True, check=True, env=environment).stdout
    assert "음란물" in shown.decode("utf-8")


def test_classes_that_no_model_has_are_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'format = 1\nname = "mine"\nversion = 1\ndescription = ""\nunreadable = "review"\n'
        '[sums.unsafe]\nclasses = ["prn", "nsfw"]\nblock = 0.5\n[classes.drawing]\nblock = 0.9\n'
    )
    result = CliRunner().invoke(app, ["policies", str(path)])
    assert result.exit_code == 0
    line = "figleaf: prn is not a class of figleaf; right only for a model of your own\n"
    assert result.stderr == line
    assert CliRunner().invoke(app, ["policies"]).stderr == ""
