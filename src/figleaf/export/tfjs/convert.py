"""The graph of a bundle in TensorFlow's words: a GraphDef that takes pixels in 0..1."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from figleaf.errors import ModelError
from figleaf.export.tfjs.graphdef import GraphDef
from figleaf.export.tfjs.held import Constant, Held, Shape
from figleaf.export.tfjs.operations import bounds, convert
from figleaf.export.tfjs.step import Step
from figleaf.models.surgery import cut_to

if TYPE_CHECKING:
    import onnx

INPUT, OUTPUT = "image", "probabilities"
_FUSING = frozenset(("Conv", "Gemm"))
Values = dict[str, Held | Constant]


def graphdef_of(graph: bytes, size: tuple[int, int]) -> GraphDef:
    """The part of a bundle's graph that probabilities need, as TensorFlow's operations.

    Args:
        graph: ONNX, as bundles have it: one input, float32 RGB in 0..255, NHWC.
        size: (height, width) of the input.

    Raises:
        ModelError: an operator has no counterpart, which is said by name.
    """
    import onnx

    model = cut_to(onnx.load_model_from_string(graph), OUTPUT)
    shapes = _shapes(model)
    made = GraphDef()
    name = made.placeholder(INPUT, (-1, *size, 3))
    values: Values = {
        t.name: Constant(onnx.numpy_helper.to_array(t)) for t in model.graph.initializer
    }
    (picture,) = (one.name for one in model.graph.input if one.name not in values)
    values[picture] = Held(name, (1, *size, 3), factor=255.0)
    fused = _fused(model.graph, values)
    for node in model.graph.node:
        if node.output[0] in values:  # an activation that its convolution has taken over
            continue
        _convert(node, values, shapes, made, fused.get(node.output[0]))
    last = values[OUTPUT]
    if not isinstance(last, Held):
        raise ModelError("the graph's probabilities do not depend on the picture")
    _name_output(made, last)
    return made


def _convert(
    node: "onnx.NodeProto",
    values: Values,
    shapes: Mapping[str, Shape],
    made: GraphDef,
    then: "tuple[str, onnx.NodeProto] | None",
) -> None:
    inputs = [values[name] if name else None for name in node.input]
    given = node.output[0]
    if all(isinstance(one, Constant) for one in inputs):
        values[given] = _computed(node, [one for one in inputs if isinstance(one, Constant)])
        return
    kind, reader = then if then else ("", None)
    name = given if reader is None else reader.output[0]
    step = Step(node.op_type, name, _attributes(node), inputs, shapes.get(given, ()), made, kind)
    if not step.shape:
        step.refuse("its shape does not follow from the graph")
    values[given] = convert(step)
    if reader is not None:
        values[reader.output[0]] = values[given]


def _fused(graph: "onnx.GraphProto", values: Values) -> "dict[str, tuple[str, onnx.NodeProto]]":
    """What a convolution gives -> the activation that alone reads it."""
    reads = Counter(name for node in graph.node for name in node.input)
    reads.update(value.name for value in graph.output)
    givers = {node.output[0]: node for node in graph.node}
    found = {}
    for node in graph.node:
        source = node.input[0] if node.input else ""
        giver = givers.get(source)
        if giver is None or giver.op_type not in _FUSING or reads[source] != 1:
            continue
        if giver.op_type == "Gemm" and len(giver.input) < 3:
            continue
        if kind := _activation(node, values):
            found[source] = (kind, node)
    return found


def _activation(node: "onnx.NodeProto", values: Values) -> str:
    if node.op_type == "Relu":
        return "Relu"
    if node.op_type != "Clip":
        return ""
    ends = [values.get(name) if name else None for name in (*node.input[1:], "", "")[:2]]
    if any(isinstance(one, Held) for one in ends):
        return ""
    low, high = (one if isinstance(one, Constant) else None for one in ends)
    return "Relu6" if bounds(low, high) == (0.0, 6.0) else ""


def _computed(node: "onnx.NodeProto", inputs: list[Constant]) -> Constant:
    """What an operator on constants alone gives: how bundles keep kernels in whole numbers."""
    import onnx

    if node.op_type == "Cast":
        (to,) = (one.i for one in node.attribute if one.name == "to")
        (x,) = inputs
        array = x.array.astype(onnx.helper.tensor_dtype_to_np_dtype(to))
        packed = x.array.astype(np.uint8) if x.array.dtype == np.uint8 else None
        return Constant(array, packed)
    if node.op_type in ("Add", "Mul"):
        a, b = inputs
        first, second = (a, b) if a.packed is not None else (b, a)
        return first.plus(second) if node.op_type == "Add" else first.times(second)
    if node.op_type in ("Identity", "Constant"):
        return inputs[0] if inputs else Constant(_literal(node))
    raise ModelError(
        f"{node.op_type} {node.output[0]!r}: computed of constants, which is not known here"
    )


def _literal(node: "onnx.NodeProto") -> "np.ndarray[Any, Any]":
    import onnx

    for one in node.attribute:
        if one.name == "value":
            return onnx.numpy_helper.to_array(one.t)
    raise ModelError(f"Constant {node.output[0]!r}: no tensor in it")


def _attributes(node: "onnx.NodeProto") -> dict[str, Any]:
    import onnx

    return {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}


def _shapes(model: "onnx.ModelProto") -> dict[str, Shape]:
    """The shape of every value, for one picture."""
    import onnx

    one = onnx.ModelProto()
    one.CopyFrom(model)
    for value in one.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in one.graph.output:
        value.type.tensor_type.ClearField("shape")
    del one.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(one, strict_mode=True, data_prop=True).graph
    return {
        value.name: tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim)
        for value in (*inferred.value_info, *inferred.output)
        if value.type.tensor_type.HasField("shape")
    }


def _name_output(made: GraphDef, last: Held) -> None:
    """The node that gives the output is called so, whatever it does."""
    if last.name != OUTPUT:
        made.node("Identity", [last.name], OUTPUT)
