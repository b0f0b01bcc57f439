"""The graph of a classifier: backbones, features side by side, head, temperature, softmax."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ModelError
from figleaf.models.surgery import cut_to, in_one_opset, opset_of, renamed, side_by_side
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.features import input_names
from figleaf.training.head import Head

if TYPE_CHECKING:
    import onnx

_FEATURES, _PROBABILITIES = "features", "probabilities"


def classifier_graph(backbones: Sequence[Backbone], head: Head, temperature: float) -> bytes:
    """ONNX with the outputs `probabilities` and `features`: the same bytes for the same parts.

    Each step has a name of its own in the graph: `root`, `standardise`, `head`, `calibrate`. The
    inputs are those of the backbones, float32 RGB in 0..255, NHWC, any batch.

    Args:
        backbones: whose features stand side by side, in this order.
        head: trained on them.
        temperature: that logits are divided by.

    Raises:
        ModelError: the backbones' graphs cannot be put together.
    """
    import onnx

    try:
        parts = in_one_opset(_parts(backbones))
        graph = side_by_side(parts, "figleaf")
        _join_features(graph, [part.graph.output[0].name for part in parts])
        _add_head(graph, head, temperature)
        model = onnx.helper.make_model(
            graph,
            opset_imports=_opsets(parts),
            ir_version=max(part.ir_version for part in parts),
            producer_name="figleaf",
        )
        onnx.checker.check_model(model, full_check=True)
    except (RuntimeError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as e:
        names = "+".join(one.name for one in backbones)
        reason = str(e).strip().partition("\n")[0]
        raise ModelError(f"{names}: the graphs cannot be put together: {reason}") from e
    return model.SerializeToString(deterministic=True)


def _parts(backbones: Sequence[Backbone]) -> list["onnx.ModelProto"]:
    """Each backbone's graph up to its features, under names that do not clash."""
    import onnx

    parts = []
    for name, one in zip(input_names(backbones), backbones, strict=True):
        prefix = name.removesuffix("image")
        cut = cut_to(onnx.load_model_from_string(one.graph), _FEATURES)
        # The joined features are called so; a single backbone's would clash.
        parts.append(renamed(cut, prefix or "backbone/", {one.input.name: name}))
    return parts


def _join_features(graph: "onnx.GraphProto", names: Sequence[str]) -> None:
    from onnx import helper

    if len(names) > 1:
        joined = helper.make_node("Concat", names, [_FEATURES], name=_FEATURES, axis=1)
    else:
        joined = helper.make_node("Identity", names, [_FEATURES], name=_FEATURES)
    graph.node.append(joined)


def _add_head(graph: "onnx.GraphProto", head: Head, temperature: float) -> None:
    from onnx import TensorProto, helper, numpy_helper

    width, classes = head.weight.shape
    weights: dict[str, NDArray[np.float32]] = {
        "standardise/mean": head.mean,
        "standardise/deviation": head.deviation,
        "head/weight": head.weight,
        "head/bias": head.bias,
        "calibrate/temperature": np.array(temperature, np.float32),
    }
    for name, array in weights.items():
        contiguous = np.ascontiguousarray(array, np.float32).reshape(array.shape)
        graph.initializer.append(numpy_helper.from_array(contiguous, name))
    roots = (
        ("Sign", [_FEATURES], "root/sign"),
        ("Abs", [_FEATURES], "root/size"),
        ("Sqrt", ["root/size"], "root/root"),
        ("Mul", ["root/root", "root/sign"], "root"),
    )
    steps = (
        *(roots if head.of_roots else ()),
        (
            "Sub",
            ["root" if head.of_roots else _FEATURES, "standardise/mean"],
            "standardise/centred",
        ),
        ("Div", ["standardise/centred", "standardise/deviation"], "standardise"),
        ("Gemm", ["standardise", "head/weight", "head/bias"], "head"),
        ("Div", ["head", "calibrate/temperature"], "calibrate"),
    )
    for kind, inputs, output in steps:
        graph.node.append(helper.make_node(kind, inputs, [output], name=output))
    softmax = helper.make_node(
        "Softmax", ["calibrate"], [_PROBABILITIES], name=_PROBABILITIES, axis=1
    )
    graph.node.append(softmax)
    for name, size in ((_PROBABILITIES, classes), (_FEATURES, width)):
        shape: list[str | int | None] = ["batch", size]
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _opsets(parts: Sequence["onnx.ModelProto"]) -> list["onnx.OperatorSetIdProto"]:
    """ONNX's own operators, and those of other domains that any part uses."""
    from onnx import helper

    others = {
        one.domain: one.version
        for part in parts
        for one in part.opset_import
        if one.domain not in ("", "ai.onnx")
    }
    return [
        helper.make_opsetid("", opset_of(parts[0])),
        *(helper.make_opsetid(domain, version) for domain, version in sorted(others.items())),
    ]
