"""What is done with hostile bytes, in a process that can be killed."""

from typing import Any, TypedDict

from figleaf.errors import MissingExtraError
from figleaf.images import Limits, Picture, decode
from figleaf.images.frames import kind_of_moving, sample
from figleaf.images.pages import other_pictures
from figleaf.images.phash import pdq
from figleaf.sources.rules import FrameRule

_FRAME_QUALITY = 95
"""Of the JPEGs that frames are kept as: fine enough for any use that a still photo has."""


class Examined(TypedDict):
    """One picture found in the bytes; `data` and `seconds` are a frame's, else None."""

    format: str
    width: int
    height: int
    pdq: bytes | None
    quality: int | None
    seconds: float | None
    data: bytes | None


def examine(data: bytes, *, limits: Limits, frames: FrameRule, with_pdq: bool) -> dict[str, Any]:
    """Decode in full: a still picture, or frames of a moving one.

    Returns:
        {"pictures": [Examined, ...], "others": [[bits, quality], ...]}, the latter being the PDQ
        of the further pictures in the file of a still one, `with_pdq` alone: as the file is kept
        whole, they are kept with it. EXIF thumbnails are not among them. Or {"moving": why} for a
        moving picture whose frames are not taken.

    Raises:
        ImageError: the bytes are no usable picture; or `with_pdq` one of the further pictures is
            not, so that nobody knows what it shows.
    """
    kind = kind_of_moving(data)
    if kind is None:
        # All of a JPEG is read either way, and the same damage found; fewer pixels are made of it.
        picture = decode(data, limits=limits, at_least=None if with_pdq else (1, 1))
        described = _described(picture, with_pdq)
        del picture  # its pixels, before there are others
        others = _other_hashes(data, limits) if with_pdq else []
        return {"pictures": [described], "others": others}
    if frames.most == 0:
        return {"moving": f"{kind}: --frames takes frames of it"}
    try:
        found = sample(data, every=frames.every, most=frames.most, limits=limits)
    except MissingExtraError as error:
        return {"moving": f"{kind}: {error}"}
    return {
        "pictures": [
            _described(frame.picture, with_pdq, frame.seconds, _encoded(frame.picture))
            for frame in found
        ],
        "others": [],  # of the file nothing else is kept
    }


def _other_hashes(data: bytes, limits: Limits) -> list[list[bytes | int]]:
    hashes = (pdq(picture.pixels) for picture in other_pictures(data, limits=limits))
    return [[hashed.bits, hashed.quality] for hashed in hashes]


def _described(
    picture: Picture, with_pdq: bool, seconds: float | None = None, data: bytes | None = None
) -> Examined:
    hashed = pdq(picture.pixels) if with_pdq else None
    return {
        "format": "jpeg" if data else picture.format,
        "width": picture.width,
        "height": picture.height,
        "pdq": hashed.bits if hashed else None,
        "quality": hashed.quality if hashed else None,
        "seconds": seconds,
        "data": data,
    }


def _encoded(picture: Picture) -> bytes:
    import simplejpeg  # type: ignore[import-untyped]  # ships stubs, but no py.typed

    encoded: bytes = simplejpeg.encode_jpeg(
        picture.pixels, quality=_FRAME_QUALITY, colorsubsampling="444"
    )
    return encoded
