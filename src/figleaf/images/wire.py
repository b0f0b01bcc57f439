"""What goes between an isolated pool and its workers.

A worker reads hostile bytes with C libraries and may be taken over by them, so nothing that comes
from it is unpickled. A message is::

    8 bytes, big-endian    length of the header
    header                 JSON: a value in which bytes, arrays and containers are tagged
    blobs                  the raw bytes of those arrays and byte strings, in order, unpadded

    None, True, 1, 1.5, "a"    as in JSON
    bytes                      {"bytes": LENGTH}
    numpy array                {"array": [DTYPE, SHAPE]}       bool, integer, float; C order
    list, tuple                {"list": [...]}, {"tuple": [...]}
    dict with string keys      {"dict": {...}}
    Picture                    {"picture": [ARRAY, FORMAT, WIDTH, HEIGHT]}
"""

import json
import math
import socket
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.images.decode import Picture

MAX_HEADER = 2**20
MAX_BLOBS = 2**31
"""Bytes of arrays and byte strings in one message: more is taken for an attack."""

_LENGTH = 8
_JOINED = 2**20  # bytes up to which copying a message together costs less than sending its parts
_AHEAD = 4096
_DTYPE_KINDS = frozenset("biuf")
_DTYPE_NAME = 8

Blob = bytes | memoryview


class WireError(Exception):
    """A message that breaks the format, or a value that has no place in it."""


class Channel:
    """Messages over a stream socket, each way, with a deadline."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._timeout = connection.gettimeout()
        self._ahead = b""

    def send(self, value: Any, *, until: float | None = None) -> None:
        """Send one value.

        Args:
            value: of the types above.
            until: `time.monotonic()` at which to give up.

        Raises:
            WireError: the value cannot be sent; nothing was.
            TimeoutError: not done in time.
            OSError: the other side is gone.
        """
        blobs: list[Blob] = []
        header = json.dumps(_pack(value, blobs)).encode()
        if len(header) > MAX_HEADER or sum(len(blob) for blob in blobs) > MAX_BLOBS:
            raise WireError("the value is too large to send")
        start = len(header).to_bytes(_LENGTH, "big") + header
        if sum(map(len, blobs)) <= _JOINED:
            start, blobs = b"".join((start, *blobs)), []
        for part in (start, *blobs):
            self._wait_until(until)
            self._socket.sendall(part)

    def receive(self, *, until: float | None = None) -> Any:
        """Receive one value.

        Raises:
            WireError: what came breaks the format.
            EOFError: the other side closed the connection.
            TimeoutError: not all there in time.
            OSError: the connection broke.
        """
        length = int.from_bytes(self._read(_LENGTH, until), "big")
        if length > MAX_HEADER:
            raise WireError(f"a header of {length} bytes")
        return _parse(bytes(self._read(length, until)), lambda size: self._read(size, until))

    def close(self) -> None:
        """Close the connection; the other side reads an end of file."""
        self._socket.close()

    def _read(self, size: int, until: float | None) -> NDArray[np.uint8]:
        # Not zeroed first: a worker that claims gigabytes and sends none costs no memory.
        buffer = np.empty(size, np.uint8)
        view = buffer.data
        done = min(size, len(self._ahead))
        view[:done], self._ahead = self._ahead[:done], self._ahead[done:]
        while done < size:
            self._wait_until(until)
            done += self._receive_into(view[done:])
        return buffer

    def _receive_into(self, view: memoryview) -> int:
        """Fill a part of the view, and keep what comes beyond a short one: the next part of it."""
        if len(view) < _AHEAD:
            came = self._socket.recv(_AHEAD)
            count = min(len(came), len(view))
            view[:count], self._ahead = came[:count], came[count:]
        else:
            count = self._socket.recv_into(view)
        if count == 0:
            raise EOFError
        return count

    def _wait_until(self, until: float | None) -> None:
        """Have the next call on the socket end by then, or a tenth of the time later.

        Each setting of a time-out is a system call, and lets another thread go first.
        """
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError
        now = self._timeout
        if left is None or now is None or not 0.9 * now <= left <= now:
            self._socket.settimeout(left)
            self._timeout = left


def _pack(value: Any, blobs: list[Blob]) -> Any:
    match value:
        case None | bool() | str() | int() | float():
            return value
        case bytes() | bytearray() | memoryview():
            blobs.append(memoryview(value).cast("B"))
            return {"bytes": len(blobs[-1])}
        case np.ndarray():
            return {"array": _pack_array(value, blobs)}
        case Picture(pixels, name, width, height):
            return {"picture": [_pack_array(pixels, blobs), name, width, height]}
        case list() | tuple():
            tag = "list" if isinstance(value, list) else "tuple"
            return {tag: [_pack(item, blobs) for item in value]}
        case dict() if all(isinstance(key, str) for key in value):
            return {"dict": {key: _pack(item, blobs) for key, item in value.items()}}
    raise WireError(
        f"a {type(value).__name__} cannot cross the process border; "
        "return a Picture, arrays, bytes, or plain lists, tuples and dicts of them"
    )


def _pack_array(array: NDArray[Any], blobs: list[Blob]) -> list[Any]:
    if array.dtype.kind not in _DTYPE_KINDS:
        raise WireError(f"an array of dtype {array.dtype} cannot cross the process border")
    if array.size:  # an empty one has no bytes, and memoryview refuses to cast it
        blobs.append(np.ascontiguousarray(array).data.cast("B"))
    return [array.dtype.str, list(array.shape)]


def _parse(header: bytes, read: Callable[[int], NDArray[np.uint8]]) -> Any:
    """Rebuild a value, taking every claim of the header for a lie until checked."""
    try:
        return _Unpacker(read).value(json.loads(header))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise WireError(f"a broken message: {type(error).__name__}") from None


class _Unpacker:
    def __init__(self, read: Callable[[int], NDArray[np.uint8]]) -> None:
        self._read = read
        self._left = MAX_BLOBS

    def value(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        ((tag, content),) = node.items()
        match tag:
            case "bytes":
                return self._blob(content).tobytes()
            case "array":
                return self._array(content)
            case "list" | "tuple":
                items = [self.value(item) for item in content]
                return items if tag == "list" else tuple(items)
            case "dict":
                return {key: self.value(item) for key, item in content.items()}
            case "picture":
                return self._picture(content)
        raise WireError(f"an unknown tag {str(tag)[:20]!r}")

    def _blob(self, size: int) -> NDArray[np.uint8]:
        if not isinstance(size, int) or not 0 <= size <= self._left:
            raise WireError("a blob of impossible size")
        self._left -= size
        return self._read(size)

    def _array(self, content: Any) -> NDArray[Any]:
        name, shape = content
        if len(name) > _DTYPE_NAME or np.dtype(name).kind not in _DTYPE_KINDS:
            raise WireError("an array of a dtype that is not sent")
        if not all(isinstance(length, int) and length >= 0 for length in shape):
            raise WireError("an array of impossible shape")
        dtype = np.dtype(name)
        blob = self._blob(math.prod(shape) * dtype.itemsize)
        array: NDArray[Any] = blob.view(dtype).reshape(shape)
        return array

    def _picture(self, content: Any) -> Picture:
        array, name, width, height = content
        pixels = self._array(array)
        sane = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        if not (sane and type(name) is str and type(width) is int and type(height) is int):
            raise WireError("a picture that is none")
        if not (0 < pixels.shape[0] <= height and 0 < pixels.shape[1] <= width):
            raise WireError("a picture of impossible size")
        pixels.setflags(write=False)
        return Picture(pixels, name, width, height)
