"""A float graph as one that computes in int8: QuantizeLinear and DequantizeLinear around kernels.

Kernels are int8, symmetric, with a scale for each output channel; values are uint8 where they are
never negative, else int8, both with the zero point 0, which is what OpenVINO computes fastest.
Biases stay float32. This is "QDQ": a runtime that knows nothing of int8 computes the same in float.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from figleaf.models.int8.plan import Plan
from figleaf.models.int8.ranges import Ranges

if TYPE_CHECKING:
    import onnx

_LARGEST = 127
_LARGEST_UNSIGNED = 255


def quantised(model: "onnx.ModelProto", of: Plan, ranges: Ranges) -> bytes:
    """The graph in int8: the same bytes for the same arguments.

    Args:
        model: with its constants folded; left as it is.
        of: what is to be quantised.
        ranges: of its values.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    del graph.value_info[:]
    written = _Writer(graph)
    for group, limit in zip(of.groups, ranges.limits, strict=True):
        for name in group:
            written.value(name, limit, unsigned=name in of.unsigned)
    kernels = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    chosen = set(of.convolutions)
    given = {one.name for one in graph.output}
    nodes = []
    for node in graph.node:
        if node.output[0] in chosen:
            mean = ranges.means[node.input[0]]
            written.convolution(node, kernels, mean)
        for place, name in enumerate(node.input):
            node.input[place] = written.renamed.get(name, name)
        nodes += [*written.before.pop(node.output[0], []), node]
        for output in node.output:
            nodes += written.after.pop(output, [])
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input} | given
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend([*weights, *written.constants])
    onnx.checker.check_model(copy, full_check=True)
    return copy.SerializeToString(deterministic=True)


class _Writer:
    """Nodes and constants that are to be put into a graph.

    Attributes:
        after: what follows a value.
        before: what comes before the node of an output.
        renamed: what readers of a value read in its place.
        constants: all new ones.
    """

    def __init__(self, graph: "onnx.GraphProto") -> None:
        self.after: dict[str, list[onnx.NodeProto]] = {}
        self.before: dict[str, list[onnx.NodeProto]] = {}
        self.renamed: dict[str, str] = {}
        self.constants: list[onnx.TensorProto] = []

    def value(self, name: str, limit: float, *, unsigned: bool) -> None:
        """Round a value to whole numbers and back."""
        from onnx import helper

        steps = _LARGEST_UNSIGNED if unsigned else _LARGEST
        scale = self._constant(f"{name}/scale", np.array(limit / steps, np.float32))
        zero = self._constant(f"{name}/zero", np.array(0, np.uint8 if unsigned else np.int8))
        whole, back = f"{name}/int8", f"{name}/rounded"
        self.after[name] = [
            helper.make_node("QuantizeLinear", [name, scale, zero], [whole], name=whole),
            helper.make_node("DequantizeLinear", [whole, scale, zero], [back], name=back),
        ]
        self.renamed[name] = back

    def convolution(
        self,
        node: "onnx.NodeProto",
        weights: dict[str, NDArray[np.float32]],
        mean: NDArray[np.float64],
    ) -> None:
        """Give a convolution a kernel in int8, and a bias that makes up for what that changes."""
        from onnx import helper

        output = node.output[0]
        kernel = weights[node.input[1]].astype(np.float64)
        largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
        scale = (np.where(largest > 0, largest, 1) / _LARGEST).astype(np.float32)
        whole = np.clip(np.rint(kernel / scale), -_LARGEST, _LARGEST).astype(np.int8)
        name = f"{output}/kernel_int8"
        inputs = [
            self._constant(f"{name}/stored", whole),
            self._constant(f"{name}/scale", scale.reshape(-1)),
            self._constant(f"{name}/zero", np.zeros(len(kernel), np.int8)),
        ]
        self.before[output] = [
            helper.make_node("DequantizeLinear", inputs, [name], name=name, axis=0)
        ]
        moved = _response(whole * scale.astype(np.float64) - kernel, mean)
        bias = weights[node.input[2]] if len(node.input) > 2 and node.input[2] else 0.0
        corrected = self._constant(f"{output}/bias_int8", (bias - moved).astype(np.float32))
        del node.input[1:]
        node.input.extend([name, corrected])

    def _constant(self, name: str, array: NDArray[np.generic]) -> str:
        from onnx import numpy_helper

        contiguous = np.ascontiguousarray(array).reshape(array.shape)
        self.constants.append(numpy_helper.from_array(contiguous, name))
        return name


def _response(kernel: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a kernel [out, in / groups, height, width] gives of a mean in each input channel."""
    groups = len(mean) // kernel.shape[1]
    by_group = mean.reshape(groups, kernel.shape[1])
    each = np.repeat(by_group, len(kernel) // groups, axis=0)  # for each output channel
    found: NDArray[np.float64] = (kernel.sum(axis=(2, 3)) * each).sum(axis=1)
    return found
