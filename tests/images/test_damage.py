"""Bytes that are damaged, hostile, or something else than an image."""

import functools
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.isolate import IsolatedPool

from .samples import FORMATS, chunk, each_format, grey_png, outcome, refused, sample

# Damage


@pytest.mark.parametrize("sixteenth", range(16))
@each_format
def test_truncated(kind: str, sixteenth: int) -> None:
    data = sample(kind)
    error = refused(data[: len(data) * sixteenth // 16])
    expected = {Status.TRUNCATED, Status.CORRUPT, Status.NOT_AN_IMAGE, Status.EMPTY}
    assert error.status in expected
    if sixteenth >= 4:
        assert error.status is Status.TRUNCATED, error.reason


@pytest.mark.parametrize("missing", [1, 2, 3, 20])
@pytest.mark.parametrize("kind", ["baseline", "progressive", "webp", "bmp", "avif"])
def test_the_last_bytes_missing(kind: str, missing: int) -> None:
    if kind == "bmp" and missing < 3:
        return  # its rows are padded
    assert refused(sample(kind)[:-missing]).status is Status.TRUNCATED


def test_only_the_trailer_missing_is_no_damage() -> None:
    # All pixels of the first frame are there: GIF's trailer and PNG's IEND say nothing more.
    assert decode(sample("gif")[:-1]).width == 160
    assert decode(sample("png")[:-12]).width == 160


def test_garbage_after_the_image() -> None:
    for kind in FORMATS:
        data = sample(kind) + b"\0garbage" * 50
        np.testing.assert_array_equal(decode(data).pixels, decode(sample(kind)).pixels)


def test_a_jpeg_with_warnings_is_decoded_by_pillow() -> None:
    data = sample("baseline")
    start = data.index(b"\xff\xdb")
    assert decode(data[:start] + b"garbage" + data[start:]).width == 160


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    _decodes_or_refuses(data)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["jpeg", "png", "webp", "heic", "bmp", "tiff", "gif"]), st.binary(max_size=300)
)
def test_random_bytes_behind_a_signature(kind: str, data: bytes) -> None:
    signature = {
        "jpeg": b"\xff\xd8\xff",
        "png": b"\x89PNG\r\n\x1a\n",
        "webp": b"RIFF\0\1\0\0WEBPVP8 ",
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "bmp": b"BM",
        "tiff": b"II*\0\x08\0\0\0",
        "gif": b"GIF89a",
    }[kind]
    _decodes_or_refuses(signature + data)


@pytest.mark.parametrize("seed", range(40))
@each_format
def test_flipped_bytes(kind: str, seed: int) -> None:
    rng = random.Random(f"{kind} {seed}")
    data = bytearray(sample(kind))
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(min(len(data), 700 if seed % 2 else len(data)))] = rng.randrange(256)
    _decodes_or_refuses(bytes(data))


def _decodes_or_refuses(data: bytes) -> None:
    seen = outcome(data, limits=Limits(max_pixels=10**6))
    if isinstance(seen, tuple):
        assert seen[0] is not Status.OK
        assert seen[1]
    else:
        assert seen.dtype == np.uint8
        assert seen.ndim == 3


# What it is


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", Status.EMPTY, "no bytes"),
        (b"<!DOCTYPE html><html><body>gone</body></html>", Status.NOT_AN_IMAGE, "HTML, not an"),
        (b"\xef\xbb\xbf \n<html lang=en>", Status.NOT_AN_IMAGE, "HTML, not an image"),
        (b"<!-- a page --><html><svg></svg></html>", Status.NOT_AN_IMAGE, "HTML"),
        (b'{"error": 404}', Status.NOT_AN_IMAGE, "text, not an image"),
        (b"BM is how this text begins", Status.NOT_AN_IMAGE, "text"),
        (b"PK\x03\x04rest", Status.NOT_AN_IMAGE, "ZIP"),
        (bytes(100), Status.NOT_AN_IMAGE, "zero bytes"),
        (b"\x93\x01\x02\x03nonsense", Status.NOT_AN_IMAGE, "93 01 02 03"),
        (b"\xff\x0a\xfa\x1f", Status.UNSUPPORTED, "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", Status.UNSUPPORTED, "JPEG 2000"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", Status.UNSUPPORTED, "PostScript"),
        (b"%PDF-1.7", Status.UNSUPPORTED, "PDF"),
        (b"8BPS\0\1", Status.UNSUPPORTED, "Photoshop"),
        (b'<?xml version="1.0"?><svg xmlns="x"/>', Status.UNSUPPORTED, "SVG"),
        (b"\0\0\1\0\1\0", Status.UNSUPPORTED, "ICO"),
        (b"P6\n2 2\n255\n", Status.UNSUPPORTED, "PNM"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", Status.UNSUPPORTED, "MP4"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", Status.UNSUPPORTED, "CR3"),
        (b"\x1aE\xdf\xa3webm", Status.UNSUPPORTED, "WebM"),
        (b"RIFF\0\0\0\0AVI LIST", Status.UNSUPPORTED, "AVI"),
        (b"RIFF\0\0\0\0WAVEfmt ", Status.NOT_AN_IMAGE, "no known format"),
    ],
)
def test_what_it_is_instead(data: bytes, status: Status, words: str) -> None:
    error = refused(data)
    assert error.status is status
    assert words in error.reason


# Bombs


def bomb_webp() -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16382).to_bytes(3, "little") * 2
    body += sample("webp")[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def bomb_tiff() -> bytes:
    directory = [(256, 50_000), (257, 50_000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1)]
    directory += [(278, 50_000), (279, 100)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in directory)
    return b"II*\0" + struct.pack("<IH", 8, len(directory)) + entries + bytes(200)


def bomb_jpeg() -> bytes:
    data = bytearray(sample("baseline"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 50_000, 50_000)
    return bytes(data)


def bomb_bmp() -> bytes:
    data = bytearray(sample("bmp"))
    data[18:26] = struct.pack("<ii", 50_000, 50_000)
    return bytes(data)


def bomb_gif() -> bytes:
    data = bytearray(sample("gif"))
    data[6:10] = struct.pack("<HH", 50_000, 50_000)
    return bytes(data)


def bomb_gif_frame() -> bytes:
    """A small screen and a frame that reaches far beyond it."""
    data = bytearray(sample("gif"))
    frame = data.index(b"\x2c\0\0\0\0", 13 + 3 * 256)
    data[frame + 5 : frame + 9] = struct.pack("<HH", 50_000, 50_000)
    return bytes(data)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png": lambda: grey_png(50_000, 50_000, b""),
    "jpeg": bomb_jpeg,
    "webp": bomb_webp,
    "gif": bomb_gif,
    "gif frame": bomb_gif_frame,
    "tiff": bomb_tiff,
    "bmp": bomb_bmp,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_refused_by_their_header(kind: str) -> None:
    data = BOMBS[kind]()
    before = _peak_memory()
    assert refused(data).status is Status.TOO_MANY_PIXELS
    assert _peak_memory() - before < 32 * 2**20


def test_too_much_compressed_data() -> None:
    # 200 MB of zeros behind a header of one pixel.
    data = grey_png(1, 1, bytes(200 * 2**20))
    before = _peak_memory()
    seen = outcome(data)
    assert not isinstance(seen, tuple) or seen[0] in (Status.CORRUPT, Status.TRUNCATED)
    assert _peak_memory() - before < 32 * 2**20


def test_text_bomb() -> None:
    plain = grey_png(1, 1, b"\0\0")
    body = b"note\0\0" + zlib.compress(bytes(100 * 2**20))
    data = plain[:33] + chunk(b"zTXt", body) + plain[33:]
    before = _peak_memory()
    assert refused(data).status is Status.CORRUPT
    assert _peak_memory() - before < 32 * 2**20


def _peak_memory() -> int:
    """Bytes; pixels are outside of tracemalloc, and the high-water mark of the process is not."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs /proc")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_a_jpeg_of_very_many_scans() -> None:
    data = sample("progressive")
    scan = data.rindex(b"\xff\xda")
    data = data[:scan] + data[scan:-2] * 200 + data[-2:]
    error = refused(data)
    assert error.status is Status.UNSUPPORTED
    assert "scans" in error.reason


def test_markers_that_are_no_scans_do_not_count() -> None:
    marker = b"\xff\xda" * 500
    data = sample("baseline")
    comment = b"\xff\xfe" + struct.pack(">H", len(marker) + 2) + marker
    assert decode(data[:2] + comment + data[2:] + marker).width == 160


def lossless_jpeg(width: int, height: int) -> bytes:
    """A lossless JPEG (ITU T.81, process 14) in which every difference is zero."""
    components = bytes([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    frame = b"\xff\xc3" + struct.pack(">HBHHB", 17, 8, height, width, 3) + components
    table = b"\xff\xc4" + struct.pack(">HB", 20, 0) + bytes([1, *[0] * 15, 0])
    scan = b"\xff\xda" + struct.pack(">HB", 12, 3) + bytes([1, 0, 2, 0, 3, 0, 1, 0, 0])
    return b"\xff\xd8" + frame + table + scan + bytes(width * height * 3 // 8 + 1) + b"\xff\xd9"


@pytest.mark.parametrize("junk", [b"", b"\xff\xe1\x00\x04ab", b"\xff", b"\xff\xe1\x00\x04abjunk"])
def test_scaled_decoding_of_a_lossless_jpeg(junk: bytes) -> None:
    # simplejpeg 1.9.0 overruns its buffer here: in a worker, or it would take the tests along.
    data = lossless_jpeg(256, 256)
    with IsolatedPool(
        functools.partial(decode, at_least=(16, 16)), workers=1, deadline=30
    ) as isolated:
        try:
            isolated(data[:2] + junk + data[2:])
        except ImageError as error:
            status = error.status
        else:
            status = Status.OK
    assert status in (Status.OK, Status.CORRUPT)
