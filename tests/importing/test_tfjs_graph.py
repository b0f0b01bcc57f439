"""TensorFlow.js graph models: operations by name, constants, shapes that are computed; refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs import TfjsRules, import_tfjs

from .graph_models import Nodes, every_operation, small_graph, small_graph_answers
from .tfjs_models import CLASSES, answers, pictures, softmax


@pytest.mark.parametrize("dtype", ["", "uint8", "uint16", "float16"])
def test_graphs_compute_what_numpy_does(tmp_path: Path, dtype: str) -> None:
    arrays = small_graph().write(tmp_path / "net", dtype=dtype)
    imported = import_tfjs(tmp_path / "net", CLASSES)
    expected = small_graph_answers(arrays, pictures())
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=2e-6)


def test_every_operation_is_used_by_the_nets_of_these_tests() -> None:
    from figleaf.importing.tfjs.operations import OPERATIONS

    used = {node["op"] for net in every_operation().values() for node in net.nodes}
    assert set(OPERATIONS) - used <= {"Add", "Div", "FusedBatchNorm", "FusedBatchNormV2"}  # aliases


@pytest.mark.parametrize("name", every_operation())
def test_every_operation_is_converted(tmp_path: Path, name: str) -> None:
    every_operation()[name].write(tmp_path / "net")
    rows = answers(import_tfjs(tmp_path / "net", CLASSES), pictures())
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)


def test_a_softmax_of_single_operations_is_taken(tmp_path: Path) -> None:
    net = Nodes()
    pooled = net.mean("image", [1, 2])
    raised = net.add("Exp", [pooled])
    total = net.add("Sum", [raised, net.constant([1])], keep_dims={"b": True})
    net.output(net.add("RealDiv", [raised, total]))
    net.write(tmp_path / "net")
    imported = import_tfjs(tmp_path / "net", CLASSES)
    expected = softmax(pictures().mean(axis=(1, 2)))
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=1e-6)
    assert any("no softmax" in note for note in imported.notes)


def test_a_softmax_is_one_in_another_shape_too(tmp_path: Path) -> None:
    net = Nodes()
    shares = net.add("Softmax", [net.mean("image", [1, 2])])
    net.output(net.add("Reshape", [shares, net.constant([-1, 1, 1, 3])]))
    net.write(tmp_path / "net")
    imported = import_tfjs(tmp_path / "net", CLASSES)
    assert not any("no softmax" in note for note in imported.notes)
    with pytest.raises(ImportModelError, match="leave --logits away"):
        import_tfjs(tmp_path / "net", CLASSES, TfjsRules(logits=True))


def test_any_size_needs_to_be_told(tmp_path: Path) -> None:
    net = small_graph(side=-1)
    arrays = net.write(tmp_path / "net")
    with pytest.raises(ImportModelError, match="--size 224"):
        import_tfjs(tmp_path / "net", CLASSES)
    imported = import_tfjs(tmp_path / "net", CLASSES, TfjsRules(size=(20, 24)))
    expected = small_graph_answers(arrays, pictures())
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=2e-6)


# What is refused


def edited(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The small graph with a change to its JSON."""
    small_graph().write(folder)
    path = folder / "model.json"
    model = json.loads(path.read_text())
    change(model)
    path.write_text(json.dumps(model))
    return folder


def node(model: dict[str, Any], op: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [n for n in model["modelTopology"]["node"] if n["op"] == op]
    return found[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: node(m, "Relu6").update(op="Bessel"), r"'Relu6_\d+' \(Bessel\).*not known"),
        (lambda m: node(m, "Softmax").update(input=["gone"]), "'gone'"),
        (lambda m: node(m, "Softmax").update(input=["Softmax_12"]), "no such node"),
        (lambda m: node(m, "Conv2D")["input"].pop(), "inputs, not 2"),
        (lambda m: node(m, "Conv2D")["input"].reverse(), "constant"),
        (lambda m: node(m, "Conv2D")["attr"].update(data_format={"s": "TkNIVw=="}), "NHWC"),
        (lambda m: node(m, "Conv2D")["attr"].update(padding={"s": "!"}), "base64"),
        (
            lambda m: node(m, "Conv2D")["attr"].update(
                strides={"list": {"i": ["1", "0", "1", "1"]}}
            ),
            "strides",
        ),
        (lambda m: node(m, "Conv2D")["attr"].update(strides={"list": {"i": ["x"]}}), "strides"),
        (lambda m: node(m, "Placeholder").update(op="Identity", input=["image"]), "0 inputs"),
        (lambda m: m["modelTopology"]["node"].append({"name": 1, "op": "Relu"}), "'name'"),
        (lambda m: m["modelTopology"]["node"].append(node(m, "Relu6")), "called the same"),
        (lambda m: m["weightsManifest"][0]["weights"][0].update(name="else"), "manifest"),
        (lambda m: m["signature"]["outputs"].update(b={"name": "image:0"}), "2 outputs"),
    ],
)
def test_graphs_that_contradict_themselves_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    with pytest.raises(ImportModelError, match=message):
        import_tfjs(edited(tmp_path / "net", change), CLASSES)


def test_a_graph_in_a_circle_is_refused(tmp_path: Path) -> None:
    net = Nodes()
    net.nodes += [
        {"name": "a", "op": "Relu", "input": ["b"]},
        {"name": "b", "op": "Relu", "input": ["a"]},
    ]
    net.output("a")
    net.write(tmp_path / "net")
    with pytest.raises(ImportModelError, match="itself"):
        import_tfjs(tmp_path / "net", CLASSES)


def test_work_over_the_batch_is_refused(tmp_path: Path) -> None:
    """A score must not depend on the pictures that a picture happens to come with."""
    net = Nodes()
    pooled = net.mean("image", [0, 1, 2])
    net.output(net.add("Softmax", [pooled]))
    net.write(tmp_path / "net")
    with pytest.raises(ImportModelError, match="pictures of a batch"):
        import_tfjs(tmp_path / "net", CLASSES)


def test_constants_are_computed_once(tmp_path: Path) -> None:
    """What converters leave of a batch norm: gamma * rsqrt(variance + epsilon)."""
    variance: NDArray[np.float32] = np.array([0.5, 2, 4], np.float32)
    net = Nodes()
    spread = net.add("AddV2", [net.constant(variance), net.constant(np.float32(0.001))])
    factor = net.add("Mul", [net.add("Rsqrt", [spread]), net.constant(np.float32(3))])
    scaled = net.add("Mul", ["image", factor])
    net.output(net.add("Softmax", [net.mean(scaled, [1, 2])]))
    net.write(tmp_path / "net")
    expected = softmax((pictures() * 3 / np.sqrt(variance + 0.001)).mean(axis=(1, 2)))
    found = answers(import_tfjs(tmp_path / "net", CLASSES), pictures())
    np.testing.assert_allclose(found, expected, atol=2e-6)
