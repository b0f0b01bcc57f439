"""TensorFlow's operations, one by one: what each adds to the graph.

https://www.tensorflow.org/api_docs/python/tf/raw_ops has what they do, and what they are given.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs import shapes
from figleaf.importing.tfjs.activations import activation, leaky_relu
from figleaf.importing.tfjs.arrays import Stored, reshaped
from figleaf.importing.tfjs.attributes import Node
from figleaf.importing.tfjs.net import NO_PADS, Value, Window
from figleaf.importing.tfjs.operation import Input, Operation, Shape
from figleaf.importing.tfjs.weights import folded
from figleaf.models.graph import Floats

Convert = Callable[[Operation], Input]


def convert(operation: Operation) -> Input:
    """What an operation gives.

    Raises:
        ImportModelError: it is not known, or used in a way that is not.
    """
    node = operation.node
    known = OPERATIONS.get(node.op)
    if known is None:
        node.refuse(f"this operation is not known; known are {', '.join(sorted(OPERATIONS))}")
    if node.text("data_format", "NHWC") not in ("NHWC", ""):
        node.refuse("'data_format' is not NHWC")
    try:
        return known(operation)
    except ImportModelError as error:
        if str(error).startswith("node "):
            raise
        raise ImportModelError(f"node {node.name!r} ({node.op}): {error}") from None
    except (ValueError, IndexError, OverflowError) as error:
        # What no check here has thought of: an array or a list of another length, mostly.
        node.refuse(f"it does not fit ({error})")


def _window(op: Operation, size: tuple[int, int]) -> Window:
    node = op.node
    strides, dilations = _inner(node, "strides"), _inner(node, "dilations")
    padding = node.text("padding", "VALID").upper()
    if padding == "EXPLICIT":
        raw = node.whole_numbers("explicit_paddings")
        if len(raw) != 8:
            node.refuse(f"'explicit_paddings' is {raw}")
        return Window(size, strides, (raw[2], raw[4], raw[3], raw[5]), dilations)
    if padding not in ("SAME", "VALID"):
        node.refuse(f"'padding' is {padding!r:.40}")
    return Window(size, strides, None if padding == "SAME" else NO_PADS, dilations)


def _inner(node: Node, key: str) -> tuple[int, int]:
    """Height and width of an attribute for all four axes."""
    found = node.whole_numbers(key) or (1, 1, 1, 1)
    if len(found) != 4 or found[0] != 1 or found[3] != 1:
        node.refuse(f"'{key}' is {found}")
    return found[1], found[2]


def _kernel(op: Operation) -> tuple[Stored, tuple[int, int, int, int]]:
    stored = op.stored(1)
    if stored.values.ndim != 4:
        op.node.refuse(f"its kernel is {stored.values.shape}")
    height, width, taken, given = stored.values.shape
    return stored, (height, width, taken, given)


def _convolution(op: Operation) -> Value:
    stored, (height, width, _, _) = _kernel(op)
    window, name = _window(op, (height, width)), op.node.name
    bias = _fused_bias(op)
    x = op.net.convolution(op.value(0), stored.kernel(3, 2, 0, 1), bias, window, f"{name}/conv")
    return _fused_activation(op, x)


def _depthwise(op: Operation) -> Value:
    stored, (height, width, channels, multiplier) = _kernel(op)
    x = op.value(0)
    if x.channels != channels:
        op.node.refuse(f"its kernel is {stored.values.shape}, for {x.shape}")
    window, name = _window(op, (height, width)), op.node.name
    kernel = reshaped(stored.kernel(2, 3, 0, 1), (channels * multiplier, 1, height, width))
    return _fused_activation(
        op, op.net.convolution(x, kernel, _fused_bias(op), window, f"{name}/conv")
    )


def _fused(op: Operation) -> tuple[str, ...]:
    return tuple(one.lower() for one in op.node.texts("fused_ops"))


def _fused_bias(op: Operation) -> Floats | None:
    fused = _fused(op)
    if not fused or fused[0] != "biasadd":
        return None
    return op.floats(2)


def _fused_activation(op: Operation, x: Value) -> Value:
    fused = _fused(op)
    rest = fused[1:] if fused[:1] == ("biasadd",) else fused
    if len(rest) > 1:
        op.node.refuse(f"'fused_ops' is {list(fused)}, which is not known")
    if not rest:
        return x
    (kind,) = rest
    if kind == "prelu":
        return op.net.prelu(x, op.floats(len(op.inputs) - 1), op.node.name)
    if kind == "leakyrelu":
        return leaky_relu(op.net, x, op.node.number("leakyrelu_alpha", 0.2), op.node.name)
    return activation(op.net, kind, x, op.node.name)


def _dense(op: Operation) -> Value:
    node = op.node
    if node.flag("transpose_a", "adj_x"):
        node.refuse("'transpose_a' is set, which is not known here")
    stored = op.stored(1)
    if stored.values.ndim != 2:
        node.refuse(f"its matrix is {stored.values.shape}")
    axes = (1, 0) if node.flag("transpose_b", "adj_y") else (0, 1)
    kernel = stored.kernel(*axes)
    return _fused_activation(
        op, op.net.dense(op.value(0), kernel, _fused_bias(op), f"{node.name}/dense")
    )


def _batch_normalisation(op: Operation) -> Value:
    x = op.value(0)
    gamma, beta, mean, variance = (op.floats(number) for number in (1, 2, 3, 4))
    if any(one.shape != (x.channels,) for one in (gamma, beta, mean, variance)):
        op.node.refuse(f"its statistics do not fit {x.channels} channels")
    epsilon = op.node.number("epsilon", 1e-4)
    factor, shift = folded(
        mean.astype(np.float64), variance.astype(np.float64), epsilon, gamma, beta
    )
    return op.net.normalise(x, factor, shift, op.node.name)


_ON_CONSTANTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Max": np.maximum,
    "Min": np.minimum,
}


def _pairwise(kind: str) -> Convert:
    def convert_pair(op: Operation) -> Input:
        a, b = op.read(0), op.read(1)
        if isinstance(a, Stored) and isinstance(b, Stored):
            return _constant(_ON_CONSTANTS[kind](a.floats(), b.floats()))
        parts = []
        for one in (a, b):
            if isinstance(one, Shape):
                op.node.refuse("computes with a shape, which is not known here")
            parts.append(one.floats() if isinstance(one, Stored) else one)
        return op.net.pairwise(kind, parts[0], parts[1], op.node.name)

    return convert_pair


def _constant(array: NDArray[Any]) -> Stored:
    return Stored(np.asarray(array, np.float32))


def _unary(kind: str, evaluate: Callable[[Any], Any] | None = None) -> Convert:
    def convert_one(op: Operation) -> Input:
        x = op.read(0)
        if isinstance(x, Stored) and evaluate is not None:
            return _constant(evaluate(x.floats()))
        return op.net.unary(kind, op.value(0), op.node.name)

    return convert_one


def _rsqrt(op: Operation) -> Input:
    x = op.read(0)
    if isinstance(x, Stored):
        return _constant(1 / np.sqrt(x.floats()))
    root = op.net.unary("Sqrt", op.value(0), f"{op.node.name}/root")
    return op.net.unary("Reciprocal", root, op.node.name)


def _square(op: Operation) -> Value:
    return op.net.pairwise("Mul", op.value(0), op.value(0), op.node.name)


def _squared_difference(op: Operation) -> Value:
    less = op.net.pairwise("Sub", op.value(0), op.value(1), f"{op.node.name}/less")
    return op.net.pairwise("Mul", less, less, op.node.name)


def _named_activation(kind: str) -> Convert:
    def convert_activation(op: Operation) -> Value:
        return activation(op.net, kind, op.value(0), op.node.name)

    return convert_activation


def _leaky_relu(op: Operation) -> Value:
    return leaky_relu(op.net, op.value(0), op.node.number("alpha", 0.2), op.node.name)


def _prelu(op: Operation) -> Value:
    return op.net.prelu(op.value(0), op.floats(1), op.node.name)


def _clip(op: Operation) -> Value:
    low, high = (float(op.floats(number).reshape(-1)[0]) for number in (1, 2))
    return op.net.clip(op.value(0), low, high, op.node.name)


def _softmax(op: Operation) -> Value:
    return op.net.softmax(op.value(0), -1, op.node.name)


def _pool(kind: str) -> Convert:
    def convert_pool(op: Operation) -> Value:
        return op.net.pool(kind, op.value(0), _window(op, _inner(op.node, "ksize")), op.node.name)

    return convert_pool


def _reduce(kind: str) -> Convert:
    def convert_reduction(op: Operation) -> Value:
        x = op.value(0)
        keep = op.node.flag("keep_dims", "keepdims")
        return op.net.reduce(kind, x, op.axes(1, x), keep, op.node.name)

    return convert_reduction


def _pad(op: Operation) -> Value:
    raw = op.whole_numbers(1)
    if len(raw) != 8 or any(raw[i] for i in (0, 1, 6, 7)):
        op.node.refuse(f"a border of {raw}: known is one of height and width")
    pads = (raw[2], raw[4], raw[3], raw[5])
    if op.node.op == "MirrorPad":
        if op.node.text("mode", "REFLECT").upper() != "REFLECT":
            op.node.refuse("'mode' is not REFLECT")
        return op.net.pad(op.value(0), pads, 0, op.node.name, "reflect")
    value = float(op.floats(2).reshape(-1)[0]) if op.node.op == "PadV2" else 0.0
    return op.net.pad(op.value(0), pads, value, op.node.name)


def _concat(op: Operation) -> Value:
    values = [op.value(number) for number in range(len(op.inputs) - 1)]
    if not values:
        op.node.refuse("it joins nothing")
    (axis,) = op.axes(len(op.inputs) - 1, values[0])
    return op.net.concat(values, axis, op.node.name)


def _add_many(op: Operation) -> Value:
    done = op.value(0)
    for number in range(1, len(op.inputs)):
        done = op.net.pairwise("Add", done, op.value(number), f"{op.node.name}/{number}")
    return done


def _identity(op: Operation) -> Input:
    return op.read(0)


OPERATIONS: Mapping[str, Convert] = {
    "Conv2D": _convolution,
    "_FusedConv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "FusedDepthwiseConv2dNative": _depthwise,
    "MatMul": _dense,
    "_FusedMatMul": _dense,
    "BatchMatMulV2": _dense,
    "FusedBatchNorm": _batch_normalisation,
    "FusedBatchNormV2": _batch_normalisation,
    "FusedBatchNormV3": _batch_normalisation,
    "BiasAdd": _pairwise("Add"),
    "Add": _pairwise("Add"),
    "AddV2": _pairwise("Add"),
    "AddN": _add_many,
    "Sub": _pairwise("Sub"),
    "Mul": _pairwise("Mul"),
    "RealDiv": _pairwise("Div"),
    "Div": _pairwise("Div"),
    "Maximum": _pairwise("Max"),
    "Minimum": _pairwise("Min"),
    "SquaredDifference": _squared_difference,
    "Square": _square,
    "Sqrt": _unary("Sqrt", np.sqrt),
    "Rsqrt": _rsqrt,
    "Exp": _unary("Exp", np.exp),
    "Neg": _unary("Neg", np.negative),
    "Abs": _unary("Abs", np.abs),
    "Sign": _unary("Sign", np.sign),
    "Reciprocal": _unary("Reciprocal", np.reciprocal),
    "Erf": _unary("Erf"),
    "Relu": _named_activation("relu"),
    "Relu6": _named_activation("relu6"),
    "LeakyRelu": _leaky_relu,
    "Prelu": _prelu,
    "Elu": _named_activation("elu"),
    "Selu": _named_activation("selu"),
    "Sigmoid": _named_activation("sigmoid"),
    "Tanh": _named_activation("tanh"),
    "Softplus": _named_activation("softplus"),
    "ClipByValue": _clip,
    "Softmax": _softmax,
    "MaxPool": _pool("MaxPool"),
    "AvgPool": _pool("AveragePool"),
    "Mean": _reduce("ReduceMean"),
    "Max": _reduce("ReduceMax"),
    "Min": _reduce("ReduceMin"),
    "Sum": _reduce("ReduceSum"),
    "Pad": _pad,
    "PadV2": _pad,
    "MirrorPad": _pad,
    "Reshape": shapes.reshape,
    "Squeeze": shapes.squeeze,
    "ExpandDims": shapes.expand,
    "Transpose": shapes.transpose,
    "ConcatV2": _concat,
    "Identity": _identity,
    "StopGradient": _identity,
    "Shape": shapes.shape_of,
    "StridedSlice": shapes.slice_of_shape,
    "Pack": shapes.pack,
}
