"""By which frames a moving picture is judged: none of its length goes unlooked at in silence."""

import io
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from figleaf.errors import ImageError, InputError, Status
from figleaf.images import Limits, decode
from figleaf.images.stills import Still, choose, is_film, stills

from .films import COLOURS, animation, colour_of, shared, sound, video
from .samples import FORMATS, chunk
from .samples import sample as still

av = pytest.importorskip("av")

FOUR = ("red", "green", "blue", "yellow")
ANIMATIONS = ("GIF", "PNG", "WEBP")
CONTAINERS = [
    ("mp4", "libx264"),
    ("mov", "mpeg4"),
    ("webm", "libvpx"),
    ("webm", "libvpx-vp9"),
    ("matroska", "libx264"),
    ("avi", "mpeg4"),
    ("avi", "libx264"),
    ("flv", "flv"),
    ("mpeg", "mpeg1video"),
    ("mpegts", "libx264"),
    ("asf", "wmv2"),
    ("ogg", "libvpx"),
]

BESIDE_THE_CHECKOUT = Path(__file__).parents[2].parent / "shared"
SHARED = Path(os.environ.get("FIGLEAF_SHARED") or BESIDE_THE_CHECKOUT) / "data"


def seen(data: bytes, *, every: float = 0.1, most: int = 16, **options: Any) -> list[Still]:
    return list(stills(data, every=every, most=most, **options))


def told(found: list[Still]) -> list[tuple[float, str]]:
    return [
        (round(seconds, 3), colour_of(picture.pixels) if picture else "nothing")
        for seconds, picture in found
    ]


def refused(data: bytes, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        seen(data, **options)
    assert "\n" not in caught.value.reason
    return caught.value


# Which frames.


@settings(deadline=None)  # of one run: the machine may be busy
@given(
    st.lists(st.floats(0, 1e6), max_size=200),
    st.floats(0, 1e6),
    st.floats(1e-3, 1e4),
    st.integers(1, 40),
)
def test_the_first_and_the_last_are_chosen_and_never_too_many(
    further: list[float], rest: float, every: float, most: int
) -> None:
    begins = [0.0, *sorted(further)]
    length = begins[-1] + rest
    chosen = choose(begins, length, every=every, most=most)
    assert chosen == sorted(set(chosen))
    assert chosen[0] == 0
    assert len(chosen) <= most
    if most > 1:
        assert chosen[-1] == len(begins) - 1
    # However the times are, as many as the length has room for.
    assert len(chosen) >= min(most, len(begins), max(2, int(length / every)))


def test_moments_are_equally_far_apart() -> None:
    begins = [n / 10 for n in range(600)]
    assert choose(begins, 60.0, every=0.1, most=4) == [0, 200, 400, 599]
    assert choose(begins, 60.0, every=30.0, most=16) == [0, 300, 599]
    assert choose(begins, 60.0, every=90.0, most=16) == [0, 599]
    assert choose(begins, 60.0, every=0.1, most=1) == [0]
    assert choose(begins[:4], 0.4, every=0.1, most=16) == [0, 1, 2, 3]


def test_a_pause_hides_nothing() -> None:
    """The second frame is shown for ten minutes: all moments but two fall on it."""
    begins = [0.0, 0.1, *(600 + n / 10 for n in range(100))]
    chosen = choose(begins, 610.0, every=0.1, most=16)
    assert len(chosen) == 16
    assert len([number for number in chosen if number > 1]) == 14
    gaps = np.diff([number for number in chosen if number > 1])
    assert gaps.max() < 12


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_all_frames_of_a_short_animation(kind: str) -> None:
    data = animation(FOUR, kind, 100, loop=0)
    assert told(seen(data)) == [(0.0, "red"), (0.1, "green"), (0.2, "blue"), (0.3, "yellow")]
    assert told(seen(data, every=1)) == [(0.0, "red"), (0.3, "yellow")]
    assert told(seen(data, most=1)) == [(0.0, "red")]


def test_an_animation_with_a_long_pause() -> None:
    colours = ["red", "green", *("white", "black") * 2, "blue", *("white", "black") * 2]
    data = animation(colours, "GIF", [100, 60_000, *[100] * 9], loop=0)
    assert [colour for _, colour in told(seen(data))] == colours


@pytest.mark.parametrize(("container", "codec"), CONTAINERS)
def test_videos_up_to_their_last_frame(container: str, codec: str) -> None:
    data = video([*["white"] * 5, "red"], container, codec, rate=25, frames=25)
    found = seen(data, most=3)
    assert [colour for _, colour in told(found)] == ["white", "white", "red"]
    assert found[-1].seconds > 5.8
    assert all(one.picture and one.picture.pixels.shape == (48, 64, 3) for one in found)


@pytest.mark.parametrize("key_frames", ["1", "7", "1000"])
def test_however_far_key_frames_are_apart(key_frames: str) -> None:
    data = video([*["white"] * 9, "red"], options={"g": key_frames, "sc_threshold": "0"})
    assert [colour for _, colour in told(seen(data, most=2))] == ["white", "red"]


def test_a_video_of_one_frame() -> None:
    assert told(seen(video(["blue"], frames=1))) == [(0.0, "blue")]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_still_picture_is_looked_at_as_it_is(kind: str) -> None:
    data = still(kind)
    assert not is_film(data)
    ((seconds, picture),) = seen(data)
    assert seconds == 0
    assert picture is not None
    np.testing.assert_array_equal(picture.pixels, decode(data).pixels)


@pytest.mark.parametrize("count", [1, 2])
def test_the_other_picture_of_a_png_is_looked_at_too(count: int) -> None:
    """One is seen where animations are known, the other where they are not."""
    images = [Image.new("RGB", (40, 30), COLOURS[name]) for name in FOUR[: count + 1]]
    with io.BytesIO() as stream:
        images[0].save(
            stream,
            "PNG",
            save_all=True,
            append_images=images[1:],
            default_image=True,
            duration=500,
        )
        data = stream.getvalue()
    assert is_film(data)
    expected = [(0.0, "red"), (0.0, "green"), (0.5, "blue")]
    assert told(seen(data)) == expected[: count + 1]


def test_a_png_that_only_says_that_it_is_an_animation() -> None:
    with io.BytesIO() as stream:
        Image.new("RGB", (40, 30), COLOURS["red"]).save(stream, "PNG")
        plain = stream.getvalue()
    data = plain[:33] + chunk(b"acTL", bytes(8)) + plain[33:]
    assert not is_film(data)
    assert told(seen(data)) == [(0.0, "red")]


def test_transparency_is_laid_over_the_background() -> None:
    clear = [Image.new("RGBA", (40, 30), (0, 0, 0, 0)), Image.new("RGBA", (40, 30), (9, 9, 9, 0))]
    with io.BytesIO() as stream:
        clear[0].save(stream, "PNG", save_all=True, append_images=clear[1:], duration=500)
        data = stream.getvalue()
    assert {colour for _, colour in told(seen(data))} == {"white"}
    assert {colour for _, colour in told(seen(data, background=COLOURS["blue"]))} == {"blue"}


# What cannot be looked at.


def test_limits() -> None:
    film, gif = video(FOUR), animation(FOUR, "GIF", loop=0)
    for data in (film, gif):
        assert refused(data, limits=Limits(max_pixels=40 * 30 - 1)).status is Status.TOO_MANY_PIXELS
        assert refused(data, limits=Limits(max_bytes=100)).status is Status.TOO_MANY_BYTES
        assert len(seen(data, limits=Limits(max_pixels=64 * 48))) > 2  # each alone has so many
    assert refused(b"").status is Status.EMPTY
    assert refused(sound()).status is Status.NOT_AN_IMAGE
    for every, most, longest in ((0, 1, None), (-1, 1, None), (1, 0, None), (1, 1, 0)):
        with pytest.raises(InputError, match="above zero"):
            seen(gif, every=every, most=most, longest=longest)


@pytest.mark.parametrize("data", [video(FOUR), animation(FOUR, "GIF", 1000, loop=0)])
def test_a_longer_film_than_is_allowed(data: bytes) -> None:
    assert len(seen(data, longest=4.0)) > 1
    error = refused(data, longest=3.9)
    assert error.status is Status.UNSUPPORTED
    assert "it lasts 4.0 s, over the limit of 3.9" in error.reason


def test_what_a_damaged_animation_does_not_show_is_said() -> None:
    rng = np.random.default_rng(0)
    images = [
        Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8), "RGB") for _ in range(4)
    ]
    with io.BytesIO() as stream:
        images[0].save(
            stream, "WEBP", save_all=True, append_images=images[1:], duration=500, lossless=True
        )
        data = bytearray(stream.getvalue())
    third = [at for at in range(len(data)) if data[at : at + 4] == b"ANMF"][2]
    data[third + 60 : third + 2000] = bytes(1940)
    found = seen(bytes(data))
    assert [one.seconds for one in found] == [0.0, 0.5, 1.0]
    assert [one.picture is None for one in found] == [False, False, True]


def test_a_damaged_frame_of_a_video_is_passed_over_and_a_long_gap_is_said() -> None:
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    with av.open(stream, "w", format="matroska") as out:
        track = out.add_stream("mjpeg", rate=10)
        track.width, track.height, track.pix_fmt = 64, 48, "yuvj420p"
        for _ in range(100):
            picture = rng.integers(0, 256, (48, 64, 3), np.uint8)
            out.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(track.encode(None))
    data = bytearray(stream.getvalue())
    begins = [at for at in range(len(data)) if data[at : at + 3] == b"\xff\xd8\xff"]
    assert len(begins) == 100

    def damaged(first: int, end: int) -> list[Still]:
        broken = bytearray(data)
        for number in range(first, end):
            broken[begins[number] : begins[number] + 900] = bytes(900)
        return seen(bytes(broken), every=0.1, most=11)

    whole = damaged(0, 0)
    assert [round(one.seconds, 1) for one in whole] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9.9]
    assert all(one.picture for one in whole)
    # The next one that is whole stands for it.
    assert [round(one.seconds, 1) for one in damaged(30, 33)][3] == 3.3
    long = damaged(85, 100)
    assert [one.picture is None for one in long[-3:]] == [False, True, True]
    assert long[-1].seconds == pytest.approx(9.9)


def test_where_the_last_frames_are_damaged_the_one_before_them_is_looked_at() -> None:
    data = video([*["white"] * 9, "red"], "webm", "libvpx", options={"g": "1000"})
    with av.open(io.BytesIO(data)) as film:
        packets = [bytes(packet) for packet in film.demux(video=0) if packet.size]
    for packet in reversed(packets[-2:]):
        at = data.rindex(packet)
        data = data[:at] + b"\xff" * len(packet) + data[at + len(packet) :]
    found = seen(data, most=2)
    assert told(found) == [(0.0, "white"), (9.7, "red")]


def test_one_frame_alone_is_in_memory() -> None:
    side = 1000
    images = [Image.new("RGB", (side, side), (n, n, n)) for n in range(8)]
    with io.BytesIO() as stream:
        images[0].save(stream, "GIF", save_all=True, append_images=images[1:], duration=500)
        data = stream.getvalue()
    tracemalloc.start()
    count = 0
    for _, picture in stills(data, every=0.1, most=16):
        count += 1
        del picture
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 8
    assert peak < 2.5 * 3 * side * side


# The collection of real ones.


@pytest.mark.skipif(
    not (SHARED / "video").exists(),
    reason="FIGLEAF_SHARED names no folder that holds data/video, nor is there ../shared",
)
def test_every_shared_video() -> None:
    for path in shared(SHARED / "video"):
        data = path.read_bytes()
        assert is_film(data)
        if path.name in ("Mpeg4.mp4", "mp4-with-audio.mp4"):
            assert refused(data).status is Status.NOT_AN_IMAGE, path.name
            continue
        found = seen(data, most=5)
        assert 1 <= len(found) <= 5
        assert found[0].seconds == 0
        times = [one.seconds for one in found]
        assert times == sorted(set(times)), path.name
        assert all(one.picture for one in found), path.name
