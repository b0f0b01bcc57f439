"""Which bytes move, and which frames are taken of them, at which times."""

import io
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import ImageError, InputError, Status
from figleaf.images import Limits, decode
from figleaf.images.frames import Frame, kind_of_moving, sample

from .films import COLOURS, animation, colour_of, shared, sound, told, video
from .samples import FORMATS, chunk, exif, photo
from .samples import sample as still

av = pytest.importorskip("av")

FOUR = ("red", "green", "blue", "yellow")
AT_EACH_SECOND = [(float(n), colour) for n, colour in enumerate(FOUR)]
ANIMATIONS = ("GIF", "PNG", "WEBP")

BESIDE_THE_CHECKOUT = Path(__file__).parents[2].parent / "shared"
SHARED = Path(os.environ.get("FIGLEAF_SHARED") or BESIDE_THE_CHECKOUT) / "data"
needs_shared = pytest.mark.skipif(
    not (SHARED / "video").exists(),
    reason="FIGLEAF_SHARED names no folder that holds data/video, nor is there ../shared",
)

CONTAINERS = [
    ("mp4", "libx264", "mov"),
    ("mov", "libx264", "mov"),
    ("mp4", "mpeg4", "mov"),
    ("webm", "libvpx", "matroska"),
    ("webm", "libvpx-vp9", "matroska"),
    ("matroska", "mpeg4", "matroska"),
    ("avi", "mpeg4", "avi"),
    ("avi", "libx264", "avi"),
    ("flv", "flv", "flv"),
    ("mpeg", "mpeg1video", "mpeg"),
    ("mpegts", "libx264", "mpegts"),
    ("mpeg2video", "mpeg2video", "mpegvideo"),
    ("asf", "wmv2", "asf"),
    ("ogg", "libvpx", "ogg"),
]


def refused(data: bytes, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        sample(data, **options)
    assert "\n" not in caught.value.reason
    assert " at 0x" not in caught.value.reason
    return caught.value


def bit_same(one: list[Frame], other: list[Frame]) -> bool:
    return told(one) == told(other) and all(
        np.array_equal(a.picture.pixels, b.picture.pixels) for a, b in zip(one, other, strict=True)
    )


# What moves.


@pytest.mark.parametrize("kind", FORMATS)
def test_still_pictures_do_not_move(kind: str) -> None:
    assert kind_of_moving(still(kind)) is None


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_animations_move(kind: str) -> None:
    assert kind_of_moving(animation(FOUR, kind)) == "animation"
    assert kind_of_moving(animation(FOUR, kind, loop=0)) == "animation"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"G",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"\x89PNG\r\n\x1a\n",
        b"<html><body>moov</body></html>",
        b"The free image of the day, a long text that goes on and on",
        b"\0\0\0\x18ftypavif\0\0\0\0",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"\0\0\0\x18ftypcrx \0\0\0\0",
        b"\0" * 4096,
    ],
)
def test_other_bytes_do_not_move(data: bytes) -> None:
    assert kind_of_moving(data) is None


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_one_frame_is_a_still_picture(kind: str) -> None:
    data = animation(["blue"], kind, loop=0)
    assert kind_of_moving(data) is None
    (frame,) = sample(data)
    assert frame.seconds == 0
    np.testing.assert_array_equal(frame.picture.pixels, decode(data).pixels)


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe\0" * 10_000_000,
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0junk\0\0\0\0" * 3_000_000,
        b"RIFF\xf0\xc3\xc9\x01WEBP" + b"junk\0\0\0\0" * 3_750_000,
    ],
    ids=["gif", "png", "webp"],
)
def test_endless_headers_are_given_up(data: bytes) -> None:
    started = time.process_time()  # however busy the machine is
    assert kind_of_moving(data) is None
    assert time.process_time() - started < 5


# Animations.


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_frames_of_an_animation(kind: str) -> None:
    frames = sample(animation(FOUR, kind, 1000))
    assert told(frames) == AT_EACH_SECOND
    for frame in frames:
        assert frame.picture.format == kind.lower()
        assert frame.picture.pixels.shape == (30, 40, 3)
        assert (frame.picture.width, frame.picture.height) == (40, 30)
        assert frame.picture.pixels.flags.c_contiguous
        assert not frame.picture.pixels.flags.writeable


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_by_time_and_not_by_number(kind: str) -> None:
    times = [2500, 200, 200, 1100]
    assert told(sample(animation(FOUR, kind, times), most=4)) == [(0.0, "red"), (2.9, "yellow")]


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_at_most_and_no_closer(kind: str) -> None:
    data = animation([*FOUR, "white", "black"] * 4, kind, 500)
    assert len(sample(data)) == 8
    assert len(sample(data, most=3)) == 3
    assert [frame.seconds for frame in sample(data, every=3)] == [0, 3, 6, 9]
    assert [frame.seconds for frame in sample(data, every=7)] == [0]
    assert [frame.seconds for frame in sample(data, every=100)] == [0]


@pytest.mark.parametrize("milliseconds", [0, 10])
def test_frames_without_a_time_are_shown_as_browsers_do(milliseconds: int) -> None:
    frames = sample(animation([*FOUR, "white", "black"], "GIF", milliseconds), every=0.1)
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_transparency_over_white(kind: str) -> None:
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    half = clear.copy()
    half.paste((200, 0, 0, 255), (0, 0, 20, 30))
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"disposal": 2}
    with io.BytesIO() as stream:
        clear.save(stream, kind, save_all=True, append_images=[half], duration=1000, **options)
        first, second = sample(stream.getvalue())
    assert (first.picture.pixels == 255).all()
    assert second.picture.pixels[0, 0].tolist() == [200, 0, 0]
    assert second.picture.pixels[0, 39].tolist() == [255, 255, 255]


def test_the_picture_for_programs_without_animations_is_left_out() -> None:
    images = [Image.new("RGB", (40, 30), COLOURS[name]) for name in ("white", "red", "green")]
    with io.BytesIO() as stream:
        images[0].save(
            stream,
            "PNG",
            save_all=True,
            default_image=True,
            append_images=images[1:],
            duration=1000,
        )
        data = stream.getvalue()
    assert told(sample(data)) == [(0.0, "red"), (1.0, "green")]


def test_an_animation_that_stands_on_its_side() -> None:
    data = animation(FOUR, "PNG", 1000, exif=exif(6))
    assert {frame.picture.pixels.shape for frame in sample(data)} == {(40, 30, 3)}


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_a_cut_animation(kind: str) -> None:
    data = animation([*FOUR, *FOUR], kind, 1000)
    assert refused(data[: len(data) * 3 // 4]).status is Status.TRUNCATED


def test_a_gif_without_its_end_mark_is_whole() -> None:
    data = animation(FOUR, "GIF", 1000)
    assert data.endswith(b";")
    assert told(sample(data + b"whatever")) == AT_EACH_SECOND
    assert refused(data[:-1]).status is Status.TRUNCATED


def test_damage_in_the_middle_ends_an_animation() -> None:
    data = animation(FOUR, "PNG", 1000)
    third = data.index(b"fcTL", data.index(b"fcTL", data.index(b"fcTL") + 4) + 4)
    at = data.index(b"fdAT", third) - 4
    size = int.from_bytes(data[at : at + 4], "big")
    body = data[at + 8 : at + 12] + b"\xff" * (size - 4)
    data = data[:at] + chunk(b"fdAT", body) + data[at + 12 + size :]
    assert told(sample(data)) == AT_EACH_SECOND[:2]


def test_all_frames_together_within_the_limit_of_pixels() -> None:
    data = animation(FOUR, "GIF", 1000)
    assert len(sample(data, limits=Limits(max_pixels=2 * 40 * 30))) == 2
    assert len(sample(data, limits=Limits(max_pixels=40 * 30))) == 1
    assert refused(data, limits=Limits(max_pixels=40 * 30 - 1)).status is Status.TOO_MANY_PIXELS


# Videos.


@pytest.mark.parametrize(("container", "codec", "name"), CONTAINERS)
def test_frames_of_a_video(container: str, codec: str, name: str) -> None:
    # MPEG knows no 10 frames a second.
    data = video(FOUR, container, codec, rate=25, frames=25)
    assert kind_of_moving(data) == "video"
    frames = sample(data)
    assert told(frames) == AT_EACH_SECOND
    for frame in frames:
        assert frame.picture.format == name
        assert frame.picture.pixels.shape == (48, 64, 3)
        assert frame.picture.pixels.flags.c_contiguous
        assert not frame.picture.pixels.flags.writeable
        colour = COLOURS[colour_of(frame.picture.pixels)]
        assert abs(frame.picture.pixels.astype(int) - colour).max() < 40


def test_spread_over_the_whole_length() -> None:
    data = video(["red"] * 6 + ["green"] * 6, frames=10)
    assert told(sample(data, most=2)) == [(0.0, "red"), (6.0, "green")]
    assert [frame.seconds for frame in sample(data, most=4)] == [0, 3, 6, 9]
    assert len(sample(data)) == 8
    assert len(sample(data, every=5)) == 2
    assert len(sample(data, every=50)) == 1


@pytest.mark.parametrize("key_frames", ["1", "7", "1000"])
def test_however_far_key_frames_are_apart(key_frames: str) -> None:
    data = video(FOUR, options={"g": key_frames, "sc_threshold": "0"})
    assert told(sample(data)) == AT_EACH_SECOND


def test_a_variable_frame_rate() -> None:
    stamps = [0, 2, 50, 51, 90]
    data = video(["red", "green", "blue", "yellow", "white"], stamps=stamps)
    shown = [(0.0, "red"), (0.2, "green"), (5.0, "blue"), (5.1, "yellow"), (9.0, "white")]
    assert told(sample(data, every=0.1, most=200)) == shown
    # How long the last frame is shown is up to the muxer, and so is the length.
    frames = told(sample(data, most=3))
    assert frames[:2] == shown[:2]
    assert frames[2] in shown[3:]


def test_times_count_from_the_first_frame() -> None:
    data = video(["red", "green", "blue"], "matroska", "mpeg4", stamps=[100, 110, 120])
    frames = sample(data, every=0.1, most=30)
    assert told(frames) == [(0.0, "red"), (1.0, "green"), (2.0, "blue")]


def test_one_frame_of_video() -> None:
    assert told(sample(video(["blue"], frames=1))) == [(0.0, "blue")]


def test_without_a_stated_length() -> None:
    data = video(FOUR, "matroska", "mpeg4", container_options={"live": "1"})
    assert told(sample(data)) == AT_EACH_SECOND
    fragments = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    data = video(FOUR, container_options=fragments, options={"g": "5"})
    assert told(sample(data)) == AT_EACH_SECOND


@pytest.mark.skipif(
    not hasattr(av.video.stream.VideoStream, "set_display_rotation"),
    reason="this PyAV writes no rotation",
)
@pytest.mark.parametrize(("degrees", "shape"), [(90, (64, 48, 3)), (180, (48, 64, 3))])
def test_a_turned_video_is_turned_upright(degrees: int, shape: tuple[int, ...]) -> None:
    (frame,) = sample(video(["red"], rotation=degrees))
    assert frame.picture.pixels.shape == shape
    assert (frame.picture.height, frame.picture.width) == shape[:2]


def test_transparent_video_over_white() -> None:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mov") as out:
        track = out.add_stream("qtrle", rate=10)
        track.width, track.height, track.pix_fmt = 32, 16, "argb"
        picture = np.zeros((16, 32, 4), np.uint8)
        picture[:, :16] = (0, 120, 0, 255)
        out.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgba")))
        out.mux(track.encode(None))
    (frame,) = sample(stream.getvalue())
    assert frame.picture.pixels[0, 0].tolist() == [0, 120, 0]
    assert frame.picture.pixels[0, 31].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("container", "codec", "name"), CONTAINERS)
def test_a_cut_video(container: str, codec: str, name: str) -> None:
    data = video(FOUR, container, codec, rate=25, frames=25)
    half = data[: len(data) // 2]
    if name in ("mov", "matroska", "avi"):  # these say how long they are
        assert refused(half).status is Status.TRUNCATED
    else:
        frames = sample(half)
        assert told(frames)[0] == (0.0, "red")
        assert len(frames) < 4
    header = refused(data[:40])
    assert header.status in (Status.TRUNCATED, Status.CORRUPT, Status.NOT_AN_IMAGE)


def test_what_follows_a_video_does_not_matter() -> None:
    for container, codec in [("mp4", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4")]:
        data = video(FOUR, container, codec, rate=25, frames=25)
        assert told(sample(data + b"\xff" * 1000)) == AT_EACH_SECOND, container


def test_damaged_frames_are_passed_over() -> None:
    data = bytearray(video(FOUR, options={"g": "10", "bf": "0"}))
    with av.open(io.BytesIO(bytes(data))) as film:
        places = [(packet.pos, packet.size) for packet in film.demux() if packet.size]
    _blank(data, places[10:20])
    assert told(sample(bytes(data))) == [AT_EACH_SECOND[n] for n in (0, 2, 3)]
    _blank(data, places)
    assert refused(bytes(data)).status is Status.CORRUPT


def _blank(data: bytearray, places: list[tuple[int, int]]) -> None:
    for start, size in places:
        data[start : start + size] = b"\xff" * size


def test_video_within_the_limit_of_pixels() -> None:
    data = video(FOUR)
    assert len(sample(data, limits=Limits(max_pixels=2 * 64 * 48))) == 2
    assert len(sample(data, limits=Limits(max_pixels=64 * 48))) == 1
    error = refused(data, limits=Limits(max_pixels=64 * 48 - 1))
    assert error.status is Status.TOO_MANY_PIXELS
    assert "64x48" in error.reason


def test_the_header_is_not_trusted_with_the_size() -> None:
    data = video(["red"], "matroska", "mpeg4", size=(640, 480))
    width = data.index(b"\xb0\x82" + struct.pack(">H", 640))
    data = data[: width + 2] + struct.pack(">H", 16) + data[width + 4 :]
    error = refused(data, limits=Limits(max_pixels=100_000))
    assert error.status in (Status.TOO_MANY_PIXELS, Status.CORRUPT)


def test_sound_alone() -> None:
    for container, codec in [("mp4", "aac"), ("ogg", "libopus"), ("matroska", "aac")]:
        data = sound(container, codec)
        assert kind_of_moving(data) == "video"
        error = refused(data)
        assert error.status is Status.NOT_AN_IMAGE, container
        assert "no pictures" in error.reason


def test_an_unusual_codec() -> None:
    error = refused(video(["red"], "avi", "snow", options={"strict": "-2"}))
    assert error.status is Status.UNSUPPORTED
    assert "snow" in error.reason


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:1/</BaseURL></MPD>',
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 1 RTP/AVP 96\n",
        b"[Reference]\nRef1=http://127.0.0.1:1/a.mp4\n",
    ],
)
def test_playlists_are_no_videos(data: bytes) -> None:
    assert kind_of_moving(data) is None
    assert refused(data).status is Status.NOT_AN_IMAGE


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    data = video(FOUR, "flv", "flv")
    sample(data)
    for cut in range(100, len(data), 400):
        broken = data[:cut] + b"\xff\0" * 50 + data[cut + 100 :]
        with suppress(ImageError):
            sample(broken)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_the_same_frames_each_time() -> None:
    data = video(FOUR, "webm", "libvpx")
    assert bit_same(sample(data), sample(data))


def test_bad_arguments() -> None:
    for options in ({"every": 0}, {"every": -1.0}, {"every": float("nan")}, {"most": 0}):
        with pytest.raises(InputError, match="above zero"):
            sample(animation(FOUR, "GIF"), **options)
    assert refused(b"").status is Status.EMPTY
    assert refused(video(["red"]), limits=Limits(max_bytes=100)).status is Status.TOO_MANY_BYTES
    assert refused(b"just text").status is Status.NOT_AN_IMAGE
    assert refused(b"%PDF-1.4").status is Status.UNSUPPORTED


def test_a_still_photo() -> None:
    (frame,) = sample(still("baseline", photo()))
    assert (frame.seconds, frame.picture.format) == (0, "jpeg")


# The collection of real ones.

NOTHING_TO_SEE = {"Mpeg4.mp4", "mp4-with-audio.mp4"}


@needs_shared
def test_every_shared_video() -> None:
    paths = shared(SHARED / "video")
    assert len(paths) >= 20
    for path in paths:
        data = path.read_bytes()
        assert kind_of_moving(data) == ("animation" if path.suffix == ".gif" else "video")
        if path.name in NOTHING_TO_SEE:
            assert refused(data).status is Status.NOT_AN_IMAGE, path.name
            continue
        frames = sample(data, every=0.5)
        assert 1 <= len(frames) <= 8
        assert frames[0].seconds == 0
        times = [frame.seconds for frame in frames]
        assert times == sorted(set(times)), path.name
        assert bit_same(frames, sample(data, every=0.5)), path.name


@needs_shared
@pytest.mark.parametrize("turned", [90, 180, 270])
def test_shared_videos_that_were_filmed_on_their_side(turned: int) -> None:
    (frame,) = sample((SHARED / "video" / "odd" / f"video_{turned}.mov").read_bytes())
    portrait = turned != 180
    assert (frame.picture.height > frame.picture.width) == portrait


@needs_shared
def test_every_odd_picture_has_the_status_that_decode_gives() -> None:
    for path in sorted((SHARED / "odd").rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if kind_of_moving(data) == "video":
            continue
        assert _status(sample, data) == _status(decode, data), path.name


def _status(function: Any, data: bytes) -> Status:
    try:
        function(data)
    except ImageError as error:
        return error.status
    return Status.OK
