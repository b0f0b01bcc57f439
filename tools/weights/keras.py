"""Convert a TensorFlow.js *layers* model, which is a Keras model's configuration, to ONNX.

Batch normalisation is folded into the convolution before it: its factor into the scale of the
uint8 kernel, per output channel, its shift into the bias.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from figleaf.importing.tfjs.reading import Model
from figleaf.models.graph import (
    Convolution,
    Floats,
    Graph,
    Pads,
    Quantised,
    Tensor,
    same_pads,
    scalar,
)

Config = dict[str, Any]
_NO_PADS: Pads = (0, 0, 0, 0)


def convert(model: Model, name: str) -> bytes:
    """The ONNX model of a classifier whose pictures are divided by 255 before they go in.

    Its outputs are `probabilities`, what the last layer gives, and `features`, what is flattened.
    """
    return _Conversion(model).run(name)


class _Conversion:
    """One conversion: the tensor that each layer gave, and what is folded into its neighbours."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._layers: list[Config] = model.topology["model_config"]["config"]["layers"]
        self._graph = Graph()
        self._values: dict[str, Tensor] = {}
        self._paddings = self._find_paddings()
        self._normalisations = self._find_normalisations()
        self._features = Tensor("", 0)

    def run(self, name: str) -> bytes:
        for layer in self._layers:
            inputs = [self._values[source] for source in _sources(layer)]
            config = layer["config"]
            self._values[config["name"]] = self._convert(layer["class_name"], config, inputs)
        scores = self._values[self._layers[-1]["config"]["name"]]
        return self._graph.build(name, {"probabilities": scores, "features": self._features})

    def _find_paddings(self) -> dict[str, Pads]:
        """The explicit padding before a convolution, by the convolution."""
        found: dict[str, Pads] = {}
        for layer in self._layers:
            if layer["class_name"] == "ZeroPadding2D":
                (top, bottom), (left, right) = layer["config"]["padding"]
                found[layer["config"]["name"]] = (top, left, bottom, right)
        return {
            layer["config"]["name"]: found[source]
            for layer in self._layers
            for source in _sources(layer)
            if source in found
        }

    def _find_normalisations(self) -> dict[str, Config]:
        """Each batch normalisation, by the convolution that it follows."""
        found = [layer for layer in self._layers if layer["class_name"] == "BatchNormalization"]
        return {_sources(layer)[0]: layer["config"] for layer in found}

    def _convert(self, kind: str, config: Config, inputs: list[Tensor]) -> Tensor:
        convert_as: dict[str, Callable[[Config, list[Tensor]], Tensor]] = {
            "InputLayer": self._input,
            "Conv2D": self._convolution,
            "DepthwiseConv2D": self._depthwise,
            "Activation": self._activation,
            "ReLU": self._relu,
            "MaxPooling2D": self._max_pool,
            "AveragePooling2D": self._average_pool,
            "Concatenate": self._concatenate,
            "Add": self._add,
            "Flatten": self._flatten,
            "Dense": self._dense,
            # Folded into the convolution after or before, or nothing at all at inference.
            "ZeroPadding2D": self._nothing,
            "BatchNormalization": self._nothing,
            "Dropout": self._nothing,
        }
        return convert_as[kind](config, inputs)

    def _input(self, config: Config, inputs: list[Tensor]) -> Tensor:
        _, height, width, _ = config["batch_input_shape"]
        image = self._graph.image(height, width)
        return self._graph.arithmetic("Div", image, scalar(255), "unit")

    def _nothing(self, config: Config, inputs: list[Tensor]) -> Tensor:
        return inputs[0]

    def _convolution(self, config: Config, inputs: list[Tensor]) -> Tensor:
        kernel = self._model.arrays[f"{config['name']}/kernel"].quantised(3, 2, 0, 1)
        return self._convolve(config, inputs[0], kernel, groups=1)

    def _depthwise(self, config: Config, inputs: list[Tensor]) -> Tensor:
        kernel = self._model.arrays[f"{config['name']}/depthwise_kernel"].quantised(2, 3, 0, 1)
        return self._convolve(config, inputs[0], kernel, groups=inputs[0].channels)

    def _convolve(self, config: Config, x: Tensor, kernel: Quantised, groups: int) -> Tensor:
        name = config["name"]
        if config["use_bias"] or config["activation"] != "linear":
            raise ValueError(f"{name}: a bias or activation of its own is not expected here")
        factor, shift = self._folded(self._normalisations[name])
        stride = config["strides"][0]
        pads = self._window_pads(config, x, config["kernel_size"])
        layer = Convolution(kernel.scaled(factor), shift, stride, pads, groups)
        return self._graph.convolution(x, layer, name)

    def _window_pads(self, config: Config, x: Tensor, window: list[int]) -> Pads:
        if config["padding"] == "same":
            return same_pads((x.height, x.width), window, config["strides"][0])
        return self._paddings.get(config["name"], _NO_PADS)

    def _folded(self, config: Config) -> tuple[Floats, Floats]:
        """A batch normalisation as x * factor + shift."""
        name = config["name"]
        mean, variance, beta = (
            self._model.arrays[f"{name}/{part}"].floats().astype(np.float64)
            for part in ("moving_mean", "moving_variance", "beta")
        )
        factor = 1 / np.sqrt(variance + config["epsilon"])
        if config["scale"]:
            factor *= self._model.arrays[f"{name}/gamma"].floats()
        return factor.astype(np.float32), (beta - mean * factor).astype(np.float32)

    def _activation(self, config: Config, inputs: list[Tensor]) -> Tensor:
        return self._graph.activation(config["activation"], inputs[0], config["name"])

    def _relu(self, config: Config, inputs: list[Tensor]) -> Tensor:
        if (config["max_value"], config["negative_slope"], config["threshold"]) != (6, 0, 0):
            raise ValueError(f"{config['name']}: only ReLU6 is expected here")
        return self._graph.activation("relu6", inputs[0], config["name"])

    def _max_pool(self, config: Config, inputs: list[Tensor]) -> Tensor:
        return self._pool("MaxPool", config, inputs[0])

    def _average_pool(self, config: Config, inputs: list[Tensor]) -> Tensor:
        return self._pool("AveragePool", config, inputs[0])

    def _pool(self, kind: str, config: Config, x: Tensor) -> Tensor:
        window, stride = config["pool_size"], config["strides"][0]
        pads = self._window_pads(config, x, window)
        return self._graph.pool(kind, x, window, stride, pads, config["name"])

    def _concatenate(self, config: Config, inputs: list[Tensor]) -> Tensor:
        name = self._graph.node("Concat", [x.name for x in inputs], config["name"], axis=1)
        channels = sum(x.channels for x in inputs)
        return Tensor(name, channels, inputs[0].height, inputs[0].width)

    def _add(self, config: Config, inputs: list[Tensor]) -> Tensor:
        first, second = inputs
        name = self._graph.node("Add", [first.name, second.name], config["name"])
        return Tensor(name, first.channels, first.height, first.width)

    def _flatten(self, config: Config, inputs: list[Tensor]) -> Tensor:
        if (inputs[0].height, inputs[0].width) != (1, 1):
            raise ValueError(f"{config['name']}: only pooled features are flattened here")
        self._features = inputs[0]
        return self._features

    def _dense(self, config: Config, inputs: list[Tensor]) -> Tensor:
        name = config["name"]
        kernel = self._model.arrays[f"{name}/kernel"].quantised(1, 0).pointwise()
        bias = self._model.arrays[f"{name}/bias"].floats()
        x = self._graph.convolution(inputs[0], Convolution(kernel, bias), name)
        return self._graph.activation(config["activation"], x, f"{name}/{config['activation']}")


def _sources(layer: Config) -> list[str]:
    """The names of the layers that a layer reads."""
    return [node[0] for nodes in layer["inbound_nodes"] for node in nodes]
