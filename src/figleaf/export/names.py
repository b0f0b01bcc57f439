"""Which classes can be names of folders, and lines of a list, wherever the export is taken to."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from figleaf.errors import InputError

NONE = "none"
"""The folder of images without a class."""

TAKEN = "figleaf-export.json"
"""The file that says where an export comes from."""

_MAX_BYTES = 255
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_SPLITS = re.compile(
    r"(?:^|[-._ 0-9])"
    r"(train|training|validation|valid|dev|val|test|testing|eval|evaluation)"
    r"(?:[-._ 0-9]|$)",
    re.IGNORECASE,
)
"""As `datasets` finds splits in names of folders, in any case."""


def check_folders(labels: Iterable[str]) -> None:
    """Raise InputError where a class cannot be a folder everywhere, or would be read as a split."""
    for label in labels:
        if why := _why_no_folder(label):
            raise InputError(
                f"class {label!r} cannot be a folder: {why}; the forms huggingface, parquet and csv"
                " keep any class, or choose others with label"
            )


def _why_no_folder(label: str) -> str | None:
    if label.startswith("."):
        return "it begins with a dot, and such folders are hidden"
    if label.endswith((".", " ")) or label.startswith(" "):
        return "it begins or ends with a space, or ends with a dot"
    if found := _FORBIDDEN.search(label):
        return f"it has {found[0]!r} in it"
    if label == TAKEN:
        return "a file of that name is in every export"
    if _RESERVED.fullmatch(label):
        return "it is the name of a device on Windows"
    if len(label.encode()) > _MAX_BYTES:
        return f"it has more than {_MAX_BYTES} bytes"
    if found := _SPLITS.search(label):
        return f"readers would take it for a split, for the {found[1]!r} in it"
    return None


def check_lines(labels: Iterable[str]) -> None:
    """Raise InputError where a class cannot be a line of `classes.txt`."""
    for label in labels:
        if len(label.splitlines()) != 1 or label != label.strip():
            raise InputError(
                f"class {label!r} cannot be a line of classes.txt: line ends and spaces around it"
                " would be lost; the forms huggingface, parquet and csv keep any class"
            )


def alike(labels: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of classes that are one folder where case, or the form of an accent, does not count."""
    seen: dict[str, str] = {}
    for label in labels:
        folded = unicodedata.normalize("NFC", label).casefold()
        if folded in seen:
            yield seen[folded], label
        seen.setdefault(folded, label)
