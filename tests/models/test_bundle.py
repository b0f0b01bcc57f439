import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import figleaf
from figleaf.errors import BundleError, ModelNotFoundError, PolicyError
from figleaf.models.bundle import DEFAULT_MODEL, embedded, open_bundle
from figleaf.models.model import load_model

Change = Callable[[onnx.ModelProto], None]


def tiny_graph(
    name: str = "image",
    side: int = 4,
    classes: int = 2,
    batch: str | int = "batch",
    last: str = "Softmax",
) -> onnx.ModelProto:
    """A whole classifier: mean of each channel, a matrix, a softmax."""
    weights = numpy_helper.from_array(
        np.linspace(-1, 1, 3 * classes, dtype=np.float32).reshape(3, classes), "weights"
    )
    axes = numpy_helper.from_array(np.array([1, 2], np.int64), "axes")
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", [name, "axes"], ["features"], keepdims=0),
            helper.make_node("MatMul", ["features", "weights"], ["logits"]),
            helper.make_node(last, ["logits"], ["probabilities"]),
        ],
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, side, side, 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 3]),
        ],
        [weights, axes],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def write_bundle(folder: Path, graph: bytes, **changes: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(graph)
    card = {
        "format": 1,
        "name": "tiny",
        "version": "1",
        "description": "a tiny model",
        "labels": ["sfw", "nsfw"],
        "features": 3,
        "inputs": [
            {"name": "image", "size": [4, 4], "resample": "bilinear", "background": [0, 0, 0]}
        ],
        "sha256": {"model.onnx": hashlib.sha256(graph).hexdigest()},
        "license": "Apache-2.0",
    }
    (folder / "card.json").write_text(json.dumps(card | changes))
    return folder


def test_the_embedded_models_are_these_and_sound() -> None:
    assert embedded()[0] == DEFAULT_MODEL
    assert set(embedded()) == {
        "inception_v3",
        "mobilenet_v2_mid",
        "mobilenet_v2",
        "resnet50_thin",
        "efficientnet_lite0",
    }
    for name in embedded():
        assert open_bundle(name).card.name == name


def test_a_bundle_in_a_folder_opens(tmp_path: Path) -> None:
    graph = tiny_graph().SerializeToString()
    bundle = open_bundle(write_bundle(tmp_path / "tiny", graph))
    assert bundle.card.name == "tiny"
    assert bundle.graph == graph


def test_an_unknown_name_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"inception_v3.*figleaf models"):
        open_bundle("no_such_model")


def test_one_flipped_bit_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny", tiny_graph().SerializeToString())
    damaged = bytearray((folder / "model.onnx").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (folder / "model.onnx").write_bytes(damaged)
    with pytest.raises(BundleError, match="SHA-256 is"):
        open_bundle(folder)


def test_a_missing_graph_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny", b"")
    (folder / "model.onnx").unlink()
    with pytest.raises(BundleError, match="no such file"):
        open_bundle(folder)


@pytest.mark.parametrize("junk", [b"\xff" * 100, b"<html>", bytes(range(256)), b""])
def test_what_is_no_graph_is_refused(tmp_path: Path, junk: bytes) -> None:
    with pytest.raises(BundleError):
        open_bundle(write_bundle(tmp_path / "tiny", junk))


def _outside(tensor: onnx.TensorProto) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../secret.bin"


def _outside_in_initializer(model: onnx.ModelProto) -> None:
    _outside(model.graph.initializer[0])


def _outside_by_entry_alone(model: onnx.ModelProto) -> None:
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def _outside_in_a_subgraph(model: onnx.ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add()
    attribute.name, attribute.type = "body", onnx.AttributeProto.GRAPH
    _outside(attribute.g.initializer.add())


def _outside_in_a_function(model: onnx.ModelProto) -> None:
    attribute = model.functions.add().node.add().attribute.add()
    attribute.type = onnx.AttributeProto.TENSORS
    _outside(attribute.tensors.add())


def _outside_in_a_sparse_tensor(model: onnx.ModelProto) -> None:
    _outside(model.graph.sparse_initializer.add().values)


@pytest.mark.parametrize(
    "change",
    [
        _outside_in_initializer,
        _outside_by_entry_alone,
        _outside_in_a_subgraph,
        _outside_in_a_function,
        _outside_in_a_sparse_tensor,
    ],
)
def test_weights_outside_the_graph_are_refused_at_any_depth(tmp_path: Path, change: Change) -> None:
    model = tiny_graph()
    change(model)
    with pytest.raises(BundleError, match="keeps weights in another file"):
        open_bundle(write_bundle(tmp_path / "tiny", model.SerializeToString()))


@pytest.mark.parametrize(
    ("graph", "complaint"),
    [
        (tiny_graph(name="picture"), r"takes inputs \['picture'\]"),
        (tiny_graph(side=8), "input 'image' is"),
        (tiny_graph(classes=5), "output 'probabilities' is"),
        (tiny_graph(batch=1), "any batch"),
    ],
)
def test_a_graph_that_does_not_fit_its_card_is_refused(
    tmp_path: Path, graph: onnx.ModelProto, complaint: str
) -> None:
    with pytest.raises(BundleError, match=complaint):
        open_bundle(write_bundle(tmp_path / "tiny", graph.SerializeToString()))


def test_wrong_width_of_features_and_wrong_type_are_refused(tmp_path: Path) -> None:
    model = tiny_graph()
    with pytest.raises(BundleError, match="output 'features' is"):
        open_bundle(write_bundle(tmp_path / "a", model.SerializeToString(), features=4))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    with pytest.raises(BundleError, match="not float32"):
        open_bundle(write_bundle(tmp_path / "b", model.SerializeToString()))


def test_a_name_with_a_nul_byte_is_refused(tmp_path: Path) -> None:
    graph = tiny_graph().SerializeToString()
    hashes = {"model.onnx": hashlib.sha256(graph).hexdigest(), "a\0b": "0" * 64}
    with pytest.raises(BundleError, match="no such file"):
        open_bundle(write_bundle(tmp_path / "tiny", graph, sha256=hashes))


@pytest.mark.parametrize("last", ["Identity", "Log"])
def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path, last: str) -> None:
    # Logits above 1, or NaN, would pass every threshold or none.
    folder = write_bundle(tmp_path / "tiny", tiny_graph(last=last).SerializeToString())
    model = load_model(folder)
    picture = model.prepare(np.full((4, 4, 3), 255, np.uint8))
    with pytest.raises(BundleError, match="probabilities"):
        model.run([picture])


def test_a_tiny_bundle_classifies(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "tiny", tiny_graph().SerializeToString())
    with figleaf.load(folder) as classifier:
        prediction = classifier.classify(np.zeros((9, 9, 3), np.uint8))
    assert prediction.scores == {"sfw": 0.5, "nsfw": 0.5}
    assert prediction.model == "tiny@1"


def test_a_suggested_policy_is_a_preset_and_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    graph = tiny_graph().SerializeToString()
    folder = write_bundle(tmp_path / "tiny", graph, suggested_policy=str(tmp_path / "pipe"))
    with pytest.raises(BundleError, match="which is no preset"):
        figleaf.load(folder)
    folder = write_bundle(tmp_path / "strict", graph, suggested_policy="strict")
    with figleaf.load(folder) as classifier:
        assert classifier.policy.name == "strict"


def test_a_policy_that_fits_no_class_is_refused_where_it_was_asked_for(tmp_path: Path) -> None:
    graph = tiny_graph().SerializeToString()
    folder = write_bundle(tmp_path / "clothes", graph, labels=["dress", "shoes"])
    with pytest.raises(PolicyError, match="no threshold for tiny's classes: dress, shoes"):
        figleaf.load(folder, policy="balanced")
    with figleaf.load(folder) as classifier:
        prediction = classifier.classify(np.zeros((9, 9, 3), np.uint8))
    assert prediction.decision is None
    assert prediction.unsafe is None
