"""From a bundle and some pictures to a graph in int8."""

from collections.abc import Iterable
from dataclasses import dataclass

from figleaf.errors import InputError, ModelError
from figleaf.models.bundle import Bundle
from figleaf.models.int8.constants import folded
from figleaf.models.int8.front import by_channel
from figleaf.models.int8.plan import plan
from figleaf.models.int8.quantise import quantised
from figleaf.models.int8.ranges import Calibration, Method
from figleaf.models.model import Prepared
from figleaf.models.surgery import opset_of

_LEAST_OPSET = 13
"""The first whose DequantizeLinear knows a scale for each channel."""


@dataclass(frozen=True, slots=True)
class Int8Graph:
    """ONNX, and how many of its convolutions compute in int8."""

    graph: bytes
    convolutions: int


def int8_graph(bundle: Bundle, pictures: Iterable[Prepared], method: Method) -> Int8Graph:
    """Quantise a bundle's graph.

    Args:
        bundle: computes in float.
        pictures: like those that it will see, prepared for its inputs.
        method: where values are cut off.

    Raises:
        InputError: no pictures, or no convolution to quantise.
        ModelError: the graph cannot be taken apart.
    """
    import onnx

    name = bundle.card.name
    try:
        model = onnx.load_model_from_string(bundle.graph)
        if opset_of(model) < _LEAST_OPSET:
            model = onnx.version_converter.convert_version(model, _LEAST_OPSET)
        model = by_channel(folded(model))
        of = plan(model)
        calibration = Calibration(model, of)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except ModelError:
        raise
    except Exception as error:  # of ONNX's own passes, whose errors have no common base
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"{name}: the graph cannot be taken apart: {reason}") from error
    inputs = [spec.name for spec in bundle.card.inputs]
    for picture in pictures:
        calibration.look({key: one[None] for key, one in zip(inputs, picture, strict=True)})
    if not calibration.count:
        raise InputError(f"{name}: no picture to calibrate with")
    try:
        graph = quantised(model, of, calibration.ranges(method))
    except Exception as error:  # as above
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"{name}: the graph cannot be put together: {reason}") from error
    return Int8Graph(graph, len(of.convolutions))
