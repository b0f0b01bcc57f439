"""Small TensorFlow.js graph models: GraphDefs written node by node, as converters write them."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .tfjs_models import SIDES, Floats, softmax, write_model


def text(value: str) -> dict[str, Any]:
    """An attribute that is a string."""
    return {"s": base64.b64encode(value.encode()).decode()}


def texts(*values: str) -> dict[str, Any]:
    """An attribute that is a list of strings."""
    return {"list": {"s": [text(one)["s"] for one in values]}}


def wholes(*values: int) -> dict[str, Any]:
    """An attribute that is a list of whole numbers."""
    return {"list": {"i": [str(one) for one in values]}}


class Nodes:
    """A graph under construction. The picture is `image`; names count up."""

    def __init__(self, sides: tuple[int, int] = SIDES) -> None:
        dim = [{"size": str(side)} for side in (-1, *sides, 3)]
        attr = {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": {"dim": dim}}}
        self.nodes: list[dict[str, Any]] = [{"name": "image", "op": "Placeholder", "attr": attr}]
        self.arrays: dict[str, NDArray[Any]] = {}
        self.last = ""
        self._random = np.random.default_rng(5)

    def constant(self, value: ArrayLike, name: str = "") -> str:
        """A constant: whole numbers stay such, others become float32."""
        array = np.asarray(value)
        name = name or f"Const_{len(self.nodes)}"
        kind = "DT_FLOAT" if array.dtype.kind == "f" else "DT_INT32"
        self.nodes.append({"name": name, "op": "Const", "attr": {"dtype": {"type": kind}}})
        self.arrays[name] = array
        return name

    def random(self, *shape: int, name: str = "", scale: float = 0.4, shift: float = 0) -> str:
        """A constant of normal numbers."""
        values = self._random.normal(shift, scale, shape).astype(np.float32)
        return self.constant(values, name)

    def add(self, op: str, inputs: Sequence[str], **attr: Any) -> str:
        """A node; gives its name."""
        name = f"{op.lstrip('_')}_{len(self.nodes)}"
        if op in ("ConcatV2", "AddN"):
            attr["N"] = {"i": str(len(inputs) - (op == "ConcatV2"))}
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attr})
        return name

    def conv(self, x: str, kernel: Sequence[int], op: str = "Conv2D", **attr: Any) -> str:
        """A convolution with a random kernel."""
        extra, scale = attr.pop("inputs", []), attr.pop("scale", 0.4)
        ones = wholes(1, 1, 1, 1)
        given = {"strides": ones, "dilations": ones, "padding": text("SAME"), **attr}
        weight = self.random(*kernel, scale=scale)
        return self.add(op, [x, weight, *extra], data_format=text("NHWC"), **given)

    def mean(self, x: str, axes: Sequence[int], keep: bool = False) -> str:
        """The mean over axes, which are counted with the batch."""
        return self.add("Mean", [x, self.constant(list(axes))], keep_dims={"b": keep})

    def head(self, x: str, channels: int) -> None:
        """Pooling, a matrix, a bias and a softmax, as the output."""
        flat = self.mean(x, [1, 2])
        logits = self.add("MatMul", [flat, self.random(channels, 3, scale=1.5)])
        biased = self.add("BiasAdd", [logits, self.random(3)])
        self.output(self.add("Softmax", [biased]))

    def output(self, name: str) -> None:
        """What the signature names."""
        self.last = name

    def write(self, folder: Path, *, dtype: str = "") -> dict[str, Floats]:
        """Write the model's folder; gives what its arrays stand for."""
        entry = {"name": f"{self.last}:0", "dtype": "DT_FLOAT"}
        signature = {"inputs": {"image": {"name": "image:0"}}, "outputs": {"out": entry}}
        topology = {"node": self.nodes, "library": {}, "versions": {"producer": 1}}
        more: dict[str, Any] = {"format": "graph-model", "signature": signature}
        return write_model(folder, topology, self.arrays, dtype=dtype, **more)


def small_graph(side: int = 0) -> Nodes:
    """Convolution, bias, ReLU6, flatten, matrix, softmax, with weights whose names are known."""
    net = Nodes((side, side) if side else SIDES)
    net.random(3, 3, 3, 4, name="kernel")
    mapped = net.add(
        "Conv2D",
        ["image", "kernel"],
        strides=wholes(1, 2, 2, 1),
        dilations=wholes(1, 1, 1, 1),
        padding=text("VALID"),
        data_format=text("NHWC"),
    )
    biased = net.add("BiasAdd", [mapped, net.random(4, name="bias")])
    clipped = net.add("Relu6", [biased])
    flat = net.add("Reshape", [clipped, net.constant([-1, 9 * 11 * 4])])
    logits = net.add("MatMul", [f"{flat}:0", net.random(9 * 11 * 4, 3, name="last"), "^image"])
    net.output(net.add("Softmax", [logits]))
    return net


def small_graph_answers(arrays: Mapping[str, Floats], x: Floats) -> Floats:
    """The same in NumPy."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2]
    mapped = np.einsum("nhwcij,ijco->nhwo", windows, arrays["kernel"]) + arrays["bias"]
    return softmax(mapped.clip(0, 6).reshape(len(x), -1) @ arrays["last"])


def every_operation() -> dict[str, Nodes]:
    """Nets that use all that is known, for TensorFlow.js to be asked as well."""
    return {
        "fused": _fused(),
        "padded": _padded(),
        "activations": _activations(),
        "arithmetic": _arithmetic(),
        "normalised": _normalised(),
        "gates": _gates(),
        "joined": _joined(),
    }


def _fused() -> Nodes:
    net = Nodes()
    x, channels = "image", 3
    for kind in ("Relu6", "Relu", "Elu", "Sigmoid", "LeakyRelu", "Prelu", ""):
        inputs = [net.random(4), *([net.random(4)] if kind == "Prelu" else [])]
        fused = texts("BiasAdd", *([kind] if kind else []))
        more = {"leakyrelu_alpha": {"f": 0.3}} if kind == "LeakyRelu" else {}
        count = {"i": str(len(inputs))}
        attr = {"fused_ops": fused, "num_args": count, **more}
        x = net.conv(x, (3, 3, channels, 4), "_FusedConv2D", inputs=inputs, **attr)
        channels = 4
    depth = {"fused_ops": texts("BiasAdd", "Relu6"), "num_args": {"i": "1"}}
    strides = wholes(1, 2, 2, 1)
    inputs = [net.random(8)]
    op = "FusedDepthwiseConv2dNative"
    x = net.conv(x, (3, 3, 4, 2), op, inputs=inputs, strides=strides, **depth)
    flat = net.add("Squeeze", [net.mean(x, [1, 2], keep=True)], squeeze_dims=wholes(1, 2))
    bias = {"fused_ops": texts("BiasAdd", "Relu"), "num_args": {"i": "1"}}
    hidden = net.add("_FusedMatMul", [flat, net.random(8, 6), net.random(6)], **bias)
    turned = {"transpose_b": {"b": True}}
    net.output(net.add("Softmax", [net.add("MatMul", [hidden, net.random(3, 6)], **turned)]))
    return net


def _padded() -> Nodes:
    net = Nodes()
    border = [[0, 0], [1, 2], [0, 1], [0, 0]]
    x = net.add("Pad", ["image", net.constant(border)])
    x = net.conv(x, (3, 3, 3, 4), strides=wholes(1, 2, 2, 1), padding=text("VALID"))
    x = net.add("PadV2", [x, net.constant(border), net.constant(np.float32(0.5))])
    x = net.conv(x, (2, 3, 4, 2), "DepthwiseConv2dNative")
    x = net.add("MirrorPad", [x, net.constant(border)], mode=text("REFLECT"))
    pads = wholes(0, 0, 1, 0, 2, 1, 0, 0)
    x = net.conv(x, (3, 3, 8, 4), padding=text("EXPLICIT"), explicit_paddings=pads)
    x = net.conv(x, (3, 3, 4, 4), dilations=wholes(1, 2, 2, 1))
    window = {"ksize": wholes(1, 3, 3, 1), "strides": wholes(1, 2, 2, 1)}
    x = net.add("MaxPool", [x], padding=text("SAME"), **window)
    x = net.add("AvgPool", [x], padding=text("SAME"), **window)
    net.head(x, 4)
    return net


def _activations() -> Nodes:
    net = Nodes()
    ends = [net.constant(np.float32(-0.5)), net.constant(np.float32(0.75))]
    more: dict[str, Any] = {"LeakyRelu": {"alpha": {"f": 0.1}}}
    inputs = {"Prelu": [net.random(4)], "ClipByValue": ends}
    plain = ("Relu", "Selu", "Elu", "Softplus", "Tanh", "Sigmoid", "Erf", "Relu6")
    sides = []
    for op in (*plain, "LeakyRelu", *inputs):
        x = net.conv("image", (3, 3, 3, 4), scale=1)
        sides.append(net.add(op, [x, *inputs.get(op, [])], **more.get(op, {})))
    net.head(net.add("ConcatV2", [*sides, net.constant(3)]), 4 * len(sides))
    return net


def _arithmetic() -> Nodes:
    net = Nodes()
    one = net.constant(np.float32(1))
    x = net.add("Sub", [one, net.add("Mul", ["image", net.random(3)])])
    x = net.add("RealDiv", [x, net.constant(np.array([0.5, 2, 4], np.float32))])
    y = net.conv(x, (3, 3, 3, 3))
    parts = [
        net.add("Maximum", [x, y]),
        net.add("Minimum", [x, y]),
        net.add("SquaredDifference", [x, y]),
        net.add("Square", [x]),
        net.add("Abs", [net.add("Neg", [y])]),
        net.add("Sign", [net.add("Sub", [y, net.constant(np.float32(0.1))])]),
        net.add("Reciprocal", [net.add("AddV2", [net.add("Square", [y]), one])]),
    ]
    x = net.add("AddN", parts)
    x = net.add("Sqrt", [net.add("AddV2", [net.add("Abs", [x]), one])])
    x = net.add("Mul", [net.add("Rsqrt", [x]), net.add("Exp", [net.add("Neg", [x])])])
    x = net.add("BiasAdd", [net.add("StopGradient", [x]), net.random(3)])
    net.head(x, 3)
    return net


def _normalised() -> Nodes:
    net = Nodes()
    x = net.conv("image", (3, 3, 3, 4))
    parts = [net.random(4, scale=0.1, shift=shift) for shift in (1, 0, 0, 1.5)]
    x = net.add("FusedBatchNormV3", [x, *parts], epsilon={"f": 0.01}, data_format=text("NHWC"))
    net.head(x, 4)
    return net


def _gates() -> Nodes:
    """Squeeze and excite, with the shapes that Keras' Reshape computes."""
    net = Nodes()
    x = net.conv("image", (3, 3, 3, 6))
    pooled = net.mean(x, [1, 2])
    shape = net.add("Shape", [pooled])
    ends = [net.constant([0]), net.constant([1]), net.constant([1])]
    first = net.add("StridedSlice", [shape, *ends], shrink_axis_mask={"i": "1"})
    sides = [net.constant(side) for side in (1, 1, 6)]
    gate = net.add("Reshape", [pooled, net.add("Pack", [first, *sides], N={"i": "4"})])
    gate = net.add("Sigmoid", [net.conv(gate, (1, 1, 6, 6))])
    x = net.add("Mul", [x, gate])
    most = net.add("Max", [x, net.constant([1, 2])], keep_dims={"b": False})
    least = net.add("Min", [x, net.constant([1, 2])], keep_dims={"b": False})
    both = net.add("ConcatV2", [most, least, net.constant(-1)])
    both = net.add("ExpandDims", [net.add("ExpandDims", [both, net.constant(1)]), net.constant(1)])
    net.head(net.add("Identity", [both]), 12)
    return net


def _joined() -> Nodes:
    net = Nodes()
    x, y = net.conv("image", (1, 1, 3, 2)), net.conv("image", (3, 3, 3, 3))
    x = net.add("ConcatV2", [x, y, net.constant(3)])
    x = net.add("ConcatV2", [x, x, net.constant(1)])
    total = net.add("Sum", [x, net.constant([1])], keep_dims={"b": True})
    turned = net.add("Transpose", [total, net.constant([0, 3, 1, 2])])
    flat = net.add("Reshape", [turned, net.constant([-1, 24, 5])])
    rows = net.add("BatchMatMulV2", [flat, net.random(5, 4, scale=0.1)])
    rows = net.add("Reshape", [rows, net.constant([-1, 96])])
    net.output(net.add("Softmax", [net.add("MatMul", [rows, net.random(96, 3, scale=0.05)])]))
    return net
