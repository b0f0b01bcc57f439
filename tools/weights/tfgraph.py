"""Convert a TensorFlow.js *graph* model, whose nodes are TensorFlow's own operations, to ONNX."""

import base64
from typing import Any

from figleaf.importing.tfjs.reading import Model
from figleaf.models.graph import Convolution, Graph, Quantised, Tensor, same_pads, scalar

Node = dict[str, Any]
_ACTIVATIONS = {("BiasAdd",): "linear", ("BiasAdd", "Relu6"): "relu6"}


def convert(model: Model, name: str) -> bytes:
    """The ONNX model of a classifier whose pictures are divided by 255 before they go in.

    Its outputs are `probabilities` and `features`, what is squeezed after the pooling.
    """
    return _Conversion(model).run(name)


class _Conversion:
    """One conversion: the tensor that each node gave."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._graph = Graph()
        self._values: dict[str, Tensor] = {}
        self._features = Tensor("", 0)

    def run(self, name: str) -> bytes:
        nodes = [node for node in self._model.topology["node"] if node["op"] != "Const"]
        for node in nodes:
            self._values[node["name"]] = self._convert(node, _short(node["name"]))
        scores = self._values[nodes[-1]["name"]]
        return self._graph.build(name, {"probabilities": scores, "features": self._features})

    def _convert(self, node: Node, name: str) -> Tensor:
        convert_as = {
            "Placeholder": self._placeholder,
            "Mul": self._arithmetic,
            "Sub": self._arithmetic,
            "_FusedConv2D": self._convolution,
            "FusedDepthwiseConv2dNative": self._convolution,
            "AddV2": self._add,
            "AvgPool": self._pool,
            "Squeeze": self._squeeze,
            "_FusedMatMul": self._dense,
            "Softmax": self._softmax,
            "Identity": self._input,
        }
        return convert_as[node["op"]](node, name)

    def _input(self, node: Node, name: str) -> Tensor:
        return self._values[node["input"][0]]

    def _placeholder(self, node: Node, name: str) -> Tensor:
        _, height, width, _ = (int(dim["size"]) for dim in node["attr"]["shape"]["shape"]["dim"])
        image = self._graph.image(height, width)
        return self._graph.arithmetic("Div", image, scalar(255), "unit")

    def _arithmetic(self, node: Node, name: str) -> Tensor:
        constant = next(read for read in node["input"] if read in self._model.arrays)
        (source,) = (read for read in node["input"] if read != constant)
        if node["op"] == "Sub" and source != node["input"][0]:
            raise ValueError(f"{name}: a constant minus the picture is not expected here")
        operand = self._model.arrays[constant].floats()
        return self._graph.arithmetic(node["op"], self._values[source], operand, name)

    def _convolution(self, node: Node, name: str) -> Tensor:
        x = self._values[node["input"][0]]
        depthwise = node["op"] == "FusedDepthwiseConv2dNative"
        kernel = self._kernel(node, depthwise)
        stride = int(node["attr"]["strides"]["list"]["i"][1])
        if _text(node["attr"]["padding"]["s"]) != "SAME":
            raise ValueError(f"{name}: only the padding SAME is expected here")
        pads = same_pads((x.height, x.width), kernel.values.shape[2:], stride)
        bias = self._model.arrays[node["input"][2]].floats()
        groups = x.channels if depthwise else 1
        layer = Convolution(kernel, bias, stride, pads, groups)
        x = self._graph.convolution(x, layer, f"{name}/conv")
        return self._graph.activation(_activation(node), x, name)

    def _kernel(self, node: Node, depthwise: bool) -> Quantised:
        array = self._model.arrays[node["input"][1]]
        return array.quantised(2, 3, 0, 1) if depthwise else array.quantised(3, 2, 0, 1)

    def _add(self, node: Node, name: str) -> Tensor:
        first, second = (self._values[read] for read in node["input"])
        self._graph.node("Add", [first.name, second.name], name)
        return Tensor(name, first.channels, first.height, first.width)

    def _pool(self, node: Node, name: str) -> Tensor:
        x = self._values[node["input"][0]]
        _, height, width, _ = (int(side) for side in node["attr"]["ksize"]["list"]["i"])
        return self._graph.pool("AveragePool", x, (height, width), 1, (0, 0, 0, 0), name)

    def _squeeze(self, node: Node, name: str) -> Tensor:
        x = self._values[node["input"][0]]
        if (x.height, x.width) != (1, 1):
            raise ValueError(f"{name}: only pooled features are squeezed here")
        self._features = x
        return x

    def _dense(self, node: Node, name: str) -> Tensor:
        kernel = self._model.arrays[node["input"][1]].quantised(1, 0).pointwise()
        bias = self._model.arrays[node["input"][2]].floats()
        x = self._graph.convolution(
            self._values[node["input"][0]], Convolution(kernel, bias), f"{name}/dense"
        )
        return self._graph.activation(_activation(node), x, name)

    def _softmax(self, node: Node, name: str) -> Tensor:
        return self._graph.activation("softmax", self._values[node["input"][0]], name)


def _activation(node: Node) -> str:
    return _ACTIVATIONS[tuple(_text(name) for name in node["attr"]["fused_ops"]["list"]["s"])]


def _short(name: str) -> str:
    """A node's name without the calls that it was traced through."""
    return name.rpartition("PartitionedCall/")[2].removeprefix("predict/")


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
