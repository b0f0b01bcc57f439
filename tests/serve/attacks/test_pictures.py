"""Pictures that are bombs, or damaged in every way that others have collected."""

import io
import os
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from figleaf.errors import Status
from figleaf.serve.server import running
from figleaf.serve.service import Surroundings

from ...images.samples import chunk, encode, grey_png
from .conftest import Lines, Victim, low_rules
from .wire import FORM, form, part, post

BESIDE_THE_CHECKOUT = Path(__file__).parents[3].parent / "shared"
ODD = Path(os.environ.get("FIGLEAF_SHARED") or BESIDE_THE_CHECKOUT) / "data" / "odd"


def large(name: str, mode: str = "RGB", side: int = 4000, **options: object) -> bytes:
    """A picture of one colour with 16 million pixels, four times what the server takes."""
    return encode(Image.new(mode, (side, side)), name, **options)


def animation(frames: int) -> bytes:
    first = Image.new("P", (2000, 2000))
    more = [Image.new("P", (2000, 2000), number % 256) for number in range(1, frames)]
    return encode(first, "GIF", save_all=True, append_images=more)


def text_chunk(size: int) -> bytes:
    """A small PNG whose comment unpacks to megabytes."""
    comment = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size)))
    png = grey_png(8, 8, b"\0" * 72)
    return png[:33] + comment + png[33:]


BOMBS = {
    "png": lambda: large("PNG"),
    "png of one bit": lambda: large("PNG", "1", 8000),
    "webp": lambda: large("WEBP"),
    "gif": lambda: large("GIF", "P"),
    "avif": lambda: large("AVIF", side=2500),
    "jpeg": lambda: large("JPEG"),
    "tiff": lambda: large("TIFF", compression="tiff_lzw"),
    "bmp that says so": lambda: b"BM" + bytes(16) + (60_000).to_bytes(4, "little") * 2 + bytes(28),
    "png that says so": lambda: grey_png(2**31 - 1, 2**31 - 1, b"\0"),
    "a thin line": lambda: grey_png(2**30, 1, b"\0"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_known_by_their_headers(victim: Victim, name: str) -> None:
    data = BOMBS[name]()
    began = time.monotonic()
    answer = post(victim.url, data)
    assert time.monotonic() - began < 15.0
    assert answer.status == 200
    assert answer.statuses[0] in ("too_many_pixels", "corrupt", "truncated", "unsupported")


def test_what_is_small_and_takes_long_costs_a_deadline(photo: Path) -> None:
    # The animation has 400 million pixels in 400 KB, each of them within the limit of an image.
    body = form(part(text_chunk(200_000_000)), part(animation(100)))
    with (
        running(low_rules(decode_deadline=0.5)) as started,
        ThreadPoolExecutor(4) as threads,
    ):
        waiting = [threads.submit(post, started.url, body, FORM, timeout=60) for _ in range(4)]
        # Too little time for anything at all where the machine is busy, but answered.
        assert post(started.url, photo.read_bytes(), timeout=60).status in (200, 500)
        for one in waiting:
            assert one.result().status == 200
        assert started.service.slots.held == 0


@pytest.fixture(scope="module")
def collection() -> Iterator[Victim]:
    log = Lines()
    with running(low_rules(decode_deadline=60.0), Surroundings(log=log)) as started:
        yield Victim(started.url, started.service, log)


@pytest.mark.skipif(not ODD.is_dir(), reason="FIGLEAF_SHARED names no folder that holds data/odd")
def test_every_odd_picture_has_a_result(collection: Victim, photo: Path) -> None:
    files = sorted(path for path in ODD.rglob("*") if path.is_file())
    assert len(files) > 1_000
    small = [path for path in files if path.stat().st_size <= 2**22]

    def ask(path: Path) -> tuple[Path, int, str]:
        answer = post(collection.url, path.read_bytes(), "application/octet-stream")
        return path, answer.status, answer.statuses[0] if answer.status == 200 else ""

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, small))
    assert [(path, status) for path, status, _ in found if status != 200] == []
    counted = Counter(status for _, _, status in found)
    assert counted[Status.OK] > 100
    assert counted[Status.CRASHED] == counted[Status.TIMEOUT] == 0
    assert [line for line in collection.log.events() if line["event"] == "error"] == []
    assert collection.is_well(photo)


def test_a_picture_that_ends_anywhere_has_a_result(victim: Victim, photo: Path) -> None:
    with Image.open(photo) as image, io.BytesIO() as stream:
        image.convert("RGB").resize((64, 64)).save(stream, "JPEG")
        data = stream.getvalue()
    pieces = [data[:end] for end in range(0, len(data), max(1, len(data) // 64))]
    for start in range(0, len(pieces), 8):
        body = form(*map(part, pieces[start : start + 8]))
        answer = post(victim.url, body, FORM)
        assert answer.status == 200
        assert set(answer.statuses) <= {"ok", "empty", "truncated", "corrupt", "not_an_image"}
