"""Timelines of animations and videos in Chromium, beside Python's stills."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

import figleaf
from figleaf.images.stills import stills

from ...images.films import sound
from .pages import Opened, furthest

CLOSE = 1e-5
TIMELINE = "return model.classifyGif(await file(given.name), given.rules)"


def shots(pictures: Path) -> list[Image.Image]:
    """Six different photos of the same size."""
    names = ("chelsea.png", "coffee.png", "astronaut.png")
    photos = [Image.open(pictures / name).convert("RGB").resize((160, 120)) for name in names]
    return [turned for one in photos for turned in (one, one.transpose(Image.Transpose.ROTATE_180))]


def clear(image: Image.Image) -> Image.Image:
    """Transparent in parts: wholly to the left, not at all to the right."""
    veil = np.zeros((image.height, image.width), np.uint8)
    veil[:, image.width // 2 :] = 255
    image = image.copy()
    image.putalpha(Image.fromarray(veil))
    return image


def animated(images: list[Image.Image], kind: str, milliseconds: list[int], **how: Any) -> bytes:
    with io.BytesIO() as stream:
        first, *rest = images
        first.save(
            stream, kind, save_all=True, append_images=rest, duration=milliseconds, loop=0, **how
        )
        return stream.getvalue()


@pytest.fixture(scope="module")
def films(made: Path, pictures: Path) -> dict[str, bytes]:
    """Animations, under the names that the site has them by."""
    images = shots(pictures)
    longer = [images[n % 6] for n in range(24)]
    found = {
        "six.gif": animated([one.quantize(128) for one in images], "GIF", [300] * 6),
        "pause.gif": animated([one.quantize(128) for one in images], "GIF", [100] * 5 + [9000]),
        "long.png": animated(longer, "PNG", [100] * 24),
        "six.webp": animated(images, "WEBP", [40, 500, 40, 40, 1000, 40], lossless=True),
        "still.gif": animated([images[0].quantize(128)], "GIF", [100]),
        "other.png": animated(images[:3], "PNG", [200, 400], default_image=True),
        "other-alone.png": animated(images[2:4], "PNG", [200], default_image=True),
        "other-clear.png": animated(
            [clear(one) for one in images[:3]], "PNG", [200, 400], default_image=True
        ),
    }
    for name, data in found.items():
        (made / name).write_bytes(data)
    return found


@pytest.fixture(scope="module")
def shared(browser: Browser, site: str) -> Iterator[Opened]:
    with Opened(browser, site) as one:
        one.load("mobilenet_v2")
        yield one
        assert one.complaints == []


@pytest.mark.parametrize(
    "name",
    [
        *("six.gif", "pause.gif", "long.png", "six.webp", "still.gif"),
        *("other.png", "other-alone.png", "other-clear.png"),
    ],
)
@pytest.mark.parametrize("most", [16, 4, 1])
def test_timelines_are_pythons(
    name: str,
    most: int,
    shared: Opened,
    films: dict[str, bytes],
    classifier: figleaf.Classifier,
) -> None:
    told = shared.run(TIMELINE, {"name": name, "rules": {"most": most, "topk": 2}})
    expected = list(stills(films[name], every=0.25, most=most))
    assert [one["seconds"] for one in told] == pytest.approx([one.seconds for one in expected])
    assert [one["index"] for one in told] == list(range(len(expected)))
    assert {one["totalFrames"] for one in told} == {len(expected)}
    for one, still in zip(told, expected, strict=True):
        assert still.picture is not None
        scores = dict(classifier.classify(still.picture.pixels).scores)
        assert furthest(one["scores"], scores) < CLOSE
        assert len(one["predictions"]) == 2


def test_each_frame_is_told_at_once(shared: Opened, films: dict[str, bytes]) -> None:
    assert films
    told = shared.run(
        """
        const seen = [];
        const onFrame = async ({ index, totalFrames, image, predictions }) => {
          await new Promise((resolve) => setTimeout(resolve, 5)); // the picture waits for it
          const size = [image.displayWidth, image.displayHeight];
          seen.push([index, totalFrames, size, predictions[0].className.length > 0]);
        };
        const timeline = await model.classifyGif(await file("six.gif"), { onFrame });
        return [seen, timeline.length];
        """
    )
    size = [160, 120]
    count = told[1]
    assert told[0] == [[n, count, size, True] for n in range(count)]


def test_what_is_an_animation(shared: Opened, films: dict[str, bytes], made: Path) -> None:
    assert films
    (made / "text.gif").write_bytes(b"no animation")
    told = shared.run(
        """
        const { isAnimation } = await import("/figleaf/frames.js");
        const moving = ["six.gif", "long.png", "six.webp", "other-alone.png"];
        const names = [...moving, "still.gif", "text.gif"];
        return Promise.all(names.map(async (name) => isAnimation(await file(name))));
        """
    )
    assert told == [True, True, True, True, False, False]


def test_without_an_image_decoder_no_film_is_judged_by_its_first_frame(
    browser: Browser, site: str, films: dict[str, bytes]
) -> None:
    assert films
    with Opened(browser, site) as one:
        one.page.evaluate("delete globalThis.ImageDecoder")
        one.load("mobilenet_v2")
        told = one.run("return refusal(model.classifyGif(await file('six.gif')))")
        assert told.startswith("FigleafError UNSUPPORTED: this browser has no ImageDecoder"), told
        assert "`classify`" in told
        assert one.run("return (await model.classify(await file('six.gif'))).length") == 5


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("classifyGif(new Blob(['GIF89a']))", "UNREADABLE"),
        ("classifyGif(new Blob(['no picture']))", "UNREADABLE"),
        ("classifyGif((await file('six.gif')).slice(0, 40))", "UNREADABLE"),
        ("classifyGif(await file('six.gif'), { every: 0 })", "BAD_ARGUMENT"),
        ("classifyGif(await file('six.gif'), { most: 0.5 })", "BAD_ARGUMENT"),
        ("classifyVideo(new Blob(['no video']))", "UNREADABLE"),
        ("classifyVideo(await file('six.gif'))", "UNREADABLE"),
    ],
)
def test_what_is_no_film(call: str, code: str, shared: Opened, films: dict[str, bytes]) -> None:
    assert films
    told = shared.run(f"return refusal(model.{call})")
    assert told.startswith(f"FigleafError {code}: "), told
    shared.complaints.clear()


def test_a_signal_ends_a_timeline(shared: Opened, films: dict[str, bytes]) -> None:
    assert films
    told = shared.run(
        """
        const controller = new AbortController();
        const onFrame = () => controller.abort();
        const rules = { onFrame, signal: controller.signal };
        return refusal(model.classifyGif(await file("six.gif"), rules));
        """
    )
    assert told.startswith("AbortError")


@pytest.fixture(scope="module")
def video(made: Path, pictures: Path) -> dict[str, Any]:
    """Six photos, half a second each, in VP8."""
    av = pytest.importorskip("av")
    with av.open(str(made / "six.webm"), "w", format="webm") as out:
        track = out.add_stream("libvpx", rate=10, options={"crf": "4", "b": "4M"})
        track.width, track.height, track.pix_fmt = 160, 120, "yuv420p"
        for image in shots(pictures):
            for _ in range(5):
                out.mux(track.encode(av.VideoFrame.from_ndarray(np.asarray(image))))
        out.mux(track.encode(None))
    return {"name": "six.webm", "rules": {"every": 0.5, "most": 7}}


WATCHED = """
const canvas = new OffscreenCanvas(16, 12);
const context = canvas.getContext("2d", { willReadFrequently: true });
const seen = [];
const onFrame = ({ image }) => {
  context.drawImage(image, 0, 0, 16, 12);
  seen.push([...context.getImageData(0, 0, 16, 12).data]);
};
return [await model.classifyVideo(source, { ...given.rules, onFrame }), seen];
"""


@pytest.mark.parametrize("given", ["a file", "an element"])
def test_a_videos_frames_are_those_of_their_moments(
    given: str,
    shared: Opened,
    video: dict[str, Any],
    pictures: Path,
    classifier: figleaf.Classifier,
) -> None:
    source = {
        "a file": "const source = await file(given.name);",
        "an element": """
            const source = document.createElement("video");
            source.src = "/made/" + given.name;
            await new Promise((resolve) => source.addEventListener("loadeddata", resolve));
        """,
    }[given]
    told, thumbnails = shared.run(source + WATCHED, video)
    last = told[-1]["seconds"]
    assert 2.8 < last < 3.1
    assert [one["seconds"] for one in told] == pytest.approx(np.linspace(0, last, len(told)))
    images = shots(pictures)
    small = [np.asarray(one.resize((16, 12)).convert("RGBA"), float) for one in images]
    for one, thumbnail in zip(told, thumbnails, strict=True):
        seen = np.array(thumbnail, float).reshape(12, 16, 4)
        nearest = min(range(6), key=lambda n: np.abs(small[n] - seen).mean())
        assert nearest == min(5, int(one["seconds"] / 0.5))
        scores = dict(classifier.classify(images[nearest]).scores)
        assert furthest(one["scores"], scores) < 0.25  # VP8 takes away some of a photo


def test_a_recording_without_a_length(shared: Opened) -> None:
    told = shared.run(
        """
        const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
        const context = canvas.getContext("2d", { willReadFrequently: true });
        const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
        const parts = [];
        recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
        const stopped = new Promise((resolve) => recorder.addEventListener("stop", resolve));
        recorder.start();
        for (let n = 0; n < 40; n++) {
          context.fillStyle = n < 20 ? "red" : "blue";
          context.fillRect(0, 0, 64, 48);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        recorder.stop();
        await stopped;
        return model.classifyVideo(new Blob(parts), { every: 0.25 });
        """
    )
    assert len(told) >= 3
    assert told[-1]["seconds"] > 0.6  # of two, less what a busy machine leaves out


@pytest.mark.parametrize(("kind", "told"), [("video", "classified"), ("canvas", "UNREADABLE")])
def test_a_frame_that_is_late(shared: Opened, kind: str, told: str) -> None:
    said = shared.run(
        """
        const own = globalThis.createImageBitmap;
        let refusals = 3;
        globalThis.createImageBitmap = async (source, ...rest) => {
          if (refusals-- > 0) throw new DOMException("not yet", "InvalidStateError");
          return own(source, ...rest);
        };
        try {
          const canvas = document.createElement("canvas");
          const context = canvas.getContext("2d");
          if (given === "canvas") return await refusal(model.classify(canvas));
          const video = document.createElement("video");
          video.muted = true;
          video.srcObject = canvas.captureStream(20);
          const painting = setInterval(() => context.fillRect(0, 0, 64, 48), 50);
          await video.play();
          clearInterval(painting);
          await model.classify(video);
          return "classified";
        } finally {
          globalThis.createImageBitmap = own;
        }
        """,
        kind,
    )
    assert told in said


def test_of_sound_alone_no_frame_is_waited_for(shared: Opened, made: Path) -> None:
    pytest.importorskip("av")
    (made / "sound.m4a").write_bytes(sound())
    told, asked = shared.run(
        """
        const own = globalThis.createImageBitmap;
        let asked = 0;
        globalThis.createImageBitmap = (...given) => {
          asked += 1;
          return own(...given);
        };
        try {
          return [await refusal(model.classifyVideo(await file("sound.m4a"))), asked];
        } finally {
          globalThis.createImageBitmap = own;
        }
        """
    )
    assert told.startswith("FigleafError UNREADABLE"), told
    assert asked == 1
