"""The weights of embedded graphs: from ONNX to torch, without running anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from figleaf.errors import BundleError

_FOLDED: dict[str, Callable[..., Any]] = {
    "Cast": np.float32,
    "Add": np.add,
    "Mul": np.multiply,
}


@dataclass(frozen=True, slots=True)
class Weights:
    """Of one convolution, float32: a kernel [out, in / groups, height, width], a bias [out]."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def read_weights(graph: bytes) -> dict[str, Weights]:
    """The weights of each convolution of a graph that `models.graph` built, by the node's name.

    Kernels that are stored as whole numbers are made float32, as the graph does it.
    """
    parsed = onnx.load_model_from_string(graph).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in parsed.initializer}
    for node in parsed.node:
        # In the graph's order: Cast, Add and Mul of constants come before what reads them.
        known = [arrays[name] for name in node.input if name in arrays]
        if len(known) == len(node.input) and node.op_type in _FOLDED:
            arrays[node.output[0]] = _FOLDED[node.op_type](*known)
    return {
        node.name: Weights(arrays[node.input[1]], arrays[node.input[2]])
        for node in parsed.node
        if node.op_type == "Conv"
    }


def load_weights(net: nn.Module, names: Mapping[str, str], graph: bytes) -> None:
    """Give a module's convolutions the weights of a graph.

    Args:
        net: the module.
        names: for each convolution of the module, by its name there, the graph's node.
        graph: ONNX.

    Raises:
        BundleError: a node is missing or its weights have another shape.
    """
    weights = read_weights(graph)
    for own, node in names.items():
        layer = net.get_submodule(own)
        given = weights.get(node)
        expected = tuple(layer.get_parameter("weight").shape)
        if given is None or given.kernel.shape != expected:
            found = "missing" if given is None else f"of shape {given.kernel.shape}"
            raise BundleError(f"the graph's {node} is {found}, {own} needs {expected}")
        state = {"weight": given.kernel, "bias": given.bias}
        # Copies: arrays that were read from bytes are not writable.
        layer.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
