"""Blurred until shown, blurred again on leaving; nothing is sent, nothing is kept of a picture."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from .opened import Opened

PIXELS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, canvas.height, new Set(data).size];
}"""


def test_what_stands_there_unasked_is_destroyed(opened: Opened, photo: Path) -> None:
    opened.choose(photo)
    opened.judged(1)
    picture = opened.page.get_by_role("button", name="Show astronaut.png")
    canvas = picture.locator("canvas")
    expect(canvas).to_have_js_property("width", 10)
    width, height, levels = canvas.evaluate(PIXELS)
    assert (width, height) == (10, 10)
    assert levels > 20  # it was drawn
    assert "blur" in canvas.evaluate("one => getComputedStyle(one).filter")
    assert opened.page.locator(".card img, .card video").count() == 0


def test_one_is_shown_by_a_key_and_blurred_again(opened: Opened, pictures: Path) -> None:
    opened.choose(pictures / "astronaut.png", pictures / "coffee.png")
    opened.judged(2)
    picture = opened.row("astronaut.png").locator(".picture")
    picture.press("Enter")
    seen = opened.page.locator(".card .seen")
    expect(seen).to_have_count(1)
    expect(seen).to_have_js_property("naturalWidth", 512)
    assert picture.get_attribute("aria-pressed") == "true"
    assert picture.get_attribute("aria-label") == "Blur astronaut.png"
    url = seen.get_attribute("src")
    picture.press("Enter")
    expect(seen).to_have_count(0)
    # It was let go of as well.
    with opened.page.expect_console_message():
        found = opened.page.evaluate("url => fetch(url).then(() => true, () => false)", url)
    assert found is False
    opened.complaints.clear()  # that this fetch found nothing
    picture.click()
    opened.page.keyboard.press("Escape")
    expect(seen).to_have_count(0)


def test_all_are_shown_by_the_switch_and_blurred_on_leaving(opened: Opened, pictures: Path) -> None:
    opened.choose(pictures / "astronaut.png", pictures / "coffee.png")
    opened.judged(2)
    switch = opened.page.get_by_role("switch", name="Show all pictures")
    switch.check()
    seen = opened.page.locator(".card .seen")
    expect(seen).to_have_count(2)
    hide = "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
    opened.page.evaluate(f"{hide} document.dispatchEvent(new Event('visibilitychange'))")
    expect(seen).to_have_count(0)
    expect(switch).not_to_be_checked()


def test_nothing_of_a_picture_is_kept(opened: Opened, photo: Path) -> None:
    opened.choose(photo)
    opened.judged(1)
    opened.kept()
    kept = opened.page.evaluate(
        """async () => {
          const names = await caches.keys();
          const all = [];
          for (const name of names) all.push(...(await (await caches.open(name)).keys()));
          return [JSON.stringify(localStorage), all.map((one) => one.url),
                  await indexedDB.databases(), document.cookie];
        }"""
    )
    assert "astronaut" not in str(kept)
    assert kept[2:] == [[], ""]
    opened.page.reload()
    opened.ready()
    assert opened.names() == []


def test_no_script_and_no_style_but_the_sites_own(opened: Opened) -> None:
    source = Path(__file__).parents[3] / "web" / "page"
    html = (source / "index.html").read_text("utf-8")
    assert "style=" not in html
    assert "<style" not in html
    assert "onclick" not in html
    for path in source.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, path
        assert "https:" not in text, path
        assert "innerHTML" not in text, path
    # The policy that the page carries itself holds without the server's.
    met = opened.page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert (met or "").startswith(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';"
    )
    with opened.page.expect_console_message():
        blocked = opened.page.evaluate(
            """() => new Promise((resolve) => {
              addEventListener("securitypolicyviolation",
                (event) => resolve(event.effectiveDirective));
              new Image().src = "https://example.com/a.png";
            })"""
        )
    assert blocked == "img-src"
    opened.complaints.clear()
    opened.requests[:] = [one for one in opened.requests if "example.com" not in one.url]


def test_a_name_is_text(browser: Browser, server: str, photo: Path) -> None:
    name = '<img src=x onerror="document.title=1">.png'
    with Opened(browser, server) as one:
        one.ready()
        one.choose({"name": name, "mimeType": "image/png", "buffer": photo.read_bytes()})
        one.judged(1)
        assert one.names() == [name]
        assert one.page.title() == "figleaf"
