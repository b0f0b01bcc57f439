"""ONNX's operators, one by one: what each becomes in TensorFlow's words.

Both sides: https://onnx.ai/onnx/operators and https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from figleaf.errors import ModelError
from figleaf.export.tfjs import windows
from figleaf.export.tfjs.graphdef import LOWEST, NHWC, flag, number, texts
from figleaf.export.tfjs.held import Constant, Held
from figleaf.export.tfjs.layout import TO_LAST, TO_SECOND
from figleaf.export.tfjs.step import Convert, Step

_RELU6 = (0.0, 6.0)


def convert(step: Step) -> Held:
    """Add an operator to the graph.

    Raises:
        ModelError: it is not known, which is said by name, or used in a way that is not.
    """
    known = OPERATORS.get(step.kind)
    if known is None:
        raise ModelError(
            f"{step.kind} {step.name!r}: this operator has no counterpart here; known are"
            f" {', '.join(sorted(OPERATORS))}"
        )
    return known(step)


def _transpose(step: Step) -> Held:
    x, axes = step.held(), step.sides("perm", ())
    if axes == TO_SECOND and not x.last:
        return replace(x, shape=step.shape, last=True)
    if axes == TO_LAST and x.last:
        return replace(x, shape=step.shape, last=False)
    step.refuse(f"axes {axes}")


def _pairwise(op: str) -> Convert:
    def convert_pair(step: Step) -> Held:
        a, b = step.inputs
        if isinstance(a, Held) and isinstance(b, Constant):
            if op in ("Mul", "RealDiv") and a.factor != 1 and b.array.size == 1:
                return _scaled(step, a, float(b.floats.reshape(())), op)
            x = step.layout.plain(a)
            inputs = [x.name, step.layout.operand(b, x, f"{step.name}/operand")]
        elif isinstance(a, Constant) and isinstance(b, Held):
            x = step.layout.plain(b)
            inputs = [step.layout.operand(a, x, f"{step.name}/operand"), x.name]
        elif isinstance(a, Held) and isinstance(b, Held):
            x, other = _alike(step, a, b)
            inputs = [x.name, other.name]
        else:
            step.refuse("it reads constants alone")
        return step.made(step.graph.node(op, inputs, step.name), last=x.last)

    return convert_pair


def _alike(step: Step, a: Held, b: Held) -> tuple[Held, Held]:
    if len(a.shape) != len(b.shape):
        step.refuse(f"of {len(a.shape)} and {len(b.shape)} axes")
    bring = step.layout.last if a.last or b.last else step.layout.plain
    return bring(a), bring(b)


def _scaled(step: Step, x: Held, by: float, op: str) -> Held:
    """The picture in another range: what NSFW JS has divided by 255 need not be done twice."""
    factor = x.factor * by if op == "Mul" else x.factor / by
    return replace(x, factor=factor, shape=step.shape)


def _unary(op: str, **attr: Any) -> Convert:
    def convert_one(step: Step) -> Held:
        x = step.layout.plain(step.held())
        return step.made(step.graph.node(op, [x.name], step.name, **attr), last=x.last)

    return convert_one


def _elu(step: Step) -> Held:
    if step.attributes.get("alpha", 1.0) != 1:
        step.refuse("an alpha other than 1")
    return _unary("Elu")(step)


def _leaky_relu(step: Step) -> Held:
    return _unary("LeakyRelu", alpha=number(step.attributes.get("alpha", 0.01)))(step)


def _hard_sigmoid(step: Step) -> Held:
    x = step.layout.plain(step.held())
    slope, offset = step.attributes.get("alpha", 0.2), step.attributes.get("beta", 0.5)
    for op, value in (("Mul", slope), ("AddV2", offset)):
        operand = step.graph.constant(f"{step.name}/{op}", np.array(value, np.float32))
        x = replace(x, name=step.graph.node(op, [x.name, operand], f"{step.name}/{op}"))
    return step.made(_clipped(step, x.name, 0, 1), last=x.last)


def _clip(step: Step) -> Held:
    x = step.layout.plain(step.held())
    low, high = bounds(step.maybe(1), step.maybe(2))
    if (low, high) == _RELU6:
        return step.made(step.graph.node("Relu6", [x.name], step.name), last=x.last)
    return step.made(_clipped(step, x.name, low, high), last=x.last)


def bounds(low: Constant | None, high: Constant | None) -> tuple[float, float]:
    """The least and the most of a Clip."""
    return (
        LOWEST if low is None else float(low.floats.reshape(())),
        -LOWEST if high is None else float(high.floats.reshape(())),
    )


def _clipped(step: Step, name: str, low: float, high: float) -> str:
    ends = [
        step.graph.constant(f"{step.name}/{end}", np.array(value, np.float32))
        for end, value in (("low", low), ("high", high))
    ]
    return step.graph.node("ClipByValue", [name, *ends], step.name)


def _prelu(step: Step) -> Held:
    x = step.layout.plain(step.held())
    slope = step.layout.operand(step.constant(1), x, f"{step.name}/slope")
    return step.made(step.graph.node("Prelu", [x.name, slope], step.name), last=x.last)


def _softmax(step: Step) -> Held:
    x = step.layout.plain(step.held())
    axis = step.attributes.get("axis", -1) % len(x.shape)
    if axis != (1 if x.last else len(x.shape) - 1):
        step.refuse(f"over axis {axis}")
    return step.made(step.graph.node("Softmax", [x.name], step.name), last=x.last)


def _concat(step: Step) -> Held:
    values = [step.held(number) for number in range(len(step.inputs))]
    last = any(one.last for one in values)
    brought = [step.layout.last(one) if last else step.layout.plain(one) for one in values]
    axis = step.attributes["axis"] % len(step.shape)
    by = step.graph.constant(
        f"{step.name}/axis", np.array((0, 3, 1, 2)[axis] if last else axis, np.int32)
    )
    inputs = [*(one.name for one in brought), by]
    attr = {"N": {"i": str(len(brought))}}
    return step.made(step.graph.node("ConcatV2", inputs, step.name, **attr), last=last)


def _reshape(step: Step) -> Held:
    """Flatten, Reshape, Squeeze and Unsqueeze: the shape is known, but for the batch."""
    x = step.layout.plain(step.held())
    single = math.prod(x.shape[1:]) == max(
        x.shape[1:], default=1
    )  # one axis alone is longer than 1
    if x.last and not single:
        x = step.layout.as_onnx(x)
    to = step.graph.constant(f"{step.name}/shape", np.array([-1, *step.shape[1:]], np.int32))
    return step.made(step.graph.node("Reshape", [x.name, to], step.name))


def _gemm(step: Step) -> Held:
    if step.attributes.get("transA"):
        step.refuse("'transA' is set")
    if {step.attributes.get("alpha", 1.0), step.attributes.get("beta", 1.0)} != {1.0}:
        step.refuse("'alpha' or 'beta' is not 1")
    return _product(step, transposed=bool(step.attributes.get("transB")))


def _product(step: Step, *, transposed: bool = False) -> Held:
    """A matrix product, with the bias of a Gemm."""
    x, matrix = step.layout.as_onnx(step.held()), step.constant(1)
    if len(x.shape) != 2 or matrix.array.ndim != 2:
        step.refuse(f"of {len(x.shape)} and {matrix.array.ndim} axes")
    axes = (1, 0) if transposed else (0, 1)
    weight = step.graph.constant(f"{step.name}/matrix", matrix.transposed(axes).stored())
    bias = step.maybe(2)
    flags = {"transpose_a": flag(False), "transpose_b": flag(False)}
    if bias is None:
        return step.made(step.graph.node("MatMul", [x.name, weight], step.name, **flags))
    shift = np.broadcast_to(bias.floats.reshape(-1), (step.shape[-1],))
    inputs = [x.name, weight, step.graph.constant(f"{step.name}/bias", np.array(shift))]
    fused = texts(["BiasAdd", *([step.then] if step.then else [])])
    attr = {**flags, "fused_ops": fused, "num_args": {"i": "1"}, "epsilon": number(0)}
    return step.made(step.graph.node("_FusedMatMul", inputs, step.name, **attr))


def _batch_normalisation(step: Step) -> Held:
    x = step.layout.plain(step.held())
    if len(x.shape) == 4:
        x = step.layout.last(x)
    parts = [
        step.graph.constant(f"{step.name}/{part}", step.constant(index).floats)
        for index, part in enumerate(("scale", "shift", "mean", "variance"), 1)
    ]
    attr = {"epsilon": number(step.attributes.get("epsilon", 1e-5)), "is_training": flag(False)}
    name = step.graph.node("FusedBatchNormV3", [x.name, *parts], step.name, **attr, **NHWC)
    return step.made(name, last=x.last)


def _nothing(step: Step) -> Held:
    return replace(step.held(), shape=step.shape)


OPERATORS: Mapping[str, Convert] = {
    "Transpose": _transpose,
    "Add": _pairwise("AddV2"),
    "Sub": _pairwise("Sub"),
    "Mul": _pairwise("Mul"),
    "Div": _pairwise("RealDiv"),
    "Max": _pairwise("Maximum"),
    "Min": _pairwise("Minimum"),
    "Abs": _unary("Abs"),
    "Sign": _unary("Sign"),
    "Sqrt": _unary("Sqrt"),
    "Exp": _unary("Exp"),
    "Neg": _unary("Neg"),
    "Erf": _unary("Erf"),
    "Reciprocal": _unary("Reciprocal"),
    "Relu": _unary("Relu"),
    "Sigmoid": _unary("Sigmoid"),
    "Tanh": _unary("Tanh"),
    "Softplus": _unary("Softplus"),
    "Selu": _unary("Selu"),
    "Elu": _elu,
    "LeakyRelu": _leaky_relu,
    "HardSigmoid": _hard_sigmoid,
    "PRelu": _prelu,
    "Clip": _clip,
    "Softmax": _softmax,
    "Conv": windows.convolution,
    "MaxPool": windows.pool("MaxPool", LOWEST),
    "AveragePool": windows.pool("AvgPool", 0.0),
    "GlobalAveragePool": windows.global_pool("Mean"),
    "GlobalMaxPool": windows.global_pool("Max"),
    "ReduceMean": windows.reduce("Mean"),
    "ReduceMax": windows.reduce("Max"),
    "ReduceMin": windows.reduce("Min"),
    "Pad": windows.pad,
    "Concat": _concat,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Gemm": _gemm,
    "MatMul": _product,
    "BatchNormalization": _batch_normalisation,
    "Identity": _nothing,
    "Dropout": _nothing,
}
