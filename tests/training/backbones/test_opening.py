"""Backbones by their names."""

import json
import shutil
from pathlib import Path

import pytest

from figleaf.errors import InputError, ModelError
from figleaf.models.bundle import ZOO, open_bundle
from figleaf.training.backbones.embedded import EMBEDDED, bundle_backbone
from figleaf.training.backbones.opening import open_backbones, split_names
from figleaf.training.rules import DEFAULT_BACKBONE

from ..samples import described


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_ones(name: str) -> None:
    (backbone,) = open_backbones(name)
    bundle = open_bundle(name)
    assert backbone.name == name
    assert backbone.graph == bundle.graph
    assert backbone.width == bundle.card.features > 1000
    assert backbone.input == bundle.card.inputs[0]
    assert backbone.license == bundle.card.license
    assert backbone.training_data not in ("", "not stated")
    assert backbone.source["model"] == f"{name}@1"


def test_several_in_the_order_in_which_they_are_named() -> None:
    found = open_backbones("mobilenet_v2_mid+resnet50_thin")
    assert [one.name for one in found] == ["mobilenet_v2_mid", "resnet50_thin"]
    assert [one.name for one in open_backbones(DEFAULT_BACKBONE)] == DEFAULT_BACKBONE.split("+")


def test_a_folder_and_a_file(tmp_path: Path) -> None:
    folder = shutil.copytree(ZOO / "mobilenet_v2_mid", tmp_path / "a bundle")
    first, second = open_backbones(f"{folder}+{described(tmp_path)}")
    assert (first.name, second.name) == ("mobilenet_v2_mid", "small")
    assert first.source["file"] == "a bundle"


def test_a_plus_sign_in_the_name_of_a_folder_or_file(tmp_path: Path) -> None:
    path = described(tmp_path / "c++", "a+b")
    assert split_names(str(path)) == [str(path)]
    assert [one.name for one in open_backbones(str(path))] == ["a+b"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("resnet50_thin+resnet50_thin", "resnet50_thin is named twice"),
        ("resnet50_thin+", "a backbone without a name"),
        ("+", "a backbone without a name"),
    ],
)
def test_names_that_make_no_sense(names: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_backbones(names)


def test_a_model_without_features(tmp_path: Path) -> None:
    folder = shutil.copytree(ZOO / "mobilenet_v2", tmp_path / "bundle")
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps(card | {"features": 0}), "utf-8")
    with pytest.raises(ModelError, match=r"mobilenet_v2 gives no features .* resnet50_thin"):
        bundle_backbone(folder)


@pytest.mark.parametrize("names", ["resnet50_thin", DEFAULT_BACKBONE])
def test_what_comes_with_its_weights_takes_none(names: str) -> None:
    with pytest.raises(InputError, match="comes with its weights"):
        open_backbones(names, weights="some.pth")
    with pytest.raises(InputError, match="comes with its weights"):
        open_backbones(names, download=True)


def test_a_model_in_int8_is_no_backbone(tmp_path: Path) -> None:
    folder = shutil.copytree(ZOO / "mobilenet_v2_mid", tmp_path / "twin")
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"name": "twin", "computes": "int8"}))
    with pytest.raises(ModelError, match="twin computes in int8: train on the model that it"):
        open_backbones(str(folder))
