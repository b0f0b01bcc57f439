"""Every file of the collection of odd images: other projects' test files, fuzzers' findings."""

import csv
import os
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from figleaf.errors import ImageError, Status
from figleaf.images import decode

BESIDE_THE_CHECKOUT = Path(__file__).parents[2].parent / "shared"
ODD = Path(os.environ.get("FIGLEAF_SHARED") or BESIDE_THE_CHECKOUT) / "data" / "odd"
MANIFEST = ODD / "MANIFEST.tsv"

pytestmark = pytest.mark.skipif(
    not MANIFEST.exists(),
    reason="FIGLEAF_SHARED names no folder that holds data/odd, nor is there ../shared",
)

PILLOW_NAMES = {
    "JPEG": "jpeg",
    "MPO": "jpeg",
    "PNG": "png",
    "GIF": "gif",
    "BMP": "bmp",
    "TIFF": "tiff",
    "WEBP": "webp",
    "AVIF": "avif",
}
SECONDS = 5.0

# The manifest says "ok" for these, but Pillow raises when it loads them: only a second load(),
# which getexif() calls as well, then returns what was decoded until the error.
FAIL_ON_THE_FIRST_LOAD = {
    "go-fuzz/png/corpus/148a5c4b58b248b60634e127932e30251e950ad8-4",
    "go-fuzz/png/corpus/15e96024a96d22be0f010c8a7c481920edd91497-1",
    "go-fuzz/png/corpus/300a4ee19316b6f3322de1830573b3a90751040d-5",
    "go-fuzz/png/corpus/32aab3b071b3f2a16c11f8ac7f5b4d66a8fc4507-3",
    "go-fuzz/png/corpus/42e294a2f99c362df602ae7e6d1ca51c610c77c4-2",
    "go-fuzz/png/corpus/4b43c105e8752c56eb99dceb1d9c07f391e5068c-1",
    "go-fuzz/png/corpus/52222c98852e1fb04392209c3690d1fdff20b0a2-2",
    "go-fuzz/png/corpus/9876de91518c2b63ce0ac9dba9e9c1977b4bfe00-5",
    "go-fuzz/png/corpus/ac938f541a19b0dac85ec0098c16ddb14a0a4cfc-1",
    "go-fuzz/png/corpus/dfd45824068a7bc64a5bb7aab7341ba2b85215ff-3",
    "pillow/Tests/images/apng/chunk_no_fctl.png",
    "pillow/Tests/images/broken_data_stream.png",
    "pillow/Tests/images/truncated_end_chunk.png",
    "synthetic/bad_idat_crc.png",
}
OVER_OUR_LIMIT = {"synthetic/bomb_144Mpx_1bit.png"}  # 144 Mpx: below Pillow's limit of 179
HEIC_THAT_PILLOW_LACKS = {"pillow/Tests/images/avif/hopper.heif"}


def rows() -> list[dict[str, str]]:
    with MANIFEST.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def outcome(path: Path) -> tuple[Status, str, tuple[int, ...]]:
    """The status, the format or the reason, and the shape."""
    try:
        picture = decode(path.read_bytes())
    except ImageError as error:
        return error.status, error.reason, ()
    pixels = picture.pixels
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.shape == (picture.height, picture.width, 3)
    assert pixels.size > 0
    return Status.OK, picture.format, pixels.shape


def expected_to_decode(row: dict[str, str]) -> bool:
    path = row["path"]
    if path in FAIL_ON_THE_FIRST_LOAD or path in OVER_OUR_LIMIT:
        return False
    decodes = row["pillow_result"] == "ok" and row["format"] in PILLOW_NAMES
    return decodes or path in HEIC_THAT_PILLOW_LACKS


def test_every_odd_file() -> None:
    seen: Counter[Status] = Counter()
    wrong: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in rows():
            started = time.perf_counter()
            status, what, _ = outcome(ODD / row["path"])
            if time.perf_counter() - started > SECONDS:
                wrong.append(f"{row['path']}: slow")
            if "\n" in what or " at 0x" in what or not what:
                wrong.append(f"{row['path']}: the reason {what!r}")
            if (status is Status.OK) != expected_to_decode(row):
                wrong.append(f"{row['path']}: {status}, {what}; Pillow: {row['pillow_result']}")
            seen[status] += 1
    assert not wrong
    assert sum(seen.values()) >= 1600
    assert seen[Status.OK] >= 900
    assert seen[Status.EMPTY] >= 1


def test_scaled_decoding_changes_neither_status_nor_size() -> None:
    for row in rows():
        data = (ODD / row["path"]).read_bytes()
        if not data.startswith(b"\xff\xd8"):
            continue
        status, _, shape = outcome(ODD / row["path"])
        size: tuple[int, ...]
        try:
            scaled = decode(data, at_least=(16, 16))
        except ImageError as error:
            seen, size = error.status, ()
        else:
            seen, size = Status.OK, (scaled.height, scaled.width, 3)
        assert (seen, size) == (status, shape), row["path"]


def test_format_and_size_are_those_of_pillow() -> None:
    for row in rows():
        if not expected_to_decode(row) or row["format"] == "None":
            continue
        _, name, shape = outcome(ODD / row["path"])
        width, height = int(row["w"]), int(row["h"])
        assert name == PILLOW_NAMES[row["format"]], row["path"]
        assert shape[:2] in ((height, width), (width, height)), row["path"]


@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
def test_exif_orientation_of_real_files(shape: str) -> None:
    folder = ODD / "exif-orientation"
    upright = decode((folder / f"{shape}_1.jpg").read_bytes()).pixels.astype(int)
    for orientation in range(2, 9):
        pixels = decode((folder / f"{shape}_{orientation}.jpg").read_bytes()).pixels
        assert pixels.shape == upright.shape, orientation
        # The files draw their own number into the picture; the rest agrees.
        assert abs(pixels - upright).mean() < 12, orientation


def heic(*, open_ended: bool) -> bytes:
    """A small HEIC, which nothing here can encode; perhaps with media data "up to the end"."""
    data = bytearray((ODD / "pillow/Tests/images/avif/hopper.heif").read_bytes())
    if open_ended:
        media = data.index(b"mdat") - 4
        data[media : media + 4] = bytes(4)
    return bytes(data)


@pytest.mark.parametrize("open_ended", [False, True])
def test_truncated_heic(open_ended: bool) -> None:
    data = heic(open_ended=open_ended)
    assert decode(data).format == "heic"
    cuts = [len(data) * sixteenth // 16 for sixteenth in range(1, 16)]
    for cut in [*cuts, len(data) - 20, len(data) - 2, len(data) - 1]:
        with pytest.raises(ImageError) as caught:
            decode(data[:cut])
        assert caught.value.status is Status.TRUNCATED, (cut, caught.value.reason)
