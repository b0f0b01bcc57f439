"""Many pictures: the page answers all the time, draws a part of them, and can be stopped."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

import figleaf

from .hosting import Plain, hosted
from .opened import PATIENCE, Opened

MANY = 300
PAUSE = 2.0
"""Seconds for which a page may not answer on two cores that others work on, too."""

WATCH = """() => {
  globalThis.longest = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) longest = Math.max(longest, one.duration);
  }).observe({ type: "longtask" });
}"""


@pytest.fixture(scope="module")
def many(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("many")
    with Image.open(pictures / "rocket.jpg") as image:
        small = image.convert("RGB").resize((160, 120))
    paths = []
    for number in range(MANY):
        with io.BytesIO() as stream:
            small.rotate(number).save(stream, "JPEG")
            path = folder / f"{number:03}.jpg"
            path.write_bytes(stream.getvalue())
        paths.append(path)
    return paths


def stopped(one: Opened) -> None:
    """Wait until what was begun is done, and nothing more is: some are left."""
    left = None
    while left != (left := one.count("waiting")):
        one.page.wait_for_timeout(500)
    assert left


def test_three_hundred_pictures(browser: Browser, server: str, many: list[Path]) -> None:
    with Opened(browser, server) as one:
        one.ready()
        one.page.evaluate(WATCH)
        one.choose(*many)
        expect(one.page.locator(".card")).to_have_count(60)
        # It is used meanwhile: stopped, gone on with, sorted, its thresholds moved.
        one.press("work-stop")
        expect(one.at("work-state")).to_contain_text("Stopped")
        stopped(one)
        one.press("work-go")
        one.at("sort").select_option("unsafe")
        one.page.locator("[data-rule=unsafe-review-slide]").fill("0")
        expect(one.at("work")).to_be_hidden(timeout=4 * PATIENCE)
        assert one.count("review") + one.count("block") == MANY
        assert one.page.evaluate("longest") / 1000 < PAUSE
        assert len(one.names()) == 60
        one.press("more")
        assert len(one.names()) == 120
        one.at("reveal").check()
        shown = one.page.locator(".card .seen").count()
        assert 0 < shown < 40  # those in sight, and no other
        records = one.records()
        assert {record["status"] for record in records} == {"ok"}
        assert len(records) == MANY
        one.press("clear")
        expect(one.page.locator(".card")).to_have_count(0)
        assert one.complaints == []


def test_a_download_is_cancelled_and_begun_again(
    browser: Browser, assets: None, photo: Path, tmp_path: Path
) -> None:
    figleaf.export_web(tmp_path / "site", ["mobilenet_v2", "resnet50_thin"])
    go_on = threading.Event()

    class Halting(Plain):
        """Stops after the first megabyte of a model."""

        def copyfile(self, source: Any, outputfile: Any) -> None:
            if "resnet50_thin/model.onnx" in self.path:
                outputfile.write(source.read(1_000_000))
                go_on.wait(PATIENCE / 1000)
            super().copyfile(source, outputfile)

    with hosted(tmp_path, Halting) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        one.at("model").select_option("resnet50_thin")
        expect(one.at("model-state")).to_have_text("Getting the model: 1.0 MB of 12.7 MB")
        one.choose(photo)
        one.press("model-cancel")
        expect(one.at("model-state")).to_contain_text("Cancelled")
        expect(one.at("work-state")).to_have_text("1 waits for the model")
        go_on.set()
        one.press("model-again")
        one.judged(1)
        assert one.record("astronaut.png")["model"] == "resnet50_thin@1"
        assert one.complaints == []


WANTED = """async () => {
  const { Store } = await import("./store.js");
  const { Work } = await import("./work.js");
  const store = new Store({});
  const asked = [];
  new Work(store, (_, wanted) => new Promise(() => asked.push(wanted)), () => 2);
  const [one] = store.add([{ name: "a" }, { name: "b" }]);
  const before = asked.map((wanted) => wanted());
  store.remove(one);
  return [before, asked.map((wanted) => wanted())];
}"""


def test_what_is_removed_is_not_wanted_any_more(opened: Opened) -> None:
    assert opened.page.evaluate(WANTED) == [[True, True], [False, True]]
