"""What the page tells of models and of what fails: in its own words, in both languages."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from figleaf.serve.rules import ServeRules
from figleaf.serve.server import running

from .opened import PATIENCE, Opened

NO_WORKERS = """globalThis.Worker = class {
  constructor() { throw new DOMException("not here", "SecurityError"); }
};"""


def test_an_ensemble_is_called_one_and_judges(browser: Browser, assets: None, photo: Path) -> None:
    rules = ServeRules(port=0, models=("mobilenet_v2+mobilenet_v2_mid",))
    with running(rules) as served, Opened(browser, served.url) as one:
        one.ready()
        what = one.at("model-made")
        expect(what).to_have_text("Ensemble (mean): mobilenet_v2@1 + mobilenet_v2_mid@1")
        one.choose(photo)
        one.judged(1)
        record = one.record("astronaut.png")
        assert record["label"] == "neutral"
        assert record["model"].startswith("mobilenet_v2+mobilenet_v2_mid@")
        one.at("language").select_option("ko")
        expect(what).to_contain_text("앙상블")
        assert one.complaints == []


@pytest.mark.parametrize(
    ("locale", "said"), [("en-US", "gives the page no workers"), ("ko-KR", "워커나 WebAssembly를")]
)
def test_without_workers_the_page_says_so_in_its_own_words(
    browser: Browser, server: str, locale: str, said: str
) -> None:
    with Opened(browser, "about:blank", locale=locale) as one:
        one.context.add_init_script(NO_WORKERS)
        one.page.goto(server)
        expect(one.at("model-state")).to_contain_text(said, timeout=PATIENCE)
        expect(one.at("model-state")).not_to_contain_text("worker: false")
        detail = one.page.locator("#settings .detail")
        expect(detail.locator("[lang=en]")).to_be_hidden()
        detail.locator("summary").click()
        expect(detail.locator("[lang=en]")).to_contain_text("no worker can be started here")


def test_a_failure_of_the_library_is_said_in_korean(browser: Browser, server: str) -> None:
    with Opened(browser, server, locale="ko-KR") as one:
        expect(one.at("model-state")).to_contain_text("준비됨", timeout=PATIENCE)
        damaged = b"\x89PNG\r\n\x1a\n" + bytes(2000)
        one.choose({"name": "a.png", "mimeType": "image/png", "buffer": damaged})
        one.judged(1)
        row = one.row("a.png")
        expect(row.locator(".reason")).to_have_text("파일이 손상되었습니다")
        row.get_by_text("자세히").click()
        expect(row.locator(".detail [lang=en]")).to_contain_text("cannot decode the file")


def test_what_is_seen_of_a_checkbox_is_what_it_is_called(opened: Opened) -> None:
    boxes = opened.page.locator(".rule-use")
    assert boxes.count() >= 2
    for box in boxes.all():
        seen = box.locator("span").inner_text()
        called = box.locator("input").get_attribute("aria-label") or ""
        assert called.startswith(f"{seen}, ")
    expect(opened.page.get_by_role("checkbox", name="Review ≥, unsafe")).to_be_visible()
