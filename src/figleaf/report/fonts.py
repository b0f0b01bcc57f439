"""The fonts that text in pictures is drawn in: matplotlib's own, and a Korean one of the system.

A page in a browser has the browser's fonts; a PNG has what is found here. Of a character that no
font has, a box is drawn, so that nothing is left out without a trace.
"""

from collections.abc import Iterator
from functools import cache
from itertools import groupby

from PIL import ImageFont

_OWN = "DejaVu Sans"
_OTHERS = (
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "NanumGothic",
    "NanumBarunGothic",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
)
"""Fonts with Korean, of which systems have one or another."""
_BOX = "\N{WHITE SQUARE}"


@cache
def families() -> tuple[str, ...]:
    """What matplotlib calls the fonts, in the order in which they are asked for a character: its
    own, and the first of the others that is there.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib import font_manager

    there = {one.name for one in font_manager.fontManager.ttflist}
    return (_OWN, *[name for name in _OTHERS if name in there][:1])


def drawable(text: str) -> str:
    """The text with a box for each character that no font has."""
    return "".join(char if _font_of(char) is not None else _BOX for char in text)


def runs(text: str, size: float) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
    """The text in pieces of one font each, in order.

    Args:
        text: any; it comes back with boxes for what cannot be drawn.
        size: of the fonts, in pixels.

    Raises:
        ImportError: matplotlib is not installed.
    """
    for number, chars in groupby(drawable(text), _font_of):
        yield _opened(number or 0, size), "".join(chars)


def width(text: str, size: float) -> float:
    """How wide a text is in pixels, at a size in pixels."""
    return sum(font.getlength(part) for font, part in runs(text, size))


def fitted(text: str, size: float, room: float, *, end: bool = False) -> str:
    """As much of a text as fits into `room` pixels, with an ellipsis where some is cut off.

    Args:
        text: any.
        size: of the font, in pixels.
        room: in pixels.
        end: keep the end, which tells most of a path, and not the beginning.
    """
    if width(text, size) <= room:
        return text
    low, high = 0, len(text)  # so many characters fit, so many do not
    while high - low > 1:
        middle = (low + high) // 2
        fits = width(_cut(text, middle, end=end), size) <= room
        low, high = (middle, high) if fits else (low, middle)
    return _cut(text, low, end=end)


def _cut(text: str, count: int, *, end: bool) -> str:
    return f"…{text[len(text) - count :]}" if end else f"{text[:count]}…"


@cache
def _font_of(char: str) -> int | None:
    """The number of the first font that has a character; None for none."""
    found = (at for at, (_, known) in enumerate(_fonts()) if ord(char) in known)
    return next(found, None)


@cache
def _opened(number: int, size: float) -> ImageFont.FreeTypeFont:
    # Not the layout engine that may be there or not: the same pixels on all machines.
    return ImageFont.truetype(_fonts()[number][0], size, layout_engine=ImageFont.Layout.BASIC)


@cache
def _fonts() -> tuple[tuple[str, frozenset[int]], ...]:
    """The files, and the characters that each has."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    files = [font_manager.findfont(name) for name in families()]
    return tuple((file, frozenset(FT2Font(file).get_charmap())) for file in files)
