"""An explanation as a PNG: the picture in grey, the map over it in colours, and what they mean.

What is under the map is destroyed unless it is asked for: of the picture no more is drawn than a
destroyed thumbnail has of it, in grey, and smoothed.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from figleaf.classify.explanation import Explanation, Method
from figleaf.images.box import Box
from figleaf.report.tables import printable
from figleaf.report.thumbnails import CELLS, mosaic

_SIDE = 512
"""Pixels of the map's longer side."""
_NARROWEST = 320
_MARGIN, _LINE, _SIZE = 12, 18, 13
_BAR, _TICKS = 14, (0.0, 0.25, 0.5, 0.75, 1.0)
_PAPER, _INK, _EDGE = (255, 255, 255), (29, 33, 38), (255, 255, 255)
_WEIGHT = 0.6
"""Of the colour, where it lies over the picture: the rest is its grey."""

_ANCHORS = np.array(
    [(26, 22, 70), (48, 66, 136), (38, 122, 142), (78, 172, 104), (190, 212, 64), (255, 246, 176)],
    np.float32,
)
"""From 0 to 1: each step is lighter than the one before, so that it can be read in grey as well."""

_MEANS = {
    Method.PLACES: "what the model's head gives that place",
    Method.OCCLUSION: "what is lost of the score where that place is hidden",
}


def colours(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The colours of values on the one scale that all maps have.

    Args:
        values: of any shape; below 0 they are drawn as 0, above 1 as 1.

    Returns:
        uint8 RGB, with one axis more.
    """
    at = np.nan_to_num(values).clip(0, 1) * (len(_ANCHORS) - 1)
    low = np.minimum(at.astype(int), len(_ANCHORS) - 2)
    share = (at - low)[..., None]
    mixed = _ANCHORS[low] * (1 - share) + _ANCHORS[low + 1] * share
    drawn: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return drawn


def overlay(found: Explanation, name: str, *, unblurred: bool = False) -> bytes:
    """The PNG of an explanation.

    Args:
        found: what is explained.
        name: of the picture, for the caption.
        unblurred: show the picture under the map as it is, in grey. Without it no more of it is
            drawn than of a destroyed thumbnail (`figleaf.report.thumbnails`).

    Returns:
        a PNG: the map over the picture, a scale from 0 to 1, and a caption.
    """
    height, width = _shape(found.size)
    below = _grey(found.small, (height, width), unblurred=unblurred)
    heat = found.over((height, width))
    known = ~np.isnan(heat)[..., None]
    over = _WEIGHT * colours(heat) + (1 - _WEIGHT) * below
    drawn = np.where(known, over, below).astype(np.uint8)
    lines = _caption(found, name, unblurred=unblurred)
    page = Image.new(
        "RGB",
        (
            max(width, _NARROWEST) + 2 * _MARGIN,
            height + _BAR + _LINE * (len(lines) + 1) + 3 * _MARGIN,
        ),
        _PAPER,
    )
    page.paste(Image.fromarray(drawn), (_MARGIN, _MARGIN))
    pen = ImageDraw.Draw(page)
    if found.part.box is not None:
        _outline(pen, found.part.box, found.size, (height, width))
    top = _scale(page, pen, height + 2 * _MARGIN)
    for number, line in enumerate(lines):
        _write(pen, line, (_MARGIN, top + number * _LINE), page.width - 2 * _MARGIN)
    file = io.BytesIO()
    page.save(file, "PNG")  # optimised it would be a tenth smaller, and take ten times as long
    return file.getvalue()


def _shape(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width that a picture is drawn in; one that is long and narrow is not lost."""
    share = _SIDE / max(size)
    return max(8, round(size[0] * share)), max(8, round(size[1] * share))


def _grey(
    small: NDArray[np.uint8], shape: tuple[int, int], *, unblurred: bool
) -> NDArray[np.uint8]:
    """The picture in grey, uint8 of shape (*shape, 1)."""
    shown = Image.fromarray(small if unblurred else mosaic(small)).convert("L")
    smooth = shown.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(smooth)[..., None]


def _caption(found: Explanation, name: str, *, unblurred: bool) -> list[str]:
    grids = ", ".join("x".join(map(str, heat.values.shape)) for heat in found.heats)
    lines = [
        name,
        f"{found.label} {found.score:.3f}, {found.model}",
        f"{found.method}, {grids}: {_MEANS[found.method]}",
    ]
    if found.part.seconds is not None:
        lines.append(f"the frame at {found.part.seconds:.1f} s")
    if not unblurred:
        lines.append(f"of the picture under the map {CELLS} x {CELLS} greys are left")
    if any(heat.seen != Box(0, 0, found.size[1], found.size[0]) for heat in found.heats):
        lines.append("what has no colour the model was not shown")
    return lines


def _outline(
    pen: ImageDraw.ImageDraw, box: Box, size: tuple[int, int], shape: tuple[int, int]
) -> None:
    """The view that was explained, where it lies in the picture."""
    along, down = shape[1] / size[1], shape[0] / size[0]
    corners = (box.left * along, box.top * down, box.right * along - 1, box.bottom * down - 1)
    pen.rectangle([_MARGIN + round(corner) for corner in corners], outline=_EDGE)


def _scale(page: Image.Image, pen: ImageDraw.ImageDraw, top: int) -> int:
    """The colours with their numbers, over a middle grey as over a picture; gives where it ends."""
    wide = page.width - 2 * _MARGIN
    bar = colours(np.linspace(0, 1, wide, dtype=np.float32)[None])
    mixed = (_WEIGHT * bar + (1 - _WEIGHT) * 128).astype(np.uint8)
    page.paste(Image.fromarray(np.repeat(mixed, _BAR, axis=0)), (_MARGIN, top))
    for tick in _TICKS:
        anchor = "l" if tick == 0 else "r" if tick == 1 else "m"
        place = (_MARGIN + tick * wide, top + _BAR + 2)
        pen.text(place, f"{tick:g}", _INK, _font(), anchor=f"{anchor}a")
    return top + _BAR + _LINE + 2


def _write(pen: ImageDraw.ImageDraw, text: str, place: tuple[int, int], room: int) -> None:
    """A line, cut off where it does not fit."""
    shown = text = printable(text)
    while shown and pen.textlength(shown, _font()) > room:
        text = text[:-1]
        shown = f"{text}..."
    pen.text(place, shown, _INK, _font())


def _font() -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(_SIZE)
