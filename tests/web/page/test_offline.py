"""After the first load no network is needed; a newer build takes over as a whole."""

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import figleaf

from .hosting import hosted
from .opened import Opened


def kept_models(one: Opened) -> list[str]:
    """URLs of what is kept of models."""
    keys: list[str] = one.page.evaluate(
        """async () => {
          const kept = await (await caches.open("figleaf-models")).keys();
          return kept.map((one) => one.url);
        }"""
    )
    return keys


@pytest.fixture
def folder(tmp_path: Path, assets: None) -> Path:
    figleaf.export_web(tmp_path / "site", ["mobilenet_v2", "resnet50_thin"])
    return tmp_path


def test_it_judges_without_a_network(browser: Browser, server: str, photo: Path) -> None:
    with Opened(browser, server) as one:
        one.ready()
        one.kept()
        one.context.set_offline(True)
        one.page.reload()
        one.ready()
        one.choose(photo)
        one.judged(1)
        assert one.record("astronaut.png")["label"] == "neutral"
        expect(one.at("offline")).to_contain_text("Offline")
        # The model that was never used is marked, and the one that was is not.
        options = one.at("model").locator("option")
        expect(options.nth(1)).to_have_text("resnet50_thin (12.7 MB, not kept for offline use)")
        expect(options.nth(0)).to_have_text("mobilenet_v2 (2.7 MB)")
        one.context.set_offline(False)
        expect(options.nth(1)).to_have_text("resnet50_thin (12.7 MB)")


def test_a_static_site_in_a_folder_without_headers(
    browser: Browser, folder: Path, photo: Path
) -> None:
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        expect(one.at("model-state")).to_have_text("Ready, 1 thread")
        expect(one.at("server-setting")).to_be_hidden()
        one.choose(photo)
        one.judged(1)
        one.kept()
        # From the second time on the service worker sends the headers that threads need.
        one.page.reload()
        expect(one.at("model-state")).to_contain_text("threads")
        assert one.page.evaluate("crossOriginIsolated")
        assert all(each.url.startswith((url, "blob:")) for each in one.requests)
        assert one.sent() == []
        assert one.complaints == []


def test_a_newer_build_is_offered_and_never_mixed(browser: Browser, folder: Path) -> None:
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        renew(folder)
        one.page.reload()
        assert one.page.title() == "figleaf"  # all of it is still the old one
        expect(one.at("update")).to_be_visible()
        one.press("update-use")
        one.page.wait_for_url(url)
        expect(one.page).to_have_title("newer")
        one.ready()
        kept = one.page.evaluate("caches.keys()")
        assert sorted(kept) == ["figleaf-models", f"figleaf-page {url} another"]


def renew(folder: Path) -> None:
    """Make the site another build, under another title."""
    html, index = (folder / "site" / name for name in ("index.html", "models/index.json"))
    html.write_text(html.read_text("utf-8").replace("<title>figleaf<", "<title>newer<"), "utf-8")
    told = json.loads(index.read_text("utf-8"))
    index.write_text(json.dumps(told | {"build": "another"}), "utf-8")


def test_other_tabs_are_told_of_an_update_and_lose_nothing(
    browser: Browser, folder: Path, photo: Path
) -> None:
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        first, idle, busy = one.page, one.new_page(), one.new_page()
        for page in (idle, busy):
            expect(page.locator("#model-state")).to_contain_text("Ready")
        busy.set_input_files("#files", photo)
        expect(busy.locator(".card[data-state=done]")).to_have_count(1)
        renew(folder)
        first.reload()
        first.locator("#update-use").click()
        expect(first).to_have_title("newer")
        expect(idle).to_have_title("newer")  # it had nothing to lose
        notice = busy.locator("#update")
        expect(notice).to_contain_text("Another tab has gone on")
        expect(notice).to_be_in_viewport()
        expect(busy.locator(".card[data-state=done]")).to_have_count(1)
        # Its model goes on; another one would be of the newer version.
        busy.set_input_files(
            "#files", {"name": "b.png", "mimeType": "", "buffer": photo.read_bytes()}
        )
        expect(busy.locator(".card[data-state=done]")).to_have_count(2)
        expect(busy.locator("#model")).to_be_disabled()
        busy.locator("#update-use").click()
        expect(busy).to_have_title("newer")
        assert one.complaints == []


def test_the_notice_of_an_update_is_in_sight_however_far_down_one_is(
    browser: Browser, folder: Path
) -> None:
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        renew(folder)
        one.page.reload()
        expect(one.at("update")).to_be_in_viewport()
        one.press("about-link")
        one.page.evaluate("scrollTo(0, 1e6)")
        expect(one.at("update-use")).to_be_in_viewport()


def test_half_of_a_newer_model_takes_nobodys_place(
    browser: Browser, folder: Path, photo: Path
) -> None:
    place, other = (folder / "site/models" / name for name in ("mobilenet_v2", "resnet50_thin"))
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        # The newer card comes, and its graph does not.
        (place / "card.json").write_bytes((other / "card.json").read_bytes())
        (place / "model.onnx").unlink()
        one.page.reload()
        expect(one.at("model-state")).to_contain_text("could not be loaded")
        one.complaints.clear()
        one.context.set_offline(True)
        one.page.reload()
        one.ready()
        options = one.at("model").locator("option")
        expect(options.nth(0)).to_have_text("mobilenet_v2 (2.7 MB)")
        one.choose(photo)
        one.judged(1)
        assert one.record("astronaut.png")["label"] == "neutral"


def test_half_of_a_model_is_not_offered_without_a_network(browser: Browser, server: str) -> None:
    with Opened(browser, server) as one:
        one.ready()
        one.kept()
        one.page.evaluate(
            """async () => {
              const cache = await caches.open("figleaf-models");
              const [graph] = (await cache.keys()).filter(({ url }) => url.includes("model.onnx"));
              await cache.delete(graph);
            }"""
        )
        one.context.set_offline(True)
        expect(one.at("model").locator("option").first).to_contain_text("not kept for offline use")


def test_a_model_that_has_changed_is_fetched_anew(browser: Browser, folder: Path) -> None:
    place = folder / "site" / "models" / "mobilenet_v2"
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        other = folder / "site" / "models" / "resnet50_thin"
        for name in ("card.json", "model.onnx"):
            (place / name).write_bytes((other / name).read_bytes())
        one.page.reload()
        one.ready()
        digest = json.loads((other / "card.json").read_text())["sha256"]["model.onnx"]

        def graphs() -> list[str]:
            return [key for key in kept_models(one) if "mobilenet_v2/model.onnx" in key]

        # It is kept, and the older one let go of, after it was given.
        one.until(lambda: [key.endswith(digest) for key in graphs()] == [True])


def test_a_model_that_the_site_has_no_more_is_let_go_of(browser: Browser, folder: Path) -> None:
    index = folder / "site" / "models" / "index.json"
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        assert any("/mobilenet_v2/" in key for key in kept_models(one))
        told = json.loads(index.read_text("utf-8"))
        index.write_text(json.dumps(told | {"models": told["models"][1:]}), "utf-8")
        one.page.reload()
        one.ready()
        one.kept()
        one.until(lambda: {key.split("/")[-2] for key in kept_models(one)} == {"resnet50_thin"})


def test_two_sites_of_one_origin_leave_each_other_alone(
    browser: Browser, folder: Path, photo: Path
) -> None:
    other = shutil.copytree(folder / "site", folder / "other")
    index = other / "models" / "index.json"
    told = json.loads(index.read_text("utf-8"))
    index.write_text(json.dumps(told | {"build": "another"}), "utf-8")
    with hosted(folder) as url, Opened(browser, url) as one:
        for address in (url, url.replace("/site/", "/other/")):
            one.page.goto(address)
            one.ready()
            one.kept()
        one.context.set_offline(True)
        one.page.goto(url)
        one.ready()
        one.choose(photo)
        one.judged(1)


def test_a_damaged_model_is_not_kept(browser: Browser, folder: Path) -> None:
    graph = folder / "site" / "models" / "mobilenet_v2" / "model.onnx"
    whole = graph.read_bytes()
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.controlled()
        one.kept()
        one.page.evaluate("caches.delete('figleaf-models')")
        graph.write_bytes(whole[:-1] + b"?")
        one.page.reload()
        expect(one.at("model-state")).to_contain_text("damaged")
        graph.write_bytes(whole)
        one.press("model-again")
        one.ready()


def test_a_full_disk_keeps_nothing_and_stops_nothing(browser: Browser, folder: Path) -> None:
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        one.page.evaluate("caches.delete('figleaf-models')")
        session = one.context.new_cdp_session(one.page)
        origin = one.page.evaluate("origin")
        session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1})
        one.page.reload()
        one.ready()
        one.at("model").select_option("resnet50_thin")
        expect(one.at("model-load")).to_be_hidden()
        one.ready()
        one.until(lambda: any("no offline use" in text for text in one.complaints))


def test_a_server_that_gives_out_no_models_any_more(browser: Browser, folder: Path) -> None:
    site = folder / "site"
    with hosted(folder) as url, Opened(browser, url) as one:
        one.ready()
        one.kept()
        (site / "index.html").write_text("<!doctype html><title>sends to the server</title>")
        (site / "models" / "index.json").write_text(json.dumps({"models": [], "build": "other"}))
        one.page.reload()
        expect(one.page).to_have_title("sends to the server")
