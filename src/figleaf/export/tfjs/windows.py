"""What looks at a map through windows, and what takes means of it: the operators with padding."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from figleaf.export.tfjs.graphdef import NHWC, Packed, flag, number, text, texts, whole_numbers
from figleaf.export.tfjs.held import Constant, Held, Shape
from figleaf.export.tfjs.step import Convert, Step
from figleaf.models.graph import Pads, same_pads


def convolution(step: Step) -> Held:
    """A convolution with its bias, and the activation that it takes over."""
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
        **NHWC,
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


def pool(op: str, border: float) -> Convert:
    """MaxPool or AvgPool, with what the border of a MaxPool is made of."""

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
            **NHWC,
        )
        return step.made(name, last=True)

    return convert_pool


def global_pool(op: str) -> Convert:
    """A pool over height and width."""

    def convert_pool(step: Step) -> Held:
        x = step.layout.last(step.held())
        return step.made(_reduced(step, op, x, [1, 2], keep=True), last=True)

    return convert_pool


def reduce(op: str) -> Convert:
    """A mean or the like over axes."""

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


def pad(step: Step) -> Held:
    """A border of one number."""
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
