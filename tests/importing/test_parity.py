"""What is imported says what transformers' own pipeline says."""

from pathlib import Path

import pytest

import figleaf
from figleaf.importing.huggingface.reading import import_huggingface

from .transformers_models import KINDS, answers, export, odd_pictures, save

pytest.importorskip("transformers")
pytest.importorskip("onnxscript")

CLOSE = 1e-3
OURS = {"normal": "sfw"}


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> list[Path]:
    return odd_pictures(tmp_path_factory.mktemp("shapes"), pictures)


@pytest.fixture(scope="session", params=KINDS)
def saved(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shapes: list[Path]
) -> Path:
    folder: Path = tmp_path_factory.mktemp("models") / request.param
    return save(folder, request.param, shapes)


def apart(bundle: Path, theirs: list[dict[str, float]], shapes: list[Path]) -> float:
    """The largest difference of any score; fails where the pictures all get the same ones."""
    found = []
    with figleaf.load(bundle, threads=1) as classifier:
        for path, expected in zip(shapes, theirs, strict=True):
            scores = classifier.classify(path).scores
            named = {OURS.get(name, name): score for name, score in expected.items()}
            assert scores.keys() == named.keys()
            found.append(max(abs(scores[name] - named[name]) for name in named))
    tops = {max(one, key=lambda name: one[name]) for one in theirs}
    assert len(tops) > 1, "a model that says the same of every picture proves nothing"
    return max(found)


def test_safetensors_and_onnx_say_what_the_pipeline_says(
    saved: Path, shapes: list[Path], tmp_path: Path
) -> None:
    theirs = answers(saved, shapes)
    imported = import_huggingface(saved)
    assert imported.card["license"] == "apache-2.0"
    assert imported.card["imported"]["files"].keys() >= {"config.json", "model.safetensors"}
    assert imported.card["features"] > 0
    bundle = imported.named("weights").write(tmp_path / "weights")
    assert apart(bundle, theirs, shapes) < CLOSE
    export(saved, batch=1)
    again = import_huggingface(saved)
    assert "onnx/model.onnx" in again.card["imported"]["files"]
    assert again.card["features"] == imported.card["features"]
    bundle = again.named("graph").write(tmp_path / "graph")
    assert apart(bundle, theirs, shapes) < CLOSE
