"""GIF, video and the camera: timelines that are moved over, live bars."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

import figleaf

from ...images.films import animation, video
from .opened import Opened


@pytest.fixture(scope="module")
def gif(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos, half a second each; the cat has the highest unsafe score."""
    path = tmp_path_factory.mktemp("films") / "three.gif"
    names = ("rocket.jpg", "chelsea.png", "coffee.png")
    frames = [Image.open(pictures / name).convert("RGB").resize((320, 240)) for name in names]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=500)
    return path


def test_the_worst_frame_of_a_gif_decides(opened: Opened, gif: Path) -> None:
    opened.choose(gif)
    opened.judged(1)
    record = opened.record("three.gif")
    assert [one["seconds"] for one in record["frames"]] == [0, 0.5, 1]
    unsafe = [one["unsafe"] for one in record["frames"]]
    worst = unsafe.index(max(unsafe))
    assert record["unsafe"] == unsafe[worst]
    assert record["reason"].endswith(f" at {0.5 * worst:.1f} s (max of 3 frames)")
    row = opened.row("three.gif")
    expect(row.locator(".timeline .note")).to_contain_text("The worst frame decides")
    expect(row.locator(".timeline-says span")).to_contain_text("(worst)")
    # The threshold between the worst frame and the others is reached by that frame.
    number = opened.page.locator("[data-rule=unsafe-review-number]")
    number.fill(str(max(unsafe) - 1e-6))
    number.press("Enter")
    expect(row.locator(".badge")).to_have_text("Review")
    expect(row.locator(".frame-review")).to_have_count(1)


def test_a_timeline_is_moved_over_by_keys_and_clicks(opened: Opened, gif: Path) -> None:
    opened.choose(gif)
    opened.judged(1)
    row = opened.row("three.gif")
    chart = row.get_by_role("slider", name="Timeline of three.gif")
    chart.focus()
    for key, number in (("Home", "1"), ("ArrowRight", "2"), ("End", "3"), ("ArrowLeft", "2")):
        chart.press(key)
        assert chart.get_attribute("aria-valuenow") == number
    said = chart.get_attribute("aria-valuetext") or ""
    assert re.fullmatch(r"frame 2 of 3, at 0\.5 s, unsafe [\d.]+%, Allow", said)
    shown = opened.record("three.gif")["frames"]
    for place, frame in ((0.02, 0), (0.98, 2)):
        box = chart.bounding_box()
        assert box is not None
        chart.click(position={"x": place * box["width"], "y": box["height"] / 2})
        first = next(iter(shown[frame]["scores"]))
        assert row.locator(".bar-label").first.inner_text() == first
        assert chart.get_attribute("aria-valuenow") == str(frame + 1)
    row.get_by_role("button", name="To the worst frame").click()
    expect(row.locator(".timeline-says span")).to_contain_text("(worst)")


def test_a_video_over_its_whole_length(opened: Opened, tmp_path: Path) -> None:
    pytest.importorskip("av")
    film = tmp_path / "film.webm"
    film.write_bytes(video(["red", "green", "blue", "white"], "webm", "libvpx"))
    opened.choose(film)
    opened.judged(1)
    record = opened.record("film.webm")
    times = [one["seconds"] for one in record["frames"]]
    assert record["status"] == "ok"
    assert len(times) == 16
    assert times[0] == 0
    assert times[-1] == pytest.approx(4, abs=0.3)
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert steps == pytest.approx([steps[0]] * 15, abs=1e-4)
    # Frames of different colours have different scores.
    assert len({one["scores"]["neutral"] for one in record["frames"]}) >= 4
    row = opened.row("film.webm")
    row.locator(".picture").click()
    row.get_by_role("slider").press("End")
    shown = row.locator("video.seen")
    assert shown.evaluate("one => one.currentTime") == pytest.approx(times[-1], abs=1e-3)


def test_the_other_picture_of_a_png_is_looked_at(
    opened: Opened, pictures: Path, tmp_path: Path, classifier: figleaf.Classifier
) -> None:
    path = tmp_path / "other.png"
    shown, hidden = (
        Image.open(pictures / name).convert("RGB").resize((320, 240))
        for name in ("rocket.jpg", "chelsea.png")
    )
    hidden.save(path, save_all=True, append_images=[shown], default_image=True, duration=500)
    opened.choose(path)
    opened.judged(1)
    record = opened.record("other.png")
    found = classifier.classify(path).to_dict()
    assert [one["seconds"] for one in record["frames"]] == [0, 0]
    for one, other in zip(record["frames"], found["frames"], strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=2e-3)
    assert record["decision"] == found["decision"]


def test_films_that_are_damaged_or_strange(opened: Opened, gif: Path) -> None:
    pytest.importorskip("av")
    film = video(["red", "green"], "webm", "libvpx")
    opened.choose(
        {"name": "cut.webm", "mimeType": "video/webm", "buffer": film[:300]},
        {"name": "still.gif", "mimeType": "image/gif", "buffer": animation(["red"], "GIF")},
        {"name": "cut.gif", "mimeType": "image/gif", "buffer": gif.read_bytes()[:-60_000]},
        {"name": "moves.png", "mimeType": "image/png", "buffer": animation(["red", "blue"], "PNG")},
    )
    opened.judged(4)
    found = {one["input"]: one for one in opened.records()}
    assert found["cut.webm"]["status"] in ("corrupt", "unsupported")
    assert found["cut.webm"]["decision"] == "review"
    assert "frames" not in found["still.gif"]
    assert len(found["moves.png"]["frames"]) == 2
    # A film of which a part could not be seen is not allowed, whatever the rest is.
    cut = found["cut.gif"]
    assert cut["decision"] == "review"
    assert cut["status"] != "ok" or "not all could be decoded: review" in cut["reason"]


def test_the_camera_is_judged_live_and_stopped(opened: Opened) -> None:
    opened.press("camera-open")
    rate = opened.at("camera-rate")
    expect(rate).to_have_text(
        re.compile(r"^(?!0\.0 )[\d.]+ frames a second judged, \d+ passed over$")
    )
    expect(opened.at("camera-bars").locator("li")).to_have_count(5)
    expect(opened.at("camera-verdict")).to_have_text(re.compile("Allow|Review|Block"))
    expect(opened.at("camera-stop")).to_be_focused()
    view = opened.at("camera-video")
    assert "blur" in view.evaluate("one => getComputedStyle(one).filter")
    opened.press("camera-reveal")
    assert view.evaluate("one => getComputedStyle(one).filter") == "none"
    opened.page.keyboard.press("Escape")
    assert "blur" in view.evaluate("one => getComputedStyle(one).filter")
    # What is shown goes on changing: frames are judged one after another.
    before = opened.at("camera-bars").inner_text()
    expect(opened.at("camera-bars")).not_to_have_text(before, use_inner_text=True)
    opened.press("camera-keep")
    opened.judged(1)
    assert re.fullmatch(r"camera \d\d\.\d\d\.\d\d\.png", opened.names()[0])
    track = view.evaluate_handle("one => one.srcObject.getVideoTracks()[0]")
    opened.press("camera-stop")
    expect(opened.at("camera")).to_be_hidden()
    assert track.evaluate("one => one.readyState") == "ended"
    expect(opened.at("camera-open")).to_be_focused()
    opened.press("camera-open")  # and again
    expect(opened.at("camera-bars").locator("li")).to_have_count(5)
    opened.press("camera-stop")


def test_a_camera_that_is_stopped_before_it_begins_stays_off(opened: Opened) -> None:
    running = """async () => {
      const streams = [];
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wish) => {
        streams.push(await ask(wish));
        return streams.at(-1);
      };
      const press = (id) => document.getElementById(id).click();
      for (const id of ["camera-open", "camera-open", "camera-stop"]) press(id);
      while (!streams.length) await new Promise((resolve) => setTimeout(resolve, 50));
      await new Promise((resolve) => setTimeout(resolve, 500));
      return streams.flatMap((one) => one.getTracks()).map((one) => one.readyState);
    }"""
    assert opened.page.evaluate(running) == ["ended"]
    expect(opened.at("camera")).to_be_hidden()
    opened.press("camera-open")
    expect(opened.at("camera-bars").locator("li")).to_have_count(5)
    opened.press("camera-stop")


def test_a_camera_that_is_refused_says_what_to_do(opened: Opened) -> None:
    opened.page.evaluate(
        """() => {
          const refuse = () => Promise.reject(new DOMException("", "NotAllowedError"));
          navigator.mediaDevices.getUserMedia = refuse;
        }"""
    )
    opened.press("camera-open")
    expect(opened.at("camera-problem")).to_contain_text("Allow it for this page")
    opened.press("camera-stop")
    expect(opened.at("camera")).to_be_hidden()
