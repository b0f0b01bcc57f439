"""A machine without torch trains, and says what to install for what it cannot do."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = """
import sys
for name in ("torch", "timm", "torchvision", "sklearn", "tensorboard"):
    sys.modules[name] = None
from figleaf.cli import main
main()
"""


def figleaf(*words: object) -> tuple[int, str, str]:
    command = [sys.executable, "-c", BLOCKED, *map(str, words)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_probe_trains_and_classifies(data: Path, tmp_path: Path, small: str) -> None:
    out = tmp_path / "model"
    code, output, errors = figleaf("train", data, out, "--backbone", small)
    assert code == 0, errors
    assert "logistic regression" in output
    picture = next((data / "images").glob("*/*.jpg"))
    code, output, errors = figleaf("classify", picture, "--model", out, "-f", "json")
    assert code == 0, errors
    assert '"status": "ok"' in output
    code, output, errors = figleaf("evaluate", data, "--model", out, "--json", "--quiet")
    assert code == 0, errors


@pytest.mark.parametrize(
    "words",
    [
        ["--mode", "finetune", "--backbone", "resnet50_thin"],
        ["--backbone", "resnet50", "--weights", "some.pth"],
        ["--backbone", "resnet50"],
        ["--backbone", "convnext_tiny", "--download"],
    ],
)
def test_what_needs_torch_says_so(data: Path, tmp_path: Path, words: list[str]) -> None:
    code, output, errors = figleaf("train", data, tmp_path / "model", *words)
    assert (code, output) == (2, "")
    assert "pip install 'figleaf[t" in errors
    assert errors.count("\n") == 1
    assert "No module named" not in errors
    assert not (tmp_path / "model").exists()


def test_a_misspelt_name_is_told_apart(data: Path, tmp_path: Path) -> None:
    """Nobody is to install gigabytes to learn that a name has one letter too many."""
    _, _, errors = figleaf("train", data, tmp_path / "model", "--backbone", "resnet50_thinn")
    assert "'resnet50_thinn', which is no embedded model (resnet50_thin, " in errors
