import io
import random
import struct
import threading
import tracemalloc
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from figleaf.errors import ImageError, InputError, Status
from figleaf.images import Limits, decode, from_array, from_pil

PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
ORIENTATION = 0x0112


def photo(size: tuple[int, int] = (160, 120)) -> Image.Image:
    with Image.open(PHOTO) as image:
        small = image.convert("RGB").resize(size)
    small.info.clear()  # its colour profile would be written behind the pixels of some formats
    return small


def encode(image: Image.Image, name: str, **options: Any) -> bytes:
    with io.BytesIO() as stream:
        image.save(stream, name, **options)
        return stream.getvalue()


def refused(data: bytes, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data, **options)
    assert "\n" not in caught.value.reason
    assert " at 0x" not in caught.value.reason
    return caught.value


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "baseline": ("jpeg", "JPEG", {"quality": 90}),
    "progressive": ("jpeg", "JPEG", {"quality": 90, "progressive": True}),
    "png": ("png", "PNG", {}),
    "webp": ("webp", "WEBP", {}),
    "webp lossless": ("webp", "WEBP", {"lossless": True}),
    "avif": ("avif", "AVIF", {}),
    "bmp": ("bmp", "BMP", {}),
    "tiff": ("tiff", "TIFF", {}),
    "tiff lzw": ("tiff", "TIFF", {"compression": "tiff_lzw"}),
    "tiff deflate": ("tiff", "TIFF", {"compression": "tiff_adobe_deflate"}),
    "gif": ("gif", "GIF", {}),
}
each_format = pytest.mark.parametrize("kind", FORMATS)


def sample(kind: str, image: Image.Image | None = None, **more: Any) -> bytes:
    _, name, options = FORMATS[kind]
    return encode(image or photo(), name, **options, **more)


# What comes out


@each_format
def test_pixels_are_those_of_pillow(kind: str) -> None:
    data = sample(kind)
    picture = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert picture.format == FORMATS[kind][0]
    assert (picture.width, picture.height) == (160, 120)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert not picture.pixels.flags.writeable
    np.testing.assert_array_equal(picture.pixels, expected)


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (17, 33), (160, 120)])
def test_jpeg_equals_pillow(quality: int, subsampling: int, size: tuple[int, int]) -> None:
    data = encode(photo(size), "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data).pixels, np.asarray(image))


def test_grey_jpeg() -> None:
    data = encode(photo().convert("L"), "JPEG")
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data).pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk(name: str) -> None:
    # Pillow writes CMYK JPEGs inverted, with Adobe's marker.
    data = encode(photo().convert("CMYK"), name)
    pixels = decode(data).pixels.astype(int)
    assert abs(pixels - np.asarray(photo(), dtype=int)).mean() < 4


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "memoryview"])
def test_any_bytes(kind: str) -> None:
    data = sample("baseline")
    wrapped: dict[str, Any] = {
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
    }
    np.testing.assert_array_equal(decode(wrapped[kind]).pixels, decode(data).pixels)


def test_first_frame() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    for name in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        data = encode(frames[0], name, save_all=True, append_images=frames[1:])
        pixels = decode(data).pixels
        assert pixels.shape == (10, 20, 3)
        assert abs(pixels.astype(int) - (255, 0, 0)).max() < 12, name


def test_mpo_is_a_jpeg() -> None:
    data = encode(photo(), "MPO", save_all=True, append_images=[photo((80, 60))])
    picture = decode(data)
    assert (picture.format, picture.width) == ("jpeg", 160)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 1)])
@each_format
def test_extreme_shapes(kind: str, size: tuple[int, int]) -> None:
    data = sample(kind, Image.new("RGB", size, "white"))
    assert decode(data).pixels.shape == (size[1], size[0], 3)


# Orientation


def marked() -> Image.Image:
    """A wide picture with a different colour in each quarter."""
    image = Image.new("RGB", (64, 32))
    for box, colour in {
        (0, 0, 32, 16): "red",
        (32, 0, 64, 16): "lime",
        (0, 16, 32, 32): "blue",
        (32, 16, 64, 32): "white",
    }.items():
        image.paste(colour, box)
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["baseline", "png", "webp lossless", "tiff", "tiff lzw", "avif"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    data = sample(kind, marked(), exif=exif(orientation))
    picture = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(picture.pixels, expected)
    assert (picture.height, picture.width) == expected.shape[:2]
    assert picture.width == (32 if orientation >= 5 else 64)


@pytest.mark.parametrize(
    ("orientation", "corners"),
    [  # where the stored red, green, blue and white quarters go, by the EXIF specification
        (1, "rgbw"),
        (2, "grwb"),
        (3, "wbgr"),
        (4, "bwrg"),
        (5, "rbgw"),
        (6, "brwg"),
        (7, "wgbr"),
        (8, "gwrb"),
    ],
)
def test_orientation_by_the_specification(orientation: int, corners: str) -> None:
    pixels = decode(encode(marked(), "PNG", exif=exif(orientation))).pixels
    names = {(255, 0, 0): "r", (0, 255, 0): "g", (0, 0, 255): "b", (255, 255, 255): "w"}
    seen = [names[tuple(pixels[y, x].tolist())] for y in (2, -3) for x in (2, -3)]
    assert "".join(seen) == corners


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_makes_no_sense_is_none(orientation: int) -> None:
    assert decode(sample("baseline", exif=exif(orientation))).width == 160


def test_damaged_exif_does_not_cost_the_picture() -> None:
    for block in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + bytes(range(200))):
        assert decode(sample("baseline", exif=block)).width == 160


# Transparency


def half_transparent() -> Image.Image:
    image = Image.new("RGBA", (40, 20), (200, 0, 0, 255))
    image.paste((0, 200, 0, 0), (20, 0, 40, 20))
    return image


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF", "GIF"])
@pytest.mark.parametrize("background", [(255, 255, 255), (10, 20, 30)])
def test_alpha_over_background(name: str, background: tuple[int, int, int]) -> None:
    options = {"lossless": True} if name == "WEBP" else {}
    pixels = decode(encode(half_transparent(), name, **options), background=background).pixels
    assert abs(pixels[:, 25:].astype(int) - background).max() <= 3
    assert abs(pixels[:, :15].astype(int) - (200, 0, 0)).max() <= 6


def test_partial_alpha_rounds_exactly() -> None:
    image = Image.fromarray(np.arange(256 * 4, dtype=np.uint32).astype(np.uint8).reshape(16, 16, 4))
    pixels = np.asarray(image, dtype=float)
    alpha = pixels[..., 3:] / 255
    expected = pixels[..., :3] * alpha + 255 * (1 - alpha)
    assert abs(decode(encode(image, "PNG")).pixels - expected).max() <= 0.51


@pytest.mark.parametrize("mode", ["LA", "PA", "La", "RGBa"])
def test_other_alpha_modes(mode: str) -> None:
    image = half_transparent()
    if mode == "PA":
        alpha = image.getchannel("A")
        image = image.convert("RGB").convert("P")
        image.putalpha(alpha)
    else:
        image = image.convert("LA").convert("La") if mode == "La" else image.convert(mode)
    assert image.mode == mode
    pixels = from_pil(image, background=(1, 2, 3))
    assert (pixels[:, 20:] == (1, 2, 3)).all()
    assert (pixels[:, :20] != (1, 2, 3)).any()


def test_transparent_colour_in_palette_grey_and_rgb() -> None:
    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([0, 0, 0, 9, 99, 199])
    cases: list[tuple[Image.Image, Any]] = [
        (palette, 1),
        (palette, b"\xff\x00"),
        (Image.new("L", (4, 2), 77), 77),
        (Image.new("RGB", (4, 2), (9, 8, 7)), (9, 8, 7)),
        (Image.new("I;16", (4, 2), 7777), 7777),
        (Image.new("1", (4, 2), 1), 255),
    ]
    for image, key in cases:
        data = encode(image, "PNG", transparency=key)
        assert (decode(data, background=(50, 60, 70)).pixels == (50, 60, 70)).all(), image.mode
        assert (decode(encode(image, "PNG")).pixels != (50, 60, 70)).all(), image.mode


# Depth and colour


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 512).astype(np.uint16).reshape(16, 32)
    for name in ("PNG", "TIFF"):
        pixels = decode(encode(Image.fromarray(ramp), name)).pixels
        np.testing.assert_array_equal(pixels[..., 0], ramp >> 8)
        assert (pixels == pixels[..., :1]).all()


def test_sixteen_bit_big_endian_tiff() -> None:
    ramp = np.linspace(0, 65535, 64).astype(">u2").reshape(8, 8)
    entries = [
        (256, 3, 8),
        (257, 3, 8),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (277, 3, 1),
        (278, 3, 8),
    ]
    raw = ramp.tobytes()
    directory = [struct.pack(">HHIHH", tag, kind, 1, value, 0) for tag, kind, value in entries]
    directory.append(struct.pack(">HHII", 273, 4, 1, 8))
    directory.append(struct.pack(">HHII", 279, 4, 1, len(raw)))
    directory.sort()
    body = struct.pack(">H", len(directory)) + b"".join(directory) + bytes(4)
    data = b"MM\0*" + struct.pack(">I", 8 + len(raw)) + raw + body
    np.testing.assert_array_equal(decode(data).pixels[..., 0], ramp >> 8)


def test_sixteen_bit_rgb_png() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (6, 5, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 5, 6, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        check = struct.pack(">I", zlib.crc32(kind + body))
        data += struct.pack(">I", len(body)) + kind + body + check
    pixels = decode(data).pixels
    np.testing.assert_array_equal(pixels, values >> 8)


def test_floats_and_wide_integers_are_stretched() -> None:
    ramp = np.linspace(-3, 5, 64).reshape(8, 8)
    for array in (ramp.astype(np.float32), (ramp * 2**20).astype(np.int32)):
        pixels = decode(encode(Image.fromarray(array), "TIFF")).pixels
        assert (pixels.min(), pixels.max()) == (0, 255)
        assert (np.diff(pixels[..., 0].astype(int).ravel()) >= 0).all()
    odd = np.array([[np.nan, np.inf], [-np.inf, 1]], np.float32)
    assert decode(encode(Image.fromarray(odd), "TIFF")).pixels.max() == 255
    flat = np.full((2, 2), 3e38, np.float32)
    assert decode(encode(Image.fromarray(flat), "TIFF")).pixels.max() == 0


@pytest.mark.parametrize("mode", ["1", "P", "L", "LAB", "YCbCr", "HSV", "RGBX", "CMYK"])
def test_from_pil_takes_every_mode(mode: str) -> None:
    source = photo()
    if mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(rgb, lab, "RGB", "LAB")
        image = ImageCms.applyTransform(source, transform)
        assert image is not None
    else:
        image = source.convert(mode)
    pixels = from_pil(image)
    assert pixels.shape == (120, 160, 3)
    if mode == "1":
        assert set(np.unique(pixels)) == {0, 255}
    elif mode == "L":
        assert (pixels == pixels[..., :1]).all()
    else:
        difference = abs(pixels.astype(int) - np.asarray(source, dtype=int)).mean()
        assert difference < (20 if mode == "P" else 4)


# Scaled decoding


@pytest.mark.parametrize("orientation", [1, 6])
def test_at_least(orientation: int) -> None:
    data = encode(photo((1600, 900)), "JPEG", exif=exif(orientation))
    full = decode(data)
    scaled = decode(data, at_least=(224, 224))
    assert (scaled.width, scaled.height) == (full.width, full.height)
    assert min(scaled.pixels.shape[:2]) >= 224
    assert scaled.pixels.shape[0] <= full.height // 2
    height, width = scaled.pixels.shape[:2]
    small = np.asarray(Image.fromarray(full.pixels).resize((width, height), Image.Resampling.BOX))
    assert abs(small.astype(int) - scaled.pixels).mean() < 2


@pytest.mark.parametrize("orientation", [1, 6])
def test_at_least_is_in_upright_terms(orientation: int) -> None:
    upright = photo((400, 1600))
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose.ROTATE_90)
    data = encode(stored, "JPEG", exif=exif(orientation))
    assert decode(data, at_least=(800, 200)).pixels.shape == (800, 200, 3)
    assert decode(data, at_least=(200, 400)).pixels.shape == (1600, 400, 3)


def test_at_least_never_enlarges() -> None:
    data = sample("baseline")
    assert decode(data, at_least=(1000, 1000)).pixels.shape == (120, 160, 3)
    assert decode(sample("png"), at_least=(10, 10)).pixels.shape == (120, 160, 3)


# Limits and misuse


def test_limits_of_bytes_and_pixels() -> None:
    data = sample("png")
    error = refused(data, limits=Limits(max_bytes=100))
    assert error.status is Status.TOO_MANY_BYTES
    assert "100" in error.reason
    assert "max_bytes" in error.reason
    error = refused(data, limits=Limits(max_pixels=160 * 120 - 1))
    assert error.status is Status.TOO_MANY_PIXELS
    assert "160x120" in error.reason
    assert decode(data, limits=Limits(max_bytes=len(data), max_pixels=160 * 120)).width == 160


def test_no_pixels() -> None:
    data = bytearray(sample("gif"))
    data[6:10] = bytes(4)
    frame = data.index(b"\x2c\0\0\0\0", 13 + 3 * 256)
    data[frame + 5 : frame + 9] = bytes(4)
    assert refused(bytes(data)).status in (Status.CORRUPT, Status.TRUNCATED)


@pytest.mark.parametrize("limit", [0, -1])
def test_bad_limits(limit: int) -> None:
    with pytest.raises(InputError, match="max_bytes"):
        Limits(max_bytes=limit)
    with pytest.raises(InputError, match="max_pixels"):
        Limits(max_pixels=limit)


@pytest.mark.parametrize("data", ["photo.jpg", None, 5, Path("photo.jpg")])
def test_not_bytes(data: Any) -> None:
    with pytest.raises(InputError, match="read the file first"):
        decode(data)


def test_bad_arguments() -> None:
    data: Any = sample("png")
    for background in [(1, 2), (1, 2, 300), (-1, 0, 0)]:
        with pytest.raises(InputError, match="background"):
            decode(data, background=background)  # type: ignore[arg-type]
    for size in [(0, 5), (5,), (-1, 2)]:
        with pytest.raises(InputError, match="at_least"):
            decode(data, at_least=size)  # type: ignore[arg-type]


# Arrays and Pillow images


def test_from_array() -> None:
    rgb = np.asarray(photo())
    np.testing.assert_array_equal(from_array(rgb), rgb)
    np.testing.assert_array_equal(from_array(rgb[:, :, ::-1], channels="BGR"), rgb)
    grey = rgb[..., 0]
    for array in (grey, grey[..., None]):
        np.testing.assert_array_equal(from_array(array), np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_from_array_with_alpha(channels: Any) -> None:
    rgba = np.asarray(half_transparent())
    array = rgba if channels == "RGB" else rgba[:, :, [2, 1, 0, 3]]
    pixels = from_array(array, channels=channels, background=(1, 2, 3))
    assert (pixels[:, :20] == (200, 0, 0)).all()
    assert (pixels[:, 20:] == (1, 2, 3)).all()


def test_from_array_is_contiguous() -> None:
    rgb = np.asarray(photo())
    for array in (rgb[::2, ::-1], np.asfortranarray(rgb), rgb[..., 0].T):
        assert from_array(array).flags.c_contiguous


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 5, 3)), ["(4, 5, 3)", "float64", "astype"]),
        (np.zeros((4, 5, 3), bool), ["bool", "uint8"]),
        (np.zeros((3, 4, 5), np.uint8), ["(3, 4, 5)", "transpose"]),
        (np.zeros((2, 4, 5, 3), np.uint8), ["(2, 4, 5, 3)", "one by one"]),
        (np.zeros((4, 5, 2), np.uint8), ["(4, 5, 2)"]),
        (np.zeros(4, np.uint8), ["(4,)"]),
        (np.zeros((0, 5, 3), np.uint8), ["no pixels"]),
        ([[1, 2], [3, 4]], ["list"]),
    ],
)
def test_arrays_that_it_cannot_take(array: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        from_array(array)
    for word in words:
        assert word in str(caught.value)


def test_unknown_channels() -> None:
    wrong: Any = "GBR"
    with pytest.raises(InputError, match="GBR"):
        from_array(np.zeros((2, 2, 3), np.uint8), channels=wrong)


def test_from_pil_equals_decode() -> None:
    for orientation in range(1, 9):
        data = encode(half_transparent(), "PNG", exif=exif(orientation))
        with Image.open(io.BytesIO(data)) as image:
            pixels = from_pil(image, background=(9, 9, 9))
        np.testing.assert_array_equal(pixels, decode(data, background=(9, 9, 9)).pixels)


def test_from_pil_leaves_its_argument_alone() -> None:
    image = Image.open(io.BytesIO(sample("baseline", exif=exif(6))))
    from_pil(image)
    assert (image.size, image.mode, image.getexif()[ORIENTATION]) == ((160, 120), "RGB", 6)


def test_from_pil_refuses() -> None:
    with pytest.raises(ImageError) as caught:
        from_pil(photo(), limits=Limits(max_pixels=100))
    assert caught.value.status is Status.TOO_MANY_PIXELS
    with (
        Image.open(io.BytesIO(sample("png")[:3000])) as image,
        pytest.raises(ImageError) as caught,
    ):
        from_pil(image)
    assert caught.value.status is Status.TRUNCATED
    wrong: Any = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(InputError, match="ndarray"):
        from_pil(wrong)


# Warnings and threads


def warning_tiff() -> bytes:
    """A TIFF at which Pillow warns: a tag whose data lies beyond the end."""
    data = bytearray(encode(photo(), "TIFF", software="x" * 40))
    at = data.index(struct.pack("<HH", 305, 2))
    data[at + 8 : at + 12] = struct.pack("<I", len(data) + 10)
    return bytes(data)


def test_pillow_warns_at_the_sample() -> None:
    with (
        pytest.warns(UserWarning, match="Truncated"),
        Image.open(io.BytesIO(warning_tiff())) as image,
    ):
        image.load()


def test_warnings_stay_inside() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode(warning_tiff())
        warnings.simplefilter("error", append=False)
        decode(warning_tiff())


def test_others_still_get_their_warnings() -> None:
    decode(warning_tiff())
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            decode(warning_tiff())

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(20):
            # The tests' own filter turns each warning into an error.
            with pytest.raises(UserWarning), Image.open(io.BytesIO(warning_tiff())) as image:
                image.load()
    finally:
        stop.set()
        thread.join()


def test_many_threads() -> None:
    files = [sample(kind) for kind in FORMATS] + [warning_tiff(), sample("png")[:500], b"<html>"]
    expected = [_outcome(data) for data in files]
    failures: list[str] = []

    def work(seed: int) -> None:
        order = list(range(len(files)))
        random.Random(seed).shuffle(order)
        for index in order * 5:
            if not _same(_outcome(files[index]), expected[index]):
                failures.append(str(index))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def _outcome(data: bytes, **options: Any) -> NDArray[np.uint8] | tuple[Status, str]:
    try:
        return decode(data, **options).pixels
    except ImageError as error:
        return error.status, error.reason


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return bool(one == other)
    return bool(np.array_equal(one, other))


def test_nothing_is_kept() -> None:
    files = [sample("baseline"), sample("png"), sample("png")[:900], warning_tiff()]
    for data in files * 3:
        _outcome(data)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for data in files * 50:
            _outcome(data)
        assert tracemalloc.get_traced_memory()[0] - before < 200_000
    finally:
        tracemalloc.stop()
