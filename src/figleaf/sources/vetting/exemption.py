"""Exemption files: who lifts which denied words of tier 2, and why."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from figleaf.errors import RulesError
from figleaf.sources.vetting.tables import read_rules
from figleaf.sources.vetting.terms import terms_of

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Exemption:
    """Who lifted which terms or groups of tier 2, why, when; `sha256` is the file's, in hex."""

    name: str
    reason: str
    date: date
    terms: tuple[str, ...]
    sha256: str


def load_exemption(path: Path, known: dict[str, Any], today: date) -> Exemption:
    """Read an exemption file.

    Args:
        path: the file.
        known: deny.toml, which says what may be lifted.
        today: the exemption's date may not lie after it.

    Raises:
        RulesError: the file is not valid; the message names what is wrong and what is allowed.
    """
    table, data = read_rules(path, "an exemption file")
    try:
        lifted = _parse_exemption(table, hashlib.sha256(data).hexdigest(), today)
        _check_liftable(lifted.terms, known)
    except RulesError as error:
        raise RulesError(f"{path}: {error}") from None
    return lifted


_FIELDS = {"format", "name", "reason", "date", "terms"}


def _parse_exemption(raw: dict[str, Any], sha256: str, today: date) -> Exemption:
    if unknown := sorted(raw.keys() - _FIELDS):
        raise RulesError(f"unknown field {unknown[0]!r}; there are {', '.join(sorted(_FIELDS))}")
    if type(raw.get("format")) is not int or raw["format"] != FORMAT:
        raise RulesError(f"'format' is {raw.get('format')!r}, this figleaf reads {FORMAT}")
    day = raw.get("date")
    if not isinstance(day, date) or isinstance(day, datetime):
        raise RulesError(f"'date' is {day!r}, not a date such as {today} without quotes")
    if day > today:
        raise RulesError(f"'date' is {day}, in the future; today is {today}")
    terms = raw.get("terms")
    if not isinstance(terms, list) or not terms or not all(isinstance(t, str) for t in terms):
        raise RulesError(f"'terms' is {terms!r}, not a list of terms or groups of tier 2")
    name, reason = (_sentence(raw, key) for key in ("name", "reason"))
    return Exemption(name, reason, day, tuple(terms), sha256)


def _sentence(raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise RulesError(f"{key!r} is {value!r}; say in one line who lifts the terms, and why")
    return value.strip()


def _check_liftable(terms: Iterable[str], raw: dict[str, Any]) -> None:
    tiers = {name: group["tier"] for name, group in raw["groups"].items()}
    groups = ", ".join(name for name, tier in tiers.items() if tier == 2)
    for way in ("words", "inside", "anywhere", "ages"):
        tiers |= {term: denied.tier for term, denied in terms_of(raw, way)}
    allowed = f"allowed are these groups and their terms, as deny.toml has them: {groups}"
    for term in terms:
        if tiers.get(term) == 1:
            raise RulesError(
                f"'terms' has {term!r}, which is of tier 1: nothing lifts it; {allowed}"
            )
        if term not in tiers:
            raise RulesError(f"'terms' has {term!r}, which is no denied term; {allowed}")
