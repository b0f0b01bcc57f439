import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import figleaf
from figleaf.errors import BundleError, InputError, ModelError
from figleaf.models.bundle import open_bundle
from figleaf.models.card import Fit, Input, Resample, parse_card
from figleaf.models.graph import Graph
from figleaf.models.writing import input_entry, write_bundle

CARD: dict[str, Any] = {
    "format": 1,
    "name": "red",
    "version": "1",
    "description": "How red a picture is.",
    "labels": ["sfw", "nsfw"],
    "features": 0,
    "inputs": [{"name": "image", "size": [4, 6], "resample": "box", "background": [255, 255, 255]}],
    "license": "MIT",
}


def red_graph(height: int = 4, width: int = 6, *, last: str = "softmax") -> bytes:
    """The softmax of how green, and how red, a picture is."""
    graph = Graph()
    mean = graph.global_average(graph.image(height, width), "mean")
    pick = np.array([[0, 0.05, 0], [0.05, 0, 0]], np.float32)[:, :, None, None]
    graph.node("Conv", [mean.name, graph.constant("pick", pick)], "logits")
    two = type(mean)("logits", 2)
    return graph.build("red", {"probabilities": graph.activation(last, two, "scores")})


def test_what_is_written_is_opened_and_classifies(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "red", CARD, red_graph())
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.onnx"]
    red = np.full((10, 10, 3), (255, 0, 0), np.uint8)
    with figleaf.load(folder) as classifier:
        assert classifier.classify(red).scores["nsfw"] > 0.99
        assert classifier.classify(red[..., ::-1].copy()).scores["nsfw"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "graph", "kind"),
    [
        ({"labels": ["sfw"]}, red_graph(), BundleError),
        ({"name": 3}, red_graph(), BundleError),
        ({"features": 7}, red_graph(), BundleError),
        ({}, red_graph(5), BundleError),
        ({}, red_graph(last="linear"), BundleError),
        ({}, b"no graph", BundleError),
    ],
)
def test_what_cannot_be_used_leaves_nothing(
    tmp_path: Path, changes: dict[str, Any], graph: bytes, kind: type[ModelError]
) -> None:
    with pytest.raises(kind):
        write_bundle(tmp_path / "red", CARD | changes, graph)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "red").mkdir()
    with pytest.raises(InputError, match="nothing is overwritten"):
        write_bundle(tmp_path / "red", CARD, red_graph())
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="nothing is overwritten"):
        write_bundle(tmp_path / "link", CARD, red_graph())
    with pytest.raises(InputError, match="there is no folder"):
        write_bundle(tmp_path / "no/red", CARD, red_graph())
    with pytest.raises(InputError, match="comes with figleaf"):
        write_bundle(tmp_path / "inception_v3", CARD, red_graph())
    assert list((tmp_path / "red").iterdir()) == []


def test_the_folder_is_for_everybody_that_the_mask_lets_in(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "red", CARD, red_graph())
    (tmp_path / "other").mkdir()
    assert folder.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_hashes_are_those_of_the_files(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "red", CARD | {"sha256": {"model.onnx": "?"}}, red_graph())
    assert open_bundle(folder).graph == red_graph()


def test_an_input_reads_as_it_was_written() -> None:
    spec = Input("image", (4, 6), Resample.LANCZOS, (8, 8), 75, (1, 2, 3), Fit.SHORTEST_EDGE)
    raw = CARD | {"inputs": [input_entry(spec)], "sha256": {"model.onnx": "0" * 64}}
    assert parse_card(json.loads(json.dumps(raw))).inputs == (spec,)
    plain = Input("image", (4, 6), Resample.BOX, (4, 6))
    assert input_entry(plain) == CARD["inputs"][0]
