"""Graphs cut, renamed, joined and converted, and what they compute afterwards."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from figleaf.models.surgery import (
    cut_to,
    in_one_opset,
    opset_of,
    renamed,
    side_by_side,
    without_notes,
)

X = np.random.default_rng(0).normal(0, 1, (2, 4)).astype(np.float32)


def info(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def weights(**arrays: NDArray[np.float32]) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(array, name) for name, array in arrays.items()]


def model(opset: int = 17) -> onnx.ModelProto:
    """x -> double -> hidden -> y, and z beside it of another input."""
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["double"]),
        helper.make_node("MatMul", ["double", "kernel"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["y"]),
        helper.make_node("Add", ["other", "unused"], ["z"]),
    ]
    graph = helper.make_graph(
        nodes,
        "made",
        [info("x", "batch", 4), info("other", 1)],
        [info("y", "batch", 3), info("z", 1)],
        weights(
            two=np.array(2, np.float32),
            kernel=np.random.default_rng(1).normal(0, 1, (4, 3)).astype(np.float32),
            unused=np.zeros(1, np.float32),
        ),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def run(made: onnx.ModelProto, **inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[NDArray[np.float32]] = session.run(None, inputs)
    return found


def kernel() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(0, 1, (4, 3)).astype(np.float32)


def test_an_output_with_what_it_needs() -> None:
    whole = model()
    before = whole.SerializeToString()
    cut = cut_to(whole, "y")
    assert [node.op_type for node in cut.graph.node] == ["Mul", "MatMul", "Relu"]
    assert [value.name for value in cut.graph.input] == ["x"]
    assert [tensor.name for tensor in cut.graph.initializer] == ["two", "kernel"]
    assert [value.name for value in cut.graph.output] == ["y"]
    (found,) = run(cut, x=X)
    np.testing.assert_allclose(found, np.maximum(2 * X @ kernel(), 0), atol=1e-5)
    assert whole.SerializeToString() == before


def test_a_value_in_the_middle() -> None:
    (found,) = run(cut_to(model(), "hidden"), x=X)
    np.testing.assert_allclose(found, 2 * X @ kernel(), atol=1e-5)


@pytest.mark.parametrize("name", ["nothing", "", "x", "kernel"])
def test_what_no_node_gives(name: str) -> None:
    with pytest.raises(KeyError):
        cut_to(model(), name)


def test_inputs_that_a_branch_alone_reads_are_kept() -> None:
    """Of the graphs within a node, too."""
    then = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["t"])], "t", [], [info("t", "n", 4)]
    )
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "e", [], [info("e", "n", 4)])
    graph = helper.make_graph(
        [helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=other)],
        "branches",
        [info("x", "batch", 4)],
        [info("y", "batch", 4)],
        [
            *weights(one=np.ones(1, np.float32)),
            numpy_helper.from_array(np.array(True), "yes"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (found,) = run(cut_to(made, "y"), x=X)
    np.testing.assert_allclose(found, X + 1)


def test_names_with_a_prefix_and_inputs_of_ones_own() -> None:
    whole = model()
    before = whole.SerializeToString()
    found = renamed(cut_to(whole, "y"), "a/", {"x": "a picture"})
    assert [value.name for value in found.graph.input] == ["a picture"]
    assert [value.name for value in found.graph.output] == ["a/y"]
    names = {name for node in found.graph.node for name in (*node.input, *node.output)}
    assert all(name.startswith("a/") or name == "a picture" for name in names)
    np.testing.assert_array_equal(
        run(found, **{"a picture": X})[0], run(cut_to(whole, "y"), x=X)[0]
    )
    assert whole.SerializeToString() == before


def test_no_prefix() -> None:
    found = renamed(cut_to(model(), "y"), "", {"x": "image"})
    assert [value.name for value in found.graph.input] == ["image"]
    assert [value.name for value in found.graph.output] == ["y"]
    run(found, image=X)


def test_two_side_by_side_compute_what_each_does() -> None:
    parts = [renamed(cut_to(model(), "y"), prefix, {}) for prefix in ("a/", "b/")]
    graph = side_by_side(parts, "both")
    graph.output.extend([info("a/y", "batch", 3), info("b/y", "batch", 3)])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    left, right = run(made, **{"a/x": X, "b/x": -X})
    np.testing.assert_allclose(left, np.maximum(2 * X @ kernel(), 0), atol=1e-5)
    np.testing.assert_allclose(right, np.maximum(-2 * X @ kernel(), 0), atol=1e-5)


def squeezing() -> onnx.ModelProto:
    """Opset 11, where Squeeze has its axes in an attribute; from 13 on they are an input."""
    nodes = [
        helper.make_node("Unsqueeze", ["x"], ["wide"], axes=[2]),
        helper.make_node("Squeeze", ["wide"], ["y"], axes=[2]),
    ]
    graph = helper.make_graph(nodes, "s", [info("x", "batch", 4)], [info("y", "batch", 4)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)


def test_older_models_are_brought_to_the_newest_opset() -> None:
    found = in_one_opset([squeezing(), model(17)])
    assert [opset_of(one) for one in found] == [17, 17]
    np.testing.assert_array_equal(run(found[0], x=X)[0], X)


def test_models_of_one_opset_are_left_as_they_are() -> None:
    some = [model(16), model(16)]
    assert all(one is other for one, other in zip(in_one_opset(some), some, strict=True))


def test_the_opset_is_that_of_onnx_itself() -> None:
    made = model(15)
    made.opset_import.append(helper.make_opsetid("com.microsoft", 99))
    assert opset_of(made) == 15


def test_notes_are_taken_off_at_every_depth() -> None:
    made = model()
    inner = helper.make_graph([made.graph.node[0]], "inner", [], [])
    made.graph.node.append(helper.make_node("If", ["x"], ["z2"], then_branch=inner))
    deep = made.graph.node[-1].attribute[0].g.node[0]
    parts: list[Any] = [made, made.graph, deep, *made.graph.initializer]
    for part in parts:
        part.doc_string = "File /home/somebody/net.py, line 12"
        entry = part.metadata_props.add()
        entry.key, entry.value = "pkg.torch.onnx.stack_trace", "/home/somebody"
    without_notes(made)
    assert b"somebody" not in made.SerializeToString()
    assert [node.op_type for node in made.graph.node] == ["Mul", "MatMul", "Relu", "Add", "If"]
    assert len(made.graph.initializer) == 3
