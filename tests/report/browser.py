"""Debian's Chromium, driven over a pipe: pages are opened, clicked, watched and photographed.

The DevTools protocol as JSON, a NUL after each message; no port is opened, and nothing is needed
that the standard library does not have.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest

_SECONDS = 30.0
_FIRST_FREE = 10  # above 3 and 4, which the browser reads and writes
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def require_chromium() -> str:
    """The path of the browser; the test is skipped where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs chromium on PATH: apt-get install chromium fonts-nanum")
    return found


class Browser:
    """A browser with one page.

    ::

        with Browser(width=400, dark=True) as browser:
            browser.open("file:///tmp/page.html")
            browser.click("button")
            assert browser.evaluate("document.title") == "A page"
            assert not browser.complaints

    Attributes:
        requests: the URL of everything that the page asked for, data URIs left out.
        complaints: errors and warnings of the console, of policies, and uncaught exceptions.
    """

    def __init__(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._loaded = 0
        self._count = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._session: str | None = None
        self._buffer = b""
        self._profile = TemporaryDirectory(ignore_cleanup_errors=True)
        self._start(require_chromium())
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def open(self, url: str) -> None:
        """Go to a page and wait until it is loaded."""
        before = self._loaded
        failed = self._call("Page.navigate", url=url).get("errorText")
        assert not failed, failed
        self._wait(lambda: self._loaded > before, f"{url} to load")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, of a promise too."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        self._wait(lambda: bool(self.evaluate(expression)), expression)

    def point(self, selector: str) -> dict[str, float]:
        """Move the mouse to the middle of the first element that a selector finds."""
        place: dict[str, float] = self.evaluate(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            " one.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const box = one.getBoundingClientRect();"
            " return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
        )
        self._call("Input.dispatchMouseEvent", type="mouseMoved", **place)
        return place

    def click(self, selector: str) -> None:
        """Click there, as a mouse does."""
        place = self.point(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def press(self, key: str) -> None:
        """Press a key that has a name: "Escape", "Enter", "Tab"."""
        codes = {"Escape": 27, "Enter": 13, "Tab": 9}
        typed = {"text": "\r"} if key == "Enter" else {}
        named = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        self._call("Input.dispatchKeyEvent", type="keyDown", **named, **typed)
        self._call("Input.dispatchKeyEvent", type="keyUp", **named)

    def print(self) -> bytes:
        """The page as a PDF."""
        return b64decode(self._call("Page.printToPDF")["data"])

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        whole = {"captureBeyondViewport": True, "format": "png"}
        box = self._call("Page.getLayoutMetrics")["cssContentSize"] | {"scale": 1}
        path.write_bytes(b64decode(self._call("Page.captureScreenshot", clip=box, **whole)["data"]))

    def close(self) -> None:
        """End the browser."""
        os.close(self._writer)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._reader)
        self._profile.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, program: str) -> None:
        theirs_in, self._writer = map(_moved_up, os.pipe())
        self._reader, theirs_out = map(_moved_up, os.pipe())
        # As root there is no sandbox to be had; the pages are the tests' own.
        flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]

        def plug() -> None:
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self._process = subprocess.Popen(
            [program, *flags, f"--user-data-dir={self._profile.name}"],
            preexec_fn=plug,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        number = self._count
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        self._wait(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not done():
            assert time.monotonic() < deadline, f"waited {_SECONDS} s for {what}"
            self._listen()

    def _listen(self) -> None:
        """Take in what the browser says, if it says something soon."""
        if not select.select([self._reader], [], [], 0.02)[0]:
            return
        data = os.read(self._reader, 2**20)
        assert data, "the browser ended"
        *messages, self._buffer = (self._buffer + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._note(message["method"], message["params"])

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded += 1
        elif event == "Network.requestWillBeSent":
            url = told["request"]["url"]
            self.requests += [] if url.startswith("data:") else [url]
        elif event == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.complaints.append(str(told["args"]))


def _moved_up(descriptor: int) -> int:
    """The same under a number that is in nobody's way."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
    os.close(descriptor)
    return copy
