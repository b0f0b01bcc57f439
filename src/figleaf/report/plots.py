"""Plots as SVG that a page takes in: its own fonts, its own colours, light and dark.

matplotlib lays them out and never sees a word: it would need a font for every script, read "$" as
mathematics and know one colour scheme. Words are tokens of about their width until the SVG is
made; colours are markers that become classes, whose colours are the page's.
"""

import io
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from xml.etree import ElementTree

from figleaf.errors import MissingExtraError
from figleaf.report.tables import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = 8
"""How many series can be told apart; the last is the one for all others."""

_LONGEST = 22  # cells of a word in a plot; the table has it in full
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_INK, _GRID = "#010101", "#020202"
_MARKERS = {_INK: "ink", _GRID: "grid"} | {f"#0303{n:02x}": f"c{n}" for n in range(COLOURS)}
_LOCK = threading.Lock()
_FONT_SIZE = 12.0
_WIDTH = 6.4  # inches, of 72 pixels
_ROW = 0.28  # inches, that a bar takes


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each bar, all of one colour."""

    values: tuple[float, ...]
    colour: int = 0


def bars(names: Sequence[str], series: Sequence[Series], *, key: str, upright: bool = False) -> str:
    """Stacked bars, from left to right, the first one at the top.

    Args:
        names: of the bars; any text.
        series: what is stacked, the first one at the axis.
        key: what tells this plot's ids from those of others on the same page.
        upright: bars from bottom to top instead, for short names.

    Returns:
        an `<svg>` element without styles, scripts or links; classes `ink`, `grid`, `c0` to `c7`
        behind `f-` (fill) and `s-` (stroke) are for the page to colour.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    tokens = _Tokens()
    with as_it_comes(key):
        figure = _drawn([tokens.of(name) for name in names], series, upright=upright)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return _as_element(file.getvalue(), tokens, key)


@contextmanager
def as_it_comes(key: str) -> Iterator[None]:
    """matplotlib as it comes, whatever the user's own file says; words as words.

    Args:
        key: what tells the ids of an SVG from those of others on the same page.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingExtraError("report", "a plot") from None
    # Settings are the whole process's.
    with _LOCK, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": key})
        yield


def _drawn(names: Sequence[str], series: Sequence[Series], *, upright: bool) -> "Figure":
    from matplotlib.figure import Figure

    height = 2.7 if upright else _ROW * len(names) + 0.4
    figure = Figure(figsize=(_WIDTH, height), layout="constrained", dpi=72, facecolor="none")
    axes = figure.add_subplot()
    places = range(len(names))
    sums = [0.0] * len(names)
    for one in series:
        colour = f"#0303{one.colour:02x}"
        if upright:
            axes.bar(places, one.values, bottom=sums, width=0.7, color=colour)
        else:
            axes.barh(places, one.values, left=sums, height=0.7, color=colour)
        sums = [low + more for low, more in zip(sums, one.values, strict=True)]
    _dress(axes, upright=upright)
    if upright:
        axes.set_xticks(places, names)
    else:
        axes.set_yticks(places, names)
        axes.set_ylim(len(names) - 0.4, -0.6)
    return figure


def _dress(axes: "Axes", *, upright: bool) -> None:
    """Nothing but the bars, their names, and lines to read their length from."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    values = axes.yaxis if upright else axes.xaxis
    values.set_major_locator(MaxNLocator(5, integer=True))
    values.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    values.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=_FONT_SIZE, labelcolor=_INK, pad=6)


def _short(value: float) -> str:
    """A count on an axis: "1.5k", "2M"."""
    for unit in ("", "k", "M"):
        if abs(value) < 1000:
            return f"{value:g}{unit}"
        value /= 1000
    return f"{value:g}G"


class _Tokens:
    """Stand-ins of letters that matplotlib has, about as wide as the words themselves."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def of(self, word: str) -> str:
        word = _cut(printable(word))
        number, letters = len(self.words) + 1, ""
        while number:
            number, letter = divmod(number, 26)
            letters += chr(ord("a") + letter)
        token = f"{letters}Z"  # no number and no other token begins so
        token += "n" * (_cells(word) - len(token))
        self.words[token] = word
        return token


def _cells(word: str) -> int:
    """How many letters it is as wide as."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in word)


def _cut(word: str) -> str:
    if _cells(word) <= _LONGEST:
        return word
    while _cells(word) >= _LONGEST:
        word = word[:-1]
    return f"{word}…"


def _as_element(svg: bytes, tokens: _Tokens, key: str) -> str:
    root = ElementTree.fromstring(svg)
    _strip(root)
    linked = set(_links(root))
    for element in root.iter():
        _dissolve(element, linked, key)
        if element.tag == "text" and element.text in tokens.words:
            element.text = tokens.words[element.text]
    # The page says how wide: the box alone keeps the proportions.
    root.attrib = {"viewBox": root.attrib["viewBox"], "class": "plot", "aria-hidden": "true"}
    return ElementTree.tostring(root, encoding="unicode")


def _strip(root: ElementTree.Element) -> None:
    """Take away what is no drawing: metadata, and a style sheet that would hold for the page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}style" or "metadata" in child.tag:
                parent.remove(child)


def _links(root: ElementTree.Element) -> Iterator[str]:
    """The ids that something refers to."""
    for element in root.iter():
        for value in element.attrib.values():
            yield from re.findall(r"(?:url\(|^)#([^)]+)", value)


def _dissolve(element: ElementTree.Element, linked: Iterable[str], key: str) -> None:
    """Turn styles, which the page's policy forbids, into attributes, and markers into classes."""
    element.tag = element.tag.removeprefix(_SVG)
    found: dict[str, Any] = {}
    for name, value in [*element.attrib.items(), *_declarations(element.attrib.get("style", ""))]:
        if name in ("style", "font-family") or (name == "id" and value not in linked):
            continue
        if name in ("fill", "stroke") and value in _MARKERS:
            found["class"] = f"{found.get('class', '')} {name[0]}-{_MARKERS[value]}".strip()
            continue
        if name == "id":
            value = f"{key}-{value}"
        elif name == _LINK:
            name, value = "href", value.replace("#", f"#{key}-")
        found[name] = value.replace("url(#", f"url(#{key}-")
    element.attrib = found


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for one in style.split(";"):
        name, _, value = (part.strip() for part in one.partition(":"))
        if name == "font":  # matplotlib before 3.10: the size and the fonts in one
            name, value = "font-size", value.partition(" ")[0]
        if name:
            yield name, value
