"""Pages in Chromium that use figleaf-web, and what is asked of them."""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserType

Scores = dict[str, float]

_TOOLS = """
const { load, FigleafError } = await import("/figleaf/index.js");
const file = async (name) => (await fetch("/made/" + name)).blob();
const pixels = async ({ name, width, height }) =>
  new ImageData(new Uint8ClampedArray(await (await file(name)).arrayBuffer()), width, height);
const image = async (url) => {
  const one = new Image();
  one.src = url;
  await one.decode();
  return one;
};
const refusal = async (promise) => {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return `${error.name} ${error.code}: ${error.message}`;
  }
};
"""
"""What every script of a test has at hand."""


def launch(browsers: BrowserType, *flags: str) -> Browser:
    """Debian's Chromium; the test is skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium on PATH: apt-get install chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return browsers.launch(executable_path=program, args=[*root, *flags])


class Opened:
    """A page that is watched: what it asked for, and what it complained of."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._context = browser.new_context()
        self.page = self._context.new_page()
        self._context.on("request", lambda one: self.requests.append(one.url))
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.goto(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def run(self, script: str, given: Any = None) -> Any:
        """What a script returns: the body of an async function of `given`."""
        return self.page.evaluate(f"async (given) => {{ {_TOOLS} {script} }}", given)

    def load(self, model: str, **options: Any) -> None:
        """Load a model, as `model` for all later scripts."""
        wanted = json.dumps({"backend": "wasm", **options})
        self.run(f"globalThis.model = await load('/models/{model}/', {wanted})")

    def without_workers(self) -> None:
        """Wait until the last worker has ended."""
        deadline = time.monotonic() + 60
        while self.page.workers:
            assert time.monotonic() < deadline, self.page.workers
            self.page.wait_for_timeout(20)

    def scores(self, picture: "Raw") -> Scores:
        """What the loaded model says of the pixels of a file."""
        told: Scores = self.run("return model.scores(await pixels(given))", picture.given)
        return told


@dataclass(frozen=True)
class Raw:
    """A file of RGBA pixels on the site, of shape (height, width, 4)."""

    name: str
    pixels: NDArray[np.uint8]

    @property
    def given(self) -> dict[str, Any]:
        """What a script gets, to have its pixels by `await pixels(given)`."""
        height, width, _ = self.pixels.shape
        return {"name": self.name, "width": width, "height": height}


def raw(folder: Path, name: str, pixels: NDArray[np.uint8]) -> Raw:
    """Write pixels into the folder that the site has at /made/."""
    (folder / name).write_bytes(pixels.tobytes())
    return Raw(name, pixels)


def furthest(one: Scores, other: Scores) -> float:
    """The greatest difference of two scores of a class."""
    assert one.keys() == other.keys()
    return max(abs(one[name] - other[name]) for name in one)
