"""Tables of text no wider than the terminal: long cells wrap, no line ends in spaces."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

from rich.cells import cell_len, chop_cells
from rich.text import Text

from figleaf.cli.terminal import Screen, printable

_GAP = "  "
_NARROWEST = 20  # cells that the last column has at least, where it is wider than these
_NARROW = 12  # likewise the other columns of text, once that does not suffice


def print_grid(screen: Screen, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of strings under a bold head.

    Columns of text wrap, the last one first; those that are aligned to the right never do. Only
    where these alone are too many is a line wider than the terminal.

    Args:
        screen: where to.
        head: the columns' names; those that begin with ">" are aligned to the right.
        rows: as many strings each; what could steer a terminal is escaped.
    """
    names = [name.lstrip(">") for name in head]
    left = [not name.startswith(">") for name in head]
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(names, *shown, strict=True)]
    widths = _fitted(widths, left, screen.width - len(_GAP) * (len(head) - 1))
    for number, row in enumerate([names, *shown]):
        for line in _lines(row, widths):
            cells = (_padded(*one) for one in zip(line, widths, left, strict=True))
            text = Text(_GAP.join(cells).rstrip(), style="" if number else "bold")
            screen.print(text, soft_wrap=True)


def _fitted(widths: Sequence[int], left: Sequence[bool], room: int) -> list[int]:
    """Widths that fit into the room, if any do: the last column gives first, then the widest."""
    *first, last = widths
    fitted = [*first, min(last, max(room - sum(first), _NARROWEST))]
    texts = [number for number, text in enumerate(left) if text]
    while sum(fitted) > room:
        widest = max(texts, key=lambda number: fitted[number], default=-1)
        if widest < 0 or fitted[widest] <= _NARROW:
            break
        fitted[widest] -= 1
    return fitted


def _lines(row: Sequence[str], widths: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The row, over as many lines as its longest cell takes."""
    cells = (_wrapped(cell, width) for cell, width in zip(row, widths, strict=True))
    return zip_longest(*cells, fillvalue="")


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many cells: textwrap counts characters, and Korean ones take two."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".lstrip()
        if cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines += _pieces(word, width)
    return lines if lines[0] else lines[1:]


def _pieces(word: str, width: int) -> list[str]:
    """A word cut, if it must be, behind "_", "-" or "/", and only else wherever a line ends."""
    parts = (chop_cells(part, width) for part in re.findall(r"[^_/-]+[_/-]*|[_/-]+", word))
    pieces = [""]
    for part in chain.from_iterable(parts):
        if cell_len(pieces[-1] + part) <= width:
            pieces[-1] += part
        else:
            pieces.append(part)
    return pieces


def _padded(text: str, width: int, left: bool) -> str:
    space = " " * (width - cell_len(text))
    return text + space if left else space + text
