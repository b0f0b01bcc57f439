"""Read the safetensors format: a header in JSON, and the tensors behind it.

The format is that of huggingface/safetensors: the header's length as uint64, little endian; the
header, an object of {name: {"dtype", "shape", "data_offsets": [begin, end]}} and perhaps
"__metadata__"; then the bytes of the tensors, which fill the rest without gaps. It is small enough
to be read here, where every number of the header is checked before it is used.
"""

import json
import math
from typing import Any

import torch
from torch import Tensor

from figleaf.errors import ModelError

_LENGTH = 8
_MAX_HEADER = 100_000_000  # the format's own limit
_MAX_AXES = 8
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(data: bytes) -> dict[str, Tensor]:
    """Every tensor of a file, by name, on the CPU.

    Args:
        data: the whole file.

    Raises:
        ModelError: the file breaks a rule of the format, or has a dtype that no weights have.
    """
    header, start = _header(data)
    header.pop("__metadata__", None)
    body = memoryview(data)[start:]
    end, tensors = 0, {}
    for name, entry in sorted(header.items(), key=lambda item: _offsets(*item)):
        begin, stop = _offsets(name, entry)
        if begin != end or stop > len(body):
            raise ModelError(f"tensor {name!r} lies at {begin}..{stop}, not right after the last")
        tensors[name] = _tensor(name, entry, body[begin:stop])
        end = stop
    if end != len(body):
        raise ModelError(f"the header covers {end:,} of {len(body):,} bytes of tensors")
    return tensors


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    """The header, and where it ends."""
    length = int.from_bytes(data[:_LENGTH], "little")
    end = _LENGTH + length
    if length > _MAX_HEADER or end > len(data):
        raise ModelError(f"a header of {length:,} bytes in a file of {len(data):,}")
    try:
        header = json.loads(data[_LENGTH:end])
    except (ValueError, RecursionError) as error:
        raise ModelError(f"its header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise ModelError("its header is not a JSON object")
    return header, end


def _offsets(name: str, entry: Any) -> tuple[int, int]:
    offsets: Any = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not _are_counts(offsets) or len(offsets) != 2:
        raise ModelError(f"tensor {name!r} has the data_offsets {offsets!r}")
    return offsets[0], offsets[1]


def _tensor(name: str, entry: dict[str, Any], data: memoryview) -> Tensor:
    dtype = _DTYPES.get(str(entry.get("dtype")))
    shape: Any = entry.get("shape")
    if dtype is None:
        raise ModelError(f"tensor {name!r} is of dtype {entry.get('dtype')!r}")
    if not _are_counts(shape) or not 0 < math.prod(shape) * dtype.itemsize == len(data):
        raise ModelError(f"tensor {name!r} of shape {shape!r} does not fill {len(data):,} bytes")
    # A copy: aligned, and the caller's to write to.
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)


def _are_counts(values: Any) -> bool:
    """Whether these are a few whole numbers from 0 on."""
    return (
        isinstance(values, list)
        and len(values) <= _MAX_AXES
        and all(type(value) is int and value >= 0 for value in values)
    )
