"""The poolings at which a classifier's feature maps end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from figleaf.errors import NoPlacesError
from figleaf.models.reading import Reading, Shape

if TYPE_CHECKING:
    import onnx

_FIRST, _LAST = (2, 3), (1, 2)
"""The axes of height and width: of [batch, channels, height, width], and with channels last."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The mean of a feature map over all of its places.

    Attributes:
        source: the map, [batch, channels, *grid], or [batch, *grid, channels].
        output: the mean.
        channels_first: which of the two the map is.
        grid: (rows, columns).
        pooled: the mean's shape without its batch.
        picture: the input that the map is of.
    """

    source: str
    output: str
    channels_first: bool
    grid: tuple[int, int]
    pooled: tuple[int, ...]
    picture: str


def final_pools(read: Reading, output: str) -> list[Pool]:
    """The poolings, one or more, through which alone an output depends on the pictures.

    Raises:
        NoPlacesError: there are none, or it depends on a picture in another way too.
    """
    pools = [pool for node in read.nodes for pool in _pools(read, node)]
    # Squeeze-and-excitation has such means within; the last ones have none after them.
    final = [pool for pool in pools if not _leads_on(read, pool, pools)]
    if not final:
        raise NoPlacesError("no mean over a feature map (global average pooling) was found")
    if output in read.without([pool.output for pool in final]):
        raise NoPlacesError("its classes depend on more than the mean of a feature map")
    return final


def _leads_on(read: Reading, pool: Pool, pools: list[Pool]) -> bool:
    sources = {other.source for other in pools}
    return any(sources.intersection(node.output) for node in read.after(pool.output))


def _pools(read: Reading, node: "onnx.NodeProto") -> Iterator[Pool]:
    shape = read.shape(node.input[0]) if node.input else ()
    axes = _averaged(read, node, shape)
    pictures = read.pictures_of(node.input[0]) if axes else frozenset()
    if axes is None or len(pictures) != 1:
        return
    grid = tuple(shape[axis] for axis in axes)
    channels = shape[1 if axes == _FIRST else 3]
    height, width = grid
    if height is None or width is None or channels is None or height * width < 2:
        return
    ones = (channels, 1, 1) if axes == _FIRST else (1, 1, channels)
    pooled = ones if _keeps_axes(node) else (channels,)
    yield Pool(node.input[0], node.output[0], axes == _FIRST, (height, width), pooled, *pictures)


def _averaged(read: Reading, node: "onnx.NodeProto", shape: Shape) -> tuple[int, int] | None:
    """The axes of height and width, where a node takes the mean over all of both."""
    if len(shape) != 4:
        return None
    if node.op_type == "GlobalAveragePool":
        return _FIRST
    if node.op_type == "AveragePool":
        return _FIRST if _covers_all(node, shape) else None
    if node.op_type != "ReduceMean":
        return None
    axes = tuple(sorted(axis % 4 for axis in _axes(read, node)))
    return axes if axes in (_FIRST, _LAST) else None


def _covers_all(node: "onnx.NodeProto", shape: Shape) -> bool:
    given = attributes(node)
    whole = tuple(given["kernel_shape"]) == shape[2:]
    return whole and not any(given.get("pads", ())) and not given.get("ceil_mode", 0)


def _axes(read: Reading, node: "onnx.NodeProto") -> list[int]:
    from onnx import numpy_helper

    if len(node.input) > 1 and node.input[1] in read.constants:  # as of opset 18
        return [int(axis) for axis in numpy_helper.to_array(read.constants[node.input[1]])]
    return list(attributes(node).get("axes", ()))


def _keeps_axes(node: "onnx.NodeProto") -> bool:
    return node.op_type != "ReduceMean" or bool(attributes(node).get("keepdims", 1))


def attributes(node: "onnx.NodeProto") -> dict[str, Any]:
    """A node's attributes as Python values."""
    from onnx import helper

    return {one.name: helper.get_attribute_value(one) for one in node.attribute}
