"""What a file looks like, as PDQ lists have it: hashes of its picture and of further ones in it.

All that decodes here may run in a worker process: it takes bytes and gives what can cross the
process border.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from figleaf.errors import ImageError, Status
from figleaf.images import Limits, Picture, decode
from figleaf.images.convert import Colour
from figleaf.images.decode import WHITE
from figleaf.images.moving import kind_of_moving
from figleaf.images.pages import other_pictures
from figleaf.images.phash import PDQ, pdq


@dataclass(frozen=True, slots=True)
class Hashed:
    """A picture that was decoded in full, and its hashes: its own, then those of further ones."""

    picture: Picture
    hashes: tuple[PDQ, ...]


def hashed_picture(
    data: bytes, *, limits: Limits, background: Colour, with_further: bool
) -> Hashed:
    """Decode a file in full, and hash what it shows.

    Args:
        data: the file's bytes.
        limits: how many bytes and pixels are too many.
        background: RGB, 0..255, that transparent pixels are laid over in the picture.
        with_further: whether to hash further pictures in the file too, see `hashes_of`.

    Raises:
        ImageError: as `decode`.
    """
    picture = decode(data, limits=limits, background=background)
    shown = picture
    if background != WHITE and picture.format != "jpeg":  # as lists are made: over white
        shown = decode(data, limits=limits)
    return Hashed(picture, hashes_of(data, shown, limits=limits, with_further=with_further))


def hashes_of(
    data: bytes, picture: Picture, *, limits: Limits, with_further: bool
) -> tuple[PDQ, ...]:
    """The PDQ hashes of a file: of the picture that it shows, then of further ones.

    Args:
        data: the file's bytes.
        picture: what `decode` gives of them in full, over white.
        limits: how many pixels further pictures may have, each and together.
        with_further: whether to look at them: the pages of a TIFF, the second pictures of cameras'
            files and so on (`images.pages`), but not the frames of an animation. One that cannot
            be decoded is passed over, with those after it: the file is judged by what it shows.
    """
    first = pdq(picture.pixels)
    if not with_further or kind_of_moving(data) is not None:
        return (first,)
    return first, *_further(data, limits)


def _further(data: bytes, limits: Limits) -> Iterator[PDQ]:
    try:
        for picture in other_pictures(data, limits=limits):
            yield pdq(picture.pixels)
    except ImageError:
        return


def parse_hashes(pairs: Any) -> tuple[PDQ, ...]:
    """Check the hashes in an answer of a process that read hostile bytes: one or more.

    Raises:
        ImageError: CRASHED, for what no honest process answers.
    """
    match pairs:
        case [_, *_]:
            return tuple(map(_parsed, pairs))
    _refuse()


def _parsed(pair: Any) -> PDQ:
    match pair:
        case [bytes(bits), int(quality)] if len(bits) == 32 and 0 <= quality <= 100:
            return PDQ(bits, quality)
    _refuse()


def _refuse() -> NoReturn:
    raise ImageError(Status.CRASHED, "the decoding process answered what no sound one does")
