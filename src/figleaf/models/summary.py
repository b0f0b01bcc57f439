"""What a graph consists of: layers, parameters, multiplications."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from google.protobuf.message import DecodeError
from onnx import shape_inference

from figleaf.errors import ModelError

Shape = tuple[int, ...]

_TRAINED = frozenset(
    ("Conv", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "PRelu", "Add", "Mul")
)
"""The kinds of nodes whose constants are trained; Sub and Div are how pictures are normalised."""
_SCALE_AND_OFFSET = 2  # of the constants of batch norm; the others are statistics


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of a graph that computes on pictures.

    Attributes:
        name: of the node, or of what it gives.
        kind: in ONNX's words: "Conv", "Relu".
        shape: of what it gives for one picture, the batch of 1 included; None where the graph does
            not say enough.
        parameters: how many trained numbers it holds, as whole numbers too.
        macs: how many multiplications with an addition it takes for one picture; counted for Conv,
            Gemm and MatMul, 0 for others, None without the shapes.
    """

    name: str
    kind: str
    shape: Shape | None
    parameters: int
    macs: int | None


@dataclass(frozen=True, slots=True)
class GraphSummary:
    """The layers of a graph in their order, and their sums."""

    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Of all layers; weights that several share count for each."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int | None:
        """Multiplications with an addition, for one picture; None if a layer's are not known."""
        counts = [layer.macs for layer in self.layers]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @property
    def flops(self) -> int | None:
        """Floating-point operations for one picture: two for each of `macs`."""
        return None if self.macs is None else 2 * self.macs


def describe(graph: bytes) -> GraphSummary:
    """Describe an ONNX graph, by the shapes that follow from one picture.

    Raises:
        ModelError: the bytes are no ONNX graph, or one that contradicts itself.
    """
    try:
        model = onnx.load_model_from_string(graph)
        _take_one_picture(model.graph)
        inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    except (DecodeError, shape_inference.InferenceError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"not an ONNX graph that can be described: {reason}") from error
    return GraphSummary(tuple(_layers(inferred)))


def _take_one_picture(graph: onnx.GraphProto) -> None:
    """Set the batch of the inputs to 1, and forget all shapes that were for any batch."""
    for value in graph.input:
        axes = value.type.tensor_type.shape.dim
        if axes and not axes[0].HasField("dim_value"):
            axes[0].dim_value = 1
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    del graph.value_info[:]


def _layers(graph: onnx.GraphProto) -> list[Layer]:
    shapes = _shapes(graph)
    constants = {tensor.name for tensor in graph.initializer}
    layers = []
    for node in graph.node:
        if constants.issuperset(filter(None, node.input)):
            # Of constants alone, as a kernel that is kept in whole numbers: no layer.
            constants.update(node.output)
        else:
            layers.append(_layer(node, shapes, constants))
    return layers


def _layer(node: onnx.NodeProto, shapes: Mapping[str, Shape], constants: set[str]) -> Layer:
    return Layer(
        name=node.name or node.output[0],
        kind=node.op_type,
        shape=shapes.get(node.output[0]),
        parameters=_parameters(node, shapes, constants),
        macs=_macs(node, shapes),
    )


def _shapes(graph: onnx.GraphProto) -> dict[str, Shape]:
    """Of every value that has a known one."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(
            axis.HasField("dim_value") for axis in tensor.shape.dim
        ):
            shapes[value.name] = tuple(axis.dim_value for axis in tensor.shape.dim)
    return shapes


def _parameters(node: onnx.NodeProto, shapes: Mapping[str, Shape], constants: set[str]) -> int:
    if node.op_type not in _TRAINED:
        return 0
    held = [shapes[name] for name in node.input if name in constants and name in shapes]
    if node.op_type == "BatchNormalization":
        held = held[:_SCALE_AND_OFFSET]
    return sum(math.prod(shape) for shape in held if shape)  # a number alone is a setting


def _macs(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int | None:
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        return 0
    given, weight = (shapes.get(name) for name in node.input[:2])
    result = shapes.get(node.output[0])
    if given is None or weight is None or result is None:
        return None
    if node.op_type == "Conv":
        return math.prod(result) * math.prod(weight[1:])
    transposed = node.op_type == "Gemm" and any(
        attribute.name == "transA" and attribute.i for attribute in node.attribute
    )
    return math.prod(result) * (given[0] if transposed else given[-1])
