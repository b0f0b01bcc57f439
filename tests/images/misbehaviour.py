"""Functions that workers run in the tests of isolation. Importable by name, as they have to be."""

import ctypes
import json
import os
import socket
import stat
import subprocess
import sys
import time
from typing import Any

import numpy as np

from figleaf.errors import BundleError, ImageError, InputError, Status
from figleaf.images import Picture
from figleaf.images.wire import Channel


def obey(data: bytes) -> Any:
    """Do what the bytes say: a function's name in this module, and an argument."""
    name, _, argument = data.decode().partition(" ")
    return globals()[name](argument)


def echo(text: str) -> str:
    return text


def pid(_: str) -> int:
    return os.getpid()


def sleep(seconds: str) -> str:
    time.sleep(float(seconds))
    return "slept"


def hang_in_c(_: str) -> None:
    # PyDLL keeps the interpreter lock: no Python code can run in this process any more.
    ctypes.PyDLL(None).pause()


def leave(code: str) -> None:
    os._exit(int(code))


def abort(_: str) -> None:
    os.abort()


def segfault(_: str) -> None:
    ctypes.string_at(0)


def allocate(megabytes: str) -> int:
    return int(np.ones(int(megabytes) * 2**20, np.uint8).sum())


def refuse(reason: str) -> None:
    raise ImageError(Status.CORRUPT, reason)


def misuse(reason: str) -> None:
    raise InputError(reason)


def bad_bundle(reason: str) -> None:
    raise BundleError(reason)


def stumble(key: str) -> None:
    raise KeyError(key)


def chatter(text: str) -> str:
    print(text, flush=True)
    print(text, file=sys.stderr, flush=True)
    os.write(1, text.encode())
    return sys.stdin.read()


def make_child(_: str) -> int:
    return subprocess.Popen(["sleep", "1000"]).pid


def child_and_hang(path: str) -> None:
    child = subprocess.Popen(["sleep", "1000"])
    with open(path, "w") as file:  # noqa: PTH123  # an import less in a worker
        file.write(f"{child.pid} {os.getpid()}")
    time.sleep(1000)


def assorted(_: str) -> Any:
    return {
        "scalars": [None, True, 7, 1.5, "é"],
        "pair": (b"\x00\xff", b""),
        "arrays": [
            np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1],
            np.zeros((0, 3), np.int64),
            np.array([True, False]),
        ],
        "picture": Picture(np.full((2, 3, 3), 9, np.uint8), "png", 30, 20),
    }


def unsendable(_: str) -> Any:
    return object()


def objects(_: str) -> Any:
    return np.array([object()])


def environment(name: str) -> str | None:
    return os.environ.get(name)


def forge(reply: str) -> None:
    """Answer as a worker that was taken over can, and hang."""
    own = next(fd for fd in range(3, 100) if _is_socket(fd))
    Channel(socket.socket(fileno=own)).send(json.loads(reply))
    time.sleep(1000)


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False
