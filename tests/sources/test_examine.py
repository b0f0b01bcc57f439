"""What is found in hostile bytes."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import ImageError
from figleaf.images import Limits, decode
from figleaf.images.isolate import IsolatedPool
from figleaf.images.phash import pdq
from figleaf.sources.examine import examine
from figleaf.sources.rules import FrameRule

LIMITS = Limits()
FRAMES = FrameRule()


@pytest.fixture(scope="module")
def two(pictures: Path) -> list[Image.Image]:
    found = []
    for name in ("astronaut.png", "coffee.png"):
        with Image.open(pictures / name) as image:
            found.append(image.convert("RGB").resize((256, 256)))
        found[-1].info.clear()
    return found


def file_of(images: list[Image.Image], name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    first, *rest = (image.copy() for image in images)  # Pillow leaves settings on what it saved
    first.save(stream, name, save_all=True, append_images=rest, **options)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["tiff", "mpo", "avif"])
def test_the_further_pictures_of_a_file_are_hashed(two: list[Image.Image], name: str) -> None:
    data = file_of(two, name)
    found = examine(data, limits=LIMITS, frames=FRAMES, with_pdq=True)
    assert len(found["pictures"]) == 1
    assert found["pictures"][0]["pdq"] == pdq(decode(data).pixels).bits
    listed = np.unpackbits(np.frombuffer(pdq(np.asarray(two[1])).bits, np.uint8))
    distances = [
        int((np.unpackbits(np.frombuffer(bits, np.uint8)) != listed).sum())
        for bits, quality in found["others"]
        if quality >= 50
    ]
    assert min(distances) <= 31


def test_without_a_pdq_list_one_picture_is_decoded(two: list[Image.Image]) -> None:
    found = examine(file_of(two, "tiff"), limits=LIMITS, frames=FRAMES, with_pdq=False)
    assert found["others"] == []
    assert found["pictures"][0]["pdq"] is None


def test_a_file_that_cannot_be_looked_at_in_full_is_no_picture_under_a_pdq_list(
    two: list[Image.Image],
) -> None:
    data = file_of(two, "mpo")
    cut = data[: data.rindex(b"\xff\xd8\xff") + 300]
    assert examine(cut, limits=LIMITS, frames=FRAMES, with_pdq=False)["pictures"]
    with pytest.raises(ImageError, match="picture 2 of the file"):
        examine(cut, limits=LIMITS, frames=FRAMES, with_pdq=True)


def test_the_hashes_come_through_an_isolated_pool(two: list[Image.Image]) -> None:
    function = partial(examine, limits=LIMITS, frames=FRAMES, with_pdq=True)
    with IsolatedPool(function, workers=1, deadline=30) as pool:
        data = file_of(two, "tiff")
        assert pool(data) == function(data)
