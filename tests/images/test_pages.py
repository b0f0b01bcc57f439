"""The further pictures of still files."""

import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.moving import kind_of_moving
from figleaf.images.pages import MAX_PICTURES, has_other_pictures, other_pictures

from .samples import encode

SHARED = os.environ.get("FIGLEAF_SHARED")
COLOURS = ("white", "red", "blue", "green")


def plain(colour: str, side: int = 64) -> Image.Image:
    return Image.new("RGB", (side, side), colour)


def several(name: str, colours: tuple[str, ...] = COLOURS, side: int = 64, **more: object) -> bytes:
    first, *rest = (plain(colour, side) for colour in colours)
    return encode(first, name, save_all=True, append_images=rest, **more)


def shown(data: bytes, **more: Limits) -> list[str]:
    """The nearest of the colours, for each further picture."""
    return [_nearest(picture.pixels.mean(axis=(0, 1))) for picture in other_pictures(data, **more)]


def _nearest(mean: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> str:
    def distance(colour: str) -> float:
        return float(
            np.abs(np.array(Image.new("RGB", (1, 1), colour).getpixel((0, 0))) - mean).sum()
        )

    found = min(COLOURS, key=distance)
    assert distance(found) < 20
    return found


def status_of(data: bytes, **more: Limits) -> Status:
    decode(data)
    with pytest.raises(ImageError) as caught:
        list(other_pictures(data, **more))
    return caught.value.status


MAKERS: dict[str, Callable[[], bytes]] = {
    "tiff": lambda: several("tiff"),
    "tiff, LZW": lambda: several("tiff", compression="tiff_lzw"),
    "tiff, JPEG": lambda: several("tiff", compression="jpeg"),
    "BigTIFF": lambda: several("tiff", big_tiff=True),
    "mpo": lambda: several("mpo"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_each_further_picture_is_found(name: str) -> None:
    data = MAKERS[name]()
    assert _nearest(decode(data).pixels.mean(axis=(0, 1))) == "white"
    assert sorted(shown(data)) == ["blue", "green", "red"]


@pytest.mark.parametrize("name", ["png", "webp", "gif", "bmp", "jpeg", "tiff", "avif"])
def test_a_file_of_one_picture_has_no_further(name: str) -> None:
    assert shown(encode(plain("red"), name)) == []


def test_an_avif_sequence_has_all_frames_and_the_still_picture_before_it() -> None:
    data = several("avif", duration=500)
    assert data[8:12] == b"avis"
    assert shown(data) == ["red", "blue", "green", "white"]
    as_still = data[:8] + b"avif" + data[12:]
    assert shown(as_still) == ["white", "red", "blue", "green"]


def test_a_picture_in_a_sub_ifd_is_found() -> None:
    outer, inner = (
        _directory(plain(colour, 8), at, last)
        for colour, at, last in (("white", 8, False), ("red", 8 + 1000, True))
    )
    data = b"II*\0" + struct.pack("<I", 8) + outer.ljust(1000, b"\0") + inner
    assert shown(data) == ["red"]


def _directory(image: Image.Image, at: int, last: bool) -> bytes:
    """A TIFF directory and its pixels, to be put at this offset; with a SubIFD unless the last."""
    pixels = image.tobytes()
    entries = 10 if last else 11
    bits = at + 2 + 12 * entries + 4
    values = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 3, bits), (259, 4, 1, 1), (262, 4, 1, 2)]
    values += [(273, 4, 1, bits + 6), (277, 4, 1, 3), (278, 4, 1, 8), (279, 4, 1, len(pixels))]
    values += [(284, 4, 1, 1)] + ([] if last else [(330, 4, 1, 8 + 1000)])
    body = b"".join(struct.pack("<HHII", *value) for value in values)
    return struct.pack("<H", entries) + body + bytes(4) + struct.pack("<3H", 8, 8, 8) + pixels


def test_a_gif_and_a_png_taken_for_stills_have_their_frames_looked_at() -> None:
    gif = several("gif", ("white", "red"), duration=500)
    odd = gif[: _second_frame(gif)] + b"\1" + gif[_second_frame(gif) :]
    assert kind_of_moving(odd) is None
    assert shown(odd) == ["red"]
    png = several("png", ("white", "red"), duration=500, default_image=True)
    assert kind_of_moving(png) is None
    assert shown(png) == ["red"]


def _second_frame(gif: bytes) -> int:
    """Where the control block of the second frame is."""
    return gif.rindex(b"\x21\xf9\x04")


def test_a_tiff_whose_pages_go_in_a_circle_ends() -> None:
    data = bytearray(several("tiff", ("white", "red")))
    second = _next(data, struct.unpack_from("<I", data, 4)[0])
    offset = second[1]
    struct.pack_into("<I", data, _next(data, offset)[0], offset)
    assert shown(bytes(data)) == ["red"]


def _next(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Where the offset of the next page stands, and what it is."""
    place = at + 2 + 12 * int(struct.unpack_from("<H", data, at)[0])
    return place, int(struct.unpack_from("<I", data, place)[0])


def test_what_cannot_be_decoded_is_refused() -> None:
    mpo = several("mpo", ("white", "red"))
    second = mpo.rindex(b"\xff\xd8\xff")
    assert status_of(mpo[: second + 300]) in (Status.TRUNCATED, Status.CORRUPT)
    assert status_of(mpo[:second] + b"not a picture, but long enough") is Status.NOT_AN_IMAGE
    tiff = bytearray(several("tiff", ("white", "red"), compression="tiff_lzw"))
    page = _next(tiff, struct.unpack_from("<I", tiff, 4)[0])[1]
    struct.pack_into("<I", tiff, page + 2 + 8, 0)  # its width
    assert status_of(bytes(tiff)) is Status.CORRUPT


def test_a_picture_that_was_cut_off_is_not_in_the_file() -> None:
    mpo = several("mpo", ("white", "red"))
    assert shown(mpo[: mpo.rindex(b"\xff\xd8\xff")]) == []


def test_a_sequence_in_heic_is_refused() -> None:
    brand = several("avif", ("white", "red"), duration=500).replace(b"ftypavis", b"ftyphevc", 1)
    with pytest.raises(ImageError, match="a sequence"):
        list(other_pictures(brand))


def test_the_pictures_have_a_limit_each_and_together() -> None:
    data = several("tiff")
    assert len(shown(data, limits=Limits(max_pixels=3 * 64 * 64))) == 3
    assert status_of(data, limits=Limits(max_pixels=3 * 64 * 64 - 1)) is Status.TOO_MANY_PIXELS
    avif = several("avif", duration=500)
    assert status_of(avif, limits=Limits(max_pixels=3 * 64 * 64)) is Status.TOO_MANY_PIXELS


def test_their_number_has_a_limit() -> None:
    colours = ("white",) + ("red",) * MAX_PICTURES
    assert len(shown(several("tiff", colours, side=8))) == MAX_PICTURES
    assert status_of(several("tiff", (*colours, "red"), side=8)) is Status.UNSUPPORTED


SAMPLES = [several("tiff", side=16), several("mpo", side=16), several("avif", side=16)]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(SAMPLES), st.data())
def test_damage_is_an_image_error_or_nothing(sample: bytes, draw: st.DataObject) -> None:
    data = bytearray(sample)
    for at in draw.draw(st.lists(st.integers(8, len(data) - 1), min_size=1, max_size=8)):
        data[at] = draw.draw(st.integers(0, 255))
    try:
        decode(bytes(data))
    except ImageError:
        return
    with suppress(ImageError):
        for picture in other_pictures(bytes(data), limits=Limits(max_pixels=10**6)):
            assert picture.pixels.ndim == 3


@pytest.mark.skipif(SHARED is None, reason="needs FIGLEAF_SHARED")
def test_camera_files_are_looked_at_in_full() -> None:
    found = 0
    for path in sorted(Path(SHARED or "", "data", "photos", "camera").glob("*.JPG")):
        data = path.read_bytes()
        first = decode(data)
        for picture in other_pictures(data):
            found += 1
            assert picture.width <= first.width
    assert found


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_of_several_pictures_is_told_from_one(name: str) -> None:
    assert has_other_pictures(MAKERS[name]())


@pytest.mark.parametrize("name", ["png", "webp", "gif", "bmp", "jpeg", "tiff", "avif"])
def test_a_file_of_one_picture_is_told_from_several(name: str) -> None:
    assert not has_other_pictures(encode(plain("red"), name))
