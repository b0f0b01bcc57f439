"""Tables of text as wide as the terminal: the last column wraps, no line ends in spaces."""

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from figleaf.cli.terminal import Screen, printable

_GAP = "  "
_NARROWEST = 20  # cells that the last column has at least


def print_grid(screen: Screen, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of strings under a bold head.

    Args:
        screen: where to.
        head: the columns' names; those that begin with ">" are aligned to the right.
        rows: as many strings each; what could steer a terminal is escaped.
    """
    names = [name.lstrip(">") for name in head]
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(names, *shown, strict=True)]
    left = [not name.startswith(">") for name in head]
    rest = screen.width - sum(widths[:-1]) - len(_GAP) * (len(head) - 1)
    widths[-1] = min(widths[-1], max(rest, _NARROWEST))
    for number, row in enumerate([names, *shown]):
        for line in _wrapped(row, widths[-1]):
            cells = (_padded(*one) for one in zip(line, widths, left, strict=True))
            text = Text(_GAP.join(cells).rstrip(), style="" if number else "bold")
            screen.print(text, soft_wrap=True)


def _wrapped(row: Sequence[str], width: int) -> list[list[str]]:
    """The row with its last cell over as many lines as it takes."""
    *first, last = row
    lines = textwrap.wrap(last, width, break_on_hyphens=False) or [""]
    blank = [""] * len(first)
    return [[*(blank if number else first), line] for number, line in enumerate(lines)]


def _padded(text: str, width: int, left: bool) -> str:
    space = " " * (width - cell_len(text))
    return text + space if left else space + text
