"""Destroyed thumbnails: pictures of which too little is left to recognise anything.

CELLS is the number that this rests on. People name scenes and objects in colour pictures of 32 by
32 pixels (Torralba, "How many pixels make an image?", Visual Neuroscience 26, 2009), know familiar
faces that fill 7 by 10 (Sinha et al., "Face recognition by humans: nineteen results", Proceedings
of the IEEE 94, 2006), and at 6 by 7 most could still tell that it is a face (an informal test of
the readers of Cognitive Daily, 2007). So 4 on the longer side, where even a face that fills the
picture is less than that, and in a picture of a whole person a face is less than one cell. The mean
of a cell is rounded to 16 levels, which leaves 24 bytes of a picture at most. Blurring is no
substitute: it can be undone in part.
"""

import io
from base64 import b64encode
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.moving import FrameRules, stills_of
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.isolate import IsolatedPool
from figleaf.images.stills import is_film

CELLS = 4
"""Pixels that are left on the longer side."""

_LEVELS = 16  # of a channel
_WORKERS = 2
_DEADLINE = 30.0  # seconds for one file
_FIRST = FrameRules(most=1)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """What is left of a picture.

    Attributes:
        path: of the file.
        png: of at most CELLS by CELLS pixels, unless `made_apart` was told to make another; None
            where the file is no usable picture.
        status: OK, or why there is none.
    """

    path: Path
    png: bytes | None
    status: Status

    @property
    def uri(self) -> str:
        """The PNG as a data URI; empty where there is none."""
        return uri_of(self.png) if self.png else ""


def uri_of(png: bytes) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def thumbnails(paths: Iterable[Path]) -> list[Thumbnail]:
    """A destroyed thumbnail of each file, in order.

    Decoded in other processes: where a file was altered since it was collected, nothing else is
    lost than its thumbnail, and no pixel but those of the thumbnail comes back.
    """
    return made_apart(paths, destroyed)


def made_apart(paths: Iterable[Path], make: Callable[[bytes], bytes]) -> list[Thumbnail]:
    """What a function of a file's bytes makes of each file, in other processes, in order.

    Args:
        paths: of the files.
        make: an importable function that gives a PNG, or raises an ImageError.
    """
    with (
        IsolatedPool(make, workers=_WORKERS, deadline=_DEADLINE) as isolated,
        ThreadPoolExecutor(_WORKERS) as threads,
    ):
        return list(threads.map(lambda path: _thumbnail(path, isolated), paths))


def _thumbnail(path: Path, isolated: "IsolatedPool[bytes]") -> Thumbnail:
    try:
        return Thumbnail(path, isolated(path.read_bytes()), Status.OK)
    except ImageError as error:
        return Thumbnail(path, None, error.status)
    except FileNotFoundError:
        return Thumbnail(path, None, Status.NOT_FOUND)
    except OSError:
        return Thumbnail(path, None, Status.UNREADABLE)


def destroyed(data: bytes, *, limits: Limits = Limits()) -> bytes:  # noqa: B008  # frozen
    """A PNG of at most CELLS by CELLS pixels of what is left of a picture.

    Args:
        data: a file's bytes.
        limits: how many bytes and pixels are too many.

    Raises:
        ImageError: the bytes are no usable picture.
    """
    small = mosaic_of(data, limits=limits)
    file = io.BytesIO()
    Image.fromarray(small).save(file, "PNG", optimize=True)
    return file.getvalue()


def mosaic_of(data: bytes, *, limits: Limits = Limits()) -> NDArray[np.uint8]:  # noqa: B008
    """The mosaic of a picture, or of the first frame of a moving one.

    Args:
        data: a file's bytes.
        limits: how many bytes and pixels are too many.

    Raises:
        ImageError: they are no usable picture.
    """
    if is_film(data):
        for _, still in stills_of(data, _FIRST, limits=limits):
            if still is not None:
                return mosaic(still.pixels)
    return mosaic(decode(data, limits=limits, at_least=(CELLS, CELLS)).pixels)


def mosaic(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The means of at most CELLS by CELLS parts of a picture, in 16 levels.

    Args:
        pixels: uint8 of shape (height, width, 3), at least one.

    Returns:
        uint8 of shape (rows, columns, 3), the longer side CELLS where the picture's is that long.
    """
    height, width = pixels.shape[:2]
    longer = max(height, width)
    rows = min(height, max(1, round(CELLS * height / longer)))
    columns = min(width, max(1, round(CELLS * width / longer)))
    # No filter that sees beyond its cell, and none that sharpens.
    small = Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BOX)
    step = 255 / (_LEVELS - 1)
    return (np.rint(np.asarray(small) / step) * step).astype(np.uint8)
