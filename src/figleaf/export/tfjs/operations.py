"""ONNX's operators, one by one: what each becomes in TensorFlow's words.

Both sides: https://onnx.ai/onnx/operators and https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from figleaf.errors import ModelError
from figleaf.export.tfjs.graphdef import GraphDef, Packed, flag, number, text, texts, whole_numbers
from figleaf.export.tfjs.held import Constant, Held, Shape
from figleaf.export.tfjs.layout import TO_LAST, TO_SECOND, Layout
from figleaf.models.graph import Pads, same_pads

_NHWC = {"data_format": text("NHWC")}
_RELU6 = (0.0, 6.0)
_LOWEST = float(np.finfo(np.float32).min)


@dataclass(frozen=True, slots=True)
class Step:
    """One operator with what it reads.

    Attributes:
        kind: ONNX's name of it.
        name: of what it gives.
        attributes: by name.
        inputs: None where one is left out.
        shape: of what it gives for one picture, as ONNX has it.
        graph: that it becomes a part of.
        then: an activation that alone reads what it gives, "Relu" or "Relu6"; "" for none.
    """

    kind: str
    name: str
    attributes: Mapping[str, Any]
    inputs: Sequence[Held | Constant | None]
    shape: Shape
    graph: GraphDef
    then: str = ""

    @property
    def layout(self) -> Layout:
        """Brings what it reads into an order."""
        return Layout(self.graph)

    def refuse(self, reason: str) -> NoReturn:
        """Raise a ModelError that says where."""
        raise ModelError(f"{self.kind} {self.name!r}: {reason}, which TensorFlow.js is not given")

    def held(self, index: int = 0) -> Held:
        """An input that depends on the picture."""
        found = self.inputs[index]
        if not isinstance(found, Held):
            self.refuse(f"input {index} is a constant")
        return found

    def constant(self, index: int) -> Constant:
        """An input that does not."""
        found = self.inputs[index]
        if not isinstance(found, Constant):
            self.refuse(f"input {index} is computed")
        return found

    def maybe(self, index: int) -> Constant | None:
        """The same, None where it is left out."""
        if index >= len(self.inputs) or self.inputs[index] is None:
            return None
        return self.constant(index)

    def sides(self, key: str, default: Sequence[int]) -> tuple[int, ...]:
        """An attribute of whole numbers."""
        return tuple(int(one) for one in self.attributes.get(key, default))

    def made(self, name: str, *, last: bool = False) -> Held:
        """What the operator gives."""
        return Held(name, self.shape, last)


Convert = Callable[[Step], Held]


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
        _LOWEST if low is None else float(low.floats.reshape(())),
        -_LOWEST if high is None else float(high.floats.reshape(())),
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


def _convolution(step: Step) -> Held:
    x, kernel, groups = (
        step.layout.last(step.held()),
        step.constant(1),
        int(step.attributes.get("group", 1)),
    )
    depthwise = groups > 1 and groups == x.shape[1]
    if groups != 1 and not depthwise:
        step.refuse(f"{groups} groups for {x.shape[1]} channels")
    window = (*kernel.array.shape[2:],)
    x, padding = _padded(step, x, window, 0.0)
    weight = _kernel(step, kernel, groups if depthwise else 0)
    op = "FusedDepthwiseConv2dNative" if depthwise else "_FusedConv2D"
    bias = step.maybe(2)
    zeros = np.zeros(kernel.array.shape[0], np.float32)
    shift = step.graph.constant(f"{step.name}/bias", zeros if bias is None else bias.floats)
    name = step.graph.node(
        op,
        [x.name, weight, shift],
        step.name,
        strides=whole_numbers([1, *step.sides("strides", (1, 1)), 1]),
        dilations=whole_numbers([1, *step.sides("dilations", (1, 1)), 1]),
        padding=text(padding),
        fused_ops=texts(["BiasAdd", *([step.then] if step.then else [])]),
        num_args={"i": "1"},
        epsilon=number(0),
        **_NHWC,
    )
    return step.made(name, last=True)


def _kernel(step: Step, kernel: Constant, groups: int) -> str:
    """A kernel as TensorFlow has it: [height, width, in, out], or [.., channels, multiplier]."""
    out, _, height, width = kernel.array.shape
    if groups:
        split = (groups, out // groups, height, width)
        axes, shape = (2, 3, 0, 1), (height, width, groups, out // groups)
        kernel = _split(kernel, split)
    else:
        axes, shape = (2, 3, 1, 0), (height, width, kernel.array.shape[1], out)
    name = f"{step.name}/kernel"
    if kernel.packed is None or kernel.scale is None or kernel.scale.size == 1:
        return step.graph.constant(name, kernel.transposed(axes, shape).stored())
    # TensorFlow.js has one scale for an array: the whole numbers stay small, and are scaled there.
    whole = Packed(kernel.packed.transpose(axes), 1.0, kernel.offset)
    scale = kernel.scale.reshape(shape[2:] if groups else (out,))
    inputs = [
        step.graph.constant(f"{name}/whole", whole),
        step.graph.constant(f"{name}/scale", scale),
    ]
    return step.graph.node("Mul", inputs, name)


def _split(kernel: Constant, shape: Shape) -> Constant:
    packed = None if kernel.packed is None else kernel.packed.reshape(shape)
    return replace(kernel, array=kernel.array.reshape(shape), packed=packed)


def _padded(step: Step, x: Held, window: Shape, value: float) -> tuple[Held, str]:
    """The map as the window is to slide over it, and TensorFlow's word for the padding."""
    if step.attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", "NOTSET"):
        step.refuse("'auto_pad' is set")
    if step.attributes.get("ceil_mode"):
        step.refuse("'ceil_mode' is set")
    top, left, bottom, right = pads = step.sides("pads", (0, 0, 0, 0))
    if not any(pads):
        return x, "VALID"
    if pads == _same(step, x, window):
        return x, "SAME"
    if step.kind == "AveragePool":
        step.refuse(f"an average with a border of {pads}")
    height, width = x.shape[2] + top + bottom, x.shape[3] + left + right
    widths = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
    return _bordered(step, x, widths, value, (*x.shape[:2], height, width)), "VALID"


def _same(step: Step, x: Held, window: Shape) -> Pads:
    strides, dilations = step.sides("strides", (1, 1)), step.sides("dilations", (1, 1))
    reach = [(side - 1) * d + 1 for side, d in zip(window, dilations, strict=True)]
    size = (x.shape[2], x.shape[3])
    top, _, bottom, _ = same_pads(size, reach, strides[0])
    _, left, _, right = same_pads(size, reach, strides[1])
    return top, left, bottom, right


def _bordered(step: Step, x: Held, widths: Any, value: float, shape: Shape) -> Held:
    inputs = [
        x.name,
        step.graph.constant(f"{step.name}/widths", widths),
        step.graph.constant(f"{step.name}/border", np.array(value, np.float32)),
    ]
    return replace(x, name=step.graph.node("PadV2", inputs, f"{step.name}/padded"), shape=shape)


def _pool(op: str, border: float) -> Convert:
    def convert_pool(step: Step) -> Held:
        if step.attributes.get("count_include_pad") or set(step.sides("dilations", ())) > {1}:
            step.refuse("'count_include_pad' or 'dilations' is set")
        window = step.sides("kernel_shape", ())
        x, padding = _padded(step, step.layout.last(step.held()), window, border)
        name = step.graph.node(
            op,
            [x.name],
            step.name,
            ksize=whole_numbers([1, *window, 1]),
            strides=whole_numbers([1, *step.sides("strides", (1, 1)), 1]),
            padding=text(padding),
            **_NHWC,
        )
        return step.made(name, last=True)

    return convert_pool


def _global_pool(op: str) -> Convert:
    def convert_pool(step: Step) -> Held:
        x = step.layout.last(step.held())
        return step.made(_reduced(step, op, x, [1, 2], keep=True), last=True)

    return convert_pool


def _reduce(op: str) -> Convert:
    def convert_reduction(step: Step) -> Held:
        x, keep = step.layout.plain(step.held()), bool(step.attributes.get("keepdims", 1))
        axes = [axis % len(x.shape) for axis in step.sides("axes", range(1, len(x.shape)))]
        if x.last:
            if not keep:
                x = step.layout.as_onnx(x)
            else:
                axes = [(0, 3, 1, 2)[axis] for axis in axes]
        return step.made(_reduced(step, op, x, axes, keep=keep), last=x.last)

    return convert_reduction


def _reduced(step: Step, op: str, x: Held, axes: Sequence[int], *, keep: bool) -> str:
    over = step.graph.constant(f"{step.name}/over", np.array(axes, np.int32))
    return step.graph.node(op, [x.name, over], step.name, keep_dims=flag(keep))


def _pad(step: Step) -> Held:
    x = step.layout.last(step.held())
    border = [int(one) for one in step.constant(1).array.reshape(-1)]
    mode = step.attributes.get("mode", b"constant")
    if (
        len(border) != 8
        or any(border[i] for i in (0, 1, 4, 5))
        or mode not in (b"constant", "constant")
    ):
        step.refuse(f"a border of {border}")
    widths = np.array([[0, 0], [border[2], border[6]], [border[3], border[7]], [0, 0]], np.int32)
    given = step.maybe(2)
    value = 0.0 if given is None else float(given.floats.reshape(()))
    return _bordered(step, x, widths, value, step.shape)


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
    name = step.graph.node("FusedBatchNormV3", [x.name, *parts], step.name, **attr, **_NHWC)
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
    "Conv": _convolution,
    "MaxPool": _pool("MaxPool", _LOWEST),
    "AveragePool": _pool("AvgPool", 0.0),
    "GlobalAveragePool": _global_pool("Mean"),
    "GlobalMaxPool": _global_pool("Max"),
    "ReduceMean": _reduce("Mean"),
    "ReduceMax": _reduce("Max"),
    "ReduceMin": _reduce("Min"),
    "Pad": _pad,
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
