"""From a net to an ONNX graph, without onnxscript, for the layers of the project's nets."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from figleaf.errors import InputError
from figleaf.models.graph import Convolution, Floats, Graph, Kernel, Tensor
from figleaf.training.nets.layers import GlobalAverage, Normalise, PaddedConv2d, PaddedMaxPool2d
from figleaf.training.nets.net import Net
from figleaf.training.nets.timm_net import TimmNet


def export(net: Net, store: Callable[[Floats], Kernel] = np.ascontiguousarray) -> bytes:
    """The net as an ONNX graph, with batch norm folded into the convolutions before it.

    Args:
        net: on any device, in any mode; what is exported is how it evaluates.
        store: keeps a kernel. Float32 by default, so that a graph says exactly what was trained;
            `models.graph.compact` halves the file and moves features by less than .001.

    Returns:
        ONNX of opset 17: input `image`, float32 RGB in 0..255 of shape [batch, height, width, 3],
        output `features`, float32 of shape [batch, width]. The same bytes for the same weights.
        A net of timm's goes through torch's own exporter: opset 18, and kernels as they are.

    Raises:
        InputError: the net has a layer that is not known here.
        ModelError, MissingExtraError: see TimmNet.to_onnx.
    """
    if isinstance(net, TimmNet):
        return net.to_onnx()
    return _Export(net, store).run()


class _Tracer(fx.Tracer):
    """Takes the layers below as they are, and looks into all other modules."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in _Export.LAYERS


class _Export:
    """One export: the traced net, and the tensor that each of its nodes gave."""

    LAYERS: dict[type[nn.Module], Callable[["_Export", fx.Node, Any], Tensor]]

    def __init__(self, net: Net, store: Callable[[Floats], Kernel]) -> None:
        self._net = net
        self._store = store
        self._graph = Graph()
        self._values: dict[fx.Node, Tensor] = {}

    def run(self) -> bytes:
        nodes = _Tracer().trace(self._net).nodes
        for node in nodes:
            if node.op == "output":
                return self._graph.build(self._net.name, {"features": self._given(node)})
            self._values[node] = self._convert(node)
        raise InputError(f"{self._net.name} gives nothing")

    def _convert(self, node: fx.Node) -> Tensor:
        if node.op == "placeholder":
            return self._graph.image(*self._net.input.size)
        if node.op == "call_module":
            layer = self._net.get_submodule(str(node.target))
            return self.LAYERS[type(layer)](self, node, layer)
        if node.op == "call_function" and node.target is operator.add:
            return self._add(node)
        raise InputError(f"{self._net.name}: {node.op} {node.target} has no form in ONNX here")

    def _given(self, node: fx.Node) -> Tensor:
        """What a node of one argument reads."""
        (source,) = node.all_input_nodes
        return self._values[source]

    def _normalise(self, node: fx.Node, layer: Normalise) -> Tensor:
        x = self._graph.arithmetic("Sub", self._given(node), _array(layer.mean), "centred")
        deviation = _array(layer.deviation)
        if np.all(deviation == 1):
            return x
        return self._graph.arithmetic("Div", x, deviation, "standardised")

    def _convolution(self, node: fx.Node, layer: PaddedConv2d) -> Tensor:
        kernel = _array(layer.weight)
        bias = np.zeros(len(kernel), np.float32) if layer.bias is None else _array(layer.bias)
        if norm := self._norm_after(node):
            kernel, bias = fold(kernel, bias, norm)
        of = Convolution(self._store(kernel), bias, layer.stride[0], layer.pads, layer.groups)
        return self._graph.convolution(self._given(node), of, str(node.target))

    def _norm_after(self, node: fx.Node) -> nn.BatchNorm2d | None:
        """The batch norm that alone reads a convolution, if there is one."""
        if [reader.op for reader in node.users] != ["call_module"]:
            return None
        layer = self._net.get_submodule(str(next(iter(node.users)).target))
        return layer if isinstance(layer, nn.BatchNorm2d) else None

    def _batch_norm(self, node: fx.Node, layer: nn.BatchNorm2d) -> Tensor:
        (source,) = node.all_input_nodes
        if self._is_convolution(source) and len(source.users) == 1:
            return self._values[source]  # folded already
        raise InputError(f"{node.target}: batch norm that does not follow a convolution")

    def _is_convolution(self, node: fx.Node) -> bool:
        return node.op == "call_module" and isinstance(
            self._net.get_submodule(str(node.target)), PaddedConv2d
        )

    def _activation(self, node: fx.Node, layer: nn.Module) -> Tensor:
        return self._graph.activation(type(layer).__name__.lower(), self._given(node), node.name)

    def _identity(self, node: fx.Node, layer: nn.Identity) -> Tensor:
        return self._given(node)

    def _max_pool(self, node: fx.Node, layer: PaddedMaxPool2d) -> Tensor:
        window = (layer.size, layer.size)
        x = self._given(node)
        return self._graph.pool("MaxPool", x, window, layer.stride, layer.pads, node.name)

    def _average(self, node: fx.Node, layer: GlobalAverage) -> Tensor:
        return self._graph.global_average(self._given(node), node.name)

    def _add(self, node: fx.Node) -> Tensor:
        first, second = (self._values[source] for source in node.all_input_nodes)
        name = self._graph.node("Add", [first.name, second.name], node.name)
        return Tensor(name, first.channels, first.height, first.width)


_Export.LAYERS = {
    Normalise: _Export._normalise,
    PaddedConv2d: _Export._convolution,
    PaddedMaxPool2d: _Export._max_pool,
    GlobalAverage: _Export._average,
    nn.BatchNorm2d: _Export._batch_norm,
    nn.ReLU: _Export._activation,
    nn.ReLU6: _Export._activation,
    nn.Identity: _Export._identity,
}


def fold(kernel: Floats, bias: Floats, norm: nn.BatchNorm2d) -> tuple[Floats, Floats]:
    """The kernel (output channels first) and bias that do what these and a batch norm after do.

    Batch norm in evaluation is (x - mean) / sqrt(variance + eps) * weight + bias, channel by
    channel (Ioffe and Szegedy, 2015, algorithm 2), computed here in float64.
    """
    mean, variance = _double(norm.running_mean), _double(norm.running_var)
    factor = _double(norm.weight) / np.sqrt(variance + norm.eps)
    folded = kernel * factor.reshape(-1, 1, 1, 1)
    offset = (bias - mean) * factor + _double(norm.bias)
    return folded.astype(np.float32), offset.astype(np.float32)


def _array(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.detach().cpu().to(torch.float32).numpy()
    return array


def _double(tensor: torch.Tensor | None) -> Any:
    if tensor is None:
        raise InputError("batch norm without statistics, or without scales, cannot be folded")
    return tensor.detach().cpu().numpy().astype(np.float64)
