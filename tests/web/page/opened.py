"""The page in Chromium, watched: what it asks for, what it sends, what it complains of."""

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, BrowserType, Download, Locator, Page, Request, expect

PATIENCE = 60_000
"""Milliseconds that a machine with other work may take."""

_FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def launch(browsers: BrowserType) -> Browser:
    """Debian's Chromium, with a camera that it makes up; skips the test where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium on PATH: apt-get install chromium fonts-nanum")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return browsers.launch(executable_path=program, args=[*root, *_FLAGS])


class Opened:
    """The page, and a person's hands on it."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(**{"locale": "en-US", **context})
        self.context.on("request", lambda one: self.requests.append(one))
        self.page = self.new_page()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda one: self.complaints.append(one.text))
        page.on("pageerror", lambda one: self.complaints.append(str(one)))
        page.goto(self.url)
        return page

    def at(self, identity: str) -> Locator:
        return self.page.locator(f"#{identity}")

    def ready(self) -> None:
        """Wait for the model."""
        expect(self.at("model-state")).to_contain_text("Ready", timeout=PATIENCE)

    def kept(self) -> None:
        """Wait until everything is there for use without a network."""
        expect(self.at("offline")).not_to_be_empty(timeout=PATIENCE)

    def controlled(self) -> None:
        """Wait until a service worker answers for the page."""
        # Not wait_for_function(): the page's policy forbids what it evaluates.
        self.page.evaluate(
            """async () => {
              while (!navigator.serviceWorker.controller)
                await new Promise((done) => setTimeout(done, 50));
            }"""
        )

    def choose(self, *files: Path | dict[str, Any]) -> None:
        """Choose files by the button's input."""
        self.page.set_input_files("#files", files)  # type: ignore[arg-type]  # both kinds are taken

    def judged(self, count: int) -> None:
        """Wait until so many have a result."""
        done = self.page.locator(":is([data-state=done], [data-state=failed]).card")
        expect(done).to_have_count(count, timeout=PATIENCE)

    def row(self, name: str) -> Locator:
        heading = self.page.get_by_role("heading", name=name, exact=True)
        return self.page.locator(".card").filter(has=heading)

    def names(self) -> list[str]:
        """Of the rows, from top to bottom."""
        return self.page.locator(".card .name").all_inner_texts()

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what no element shows."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not holds():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(50)

    def press(self, identity: str) -> None:
        self.at(identity).click()

    def count(self, name: str) -> int:
        """What the chip of a filter says."""
        return int(self.page.locator(f"[data-filter={name}] .chip-count").text_content() or "")

    def saved(self, identity: str) -> str:
        """The text of a file that a button saves."""
        with self.page.expect_download() as waiting:
            self.press(identity)
        return _text(waiting.value)

    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.saved("save-json"))
        return found

    def record(self, name: str) -> dict[str, Any]:
        return next(one for one in self.records() if one["input"] == name)

    def drop(self, paths: Sequence[Path]) -> None:
        """Drop files and folders onto the page, as the system does."""
        session = self.context.new_cdp_session(self.page)
        box = self.at("drop").bounding_box()
        assert box is not None
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            place = {"x": box["x"] + 30, "y": box["y"] + 30, "data": data}
            session.send("Input.dispatchDragEvent", {"type": kind, **place})

    def sent(self) -> list[Request]:
        """Requests that carry something."""
        return [one for one in self.requests if one.method != "GET" or one.post_data_buffer]


def _text(download: Download) -> str:
    return Path(download.path()).read_text("utf-8")
