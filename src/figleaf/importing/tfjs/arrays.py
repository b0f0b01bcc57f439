"""The arrays of a TensorFlow.js model: as they are stored, and what they stand for."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs.fields import Fields
from figleaf.models.graph import Floats, Kernel, Quantised, scalar

_STORED = {"float32": "<f4", "int32": "<i4", "bool": "|u1"}
_QUANTISED = {"uint8": "|u1", "uint16": "<u2", "float16": "<f2"}
_MOST_AXES = 6


@dataclass(frozen=True, slots=True)
class Stored:
    """One array as published: each of its `values` stands for value * scale + minimum.

    `scale` is None where the values stand for themselves; `whole` for indices, axes and shapes.
    """

    values: NDArray[Any]
    scale: float | None = None
    minimum: float = 0
    whole: bool = False

    def floats(self) -> Floats:
        """The array in float32, as TensorFlow.js has it."""
        if self.scale is None:
            return self.values.astype(np.float32)
        return (self.values * np.float64(self.scale) + self.minimum).astype(np.float32)

    def array(self) -> NDArray[Any]:
        """The array in float32, or in int64 where it is of whole numbers."""
        if not self.whole:
            return self.floats()
        if self.scale is None:
            return self.values.astype(np.int64)
        # Halves go up, as in JavaScript's Math.round.
        return np.floor(self.values * self.scale + self.minimum + 0.5).astype(np.int64)

    def quantised(self, *axes: int) -> Quantised:
        """The array with its axes in another order, still uint8.

        Raises:
            ValueError: it is not stored so, or zero is not one of the 256 values, so that no zero
                point says the same.
        """
        if self.scale is None or self.values.dtype != np.uint8:
            raise ValueError(f"stored as {self.values.dtype}, not as uint8 with a scale")
        zero = -self.minimum / self.scale
        if not 0 <= round(zero) <= 255 or abs(zero - round(zero)) > 1e-9:
            raise ValueError(f"the zero point {zero} is not a whole number from 0 to 255")
        values = np.ascontiguousarray(self.values.transpose(axes))
        return Quantised(values, scalar(self.scale), round(zero))

    def kernel(self, *axes: int) -> Kernel:
        """The array with its axes in another order, in uint8 where that says the same."""
        try:
            return self.quantised(*axes)
        except ValueError:
            return np.ascontiguousarray(self.floats().transpose(axes))


def reshaped(kernel: Kernel, shape: tuple[int, ...]) -> Kernel:
    """A kernel of one scale in another shape."""
    if isinstance(kernel, Quantised):
        return replace(kernel, values=kernel.values.reshape(shape))
    return kernel.reshape(shape)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a manifest says of one array: how it lies among the bytes of its group."""

    name: str
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    scale: float | None
    minimum: float
    whole: bool

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return math.prod(self.shape) * self.stored.itemsize

    def cut(self, blob: bytes, offset: int) -> Stored:
        """The array out of the bytes of its group."""
        values = np.frombuffer(blob, self.stored, math.prod(self.shape), offset)
        return Stored(values.reshape(self.shape), self.scale, self.minimum, self.whole)


def read_entry(raw: object) -> Entry:
    """An entry of a weights manifest.

    Raises:
        ImportModelError: it breaks the format, or is of a type that no layer here takes.
    """
    name = Fields.of("weights manifest", raw).text("name")
    fields = Fields.of(f"weight {name!r:.200}", raw)
    shape = fields.whole_numbers("shape", fields.raw.get("shape"))
    if len(shape) > _MOST_AXES or any(side < 0 for side in shape):
        fields.refuse(f"'shape' is {shape!r:.80}")
    dtype = fields.text("dtype")
    if dtype not in _STORED:
        fields.refuse(f"of type {dtype!r:.40}, not one of {', '.join(_STORED)}")
    scale, minimum, stored = None, 0.0, _STORED[dtype]
    if fields.has("quantization"):
        inner = fields.inner("quantization")
        kind = inner.text("dtype")
        if kind not in _QUANTISED or (kind == "float16" and dtype != "float32") or dtype == "bool":
            fields.refuse(f"{dtype} stored as {kind!r:.40}, not as {', '.join(_QUANTISED)}")
        stored = _QUANTISED[kind]
        if kind != "float16":
            scale, minimum = inner.number("scale"), inner.number("min")
            if not (math.isfinite(scale) and math.isfinite(minimum)):
                fields.refuse(f"'scale' is {scale}, 'min' {minimum}")
    return Entry(name, tuple(shape), np.dtype(stored), scale, minimum, dtype != "float32")


def cut_group(blob: bytes, entries: list[Entry]) -> dict[str, Stored]:
    """The arrays of a group, which lie one after the other in its bytes.

    Raises:
        ImportModelError: the bytes are more or fewer than the entries take.
    """
    needed = sum(entry.size for entry in entries)
    if needed != len(blob):
        raise ImportModelError(
            f"the weights manifest covers {needed:,} bytes, the shards have {len(blob):,};"
            " a shard is missing, cut short, or of another model"
        )
    arrays, offset = {}, 0
    for entry in entries:
        arrays[entry.name] = entry.cut(blob, offset)
        offset += entry.size
    return arrays
