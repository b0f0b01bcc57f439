"""Where the places of a feature map look: the centres of their receptive fields.

Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from figleaf.images.box import Box
from figleaf.models.card import Input
from figleaf.models.reading import Reading

if TYPE_CHECKING:
    import onnx

_SLIDING = frozenset({"Conv", "MaxPool", "AveragePool", "LpPool"})


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where the first place of an axis looks, in pixels, and how far on each further one does."""

    start: float = 0.5
    step: float = 1.0

    def slid(self, reach: int, stride: int, before: int) -> "_Axis":
        start = self.start + ((reach - 1) / 2 - before) * self.step
        return _Axis(start, self.step * stride)

    def ends(self, places: int) -> tuple[float, float]:
        first = self.start - self.step / 2
        return first, first + self.step * places


def window_of(read: Reading, tensor: str, grid: tuple[int, int], spec: Input) -> Box:
    """What of a prepared picture a feature map covers.

    Without padding that is less than the picture; with padding it may reach beyond. Where the way
    from the picture to the map cannot be followed, all of it is taken.

    Args:
        read: the graph.
        tensor: the map.
        grid: its rows and columns.
        spec: the input that it is of.
    """
    height, width = spec.size
    found = _followed(read, spec).get(tensor)
    if found is not None:
        (top, bottom), (left, right) = (
            axis.ends(places) for axis, places in zip(found, grid, strict=True)
        )
        if _is_likely(top, bottom, height) and _is_likely(left, right, width):
            return Box(left, top, right, bottom)
    return Box(0.0, 0.0, float(width), float(height))


def _is_likely(first: float, last: float, length: int) -> bool:
    return abs((first + last) - length) < length / 4 and 0.5 < (last - first) / length < 1.5


def _followed(read: Reading, spec: Input) -> dict[str, tuple[_Axis, _Axis]]:
    """Each tensor that comes of the picture, and where its rows and columns look."""
    known = {spec.name: (_Axis(), _Axis())}
    for node in read.nodes:
        before = next((known[name] for name in node.input if name in known), None)
        if before is None:
            continue
        after = _slid(read, node, before) if node.op_type in _SLIDING else before
        if after is not None:
            known |= {name: after for name in node.output if name}
    return known


def _slid(
    read: Reading, node: "onnx.NodeProto", before: tuple[_Axis, _Axis]
) -> tuple[_Axis, _Axis] | None:
    from figleaf.models.pooling import attributes

    given = attributes(node)
    kernel = list(given.get("kernel_shape") or read.shape(node.input[1])[2:])
    strides = list(given.get("strides", [1, 1]))
    dilations = list(given.get("dilations", [1, 1]))
    pads = list(given.get("pads", [0, 0, 0, 0]))[:2]
    sides = read.shape(node.input[0])[2:]
    if not len(kernel) == len(sides) == 2:
        return None
    automatic = given.get("auto_pad", b"NOTSET")
    rows, columns = (
        axis.slid(
            dilation * (reach - 1) + 1,
            stride,
            pad if automatic == b"NOTSET" else _same(side or 0, reach, stride),
        )
        for axis, reach, stride, dilation, pad, side in zip(
            before, kernel, strides, dilations, pads, sides, strict=True
        )
    )
    return rows, columns


def _same(side: int, reach: int, stride: int) -> int:
    """Of the padding SAME_UPPER, what comes before the first pixel."""
    return max((-(-side // stride) - 1) * stride + reach - side, 0) // 2
