"""Pictures of which nothing can be made out, and nothing be brought back.

A blur can be undone in part; what is not in the file cannot. So a picture is first brought down to
the means of at most 4 by 4 parts in 16 levels (`figleaf.report.thumbnails`, which says why so few):
24 bytes are left of it. Those are drawn large, one running smoothly into the next.
"""

import io
from typing import Final

from PIL import Image

from figleaf.images import Limits
from figleaf.report.thumbnails import mosaic_of

SIDE: Final = 320
"""Pixels of the longer side of a blurred picture."""

SUFFIX: Final = ".jpg"
_QUALITY: Final = 90


def blurred(data: bytes, *, limits: Limits = Limits()) -> bytes:  # noqa: B008  # frozen
    """A JPEG of a picture of which 24 bytes are left, upright, without any metadata.

    Of a moving picture it is the first frame. The longer side has 320 pixels; the sides are to each
    other as those of the mosaic, in whole cells.

    Args:
        data: a file's bytes.
        limits: how many bytes and pixels are too many.

    Raises:
        ImageError: they are no usable picture.
    """
    small = Image.fromarray(mosaic_of(data, limits=limits))
    scale = SIDE / max(small.size)
    size = (round(small.width * scale), round(small.height * scale))
    file = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
