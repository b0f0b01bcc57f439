"""The PDQ hash beside the reference's: recorded numbers, a published one, and the library itself.

`python -m tests.images.test_phash` writes pdq_vectors.json again, with pdqhash installed.
"""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from figleaf.errors import InputError
from figleaf.images import decode
from figleaf.images.phash import (
    MATCH_DISTANCE,
    MIN_QUALITY,
    PDQ,
    _count_with_masks,
    distance,
    distances,
    pdq,
    pdq_and_mirrored,
)

Pixels = NDArray[np.uint8]

VECTORS = Path(__file__).with_name("pdq_vectors.json")
PUBLISHED = "threatexchange-1.2.17.tar.gz"
PUBLISHED_SHA256 = "95689bbf7fbc24d5a68e6d6470a931c006b45e3be75e8ae069189c19af5437af"

PICTURES = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "logo.png",
    "microaneurysms.png",
    "moon.png",
    "motorcycle_left.png",
    "no_time_for_that_tiny.gif",
    "page.png",
    "phantom.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)
SHAPES = (
    (1, 1),
    (4, 500),
    (5, 5),
    (5, 7),
    (63, 65),
    (64, 64),
    (64, 65),
    (127, 129),
    (128, 128),
    (256, 256),
    (375, 500),
    (1200, 1600),
    (20, 3000),
    (3000, 20),
    (5, 40_000),
    (40_000, 5),
)


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    """The same numbers with any NumPy: multiplied and mixed counters."""
    counters = np.arange(height * width * 3, dtype=np.uint64) + np.uint64(seed * 10**9 + 1)
    mixed = counters * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(56)).astype(np.uint8).reshape(height, width, 3)


def waves(height: int, width: int) -> Pixels:
    """Smooth, in colour, and like no mirror image of itself."""
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    wave = np.sin(7 * x + 3 * y * y) + np.cos(5 * x * y + 11 * y)
    return np.stack([60 * wave + 128, 30 * wave + 90, 128 - 50 * wave], axis=2).astype(np.uint8)


def grey(height: int, width: int) -> Pixels:
    return np.full((height, width, 3), 119, np.uint8)


def ramp(height: int, width: int) -> Pixels:
    """Darker to lighter, from left to right."""
    return _grey_levels(height, np.arange(width) * 255 // width)


def stripes(height: int, width: int) -> Pixels:
    return _grey_levels(height, np.arange(width) // 8 % 2 * 255)


def checkers(height: int, width: int) -> Pixels:
    y, x = np.mgrid[:height, :width]
    return np.repeat(((x // 8 + y // 8) % 2 * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _grey_levels(height: int, levels: NDArray[Any]) -> Pixels:
    return np.repeat(np.tile(levels.astype(np.uint8), (height, 1))[:, :, None], 3, axis=2)


MAKERS: tuple[Callable[[int, int], Pixels], ...] = (noise, waves, grey, ramp, stripes, checkers)
GENERIC = ("noise", "waves")
"""No coefficient of these is zero in truth."""
MADE = {f"{make.__name__} {h}x{w}": (make, h, w) for make in MAKERS for h, w in SHAPES}


def recorded(kind: str) -> dict[str, list[Any]]:
    entries: dict[str, list[Any]] = json.loads(VECTORS.read_text())[kind]
    return entries


def picture(name: str) -> Pixels:
    return decode((Path(skimage.data.data_dir) / name).read_bytes()).pixels


@pytest.mark.parametrize("name", PICTURES)
def test_photos_have_the_hash_of_the_reference(name: str) -> None:
    bits, quality = recorded("pictures")[name]
    result = pdq(picture(name))
    # Another release of libjpeg may decode a pixel otherwise.
    assert distance(result.bits, bytes.fromhex(bits)) <= (2 if name.endswith(".jpg") else 0)
    assert abs(result.quality - quality) <= (1 if name.endswith(".jpg") else 0)


@pytest.mark.parametrize("name", [name for name in MADE if name.startswith(GENERIC)])
def test_arrays_of_any_shape_have_the_hash_of_the_reference(name: str) -> None:
    make, height, width = MADE[name]
    result = pdq(make(height, width))
    assert [result.hex, result.quality] == recorded("made")[name]


@pytest.mark.parametrize("name", [name for name in MADE if not name.startswith(GENERIC)])
def test_quality_of_patterns_is_that_of_the_reference(name: str) -> None:
    make, height, width = MADE[name]
    assert abs(pdq(make(height, width)).quality - recorded("made")[name][1]) <= 1


@pytest.mark.parametrize("make", [grey, ramp])
@pytest.mark.parametrize("side", [5, 64, 128])
def test_where_the_sums_of_the_reference_are_exact_its_noise_is_ours(
    make: Callable[[int, int], Pixels], side: int
) -> None:
    name = f"{make.__name__} {side}x{side}"
    assert pdq(make(side, side)).hex == recorded("made")[name][0]


def test_the_hash_that_threatexchange_publishes() -> None:
    folder = os.environ.get("FIGLEAF_PACKAGES")
    archive = Path(folder or "") / PUBLISHED
    if not folder or not archive.exists():
        pytest.skip(
            f"FIGLEAF_PACKAGES names no folder with {PUBLISHED}: pip download --no-deps "
            "--no-binary threatexchange threatexchange==1.2.17"
        )
    data = archive.read_bytes()
    assert hashlib.sha256(data).hexdigest() == PUBLISHED_SHA256
    root = PUBLISHED.removesuffix(".tar.gz")
    with tarfile.open(fileobj=io.BytesIO(data)) as members:
        bridge = _member(members, f"{root}/data/sample-b.jpg")
        code = _member(members, f"{root}/threatexchange/signal_type/pdq/signal.py").decode()
    first = re.search(r"# pdq/data/bridge-mods\s+\"([0-9a-f]{64})\"", code)
    assert first is not None
    result = pdq(decode(bridge).pixels)
    assert (result.hex, result.quality) == (first[1], 100)


def _member(members: tarfile.TarFile, name: str) -> bytes:
    file = members.extractfile(name)
    assert file is not None
    return file.read()


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    block=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_beside_the_reference_itself(height: int, width: int, block: int, seed: int) -> None:
    pytest.importorskip("pdqhash", reason="has no wheels for all Pythons: pip install pdqhash")
    coarse = noise(-(-height // block) + 16, -(-width // block) + 16, seed)
    pixels = coarse.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]
    bits, quality = reference(pixels)
    result = pdq(pixels)
    assert abs(result.quality - quality) <= 1
    if block * 16 <= min(height, width):  # otherwise it is a few flat areas: coefficients of zero
        assert distance(result.bits, bytes.fromhex(bits)) <= 2


def reference(pixels: Pixels) -> tuple[str, int]:
    import pdqhash

    bits, quality = pdqhash.compute(np.array(pixels))
    return np.packbits(bits.astype(np.uint8)).tobytes().hex(), quality


def test_a_smaller_and_a_brighter_copy_match() -> None:
    original = picture("astronaut.png")
    first = pdq(original)
    half = original.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    brighter = np.minimum(original.astype(int) + 20, 255).astype(np.uint8)
    other = pdq(picture("coffee.png"))
    assert first.quality >= MIN_QUALITY
    assert distance(first.bits, pdq(half).bits) <= MATCH_DISTANCE
    assert distance(first.bits, pdq(brighter).bits) <= MATCH_DISTANCE
    assert distance(first.bits, other.bits) > 90


def test_the_memory_layout_makes_no_difference() -> None:
    pixels = noise(150, 90)
    assert pdq(np.asfortranarray(pixels)) == pdq(pixels)
    assert pdq(np.repeat(pixels, 2, axis=1)[:, ::2]) == pdq(pixels)
    wide = noise(40, 900)
    assert pdq(wide.transpose(1, 0, 2)) == pdq(np.ascontiguousarray(wide.transpose(1, 0, 2)))


def test_many_threads_at_once() -> None:
    arrays = [noise(60 + n, 200 - n, n) for n in range(40)]
    expected = [pdq(array) for array in arrays]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(pdq, arrays)) == expected


def check_pair(pixels: Pixels) -> None:
    """Both hashes are those that each picture has by itself."""
    pair = pdq_and_mirrored(pixels)
    assert pair.upright == pdq(pixels)
    assert pair.mirrored == pdq(pixels[:, ::-1])
    assert pair.mirrored == pdq(np.ascontiguousarray(pixels[:, ::-1]))


@settings(max_examples=200, deadline=None)
@given(
    make=st.sampled_from(MAKERS),
    height=st.integers(1, 300),
    width=st.integers(1, 300),
)
def test_the_mirrored_hash_is_that_of_the_mirrored_pixels(
    make: Callable[[int, int], Pixels], height: int, width: int
) -> None:
    check_pair(make(height, width))


@pytest.mark.parametrize("shape", [*SHAPES, (100, 800), (100, 801), (5, 41), (1, 9), (4, 4)])
def test_the_mirrored_hash_of_extreme_shapes(shape: tuple[int, int]) -> None:
    check_pair(noise(*shape))


@pytest.mark.parametrize("name", ["astronaut.png", "rocket.jpg", "horse.png"])
def test_the_mirrored_hash_of_photos(name: str) -> None:
    pixels = picture(name)
    check_pair(pixels)
    pair = pdq_and_mirrored(pixels)
    assert distance(pair.upright.bits, pair.mirrored.bits) > MATCH_DISTANCE
    assert pdq_and_mirrored(pixels[:, ::-1]).mirrored == pair.upright


def test_hex_is_the_bytes_in_order() -> None:
    assert PDQ(bytes(range(32)), 1).hex == bytes(range(32)).hex()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(array: Any) -> None:
    for function in (pdq, pdq_and_mirrored):
        with pytest.raises(InputError, match="uint8 RGB"):
            function(array)


def test_distance() -> None:
    zeros, ones = bytes(32), b"\xff" * 32
    assert distance(zeros, zeros) == 0
    assert distance(zeros, ones) == 256
    assert distance(bytes(31) + b"\x81", zeros) == 2
    with pytest.raises(InputError, match="32 bytes, not 31"):
        distance(zeros, bytes(31))


@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(min_size=32, max_size=32)))
def test_distances_are_each_distance(one: bytes, others: list[bytes]) -> None:
    many = np.frombuffer(b"".join(others), np.uint8).reshape(-1, 32)
    assert distances(one, many).tolist() == [distance(one, other) for other in others]
    assert distances(one, many[::-1]).tolist() == distances(one, many).tolist()[::-1]


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_counting_bits_without_bitwise_count(words: list[int]) -> None:
    counts = _count_with_masks(np.array(words, np.uint64))
    assert counts.tolist() == [word.bit_count() for word in words]


@pytest.mark.parametrize("shape", [(4, 31), (32,), (2, 2, 32)])
def test_distances_of_what_are_no_hashes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"\(n, 32\)"):
        distances(bytes(32), np.zeros(shape, np.uint8))
    with pytest.raises(InputError, match="32 bytes"):
        distances(bytes(8), np.zeros((1, 32), np.uint8))


def write_vectors() -> None:
    import pdqhash

    vectors = {
        "about": (
            "Hash and quality by the reference implementation, the Python package pdqhash "
            f"{pdqhash.__version__}, of scikit-image's pictures as figleaf decodes them and of the "
            "arrays that test_phash.py makes."
        ),
        "pictures": {name: reference(picture(name)) for name in PICTURES},
        "made": {name: reference(make(h, w)) for name, (make, h, w) in MADE.items()},
    }
    lines = json.dumps(vectors, indent=1)
    VECTORS.write_text(re.sub(r"\[\s+(\S+)\s+(\S+)\s+\]", r"[\1 \2]", lines) + "\n")


if __name__ == "__main__":
    write_vectors()
