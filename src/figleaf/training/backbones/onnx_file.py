"""Any ONNX graph as a backbone, described by a small TOML file beside it.

graph = "my-net.onnx"            beside this file
output = "pooled"                the tensor that holds the features: any in the graph
name = "my-net"                  optional: the file's own name
license = "MIT"                  optional, as is training_data

[input]
size = [224, 224]                height and width that the graph takes
resize = [256, 256]              optional: before the centre crop
resample = "bilinear"            as in a bundle's card
layout = "NCHW"                  or "NHWC"
channels = "RGB"                 or "BGR"
mean = [123.675, 116.28, 103.53]        of 0..255, RGB; optional: 0
deviation = [58.395, 57.12, 57.375]     likewise; optional: 1
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import BundleError, ModelError
from figleaf.models.bundle import external_data
from figleaf.models.card import MAX_SIDE, Input, Resample, read_regular
from figleaf.models.surgery import cut_to, without_notes
from figleaf.training.backbones.backbone import Backbone

if TYPE_CHECKING:
    import onnx

_MOST_TEXT = 1 << 20
_MOST_GRAPH = 2**31 - 1
_TOP = {"graph", "output", "name", "license", "training_data", "input"}
_INPUT = {"size", "resize", "resample", "layout", "channels", "mean", "deviation"}
_FEATURES = "features"
_NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class _Wants:
    """How a graph wants its picture."""

    size: tuple[int, int]
    resize: tuple[int, int]
    resample: Resample
    nchw: bool
    bgr: bool
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def onnx_backbone(path: Path) -> Backbone:
    """The backbone that a TOML file describes.

    The graph is wrapped, so that it takes what every bundle's does: float32 RGB in 0..255, NHWC,
    any batch. A feature map is pooled by its mean over height and width.

    Raises:
        ModelError: the file or the graph is missing or not valid; the message names the field.
    """
    _refuse_missing(path, str(path))
    try:
        raw = tomllib.loads(read_regular(path, _MOST_TEXT).decode())
    except (ValueError, RecursionError, BundleError) as error:
        raise ModelError(f"{path}: not a description of a backbone ({error})") from error
    try:
        return _described(raw, path)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _described(raw: Mapping[str, Any], path: Path) -> Backbone:
    _refuse_unknown(raw, _TOP, "")
    wants = _wants(_typed(raw, "input", dict))
    name = _typed({"name": path.stem, **raw}, "name", str)
    if not name:
        raise ModelError("'name' is empty: leave it out for that of the file")
    about = {"license": _NOT_STATED, "training_data": _NOT_STATED, **raw}
    file, output = path.parent / _typed(raw, "graph", str), _typed(raw, "output", str)
    graph, width = _wrapped(_read_graph(file), output, wants)
    return Backbone(
        name=name,
        input=Input("image", wants.size, wants.resample, wants.resize),
        graph=graph,
        width=width,
        license=_typed(about, "license", str),
        training_data=_typed(about, "training_data", str),
        source={"file": file.name, "output": output},
    )


def _wants(raw: Mapping[str, Any]) -> _Wants:
    _refuse_unknown(raw, _INPUT, "input.")
    size = _sides(raw, "size")
    resize = _sides(raw, "resize") if "resize" in raw else size
    if resize[0] < size[0] or resize[1] < size[1]:
        raise ModelError(f"'input.resize' {list(resize)} is smaller than 'size' {list(size)}")
    deviation = _numbers(raw, "deviation", 3) if "deviation" in raw else (1.0,) * 3
    if min(deviation) <= 0:
        raise ModelError(f"'input.deviation' is {list(deviation)}, not above 0")
    try:
        resample = Resample(raw.get("resample", Resample.BILINEAR))
    except ValueError:
        known = ", ".join(Resample)
        raise ModelError(f"'input.resample' is {raw['resample']!r}, not one of {known}") from None
    return _Wants(
        size=size,
        resize=resize,
        resample=resample,
        nchw=_choice(raw, "layout", ("NCHW", "NHWC")) == "NCHW",
        bgr=_choice(raw, "channels", ("RGB", "BGR")) == "BGR",
        mean=_numbers(raw, "mean", 3) if "mean" in raw else (0.0,) * 3,
        deviation=deviation,
    )


def _read_graph(path: Path) -> "onnx.ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    _refuse_missing(path, path.name)
    try:
        model = onnx.load_model_from_string(read_regular(path, _MOST_GRAPH))
    except DecodeError as error:
        raise ModelError(f"{path.name}: not an ONNX graph ({error})") from error
    except BundleError as error:
        raise ModelError(str(error)) from error
    if outside := next(external_data(model), None):
        raise ModelError(f"{path.name}: keeps weights in another file ({outside})")
    return model


def _wrapped(model: "onnx.ModelProto", output: str, wants: _Wants) -> tuple[bytes, int]:
    """The graph from a picture as bundles have it to pooled features, and their width."""
    import onnx

    try:
        cut = cut_to(model, output)
    except KeyError:
        last = ", ".join(value.name for value in model.graph.output)
        raise ModelError(f"the graph has no tensor {output!r}; its outputs are {last}") from None
    # Its own declared shapes may be those of a batch of one.
    weights = {tensor.name for tensor in cut.graph.initializer}
    inputs = [value for value in cut.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise ModelError(f"{output!r} needs {len(inputs)} inputs, not one picture")
    without_notes(cut)
    named = onnx.compose.add_prefix(cut, "own/")
    _feed(named.graph, f"own/{inputs[0].name}", wants)
    width = _pool(named, f"own/{output}")
    try:
        onnx.checker.check_model(named, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the graph does not fit together: {str(error).splitlines()[0]}") from None
    return named.SerializeToString(deterministic=True), width


def _feed(graph: "onnx.GraphProto", name: str, wants: _Wants) -> None:
    """Put what turns a picture into the graph's input before everything else."""
    from onnx import TensorProto, helper, numpy_helper

    order = [2, 1, 0] if wants.bgr else [0, 1, 2]
    arrays: dict[str, NDArray[Any]] = {
        "image/order": np.array(order, np.int64),
        "image/mean": np.array(wants.mean, np.float32)[order],
        "image/deviation": np.array(wants.deviation, np.float32)[order],
    }
    graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in arrays.items())
    last = "image/standardised" if wants.nchw else name
    nodes = [
        helper.make_node("Gather", ["image", "image/order"], ["image/ordered"], axis=3),
        helper.make_node("Sub", ["image/ordered", "image/mean"], ["image/centred"]),
        helper.make_node("Div", ["image/centred", "image/deviation"], [last]),
    ]
    if wants.nchw:
        nodes.append(helper.make_node("Transpose", [last], [name], perm=[0, 3, 1, 2]))
    rest = list(graph.node)
    del graph.node[:], graph.input[:]
    graph.node.extend([*nodes, *rest])
    shape: list[str | int | None] = ["batch", *wants.size, 3]
    graph.input.append(helper.make_tensor_value_info("image", TensorProto.FLOAT, shape))


def _pool(model: "onnx.ModelProto", name: str) -> int:
    """Make of a tensor the output `features`, [batch, width]; gives the width."""
    import onnx
    from onnx import TensorProto, helper

    graph = model.graph
    del graph.output[:], graph.value_info[:]
    graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    shape = _shape(onnx.shape_inference.infer_shapes(model).graph, name)
    if len(shape) not in (2, 4) or not shape[1]:
        raise ModelError(
            f"the features have the shape {shape}, not [batch, width] or [batch, width, rows,"
            " columns]; name the tensor after its last pooling"
        )
    if shape[0]:
        raise ModelError(
            f"the features are those of a batch of {shape[0]}, whatever is put in: export the graph"
            " with a batch of any size"
        )
    if len(shape) == 4:
        graph.node.append(helper.make_node("GlobalAveragePool", [name], ["features/pooled"]))
        name = "features/pooled"
    graph.node.append(helper.make_node("Flatten", [name], [_FEATURES], axis=1))
    declared: list[str | int | None] = ["batch", shape[1]]
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(_FEATURES, TensorProto.FLOAT, declared))
    return shape[1]


def _shape(graph: "onnx.GraphProto", name: str) -> list[int]:
    """The shape that was inferred, 0 for an axis of any length; empty where nothing is known."""
    for value in (*graph.output, *graph.value_info):
        if value.name == name:
            return [axis.dim_value for axis in value.type.tensor_type.shape.dim]
    return []


def _refuse_missing(path: Path, name: str) -> None:
    if not path.is_file():
        raise ModelError(f"{name}: no such file")


def _refuse_unknown(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(raw.keys() - known):
        there = ", ".join(sorted(known))
        raise ModelError(f"unknown field '{where}{unknown[0]}'; there are {there}")


def _typed(raw: Mapping[str, Any], key: str, kind: type[Any]) -> Any:
    value = raw.get(key)
    if type(value) is not kind:
        raise ModelError(f"'{key}' is {value!r}, not of type {kind.__name__}")
    return value


def _choice(raw: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
    value = raw.get(key, choices[0])
    if value not in choices:
        raise ModelError(f"'input.{key}' is {value!r}, not one of {', '.join(choices)}")
    return str(value)


def _numbers(raw: Mapping[str, Any], key: str, count: int) -> tuple[float, ...]:
    values = raw.get(key)
    is_list = isinstance(values, list) and len(values) == count
    if not is_list or not all(type(one) in (int, float) for one in values or ()):
        raise ModelError(f"'input.{key}' is {values!r}, not {count} numbers")
    if not all(math.isfinite(one) for one in values or ()):
        raise ModelError(f"'input.{key}' is {values!r}, which are no finite numbers")
    return tuple(float(one) for one in values or ())


def _sides(raw: Mapping[str, Any], key: str) -> tuple[int, int]:
    """Height and width."""
    height, width = _numbers(raw, key, 2)
    if not all(one.is_integer() and 1 <= one <= MAX_SIDE for one in (height, width)):
        raise ModelError(
            f"'input.{key}' is {raw[key]!r}, not height and width from 1 to {MAX_SIDE}"
        )
    return int(height), int(width)
