"""The tensor that a graph's last layer reads, where it is certain which that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_PASSING = ("Identity", "Cast")


@dataclass(frozen=True, slots=True)
class Features:
    """A tensor [batch, width] of the graph."""

    name: str
    width: int


def producer(
    graph: "onnx.GraphProto", name: str, *, through: Sequence[str] = ()
) -> "onnx.NodeProto | None":
    """The node that gives a tensor, None for an input or a weight.

    Args:
        graph: it is in.
        name: the tensor's.
        through: kinds of nodes that change nothing here, past which is looked.
    """
    givers = {output: node for node in graph.node for output in node.output}
    node = givers.get(name)
    while node is not None and node.op_type in through:
        node = givers.get(node.input[0])
    return node


def shapes_of(model: "onnx.ModelProto") -> dict[str, list[int]]:
    """The shape of every tensor that one can be inferred for, 0 for an axis of any length."""
    import onnx

    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except (onnx.shape_inference.InferenceError, ValueError):
        graph = model.graph
    return {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output, *graph.input)
        if value.type.tensor_type.HasField("shape")
    }


def features_of(
    model: "onnx.ModelProto", scores: str, shapes: dict[str, list[int]]
) -> Features | None:
    """What the last linear layer reads, None where there is no such layer or it reads no vector.

    Args:
        model: the whole graph.
        scores: the tensor that it ends in, before or after a softmax.
        shapes: from `shapes_of`.
    """
    graph = model.graph
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    node = producer(graph, scores, through=(*_PASSING, "Softmax"))
    if node is not None and node.op_type == "Add":
        inner = [name for name in node.input if name not in weights]
        node = producer(graph, inner[0], through=_PASSING) if len(inner) == 1 else None
    if node is None or node.op_type not in ("Gemm", "MatMul"):
        return None
    name, matrix = node.input[0], weights.get(node.input[1])
    if name in weights or matrix is None or len(matrix) != 2:
        return None
    is_turned = any(one.name == "transB" and one.i for one in node.attribute)
    width = matrix[1] if is_turned else matrix[0]
    shape = shapes.get(name, [])
    return Features(name, width) if len(shape) == 2 and shape[1] in (0, width) else None
