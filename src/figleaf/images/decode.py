"""The one decoder for still images: bytes, arrays and Pillow images to upright 8-bit RGB.

The format is told by content and exactly one reader is tried, so that none of Pillow's many other
plugins (one of them runs Ghostscript) ever sees the bytes. JPEG goes through libjpeg-turbo, which
gives Pillow's own pixels faster; what it refuses, Pillow judges. All of it can be called from many
threads at once, and the C decoders run without the interpreter lock.

Pillow's `ImageFile.LOAD_TRUNCATED_IMAGES` must stay False, its default: an application that sets
it gets half-grey pictures instead of TRUNCATED. libtiff prints its complaints about damaged TIFFs
on standard error, which Pillow has no switch for; an isolated worker's goes nowhere.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # ships stubs, but no py.typed
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from figleaf.errors import FigleafError, ImageError, InputError, Status
from figleaf.images.convert import Colour, flatten_array, to_rgb
from figleaf.images.formats import ends_early, identify
from figleaf.images.limits import Limits
from figleaf.images.silence import pillow_silenced

WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded still image.

    Attributes:
        pixels: uint8 RGB of shape (height, width, 3), C-contiguous, upright (the EXIF orientation
            is applied), transparency laid over the background. Read-only.
        format: "jpeg", "png", "webp", "avif", "heic", "bmp", "tiff" or "gif".
        width: in pixels, upright, as stored: larger than `pixels` after scaled decoding.
        height: likewise.
    """

    pixels: NDArray[np.uint8]
    format: str
    width: int
    height: int


def decode(
    data: bytes | bytearray | memoryview,
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
    background: Colour = WHITE,
    at_least: tuple[int, int] | None = None,
) -> Picture:
    """Decode a JPEG, PNG, WebP, AVIF, HEIC, BMP, TIFF or GIF; of an animation, its first frame.

    Args:
        data: the file's bytes.
        limits: how many bytes and pixels are too many.
        background: RGB, 0..255, that transparent pixels are laid over.
        at_least: (height, width) that is enough: a JPEG of twice that or more is decoded at 1/8 to
            1/2 of its size, in up to half the time, but no smaller than this. Other formats, and
            smaller pictures, come in full.

    Raises:
        ImageError: with a status: EMPTY, TOO_MANY_BYTES, TOO_MANY_PIXELS, NOT_AN_IMAGE,
            UNSUPPORTED, TRUNCATED or CORRUPT, and one line that says what was wrong.
        InputError: `data` is not bytes, or an argument is out of range.
    """
    _check_colour(background)
    _check_size(at_least)
    content = _as_bytes(data)
    limits.check_bytes(len(content))
    name = identify(content)
    with _failures_as_image_errors(name, content), pillow_silenced():
        return _decode(name, content, limits, background, at_least)


def from_array(
    array: NDArray[np.uint8],
    *,
    channels: Literal["RGB", "BGR"] = "RGB",
    background: Colour = WHITE,
) -> NDArray[np.uint8]:
    """Turn an array that is already decoded into RGB.

    Args:
        array: uint8 of shape (height, width), (height, width, 1), (height, width, 3) or
            (height, width, 4), the fourth being alpha, not premultiplied.
        channels: the order of the first three: "BGR" for what OpenCV reads.
        background: RGB, 0..255, that transparent pixels are laid over.

    Returns:
        uint8 RGB of shape (height, width, 3), C-contiguous. It may share memory with `array`.

    Raises:
        InputError: another type, dtype or shape, no pixels, or unknown `channels`.
    """
    _check_colour(background)
    if channels not in ("RGB", "BGR"):
        raise InputError(f'channels must be "RGB" or "BGR", not {channels!r}')
    _check_array(array)
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    if channels == "BGR":
        array = array[:, :, [2, 1, 0, 3][: array.shape[2]]]
    if array.shape[2] == 4:
        return flatten_array(array, background)
    return np.ascontiguousarray(array)


def from_pil(
    image: Image.Image,
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen, as above
    background: Colour = WHITE,
) -> NDArray[np.uint8]:
    """Turn a Pillow image into upright RGB, by the same conversions as `decode`.

    Args:
        image: any mode, opened or made; of an animation, the frame that it stands at.
        limits: how many pixels are too many; `max_bytes` has no meaning here.
        background: RGB, 0..255, that transparent pixels are laid over.

    Returns:
        uint8 RGB of shape (height, width, 3), C-contiguous. It may be read-only.

    Raises:
        ImageError: TOO_MANY_PIXELS, or TRUNCATED, CORRUPT and so on from a file still unread.
        InputError: not a Pillow image, or `background` is out of range.
    """
    _check_colour(background)
    if not isinstance(image, Image.Image):
        raise InputError(f"expected a PIL.Image.Image, got {type(image).__name__}")
    limits.check_pixels(*image.size)
    with _failures_as_image_errors((image.format or "image").lower()), pillow_silenced():
        image.load()
        return _upright(to_rgb(image, background), _orientation(image))


def _decode(
    name: str, data: bytes, limits: Limits, background: Colour, at_least: tuple[int, int] | None
) -> Picture:
    # The plugin's class, not Image.open: it tries nothing else, says why it failed, and leaves
    # the pixel limit to us.
    # Closed, and not only left as by `with`: that frees its memory before `_upright` takes more.
    with closing(_READERS[name](io.BytesIO(data))) as image:
        limits.check_pixels(*image.size)
        pixels = None
        if name == "jpeg":
            _check_scans(data)
            pixels = _decode_jpeg(data, image, at_least)
        width, height = image.size
        if pixels is None:
            image.load()
            # HEIC and TIFF settle their true size, and turn themselves upright, on loading.
            limits.check_pixels(*image.size)
            width, height = image.size
            pixels = to_rgb(image, background)
        orientation = _orientation(image)
    if orientation >= 5:
        width, height = height, width
    pixels = _upright(pixels, orientation)
    pixels.setflags(write=False)
    return Picture(pixels, name, width, height)


def _open_heic(stream: io.BytesIO) -> ImageFile.ImageFile:
    # Imported here: few pictures are HEIC, and libheif takes a while to load.
    import pi_heif

    image: ImageFile.ImageFile = pi_heif.HeifImageFile(stream)
    return image


_READERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,  # MPO too: its first picture is a plain JPEG
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "heic": _open_heic,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "gif": GifImagePlugin.GifImageFile,
}


_MIN_FACTOR = 2
"""Scaling to 7/8, 3/4 and 5/8 is slower than not scaling: those have no vector code."""


def _decode_jpeg(
    data: bytes, image: ImageFile.ImageFile, at_least: tuple[int, int] | None
) -> NDArray[np.uint8] | None:
    """Decode with libjpeg-turbo, or None where Pillow has to: CMYK, and what strict refuses."""
    if image.mode not in ("L", "RGB") or not _is_plain_jpeg(data):
        return None
    height, width = at_least or (0, 0)
    if _orientation(image) >= 5:
        height, width = width, height
    try:
        stored = simplejpeg.decode_jpeg_header(data)[:2]
        if stored != (image.height, image.width):  # two headers: Pillow's was held to the limit
            return None
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_height=height, min_width=width, min_factor=_MIN_FACTOR
        )
    except ValueError:
        # Strict: any warning. Pillow shows what browsers show, and refuses what ends early.
        return None
    return pixels


_PLAIN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive; Huffman coded


def _is_plain_jpeg(data: bytes) -> bool:
    """Whether the frame is of a kind, and the header as tidy, as nearly all JPEGs have it.

    simplejpeg writes past its buffer when it scales a lossless JPEG (found by fuzzing, 1.9.0).
    Anything but well-formed segments up to the frame is left to Pillow, lest libjpeg find another
    frame than we do.
    """
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _PLAIN_FRAMES:
            return data[at + 4] == 8  # bits a sample
        if not (0xE0 <= marker <= 0xEF or marker in (0xC4, 0xDB, 0xDD, 0xFE)):
            return False
        at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return False


_MAX_SCANS = 100
_SCAN = b"\xff\xda"
_SCANNED = 2**16
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def _check_scans(data: bytes) -> None:
    """Refuse a progressive JPEG of absurdly many scans.

    Each scan walks over the whole picture, so that a file of some kilobytes can keep libjpeg busy
    for hours. Encoders write about ten.
    """
    if _count_scans(data) <= _MAX_SCANS:
        return
    # Thumbnails and whatever follows the picture may hold the marker too: count those that count.
    scans, at = 0, 2
    while (found := _MARKER.search(data, at)) and found[1] != b"\xd9":
        scans += found[1] == b"\xda"
        if scans > _MAX_SCANS:
            raise ImageError(Status.UNSUPPORTED, f"JPEG: more than {_MAX_SCANS} scans")
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")


def _count_scans(data: bytes) -> int:
    """How often the marker of a scan is in the data: four times as fast as `bytes.count`."""
    count = 0
    for start in range(0, len(data), _SCANNED):  # by parts, which the processor's cache holds
        part = np.frombuffer(data[start : start + _SCANNED + 1], np.uint8)
        count += int(np.count_nonzero((part[:-1] == _SCAN[0]) & (part[1:] == _SCAN[1])))
    return count


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001  # damaged EXIF raises anything, and the pixels are still good
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112)."""
    if orientation >= 5:  # stored on its side
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


@contextmanager
def _failures_as_image_errors(name: str, data: bytes | None = None) -> Iterator[None]:
    """Turn whatever a decoder raises into an ImageError; `data` is the file, if we have it."""
    try:
        yield
    except FigleafError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(Status.TOO_MANY_PIXELS, _reason(name, error)) from None
    except MemoryError:
        reason = f"{name.upper()}: its pixels need more memory than there is"
        raise ImageError(Status.TOO_MANY_PIXELS, reason) from None
    except Exception as error:  # noqa: BLE001
        # Hostile bytes make the decoders raise nearly anything: OSError, SyntaxError, TypeError,
        # ValueError, IndexError, EOFError, struct.error, ZeroDivisionError, OverflowError have all
        # been seen. Nothing but the decoders runs in this block.
        ended = data is not None and ends_early(name, data)
        status = Status.TRUNCATED if ended else _status_of(error)
        raise ImageError(status, _reason(name, error)) from None


_UNSUPPORTED_WORDS = ("unsupported", "not supported", "unknown compression", "unknown pixel mode")
_TRUNCATED_WORDS = ("truncated", "not enough image data", "end of file", "unexpected end")


def _status_of(error: Exception) -> Status:
    message = str(error).lower()
    if isinstance(error, EOFError | struct.error) or any(w in message for w in _TRUNCATED_WORDS):
        return Status.TRUNCATED
    if any(words in message for words in _UNSUPPORTED_WORDS):
        return Status.UNSUPPORTED
    return Status.CORRUPT


def _reason(name: str, error: Exception) -> str:
    """One line, without the addresses of objects that Pillow puts into some messages."""
    text = re.sub(r"\s*'?<[^<>]* at 0x[0-9a-fA-F]+>'?", "", str(error))
    return f"{name.upper()}: {' '.join(text.split())[:200] or type(error).__name__}"


def _as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, bytearray | memoryview):
        # A copy: another thread may write to the buffer while a C decoder reads it.
        return bytes(data)
    raise InputError(
        f"expected the bytes of an image, got {type(data).__name__}; "
        "read the file first, or use from_array or from_pil"
    )


def _check_colour(colour: Colour) -> None:
    if len(colour) != 3 or not all(0 <= part <= 255 for part in colour):
        raise InputError(f"background must be three numbers in 0..255, not {colour!r}")


def _check_size(at_least: tuple[int, int] | None) -> None:
    if at_least is not None and (len(at_least) != 2 or min(at_least) < 1):
        raise InputError(f"at_least must be (height, width), each 1 or more, not {at_least!r}")


def _check_array(array: NDArray[np.uint8]) -> None:
    if not isinstance(array, np.ndarray):
        raise InputError(f"expected a numpy array, got {type(array).__name__}")
    what = f"an array of shape {array.shape} and dtype {array.dtype}"
    if array.dtype != np.uint8:
        raise InputError(
            f"cannot take {what}: it must be uint8; "
            "for floats in 0..1 pass (array * 255).round().astype(numpy.uint8)"
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(
            f"cannot take {what}: it must be (height, width) or (height, width, 1, 3 or 4); "
            "pass a batch one by one, and move channels last with array.transpose(1, 2, 0)"
        )
    if array.size == 0:
        raise InputError(f"cannot take {what}: it has no pixels")
