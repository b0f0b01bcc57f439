"""The fonts that pictures of text are drawn with: matplotlib's own, and one of the system for CJK.

A page in a browser has the browser's fonts; a PNG has what is found here. Of a character that no
font has, a box is drawn, so that nothing is left out without a trace.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

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
_EM = 100  # points that glyphs are measured at


@cache
def families() -> tuple[str, ...]:
    """The fonts to draw with, in the order in which they are asked for a character."""
    from matplotlib import font_manager

    there = {one.name for one in font_manager.fontManager.ttflist}
    return (_OWN, *[name for name in _OTHERS if name in there][:1])


def drawable(text: str) -> str:
    """The text with a box for each character that no font has."""
    return "".join(char if _advance(char) is not None else _BOX for char in text)


def width(text: str, size: float) -> float:
    """How wide a text is in points, at a size in points; kerning is left out."""
    return sum(_advance(char) or 1.0 for char in text) * size


def fitted(text: str, size: float, room: float, *, end: bool = False) -> str:
    """As much of a text as fits into `room` points, with an ellipsis where some is cut off.

    Args:
        text: any; it comes back with boxes for what cannot be drawn.
        size: of the font, in points.
        room: in points.
        end: keep the end, which tells most of a path, and not the beginning.
    """
    text = drawable(text)
    if width(text, size) <= room:
        return text
    while text and width(text, size) + size > room:
        text = text[1:] if end else text[:-1]
    return f"…{text}" if end else f"{text}…"


@cache
def _advance(char: str) -> float | None:
    """How far the next character is, in parts of the size; None where no font has this one."""
    for font, known in _fonts():
        if ord(char) in known:
            return float(font.load_char(ord(char)).linearHoriAdvance) / 65536 / _EM
    return None


@cache
def _fonts() -> tuple[tuple["FT2Font", frozenset[int]], ...]:
    return tuple(_opened())


def _opened() -> Iterator[tuple["FT2Font", frozenset[int]]]:
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    for name in families():
        font = FT2Font(font_manager.findfont(name))
        font.set_size(_EM, 72)
        yield font, frozenset(font.get_charmap())
