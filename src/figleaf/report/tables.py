"""Tables of text, for terminals and pages alike, and how figures are written in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes:
        title: what it is of.
        head: the columns' names; those that begin with ">" are aligned to the right.
        rows: as many strings each.
        note: a line beneath it; empty for none.
        is_summed: whether the last row is the sum of the others.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    is_summed: bool = False


def printable(text: str) -> str:
    """The text with all that could turn its direction, or not be encoded, escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def number(count: int) -> str:
    """A count: "1,300,000"."""
    return f"{count:,}"


def counted(count: int, one: str, many: str) -> str:
    """A count with what is counted: "1 image is", "1,300,000 images are"."""
    return f"{number(count)} {one if count == 1 else many}"


def share(part: int, whole: int) -> str:
    """Of a hundred, with one decimal; empty where there is no whole."""
    return f"{100 * part / whole:.1f}%" if whole else ""


def bytes_(count: float) -> str:
    """Bytes in powers of a thousand: "7.1 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:  # what would be rounded to a thousand is one of the next unit
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def moment(seconds: float) -> str:
    """A time since 1970, in UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def listed(counts: Mapping[str, int]) -> str:
    """Counts in a line: "gone 12, timeout 3"."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
