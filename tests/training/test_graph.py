"""The classifier's graph: what it computes is the head on the backbones, in every runtime."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from figleaf.errors import ModelError
from figleaf.models.runtime import Precision, RuntimeName, compile_graph
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.embedded import bundle_backbone
from figleaf.training.backbones.onnx_file import onnx_backbone
from figleaf.training.features import input_names
from figleaf.training.graph import classifier_graph
from figleaf.training.head import Head
from figleaf.training.temperature import softmax

from .samples import SIDE, described


def small(folder: Path, name: str, channels: int, opset: int = 17) -> Backbone:
    path = described(folder, name, channels=channels, seed=channels, opset=opset)
    return onnx_backbone(path)


def head_for(width: int, classes: int = 4) -> Head:
    random = np.random.default_rng(width)
    return Head(
        random.normal(0, 1, width).astype(np.float32),
        random.uniform(0.5, 2, width).astype(np.float32),
        random.normal(0, 1, (width, classes)).astype(np.float32),
        random.normal(0, 1, classes).astype(np.float32),
    )


def pictures(backbone: Backbone, count: int, seed: int) -> NDArray[np.float32]:
    shape = (count, *backbone.input.size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32)


def own_features(backbone: Backbone, some: NDArray[np.float32]) -> NDArray[np.float32]:
    runtime = compile_graph(
        backbone.graph, runtime=RuntimeName.OPENVINO, precision=Precision.F32, streams=1
    )
    return runtime.infer({backbone.input.name: some}, ["features"])["features"]


def assert_computes(backbones: list[Backbone], temperature: float = 0.7) -> None:
    """Features side by side, and softmax(head(features) / T), in both runtimes, any batch."""
    head = head_for(sum(one.width for one in backbones))
    graph = classifier_graph(backbones, head, temperature)
    names = input_names(backbones)
    for runtime in RuntimeName:
        compiled = compile_graph(graph, runtime=runtime, precision=Precision.F32, streams=1)
        for count in (1, 3):
            some = [pictures(one, count, seed) for seed, one in enumerate(backbones)]
            expected = np.concatenate(
                [own_features(one, x) for one, x in zip(backbones, some, strict=True)], axis=1
            )
            found = compiled.infer(
                dict(zip(names, some, strict=True)), ["probabilities", "features"]
            )
            np.testing.assert_allclose(found["features"], expected, atol=1e-3, rtol=1e-3)
            probabilities = softmax(head.logits(found["features"]), temperature)
            np.testing.assert_allclose(found["probabilities"], probabilities, atol=1e-5)


def test_one_backbone(tmp_path: Path) -> None:
    assert_computes([small(tmp_path, "a", 12)])


def test_two_and_three_backbones(tmp_path: Path) -> None:
    some = [small(tmp_path, name, width) for name, width in (("a", 12), ("b", 5), ("c", 8))]
    assert_computes(some[:2])
    assert_computes(some)
    assert_computes(some[::-1], temperature=3.0)


def test_backbones_of_several_opsets(tmp_path: Path) -> None:
    some = [small(tmp_path, f"n{opset}", opset, opset) for opset in (9, 13, 17)]
    assert_computes(some)


@pytest.mark.parametrize(
    "name", ["head", "standardise", "calibrate", "backbone", "image", "고양이"]
)
def test_names_that_are_those_of_the_graphs_own_steps(tmp_path: Path, name: str) -> None:
    assert_computes([small(tmp_path, name, 12)])
    assert_computes([small(tmp_path, name, 12), small(tmp_path, "b", 5)])


def test_an_embedded_one_beside_a_file(tmp_path: Path) -> None:
    assert_computes([bundle_backbone("mobilenet_v2_mid"), small(tmp_path, "a", 12)])


def test_a_net_with_a_shortcut_of_its_own_names_twice(tmp_path: Path) -> None:
    """Two of one graph under two names: nothing of theirs clashes."""
    (tmp_path / "b").mkdir()
    some = [small(tmp_path, "a", 12), small(tmp_path / "b", "b", 12)]
    assert_computes(some)


def test_inputs_and_outputs(tmp_path: Path) -> None:
    some = [small(tmp_path, "a", 12), small(tmp_path, "b", 5)]
    graph = onnx.load_model_from_string(classifier_graph(some, head_for(17), 1.0)).graph

    def shapes(values: object) -> dict[str, list[object]]:
        return {
            value.name: [
                axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim
            ]
            for value in values  # type: ignore[attr-defined]  # a repeated field
        }

    assert shapes(graph.input) == {
        "a/image": ["batch", SIDE, SIDE, 3],
        "b/image": ["batch", SIDE, SIDE, 3],
    }
    assert shapes(graph.output) == {"probabilities": ["batch", 4], "features": ["batch", 17]}
    single = onnx.load_model_from_string(classifier_graph(some[:1], head_for(12), 1.0)).graph
    assert list(shapes(single.input)) == ["image"]
    names = [node.name for node in graph.node]
    assert names[-5:] == [
        "standardise/centred",
        "standardise",
        "head",
        "calibrate",
        "probabilities",
    ]


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    some = [small(tmp_path, "a", 12), small(tmp_path, "b", 5, opset=13)]
    assert classifier_graph(some, head_for(17), 0.5) == classifier_graph(some, head_for(17), 0.5)


def test_a_temperature_changes_probabilities_alone(tmp_path: Path) -> None:
    some = [small(tmp_path, "a", 12)]
    head, x = head_for(12), pictures(some[0], 2, 0)
    found = [
        compile_graph(
            classifier_graph(some, head, t),
            runtime=RuntimeName.OPENVINO,
            precision=Precision.F32,
            streams=1,
        ).infer({"image": x}, ["probabilities", "features"])
        for t in (1.0, 50.0)
    ]
    np.testing.assert_array_equal(found[0]["features"], found[1]["features"])
    assert found[0]["probabilities"].max() > found[1]["probabilities"].max()


def test_a_graph_that_cannot_be_put_together(tmp_path: Path) -> None:
    """Its features are not as wide as the head takes."""
    with pytest.raises(ModelError, match="a: the graphs cannot be put together: "):
        classifier_graph([small(tmp_path, "a", 12)], head_for(13), 1.0)
