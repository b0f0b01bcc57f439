"""What a graph computes of constants alone, computed once: kernels as float32."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx


def folded(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with each value that depends on no input as an initializer.

    Args:
        model: left as it is.
    """
    import onnx
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    constant = {tensor.name for tensor in graph.initializer}
    within, kept = [], []
    for node in graph.node:
        if constant.issuperset(filter(None, node.input)) and not _has_graph(node):
            constant.update(node.output)
            within.append(node)
        else:
            kept.append(node)
    read = {name for node in kept for name in node.input} | {one.name for one in graph.output}
    wanted = [name for node in within for name in node.output if name in read]
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.node[:], part.graph.input[:], part.graph.output[:], part.graph.value_info[:]
    part.graph.node.extend(within)
    part.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in wanted
    )
    values = ReferenceEvaluator(part).run(wanted, {}) if wanted else []
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(weights)
    for name, value in zip(wanted, values, strict=True):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return copy


def _has_graph(node: "onnx.NodeProto") -> bool:
    import onnx

    graphs = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    return any(attribute.type in graphs for attribute in node.attribute)
