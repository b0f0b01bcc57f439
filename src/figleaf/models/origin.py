"""What a card tells of a bundle that was made of other models."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from figleaf.errors import BundleError
from figleaf.models.fields import list_of, optional, strings_by_name, typed

_DIGEST = 64


class Rule(StrEnum):
    """What an ensemble's probabilities are of its members'."""

    MEAN = "mean"
    """The mean of their probabilities, class by class."""
    MEAN_UNSAFE = "mean-unsafe"
    """The five, whose unsafe ones come to the mean of all members' unsafe scores."""


@dataclass(frozen=True, slots=True)
class Member:
    """A model of an ensemble: its name and version, and the SHA-256 of its graph."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Several models in one graph, which does the arithmetic of the rule itself."""

    rule: Rule
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an imported model came from.

    Attributes:
        source: the kind of it: "huggingface" or "tfjs".
        files: the SHA-256 of each file that was read.
        labels: what the source calls a class -> what the bundle does.
        repository, revision: of the hub, where it came from there.
    """

    source: str
    files: Mapping[str, str]
    labels: Mapping[str, str]
    repository: str | None = None
    revision: str | None = None


SOURCES = ("huggingface", "tfjs")


def parse_ensemble(card: Mapping[str, Any]) -> Ensemble | None:
    """The field `ensemble` of a card, None where it has none.

    Raises:
        BundleError: it breaks the schema.
    """
    raw = optional(dict, card, "ensemble")
    if raw is None:
        return None
    try:
        rule = Rule(typed(str, raw, "rule"))
    except ValueError:
        raise BundleError(f"'rule' is {raw['rule']!r}, not one of {', '.join(Rule)}") from None
    members = tuple(_member(entry) for entry in list_of(dict, raw, "members"))
    if len(members) < 2:
        raise BundleError(f"'members' are {len(members)}; an ensemble is of two or more")
    return Ensemble(rule, members)


def parse_origin(card: Mapping[str, Any]) -> Origin | None:
    """The field `imported` of a card, None where it has none.

    Raises:
        BundleError: it breaks the schema.
    """
    raw = optional(dict, card, "imported")
    if raw is None:
        return None
    source = typed(str, raw, "from")
    if source not in SOURCES:
        raise BundleError(f"'from' is {source!r}, not one of {', '.join(SOURCES)}")
    return Origin(
        source=source,
        files={name: _digest(value) for name, value in strings_by_name(raw, "files").items()},
        labels=strings_by_name(raw, "labels"),
        repository=optional(str, raw, "repository"),
        revision=optional(str, raw, "revision"),
    )


def _member(raw: Mapping[str, Any]) -> Member:
    digest = _digest(typed(str, raw, "sha256"))
    return Member(typed(str, raw, "name"), typed(str, raw, "version"), digest)


def _digest(value: str) -> str:
    if len(value) != _DIGEST or not set(value) <= set("0123456789abcdef"):
        raise BundleError(f"{value!r} is no SHA-256")
    return value
