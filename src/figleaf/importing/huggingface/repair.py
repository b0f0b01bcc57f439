"""Places in a graph that hold what was true when it was exported, and need not stay so.

Each repair is of a form that exporters write; whether the graph then does what it did is not
believed but looked at (`importing.verifying`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

_BATCH = "figleaf/batch"


def free_batch(graph: "onnx.GraphProto", entry: str) -> None:
    """Let the batch be any of a graph that was exported for one picture.

    A reshape to [1, ...] takes whatever comes; a constant that is put beside each picture's values,
    as a ViT's class token is, is repeated for each.

    Args:
        graph: it is changed.
        entry: the input that the pictures come in by.
    """
    constants = _constants(graph)
    nodes = list(graph.node)
    del graph.node[:]
    _say_batch(graph, entry)
    for node in nodes:
        if node.op_type == "Reshape" and node.input[1] in constants:
            _free_reshape(graph, node, constants[node.input[1]])
        elif node.op_type == "Expand" and node.input[1] in constants:
            shape = constants[node.input[1]]
            if len(shape) > 1 and shape[0] == 1:
                node.input[1] = _shape_for_each(graph, f"{node.output[0]}/shape", shape[1:])
        elif node.op_type == "Concat" and next(a.i for a in node.attribute if a.name == "axis"):
            _repeat_constants(graph, node, constants)
        graph.node.append(node)


def whole_pools(model: "onnx.ModelProto", shapes: Mapping[str, list[int]]) -> None:
    """Make average pools whose window is larger than the map global ones, which they are in torch.

    EfficientNet in transformers has one; with `ceil_mode` the window is cut to the map, and
    OpenVINO refuses it.

    Args:
        model: it is changed.
        shapes: of its tensors, 0 where a length is not known.
    """
    for node in model.graph.node:
        if node.op_type != "AveragePool":
            continue
        found = {one.name: one for one in node.attribute}
        window = list(found["kernel_shape"].ints)
        sides = shapes.get(node.input[0], [])[2:]
        is_padded = "pads" in found and any(found["pads"].ints)
        if len(sides) == len(window) and all(sides) and not is_padded:
            larger = [a >= b for a, b in zip(window, sides, strict=True)]
            if all(larger):
                node.op_type = "GlobalAveragePool"
                del node.attribute[:]


def _constants(graph: "onnx.GraphProto") -> dict[str, NDArray[np.generic]]:
    from onnx import numpy_helper

    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            value = next((one.t for one in node.attribute if one.name == "value"), None)
            if value is not None:
                found[node.output[0]] = numpy_helper.to_array(value)
    return found


def _say_batch(graph: "onnx.GraphProto", entry: str) -> None:
    """Add the batch as a tensor of one number."""
    from onnx import helper, numpy_helper

    first = numpy_helper.from_array(np.array([0], np.int64), f"{_BATCH}/first")
    graph.initializer.append(first)
    graph.node.append(helper.make_node("Shape", [entry], [f"{_BATCH}/shape"]))
    graph.node.append(helper.make_node("Gather", [f"{_BATCH}/shape", first.name], [_BATCH]))


def _free_reshape(
    graph: "onnx.GraphProto", node: "onnx.NodeProto", shape: NDArray[np.generic]
) -> None:
    from onnx import numpy_helper

    whole = [int(one) for one in shape]
    if len(whole) < 2 or whole[0] != 1 or 0 in whole:
        return
    for attribute in [one for one in node.attribute if one.name == "allowzero"]:
        node.attribute.remove(attribute)
    # 0 keeps what comes in; -1, of which there may be one, is what is left.
    freed = [0 if -1 in whole else -1, *whole[1:]]
    name = f"{node.output[0]}/shape"
    graph.initializer.append(numpy_helper.from_array(np.array(freed, np.int64), name))
    node.input[1] = name


def _shape_for_each(graph: "onnx.GraphProto", name: str, rest: NDArray[np.generic]) -> str:
    """A shape of as many as there are pictures; gives its name."""
    from onnx import helper, numpy_helper

    graph.initializer.append(numpy_helper.from_array(rest.astype(np.int64), f"{name}/rest"))
    graph.node.append(helper.make_node("Concat", [_BATCH, f"{name}/rest"], [name], axis=0))
    return name


def _repeat_constants(
    graph: "onnx.GraphProto",
    node: "onnx.NodeProto",
    constants: Mapping[str, NDArray[np.generic]],
) -> None:
    from onnx import helper

    if all(name in constants for name in node.input):
        return
    for number, name in enumerate(node.input):
        value = constants.get(name)
        if value is None or value.ndim < 2 or value.shape[0] != 1:
            continue
        repeated = f"{node.output[0]}/{number}"
        shape = _shape_for_each(graph, f"{repeated}/shape", np.array(value.shape[1:]))
        graph.node.append(helper.make_node("Expand", [name, shape], [repeated]))
        node.input[number] = repeated
