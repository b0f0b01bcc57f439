"""An ONNX graph under construction: NCHW inside, NHWC pictures in, weights kept small.

Kernels are stored as whole numbers, which Cast, Add and Mul make float32 when the graph is loaded.
DequantizeLinear would say the same, and so would Sub for Add. But ONNX Runtime runs the first
again for every picture, at half the speed, and with both OpenVINO 2026.4 gives wrong scores, off
by up to 1, in most compilations with more than one stream. See MODELS.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
Floats = NDArray[np.float32]
Pads = tuple[int, int, int, int]
"""Top, left, bottom, right."""
_SMALL = 1 << 16


@dataclass(frozen=True, slots=True)
class Tensor:
    """A float32 tensor of the graph, [batch, channels, height, width]."""

    name: str
    channels: int
    height: int = 1
    width: int = 1


@dataclass(frozen=True, slots=True)
class Quantised:
    """A kernel in whole numbers: (values - zero) * scale, which broadcasts over the values."""

    values: NDArray[np.uint8] | NDArray[np.int16]
    scale: Floats
    zero: int = 0

    def scaled(self, factor: Floats) -> "Quantised":
        """The kernel (output channels first) with each output channel multiplied by a factor."""
        scale = (self.scale.astype(np.float64) * factor).astype(np.float32)
        return replace(self, scale=scale.reshape(-1, *[1] * (self.values.ndim - 1)))

    def pointwise(self) -> "Quantised":
        """The matrix [out, in] as the kernel of a 1x1 convolution; one scale for all of it."""
        return replace(self, values=self.values[:, :, None, None])


Kernel = Quantised | Floats


def compact(kernel: Floats) -> Kernel:
    """A float32 kernel in int16 with a scale for each output channel, which comes first.

    A small one stays float32: it saves little and costs most. int16 keeps features within .001
    where float16, at the same size, moves them by .03 (EfficientNet-Lite0).
    """
    if kernel.size < _SMALL:
        return kernel
    axes = tuple(range(1, kernel.ndim))
    largest = np.abs(kernel).max(axis=axes, keepdims=True).astype(np.float64)
    scale = (np.where(largest > 0, largest, 1) / np.iinfo(np.int16).max).astype(np.float32)
    return Quantised(np.rint(kernel / scale.astype(np.float64)).astype(np.int16), scale)


@dataclass(frozen=True, slots=True)
class Convolution:
    """What a convolution is, besides its input: a kernel [out, in / groups, height, width]."""

    kernel: Kernel
    bias: Floats
    stride: int = 1
    pads: Pads = (0, 0, 0, 0)
    groups: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The kernel's shape."""
        kernel = self.kernel
        return kernel.values.shape if isinstance(kernel, Quantised) else kernel.shape


def scalar(value: float) -> Floats:
    """A float32 array without axes."""
    return np.array(value, np.float32)


def same_pads(size: tuple[int, int], kernel: Sequence[int], stride: int) -> Pads:
    """TensorFlow's padding SAME: the output is ceil(size / stride), the odd pixel at the end."""
    (top, bottom), (left, right) = (
        _same(length, reach, stride) for length, reach in zip(size, kernel, strict=True)
    )
    return top, left, bottom, right


def _same(length: int, reach: int, stride: int) -> tuple[int, int]:
    total = max((math.ceil(length / stride) - 1) * stride + reach - length, 0)
    return total // 2, total - total // 2


class Graph:
    """Nodes and weights in the order in which they were added."""

    def __init__(self) -> None:
        """Start empty."""
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._input: onnx.ValueInfoProto | None = None

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node of one output, which gives it its name."""
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Add a weight as it is."""
        if name in self._weights:
            raise ValueError(f"the graph already holds a weight {name}")
        self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def kernel(self, name: str, kernel: Kernel) -> str:
        """Add a weight that is float32 from here on, however it is stored."""
        if not isinstance(kernel, Quantised):
            return self.constant(name, kernel)
        stored = self.constant(f"{name}/stored", kernel.values)
        scale = self.constant(f"{name}/scale", kernel.scale)
        value = self.node("Cast", [stored], f"{name}/whole", to=TensorProto.FLOAT)
        if kernel.zero:
            zero = self.constant(f"{name}/zero", scalar(-kernel.zero))
            value = self.node("Add", [value, zero], f"{name}/centred")
        return self.node("Mul", [value, scale], name)

    def image(self, height: int, width: int) -> Tensor:
        """The input `image`, float32 RGB in 0..255, NHWC, any batch; gives it as NCHW."""
        shape: list[str | int | None] = ["batch", height, width, 3]
        self._input = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        return Tensor(
            self.node("Transpose", ["image"], "image/nchw", perm=[0, 3, 1, 2]), 3, height, width
        )

    def arithmetic(self, kind: str, x: Tensor, operand: Floats, name: str) -> Tensor:
        """Add, Sub, Mul or Div by a constant that broadcasts over NCHW."""
        value = self.constant(f"{name}/operand", operand)
        return replace(x, name=self.node(kind, [x.name, value], name))

    def convolution(self, x: Tensor, of: Convolution, name: str) -> Tensor:
        """A convolution with its bias."""
        inputs = [x.name, self.kernel(f"{name}/kernel", of.kernel)]
        inputs.append(self.constant(f"{name}/bias", of.bias))
        self.node(
            "Conv",
            inputs,
            name,
            kernel_shape=list(of.shape[2:]),
            strides=[of.stride] * 2,
            pads=list(of.pads),
            group=of.groups,
        )
        return _slid(replace(x, name=name, channels=of.shape[0]), of.shape[2:], of.stride, of.pads)

    def pool(
        self, kind: str, x: Tensor, window: Sequence[int], stride: int, pads: Pads, name: str
    ) -> Tensor:
        """MaxPool or AveragePool; the average leaves the padding out."""
        size: dict[str, Any] = {"kernel_shape": list(window), "strides": [stride] * 2}
        self.node(kind, [x.name], name, pads=list(pads), **size)
        return _slid(replace(x, name=name), window, stride, pads)

    def global_average(self, x: Tensor, name: str) -> Tensor:
        """The mean over height and width, [batch, channels, 1, 1]."""
        return Tensor(self.node("GlobalAveragePool", [x.name], name), x.channels)

    def activation(self, kind: str, x: Tensor, name: str) -> Tensor:
        """One of linear, relu, relu6 and softmax, the latter over the channels."""
        if kind == "linear":
            return x
        if kind == "relu6":
            if "relu6/low" not in self._weights:
                self.constant("relu6/low", scalar(0))
                self.constant("relu6/high", scalar(6))
            return replace(x, name=self.node("Clip", [x.name, "relu6/low", "relu6/high"], name))
        if kind == "softmax":
            return replace(x, name=self.node("Softmax", [x.name], name, axis=1))
        if kind == "relu":
            return replace(x, name=self.node("Relu", [x.name], name))
        raise ValueError(f"{name}: no activation {kind!r} is known here")

    def build(self, name: str, outputs: dict[str, Tensor]) -> bytes:
        """The checked model, serialised: the same bytes for the same graph.

        Raises:
            onnx.checker.ValidationError: the graph breaks a rule of ONNX.
        """
        if self._input is None:
            raise ValueError(f"{name}: the graph has no image")
        values = []
        for output, tensor in outputs.items():
            self.node("Flatten", [tensor.name], output, axis=1)
            shape: list[str | int | None] = ["batch", tensor.channels]
            values.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))
        weights = list(self._weights.values())
        graph = helper.make_graph(self._nodes, name, [self._input], values, weights)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="figleaf"
        )
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def _slid(x: Tensor, window: Sequence[int], stride: int, pads: Pads) -> Tensor:
    height = (x.height + pads[0] + pads[2] - window[0]) // stride + 1
    width = (x.width + pads[1] + pads[3] - window[1]) // stride + 1
    return replace(x, height=height, width=width)
