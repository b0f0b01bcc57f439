"""Read a PyTorch state dict of the legacy format without PyTorch, and without executing it.

The format (torch.serialization, `_legacy_save`) is five pickles: a magic number, a protocol
version, facts about the machine, the state dict with its tensors as views of numbered storages,
and the storages' numbers. The storages follow in that order: the count of elements as int64, then
the elements. A pickle names what rebuilds its objects; only the four below are let through.
"""

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: where it lies in its storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
        flat = storages[self.storage.key][self.offset :]
        reach = sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if self.offset < 0 or min(self.shape, default=1) < 1 or min(self.strides, default=0) < 0:
            raise ValueError(f"{self}: a tensor with nothing in it, or that runs backwards")
        if reach >= flat.size:
            raise ValueError(f"{self}: a tensor that reaches past the end of its storage")
        steps = [step * flat.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(flat, self.shape, steps).copy()


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], *rest: Any) -> _View:
    return _View(storage, offset, shape, rest[0])


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows tensors and ordered dictionaries, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a state dict")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, *_ = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"{kind!r} has no place in a state dict")
        return _Storage(key, dtype)


def read_state_dict(blob: bytes) -> dict[str, NDArray[Any]]:
    """Every tensor of a state dict by name.

    Raises:
        pickle.UnpicklingError: the file is of another format, or names something else than tensors.
    """
    stream = io.BytesIO(blob)
    if (_load(stream), _load(stream)) != (_MAGIC, _PROTOCOL):
        raise pickle.UnpicklingError("not a state dict of PyTorch's legacy format")
    _load(stream)
    views: dict[str, _View] = _load(stream)
    dtypes = {view.storage.key: view.storage.dtype for view in views.values()}
    storages = {key: _read_storage(stream, dtypes[key]) for key in _load(stream)}
    return {name: view.of(storages) for name, view in views.items()}


def _load(stream: io.BytesIO) -> Any:
    """The next pickle; each has a memo of its own."""
    return _Unpickler(stream).load()


def _read_storage(stream: io.BytesIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    (count,) = np.frombuffer(stream.read(8), "<i8")
    return np.frombuffer(stream.read(int(count) * dtype.itemsize), dtype)
