"""What the bytes are, by their first bytes: a name that ends in .jpg proves nothing."""

import re
from typing import Literal

from figleaf.errors import ImageError, Status

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    # BigTIFF, and the two byte orders that some writers mix up.
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"II\0*", "tiff"),
    (b"MM*\0", "tiff"),
    (b"BM", "bmp"),
)

_UNSUPPORTED: tuple[tuple[bytes, str], ...] = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc", "JPEG XR"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"8BPS", "Photoshop"),
    (b"gimp xcf ", "GIMP XCF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"%PDF-", "PDF"),
    (b"\0\0\1\0", "icon (ICO)"),
    (b"\0\0\2\0", "cursor (CUR)"),
    (b"icns", "icon (ICNS)"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"SIMPLE  =", "FITS"),
    (b"BPG\xfb", "BPG"),
    (b"FLIF", "FLIF"),
    (b"\x01\xda", "SGI"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"/* XPM */", "XPM"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (b"FLV\x01", "Flash video"),
    (b"\0\0\1\xba", "MPEG video"),
    (b"\0\0\1\xb3", "MPEG video"),
    (b"OggS", "Ogg media"),
    (b"0&\xb2u\x8ef\xcf\x11", "Windows Media"),
)

_NOT_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"ID3", "MP3 audio"),
)

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}

_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>|<!--.*?-->|\s)*<(?:!doctype\s+html|html|head|body)\b", re.I
)
_SVG = re.compile(rb"<svg[\s>]|<!doctype\s+svg", re.I)
_PNM = re.compile(rb"P[1-7FfyY][\s#]")
_TEXT = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]+")


def identify(data: bytes) -> str:
    """Name the format of an image that figleaf decodes.

    Args:
        data: the whole file, or at least its first kilobyte.

    Returns:
        "jpeg", "png", "webp", "avif", "heic", "bmp", "tiff" or "gif".

    Raises:
        ImageError: UNSUPPORTED with the format's name for another image, document or video;
            NOT_AN_IMAGE for everything else, saying what it is where that can be told.
    """
    name = _supported(data)
    if name is not None and not (name == "bmp" and _looks_like_text(data)):
        return name
    other = _unsupported(data)
    if other is not None:
        raise ImageError(
            Status.UNSUPPORTED, f"{other} is not supported; convert it to PNG or JPEG first"
        )
    raise ImageError(Status.NOT_AN_IMAGE, f"{_describe(data)}, not an image")


def ends_early(name: str, data: bytes) -> bool:
    """Whether a container says that it is longer than `data`.

    Only WebP, AVIF, HEIC and TIFF say where they end; it is False for the others.
    """
    if name == "webp":
        return len(data) < 12 or 8 + int.from_bytes(data[4:8], "little") > len(data)
    if name in ("avif", "heic"):
        return _boxes_end(data) > len(data)
    if name == "tiff":
        return _first_directory_end(data) > len(data)
    return False


def _supported(data: bytes) -> str | None:
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return _heif_kind(data) if data[4:8] == b"ftyp" else None


def _heif_kind(data: bytes) -> str | None:
    """Tell AVIF from HEIC by the major brand, then by the compatible ones."""
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "avif"
        if brand in _HEIC_BRANDS:
            return "heic"
    # HEIF that does not name its codec: libheif finds out.
    return "heic" if brands[0] in _HEIF_BRANDS else None


def _unsupported(data: bytes) -> str | None:
    for signature, name in _UNSUPPORTED:
        if data.startswith(signature):
            return name
    if data.startswith(b"RIFF"):
        return {b"AVI ": "AVI video"}.get(data[8:12])
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return "Canon CR3 raw" if data[8:12] == b"crx " else "MP4 or QuickTime video"
    if _PNM.match(data):
        return "PNM"
    if data.endswith(b"TRUEVISION-XFILE.\0"):
        return "TGA"
    if _SVG.search(data[:1024]) and not _HTML.match(data[:1024]):
        return "SVG"
    return None


def _describe(data: bytes) -> str:
    for signature, name in _NOT_IMAGES:
        if data.startswith(signature):
            return name
    if _HTML.match(data[:1024].removeprefix(b"\xef\xbb\xbf")):
        # What hosts answer with, under the old .jpg name, once a picture is gone.
        return "HTML"
    if _looks_like_text(data):
        return "text"
    if not data.strip(b"\0"):
        return "nothing but zero bytes"
    return f"bytes of no known format (they begin {data[:8].hex(' ')})"


def _looks_like_text(data: bytes) -> bool:
    return _TEXT.fullmatch(data[:512]) is not None


def _boxes_end(data: bytes) -> int:
    """Where the last top-level box of an ISO base media file (ISO/IEC 14496-12) should end."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:  # up to the end of the file, wherever that is
            return len(data)
        at += max(size, 8)
    return at if at >= len(data) else len(data) + 1


def _first_directory_end(data: bytes) -> int:
    """Where the first directory of a TIFF 6.0 file ends; 0 for BigTIFF, which is rare."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    if b"+" in data[2:4]:
        return 0
    at = int.from_bytes(data[4:8], order)
    entries = int.from_bytes(data[at : at + 2], order)
    return max(at, 8) + 2 + 12 * entries
