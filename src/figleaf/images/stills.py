"""Stills by which a moving picture is judged: over its whole length, one at a time.

`figleaf.images.frames.sample` takes frames to keep; it begins with each part of a film and holds
all of them. Here the last frame is looked at as well as the first, each frame is let go before the
next is decoded, and what cannot be looked at is said.
"""

import io
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import accumulate
from typing import NamedTuple

from figleaf.errors import ImageError, InputError, MissingExtraError, Status
from figleaf.images.convert import Colour
from figleaf.images.decode import WHITE, Picture, decode
from figleaf.images.frames import PLUGINS, as_picture, drawn
from figleaf.images.limits import Limits
from figleaf.images.moving import demuxer_of, kind_of_moving, timing_of
from figleaf.images.silence import pillow_silenced
from figleaf.images.video import Gap, open_film

_MAX_WALK = 2**31
"""Pixels decoded of one animation: 1,035 frames of 1920x1080."""
_PNG = b"\x89PNG\r\n\x1a\n"
_ROUNDING = 1e-6
"""Times are sums of numbers that are not exact."""


class Still(NamedTuple):
    """One frame of a moving picture.

    Attributes:
        seconds: when it is shown, counted from the first frame.
        picture: upright, as `figleaf.images.frames.Frame` has it; None where what is shown from
            then on, until the next still, cannot be looked at.
    """

    seconds: float
    picture: Picture | None


def stills(
    data: bytes,
    *,
    every: float,
    most: int,
    longest: float | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
    background: Colour = WHITE,
) -> Iterator[Still]:
    """Take frames of a moving picture from its first to its last, as evenly as its times allow.

    The first frame is among them, and the last one where there are two or more; `choose` says which
    others. Frames of videos may be those nearby, see `figleaf.images.video.Film.looks`. Where a PNG
    has another picture for programs that know no animations, that is looked at too, at 0 seconds.

    Args:
        data: the file's bytes; a still picture is looked at as it is.
        every: seconds between two frames, at least, but for films of less than that.
        most: frames, at most; the other picture of a PNG is one more.
        longest: seconds that it may last; None for any length.
        limits: how many bytes the file, and how many pixels a frame may have.
        background: RGB, 0..255, that transparent pixels of an animation are laid over. Videos have
            white there.

    Yields:
        Stills in order of time, at least one of them with a picture. Let go of one before taking
        the next: then one alone is in memory.

    Raises:
        ImageError: EMPTY, TOO_MANY_BYTES, TOO_MANY_PIXELS; TRUNCATED where the file ends before its
            container does; UNSUPPORTED for an unusual codec, for a longer one, and for a video
            without the extra `video`; NOT_AN_IMAGE for sound alone; CORRUPT where not one frame can
            be decoded.
        InputError: `every`, `most` or `longest` is not above zero.
    """
    if not every > 0 or most < 1 or (longest is not None and not longest > 0):
        raise InputError(
            f"every, most and longest must be above zero, not {every}, {most} and {longest}"
        )
    limits.check_bytes(len(data))
    demuxer = demuxer_of(data)
    if demuxer is not None:
        yield from _of_video(demuxer, data, _Wish(every, most, longest, limits))
        return
    if not is_film(data):
        yield Still(0.0, decode(data, limits=limits, background=background))
        return
    yield from _of_animation(data, _Wish(every, most, longest, limits, background))


def is_film(data: bytes) -> bool:
    """Whether there is more than one picture to show in the course of time.

    As `figleaf.images.moving.kind_of_moving`, but for a PNG with one frame and another picture for
    programs that know no animations, which is a film here: who opens it sees one or the other.
    """
    if kind_of_moving(data) is not None:
        return True
    if not data.startswith(_PNG):
        return False
    timing = timing_of("png", data)
    return timing.hidden > 0 and len(timing.seconds) > 0


def choose(begins: Sequence[float], length: float, *, every: float, most: int) -> list[int]:
    """Which frames of a film to look at.

    The first, the last, and those shown at moments in between, all equally far apart: `every`
    seconds or more. Where one frame is shown at several moments, as a long pause or times that make
    no sense bring it about, frames that would not be looked at take the places, evenly by their
    number: nobody hides a film behind a pause.

    Args:
        begins: when each frame is shown, in order, in seconds from the first.
        length: seconds from the first frame to the end of the last one.
        every: seconds between two of them, at least. A film of less than that has its first and
            last frame looked at.
        most: how many, at most.

    Returns:
        Numbers of frames, rising, at least one.
    """
    count = len(begins)
    parts = max(1, math.floor(min(length / every + _ROUNDING, most - 1, count - 1)))
    if most == 1 or count == 1:
        return [0]
    moments = (length * part / parts for part in range(1, parts))
    chosen = {0, count - 1}
    chosen.update(bisect_right(begins, moment + _ROUNDING) - 1 for moment in moments)
    missing = parts + 1 - len(chosen)
    if missing > 0:
        others = [number for number in range(count) if number not in chosen]
        chosen.update(others[(2 * n + 1) * len(others) // (2 * missing)] for n in range(missing))
    return sorted(chosen)


class _Wish(NamedTuple):
    every: float
    most: int
    longest: float | None
    limits: Limits
    background: Colour = WHITE

    def choose(self, begins: Sequence[float], length: float, name: str) -> list[int]:
        if self.longest is not None and length > self.longest + _ROUNDING:
            limit = f"over the limit of {self.longest:g} (longest)"
            raise ImageError(Status.UNSUPPORTED, f"{name}: it lasts {length:,.1f} s, {limit}")
        return choose(begins, length, every=self.every, most=self.most)


def _of_video(demuxer: str, data: bytes, wish: _Wish) -> Iterator[Still]:
    any_seen = False
    try:
        with open_film(demuxer, data, wish.limits) as film:
            numbers = wish.choose(film.begins, film.seconds, demuxer) if film.begins else []
            for look in film.looks(numbers):
                if isinstance(look, Gap):
                    yield Still(round(look.seconds, 6), None)
                else:
                    any_seen = True
                    yield Still(round(look.seconds, 6), as_picture(look.pixels, demuxer))
    except MissingExtraError as error:
        raise ImageError(Status.UNSUPPORTED, f"{demuxer}: {error}") from None
    if not any_seen:
        raise ImageError(Status.CORRUPT, f"{demuxer}: not one frame can be decoded")


def _of_animation(data: bytes, wish: _Wish) -> Iterator[Still]:
    # Says what is wrong with the file, if anything is.
    first = decode(data, limits=wish.limits, background=wish.background)
    name = first.format
    timing = timing_of(name, data)
    if not timing.whole:
        raise ImageError(Status.TRUNCATED, f"{name.upper()}: the file ends within the animation")
    *begins, length = accumulate(timing.seconds, initial=0.0)
    numbers = wish.choose(begins, length, name.upper())
    # Frames are drawn one upon the other, so that all of them up to the last are decoded.
    reach = max(0, _MAX_WALK // (first.width * first.height) - 1)
    yield Still(0.0, first)
    del first
    with pillow_silenced():
        opened = PLUGINS[name](io.BytesIO(data))
    with closing(opened) as image:
        for number in numbers if timing.hidden else numbers[1:]:
            pixels = None
            if number <= reach:
                # Not around the loop: a generator may be closed in another thread.
                with pillow_silenced():
                    pixels = drawn(image, number + timing.hidden, wish.limits, wish.background)
            picture = None if pixels is None else as_picture(pixels, name)
            yield Still(round(begins[number], 6), picture)
            if picture is None:  # nor can those be drawn that come after it
                return
            del pixels, picture
