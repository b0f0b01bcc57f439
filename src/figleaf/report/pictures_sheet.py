"""A contact sheet of pictures and of what models say of them, as PNG pages.

Each page has a header, then a tile for each picture with its thumbnail, its name, and for each
model bars of its classes. Lengths are in points of two pixels, the origin at the top left.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from figleaf.classify.prediction import Prediction
from figleaf.evaluation.pictures import Pictures, Seen
from figleaf.images import decode
from figleaf.report.fonts import fitted, runs, width
from figleaf.report.html import require_extra
from figleaf.report.tables import number, printable
from figleaf.report.texts import Words
from figleaf.report.thumbnails import Thumbnail

SIDE = 192
"""Pixels that a plain thumbnail has on its longer side at most."""

_SCALE = 2  # pixels of a point
_WIDTH, _NARROWEST, _MARGIN, _HEADER = 1060.0, 480.0, 24.0, 72.0  # points
_TALLEST = 1400.0  # points that a page has at most, if one row of tiles is not taller by itself
_THUMB, _GAP, _SPACE = 96.0, 10.0, 18.0
_LABEL, _BAR, _SCORE = 72.0, 64.0, 40.0
_VOICE = _LABEL + _BAR + _SCORE + _GAP
_LINE, _NAME = 16.0, 18.0
_SIZE, _SMALL, _TITLE = 9.0, 8.0, 15.0
_MIDDLE = 0.36  # of a font's size, from the middle of its capitals to its base line
_PAPER, _INK, _FAINT, _SHADE = "#ffffff", "#1d2126", "#626a73", "#eceef1"
_COLOURS = ("#3b6fb0", "#d08b2c", "#4b9668", "#b4504f", "#7b61a6", "#3f9aa8", "#5f7285")
"""Those of the page, in light; of many classes some share one."""


def plain(data: bytes) -> bytes:
    """A PNG of at most SIDE by SIDE pixels of a picture, as it is.

    Raises:
        ImageError: the bytes are no usable picture.
    """
    picture = Image.fromarray(decode(data, at_least=(SIDE, SIDE)).pixels)
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class _Grid:
    """How tiles lie on a page; lengths in points."""

    columns: int
    rows: int
    width: float
    height: float

    @property
    def tiles(self) -> int:
        return self.columns * self.rows


def pages(found: Pictures, shown: Sequence[Thumbnail], words: Words) -> Iterator[bytes]:
    """The sheet, a PNG a page.

    Args:
        found: the pictures.
        shown: a thumbnail of each of the first ones: those that the sheet has.
        words: of its language.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_extra("a sheet of pictures")
    grid = _grid(found)
    tiles = list(zip(found.seen, shown, strict=False))
    starts = range(0, len(tiles), grid.tiles)
    for page, start in enumerate(starts, 1):
        header = (
            words("sheet_heading", folder=str(found.folder), count=number(len(found.seen))),
            ", ".join(voice.name for voice in found.voices),
            words("sheet_place", page=str(page), pages=str(len(starts))),
        )
        yield _page(found, tiles[start : start + grid.tiles], grid, header)


def _grid(found: Pictures) -> _Grid:
    width = _THUMB + _GAP + _VOICE * len(found.voices) + _SPACE
    height = _tall(found) + _NAME + _SPACE
    columns = max(1, int((_WIDTH - 2 * _MARGIN + _SPACE) // width))
    rows = max(1, int((_TALLEST - _HEADER - 2 * _MARGIN) // height))
    return _Grid(columns, rows, width, height)


def _tall(found: Pictures) -> float:
    """How tall thumbnail and bars are: a line for each class, one for the model's name."""
    most = max((len(said.scores) for one in found.seen for said in one.predictions), default=0)
    return max(_THUMB, (most + 1) * _LINE)


def _page(
    found: Pictures,
    tiles: Sequence[tuple[Seen, Thumbnail]],
    grid: _Grid,
    header: tuple[str, str, str],
) -> bytes:
    rows = -(-len(tiles) // grid.columns)
    wide = max(_NARROWEST, grid.columns * grid.width - _SPACE + 2 * _MARGIN)
    tall = _HEADER + rows * grid.height - _SPACE + 2 * _MARGIN
    pen = _Pen(Image.new("RGB", (round(wide * _SCALE), round(tall * _SCALE)), _PAPER), found.labels)
    heading, *rest = header
    pen.write(heading, _MARGIN, _MARGIN + 8, _TITLE, wide - 2 * _MARGIN, end=True)
    for line, text in enumerate(rest):
        middle = _MARGIN + 30 + line * _LINE
        pen.write(text, _MARGIN, middle, _SIZE, wide - 2 * _MARGIN, colour=_FAINT)
    for at, (one, thumbnail) in enumerate(tiles):
        row, column = divmod(at, grid.columns)
        left, top = _MARGIN + column * grid.width, _MARGIN + _HEADER + row * grid.height
        _draw_tile(pen, found, one, thumbnail, (left, top, grid.width - _SPACE))
    file = io.BytesIO()
    pen.image.save(file, "PNG")
    return file.getvalue()


class _Pen:
    """Draws texts, boxes and pictures on an image, in points; classes have their colours."""

    def __init__(self, image: Image.Image, labels: Sequence[str]) -> None:
        self.image = image
        self._draw = ImageDraw.Draw(image)
        self._colours: Mapping[str, str] = {
            label: _COLOURS[at % len(_COLOURS)] for at, label in enumerate(labels)
        }

    def write(
        self,
        text: str,
        left: float,
        middle: float,
        size: float,
        room: float,
        *,
        colour: str = _INK,
        right: bool = False,
        end: bool = False,
    ) -> None:
        """A line of text of so much room: from `left`, or where it is to end there, to it."""
        size, room = size * _SCALE, room * _SCALE
        shown = fitted(printable(text), size, room, end=end)
        x = left * _SCALE - (width(shown, size) if right else 0)
        base = middle * _SCALE + _MIDDLE * size
        for font, part in runs(shown, size):
            self._draw.text((x, base), part, colour, font, anchor="ls")
            x += font.getlength(part)

    def box(self, left: float, top: float, wide: float, tall: float, colour: str) -> None:
        """A filled rectangle; one of less than half a pixel is none."""
        x, y, beyond, below = (round(one * _SCALE) for one in (left, top, left + wide, top + tall))
        if beyond > x:
            self._draw.rectangle((x, y, beyond - 1, below - 1), colour)

    def bar(self, label: str, left: float, top: float, wide: float, tall: float) -> None:
        """A rectangle in the colour of a class."""
        self.box(left, top, wide, tall, self._colours[label])

    def picture(self, png: bytes, left: float, top: float, side: float) -> None:
        """A picture within a square, its proportions kept, and its pixels where it is enlarged."""
        with Image.open(io.BytesIO(png)) as image:
            picture = image.convert("RGB")
        share = side * _SCALE / max(picture.size)
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        kind = Image.Resampling.NEAREST if share > 1 else Image.Resampling.LANCZOS
        x, y = (
            round(start * _SCALE + (side * _SCALE - one) / 2)
            for start, one in zip((left, top), size, strict=True)
        )
        self.image.paste(picture.resize(size, kind), (x, y))


def _draw_tile(
    pen: _Pen,
    found: Pictures,
    one: Seen,
    thumbnail: Thumbnail,
    place: tuple[float, float, float],
) -> None:
    """A picture at (left, top), with so much room to the right."""
    left, top, room = place
    pen.box(left, top, _THUMB, _THUMB, _SHADE)
    if thumbnail.png:
        pen.picture(thumbnail.png, left, top, _THUMB)
    for at, (voice, said) in enumerate(zip(found.voices, one.predictions, strict=True)):
        x = left + _THUMB + _GAP + at * _VOICE
        pen.write(voice.name, x, top + _LINE / 2 - 2, _SMALL, _VOICE - _GAP, colour=_FAINT)
        _draw_scores(pen, said, x, top + _LINE)
    name = str(one.path.relative_to(found.folder))
    pen.write(name, left, top + _tall(found) + _NAME / 2, _SMALL, room, end=True)


def _draw_scores(pen: _Pen, said: Prediction, left: float, top: float) -> None:
    if not said.ok:
        text = f"{said.status}: {said.reason}"
        pen.write(text, left, top + _LINE / 2, _SMALL, _VOICE - _GAP, colour=_FAINT)
    for line, (label, score) in enumerate(said.scores.items()):
        middle = top + (line + 0.5) * _LINE
        pen.write(label, left, middle, _SIZE, _LABEL - 4)
        pen.box(left + _LABEL, middle - 4, _BAR, 8, _SHADE)
        pen.bar(label, left + _LABEL, middle - 4, _BAR * score, 8)
        right = left + _LABEL + _BAR + _SCORE
        pen.write(f"{score:.1%}", right, middle, _SIZE, _SCORE, right=True)
