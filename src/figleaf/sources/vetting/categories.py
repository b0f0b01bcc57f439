"""Categories: from what a list files its URLs under to a class.

`categories.toml` ships for the names of both public collections. A category maps only where nearly
every picture in it must be of one class; what is ambiguous has none until the user says so:

    [categories]
    exhibition_public = "sexy"
    sex_anal = "none"                            takes its class away
    dress = "dress"                              any name of a class, not only the five

A map says what pictures are, not which may be had: what is denied stays denied.
"""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf.errors import RulesError
from figleaf.sources.vetting.tables import read_rules

MAP = Path(__file__).with_name("categories.toml")
FORMAT = 1
NONE = "none"
"""In an override: the category has no class."""

MAX_NAME = 200
"""The longest category or class, in characters; a class becomes the name of a folder."""


@dataclass(frozen=True, slots=True)
class _Entry:
    label: str | None
    why: str


_UNKNOWN = _Entry(None, "not in the map; say so with --map")


class Categories:
    """The map in force; `load_categories` makes one. Names match after NFC and casefolding.

    Attributes:
        sha256: of the map that ships, in hex; with an override, of that map and the override, one
            behind the other.
    """

    def __init__(
        self, shipped: Mapping[str, _Entry], override: Mapping[str, _Entry], sha256: str
    ) -> None:
        self.sha256 = sha256
        self._overrides = {_key(name): entry for name, entry in override.items()}
        self._entries = {_key(name): entry for name, entry in shipped.items()} | self._overrides

    def label_of(self, category: str) -> str | None:
        """The category's class; None for none and for a category that the map does not know."""
        return self._entries.get(_key(category), _UNKNOWN).label

    def why(self, category: str) -> str:
        """In a few words, why the category has this class or none."""
        return self._entries.get(_key(category), _UNKNOWN).why

    def overrides(self, name: str) -> bool:
        """Whether the user's file names this category, or this class of a source that has them."""
        return _key(name) in self._overrides


def load_categories(override: Path | None = None) -> Categories:
    """The map that ships, changed by a TOML file.

    Args:
        override: the file; None for none.

    Raises:
        RulesError: the file is not valid; the message names the entry and what it should be.
    """
    raw, data = read_rules(MAP, "the map of categories that ships with figleaf")
    shipped = {
        name: _Entry(entry.get("label"), entry["why"]) for name, entry in raw["categories"].items()
    }
    if override is None:
        return Categories(shipped, {}, hashlib.sha256(data).hexdigest())
    table, more = read_rules(override, "a map of categories")
    try:
        entries = _parse_override(table, override.name)
    except RulesError as error:
        raise RulesError(f"{override}: {error}") from None
    return Categories(shipped, entries, hashlib.sha256(data + more).hexdigest())


def _parse_override(raw: dict[str, Any], file: str) -> dict[str, _Entry]:
    if unknown := sorted(raw.keys() - {"format", "categories"}):
        raise RulesError(f"unknown field {unknown[0]!r}; there are format, [categories]")
    if raw.get("format", FORMAT) != FORMAT:
        raise RulesError(f"'format' is {raw['format']!r}, this figleaf reads {FORMAT}")
    table = raw.get("categories")
    if not isinstance(table, dict) or not table:
        raise RulesError('no entry under [categories], such as exhibition_public = "sexy"')
    entries: dict[str, _Entry] = {}
    keys: dict[str, str] = {}
    for name, label in table.items():
        _check(name, label)
        if (before := keys.setdefault(_key(name), name)) != name:
            raise RulesError(f"{name!r} is {before!r} in another spelling; keep one of them")
        entries[name] = _Entry(None if label == NONE else label, f"{file} says so")
    return entries


def _check(name: str, label: object) -> None:
    """Raise RulesError for what can be no category, or no class."""
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise RulesError(f"{name!r} is no category: 1 to {MAX_NAME} printable characters")
    if not isinstance(label, str):
        raise RulesError(f'{name!r} is {label!r}, not a class in quotes, nor "{NONE}"')
    if not label or label != label.strip() or len(label) > MAX_NAME or not label.isprintable():
        raise RulesError(
            f"{name!r} has the class {label!r}; a class is 1 to {MAX_NAME} printable characters "
            "without a space at either end"
        )
    if label.startswith(".") or not {"/", "\\"}.isdisjoint(label):
        raise RulesError(f"{name!r} has the class {label!r}, which cannot be a folder's name")


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
