"""The server is asked only when a person says so, with a key where it wants one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from figleaf.serve.keys import new_key
from figleaf.serve.problems import MEDIA_TYPE, Kind, ProblemError
from figleaf.serve.rules import ServeRules
from figleaf.serve.server import running

from .opened import Opened

ASK = "Ask the server instead"


@pytest.fixture
def asking(browser: Browser, server: str) -> Iterator[Opened]:
    with Opened(browser, server) as one:
        one.ready()
        yield one
        assert one.complaints == []


@pytest.fixture
def locked(tmp_path: Path, assets: None) -> Iterator[tuple[str, str]]:
    """A server that wants a key, and the key."""
    key, digest = new_key()
    file = tmp_path / "keys.toml"
    file.write_text(f'[keys.page]\nsha256 = "{digest}"\n')
    with running(ServeRules(port=0, models=("mobilenet_v2",), keys=file)) as one:
        yield one.url, key


def test_it_is_off_until_it_is_asked_for_and_says_what_it_means(
    asking: Opened, photo: Path
) -> None:
    switch = asking.page.get_by_role("switch", name=ASK)
    expect(switch).not_to_be_checked()
    expect(asking.at("server-setting")).to_contain_text("pictures leave this browser")
    asking.choose(photo)
    asking.judged(1)
    assert asking.sent() == []
    here = asking.record("astronaut.png")
    switch.check()
    expect(asking.row("astronaut.png").locator(".reason")).to_contain_text("by the server")
    (sent,) = asking.sent()
    assert sent.method == "POST"
    assert sent.url == f"{asking.url}/v1/classify?model=mobilenet_v2"
    expect(asking.at("drop")).to_contain_text("pictures are sent to the server")
    there = asking.record("astronaut.png")
    assert there["scores"] == pytest.approx(here["scores"], abs=2e-3)
    assert there["model"] == here["model"]
    switch.uncheck()
    expect(asking.row("astronaut.png").locator(".reason")).not_to_contain_text("by the server")
    asking.judged(1)
    assert len(asking.sent()) == 1


def test_switched_off_while_a_file_is_read_nothing_is_sent(asking: Opened, photo: Path) -> None:
    asking.page.evaluate(
        """() => {
          const read = File.prototype.arrayBuffer;
          File.prototype.arrayBuffer = async function () {
            globalThis.isReading = true;
            while (!globalThis.mayRead) await new Promise((done) => setTimeout(done, 20));
            return read.call(this);
          };
        }"""
    )
    asking.page.get_by_role("switch", name=ASK).check()
    asking.choose(photo)
    expect(asking.page.locator(".card[data-state=working]")).to_have_count(1)
    asking.page.evaluate(
        """async () => {
          while (!globalThis.isReading) await new Promise((done) => setTimeout(done, 20));
        }"""
    )
    asking.page.get_by_role("switch", name=ASK).uncheck()
    asking.page.evaluate("globalThis.mayRead = true")
    asking.judged(1)
    assert asking.record("astronaut.png")["model"] == "mobilenet_v2@1"
    expect(asking.row("astronaut.png").locator(".reason")).not_to_contain_text("by the server")
    asking.page.wait_for_timeout(300)
    assert asking.sent() == []


def test_all_that_a_server_refuses_is_said_in_words_of_the_page(
    words: dict[str, list[str]],
) -> None:
    kinds = {one.slug.replace("-", "_") for one in Kind} | {"other"}
    assert kinds == {key.removeprefix("problem_") for key in words if key.startswith("problem_")}


def test_the_servers_own_words_are_folded_away(browser: Browser, server: str, photo: Path) -> None:
    problem = ProblemError(Kind.TOO_LARGE, "over 2,000 bytes: send a smaller one")
    with Opened(browser, server, locale="ko-KR") as one:
        expect(one.at("model-state")).to_contain_text("준비됨")
        body = problem.body("/v1/classify", "4f1c")
        headers = {"content-type": MEDIA_TYPE}
        one.page.route(
            "**/v1/classify*", lambda asked: asked.fulfill(status=413, body=body, headers=headers)
        )
        one.page.get_by_role("switch", name="서버에서 판정").check()
        one.choose(photo)
        one.judged(1)
        row = one.row("astronaut.png")
        said = "서버가 판정하지 못했습니다: 이미지가 너무 큽니다"
        expect(row.locator(".reason")).to_have_text(said)
        detail = row.locator(".detail")
        expect(detail.locator("[lang=en]")).to_be_hidden()
        detail.get_by_text("자세히").click()
        expect(detail.locator("[lang=en]")).to_have_text("over 2,000 bytes: send a smaller one")


def test_what_the_server_cannot_read_is_a_row_too(asking: Opened) -> None:
    asking.page.get_by_role("switch", name=ASK).check()
    raw = b"\0\0\0\x18ftypcrx " + bytes(90)
    asking.choose(
        {"name": "page.jpg", "mimeType": "image/jpeg", "buffer": b"<html>gone</html>"},
        {"name": "raw.cr3", "mimeType": "image/x-canon-cr3", "buffer": raw},
    )
    asking.judged(2)
    reason = asking.row("raw.cr3").locator(".reason")
    expect(reason).not_to_contain_text("this browser")
    record = asking.record("page.jpg")
    assert (record["status"], record["decision"]) == ("not_an_image", "review")
    # Its name is nobody's business.
    assert b"page.jpg" not in (asking.sent()[0].post_data_buffer or b"")


def test_a_server_that_wants_a_key(browser: Browser, locked: tuple[str, str], photo: Path) -> None:
    url, key = locked
    with Opened(browser, url) as one:
        one.ready()
        expect(one.at("server-key")).to_be_hidden()
        one.page.get_by_role("switch", name=ASK).check()
        one.choose(photo)
        expect(one.at("server-key")).to_be_visible()
        expect(one.at("work-state")).to_have_text("1 waits for the server's key")
        one.at("key").fill("wrong")
        with one.page.expect_response(lambda answer: answer.status == 401):
            one.at("key").press("Enter")
        expect(one.at("work-state")).to_have_text("1 waits for the server's key")
        one.at("key").fill("열쇠")  # which no request can carry
        one.at("key").press("Enter")
        expect(one.at("work-state")).to_have_text("1 waits for the server's key")
        one.at("key").fill(key)
        one.press("key-use")
        one.judged(1)
        assert one.record("astronaut.png")["status"] == "ok"
        assert key not in str(one.page.evaluate("JSON.stringify(localStorage)"))


def test_a_refusal_that_is_late_takes_no_newer_key_away(
    browser: Browser, locked: tuple[str, str], photo: Path
) -> None:
    url, key = locked
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.headers.get("x-api-key") == "wrong":
            held.append(route)
        else:
            route.continue_()

    with Opened(browser, url) as one:
        one.ready()
        one.page.get_by_role("switch", name=ASK).check()
        one.choose(photo)
        expect(one.at("server-key")).to_be_visible()
        one.page.route("**/v1/classify*", hold)
        one.at("key").fill("wrong")
        with one.page.expect_request("**/v1/classify*"):
            one.at("key").press("Enter")
        while not held:
            one.page.wait_for_timeout(20)
        one.at("key").fill(key)
        one.press("key-use")
        with one.page.expect_response(lambda answer: answer.status == 401):
            held[0].continue_()
        one.judged(1)
        assert one.record("astronaut.png")["status"] == "ok"


def test_a_server_that_is_gone_says_so_and_can_be_asked_again(
    browser: Browser, assets: None, photo: Path
) -> None:
    with running(ServeRules(port=0, models=("mobilenet_v2",))) as served:
        page = Opened(browser, served.url)
        page.ready()
    with page as one:
        one.page.get_by_role("switch", name=ASK).check()
        one.choose(photo)
        one.judged(1)
        reason = one.row("astronaut.png").locator(".reason")
        expect(reason).to_contain_text("it cannot be reached")
        one.page.get_by_role("switch", name=ASK).uncheck()
        expect(reason).not_to_contain_text("it cannot be reached")
        one.judged(1)
        assert one.record("astronaut.png")["status"] == "ok"  # here it needs nobody
