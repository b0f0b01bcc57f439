"""The process that an isolated pool starts, feeds, and kills when it takes too long."""

import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from figleaf.errors import FigleafError, ImageError
from figleaf.images.wire import Channel, WireError

_GRACE = 5.0
"""Seconds after the deadline at which a worker whose pool is gone ends by itself."""


def main() -> None:
    """Answer requests on file descriptor 0, a socket, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    channel = Channel(_take_standard_input())
    try:
        setup = channel.receive()
        function = _prepare(setup)
        channel.send(None)
    except (EOFError, ConnectionError):
        return
    except Exception as error:  # noqa: BLE001  # importing the function runs anybody's code
        channel.send(_describe(error))
        return
    serve(channel, function, setup["deadline"])


def serve(channel: Channel, function: Callable[[Any], Any], deadline: float) -> None:
    """Apply `function` to each request and send the result or the error back."""
    # The default action of SIGALRM ends the process even if a C library never gives the
    # interpreter back: a hung worker does not outlive a parent that was killed.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    while True:
        try:
            data = channel.receive()
            signal.setitimer(signal.ITIMER_REAL, deadline + _GRACE)
            reply = _apply(function, data)
            try:
                channel.send(reply)
            except WireError as error:
                channel.send({"figleaf_error": ["InputError", str(error)]})
            signal.setitimer(signal.ITIMER_REAL, 0)
        except (EOFError, ConnectionError):
            return


def _apply(function: Callable[[Any], Any], data: bytes) -> dict[str, Any]:
    try:
        return {"result": function(data)}
    except Exception as error:  # noqa: BLE001  # hostile bytes; the parent decides what it means
        return _describe(error)


def _describe(error: Exception) -> dict[str, Any]:
    if isinstance(error, ImageError):
        return {"image_error": [str(error.status), error.reason]}
    if isinstance(error, FigleafError):
        return {"figleaf_error": [type(error).__name__, str(error)]}
    if isinstance(error, MemoryError):
        return {"out_of_memory": True}
    return {"exception": f"{type(error).__name__}: {error}"[:1000]}


def _take_standard_input() -> socket.socket:
    """Take the socket off descriptor 0, so that nothing in here reads or writes it by accident."""
    connection = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return connection


def _prepare(setup: dict[str, Any]) -> Callable[[Any], Any]:
    # A core dump would leave the picture on the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The one pickle: it comes from the parent, which is trusted.
    function: Callable[[Any], Any] = pickle.loads(setup["function"])
    if setup["max_memory"] is not None:
        _limit_memory(setup["max_memory"])
    return function


def _limit_memory(more: int) -> None:
    """Allow `more` bytes of address space beyond what the imports have taken."""
    if sys.platform != "linux":  # elsewhere the limit is absent or not enforced
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
