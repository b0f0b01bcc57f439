"""What benchmarks/web.py measures, and the site that Chromium finds it on."""

import json
import mimetypes
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

from benchmarks.peers import PeerUnavailableError
from figleaf.models.bundle import ZOO
from figleaf.web.assets import find_assets

PINS = (
    "nsfwjs@4.4.0",
    "@tensorflow/tfjs@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
    "buffer@6.0.3",  # a peer dependency of nsfwjs
    "esbuild@0.28.2",  # packs them as a site's own build does
)
MODELS = ("mobilenet_v2", "mobilenet_v2_mid", "inception_v3")
_RUNNERS = Path(__file__).parent / "runners"
_PAGE = b"""<!doctype html><title>benchmark</title><link rel="icon" href="data:,">
<script type="module" src="/runners/web_page.mjs"></script>"""
_ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


@dataclass(frozen=True, slots=True)
class Side:
    """One way to classify in a page.

    `module` is a URL on the site; `backend` is what its `open` takes: see runners/web_*.mjs.
    `cores` is how many the page is told that there are, 0 for the truth.
    """

    name: str
    module: str
    backend: str
    threads: int
    cores: int = 0


def sides(threads: int, *, webgl: bool) -> list[Side]:
    """Both libraries with one thread and with `threads`, and nsfwjs on WebGL where wanted."""
    ours, theirs = "/runners/web_figleaf.mjs", "/packed/web_nsfwjs.js"
    return [
        Side("figleaf-web, 1 thread", ours, "wasm", 1),
        Side("figleaf-web, 1 thread, without a worker", ours, "wasm-page", 1),
        Side("nsfwjs, wasm, 1 thread", theirs, "wasm", 1),
        Side(f"figleaf-web, {threads} threads", ours, "wasm", threads),
        # TensorFlow.js takes half of the cores at most, whatever it is asked for.
        Side(f"nsfwjs, wasm, {threads} threads", theirs, "wasm", threads, cores=2 * threads),
        *([Side("nsfwjs, webgl in software", theirs, "webgl", 0)] if webgl else []),
    ]


def packed(work: Path) -> Path:
    """nsfwjs with what it needs, installed and packed for a browser once; gives the folder.

    Raises:
        PeerUnavailableError: npm is missing, or fails.
    """
    folder = work.resolve() / "nsfwjs-web"
    marker, source = folder / "pins.json", _RUNNERS / "web_nsfwjs.mjs"
    wanted = json.dumps([*PINS, source.read_text()])
    if marker.is_file() and marker.read_text() == wanted:
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise PeerUnavailableError("npm is not on the PATH: install Node.js 20 or newer")
    print(f"installing {', '.join(PINS)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"private": true}\n')
    options = ["--save-exact", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run([npm, "install", *options, *PINS], folder)
    shutil.copy(source, folder)
    bundle = ["--bundle", "--minify", "--splitting", "--format=esm", "--outdir=packed"]
    # The CommonJS parts of TensorFlow.js ask for Node's modules, which it does not use in a page.
    quiet = ["--platform=browser", "--log-level=error", "--define:global=globalThis"]
    _run([str(folder / "node_modules/.bin/esbuild"), source.name, *bundle, *quiet], folder)
    marker.write_text(wanted)
    return folder


def _run(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerUnavailableError(f"{Path(command[0]).name} failed: {last}")


def site(nsfwjs: Path, photos: Path) -> dict[str, Path]:
    """The folders of the site, by the first part of their path."""
    assets = find_assets()
    return {
        "runners": _RUNNERS,
        "figleaf": assets.library,
        "ort": assets.runtime,
        "models": ZOO,
        "photos": photos,
        "packed": nsfwjs / "packed",
        "wasm": nsfwjs / "node_modules/@tensorflow/tfjs-backend-wasm/dist",
    }


@contextmanager
def served(folders: Mapping[str, Path], *, isolated: bool) -> Iterator[str]:
    """The site on a port of its own; threads can be had only where it is isolated."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first, _, rest = unquote(self.path).lstrip("/").partition("/")
            file = folders.get(first, Path("/nowhere")) / rest
            found = not first or file.is_file()
            body = _PAGE if not first else file.read_bytes() if found else b""
            self.send_response(200 if found else 404)
            for name, value in _ISOLATION.items() if isolated else ():
                self.send_header(name, value)
            self.send_header("Content-Type", _type(file) if first else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def _type(file: Path) -> str:
    guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return _TYPES.get(file.suffix, guessed)
