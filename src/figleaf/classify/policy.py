"""Policies: thresholds as data, from scores to a decision.

A policy is a TOML file. A score that reaches a threshold triggers it; the most severe decision
that any rule comes to is the policy's. Three presets come with figleaf.

    format = 1
    name = "balanced"
    version = 1
    description = "..."
    unreadable = "review"                        for inputs that could not be classified

    [sums.unsafe]                                the unsafe score; every policy has this sum
    classes = ["hentai", "porn", "sexy", "nsfw"]
    review = 0.5                                 both thresholds are optional, in 0..1
    block = 0.95

    [sums.explicit]                              any further sums
    classes = ["hentai", "porn", "nsfw"]
    block = 0.8

    [classes.sexy]                               single classes
    review = 0.6
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf import labels
from figleaf.classify.prediction import Decision
from figleaf.errors import PolicyError

PRESETS = Path(__file__).with_name("policies")
DEFAULT_POLICY = "balanced"
FORMAT = 1

_MAX_BYTES = 1 << 20

_TOP = {"format", "name", "version", "description", "unreadable", "sums", "classes"}


@dataclass(frozen=True, slots=True)
class Rule:
    """Thresholds in 0..1 on the summed probability of some classes; None is no threshold."""

    name: str
    classes: frozenset[str]
    review: float | None = None
    block: float | None = None

    def score(self, scores: Mapping[str, float]) -> float | None:
        """The summed probability of the rule's classes; None if the model has none of them."""
        ours = [score for name, score in scores.items() if _canonical(name) in self.classes]
        return min(sum(ours), 1.0) if ours else None

    def decide(self, score: float) -> tuple[Decision, str]:
        """The decision for a score, and the comparison that led to it."""
        for decision, threshold in ((Decision.BLOCK, self.block), (Decision.REVIEW, self.review)):
            if threshold is not None and not score < threshold:  # NaN is not below anything
                return decision, f"{self.name} {score:.3f} >= {threshold:g}"
        lowest = self.review if self.review is not None else self.block
        return Decision.ALLOW, f"{self.name} {score:.3f} < {lowest:g}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules, the sum that is the unsafe score among them, and what to do with unreadable inputs."""

    name: str
    version: int
    description: str
    unreadable: Decision
    rules: tuple[Rule, ...]

    @property
    def tag(self) -> str:
        """Name and version, as results show them: "balanced@1"."""
        return f"{self.name}@{self.version}"

    def unsafe_score(self, scores: Mapping[str, float]) -> float | None:
        """The unsafe score, 0..1; None if none of the scores' classes is in the sum `unsafe`.

        Args:
            scores: class -> probability, all classes of the model.
        """
        return next(rule for rule in self.rules if rule.name == "unsafe").score(scores)

    def covers(self, classes: Iterable[str]) -> bool:
        """Whether any threshold is on one of the classes."""
        return self.decide(dict.fromkeys(classes, 0.0))[0] is not None

    def decide(self, scores: Mapping[str, float]) -> tuple[Decision | None, str]:
        """The most severe decision of all rules, and why.

        None where no rule applies to any class of the model: a policy must not allow what it does
        not know.

        Args:
            scores: class -> probability, all classes of the model.
        """
        outcomes = [
            rule.decide(score)
            for rule in self.rules
            if (rule.review is not None or rule.block is not None)
            and (score := rule.score(scores)) is not None
        ]
        if not outcomes:
            return None, f"policy {self.name} has no rule for any class of this model"
        return max(outcomes, key=lambda outcome: outcome[0].severity)


def presets() -> tuple[str, ...]:
    """The names of the policies that come with figleaf, from strict to permissive."""
    order = ("strict", "balanced", "permissive")
    found = {path.stem for path in PRESETS.glob("*.toml")}
    return tuple(sorted(found, key=lambda name: (order.index(name) if name in order else 9, name)))


def load_policy(policy: str | Path) -> Policy:
    """Read a policy.

    Args:
        policy: a preset's name or a TOML file.

    Raises:
        PolicyError: there is no such policy, or the file is not valid; the message names the file,
            the field and what it should be.
    """
    path = PRESETS / f"{policy}.toml" if policy in presets() else Path(policy)
    if not path.is_file():  # a pipe would be waited for
        names = ", ".join(presets())
        raise PolicyError(f"no policy {str(policy)!r}: neither a preset ({names}) nor a file")
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:  # cut short it might still be valid, with fewer rules
            raise PolicyError(f"{path}: over {_MAX_BYTES:,} bytes, which no policy needs")
        raw = tomllib.loads(text.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise PolicyError(f"{path}: not a policy file ({error})") from error
    try:
        return parse_policy(raw)
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from None


def parse_policy(raw: Mapping[str, Any]) -> Policy:
    """A policy from its TOML table.

    Raises:
        PolicyError: a field is missing, unknown or out of range.
    """
    if unknown := raw.keys() - _TOP:
        raise PolicyError(
            f"unknown field {sorted(unknown)[0]!r}; there are {', '.join(sorted(_TOP))}"
        )
    if raw.get("format") != FORMAT:
        raise PolicyError(f"'format' is {raw.get('format')!r}, this figleaf reads {FORMAT}")
    rules = [_parse_sum(name, table) for name, table in _tables(raw, "sums")]
    rules += [_parse_rule(name, {name}, table) for name, table in _tables(raw, "classes")]
    if "unsafe" not in {rule.name for rule in rules}:
        raise PolicyError("no [sums.unsafe]: say which classes make the unsafe score")
    return Policy(
        name=_field(raw, "name", str),
        version=_field(raw, "version", int),
        description=_field(raw, "description", str),
        unreadable=_parse_decision(raw.get("unreadable")),
        rules=tuple(rules),
    )


def _parse_decision(value: object) -> Decision:
    try:
        return Decision(str(value))
    except ValueError:
        known = ", ".join(Decision)
        raise PolicyError(f"'unreadable' is {value!r}, not one of {known}") from None


def _parse_sum(name: str, table: Mapping[str, Any]) -> Rule:
    classes = table.get("classes")
    if not isinstance(classes, list) or not classes or not all(isinstance(c, str) for c in classes):
        raise PolicyError(f"[sums.{name}]: 'classes' is {classes!r}, not a list of class names")
    rest = {key: value for key, value in table.items() if key != "classes"}
    return _parse_rule(name, set(classes), rest)


def _parse_rule(name: str, classes: set[str], table: Mapping[str, Any]) -> Rule:
    if unknown := table.keys() - {"review", "block"}:
        raise PolicyError(
            f"[{name}]: unknown field {sorted(unknown)[0]!r}; there are review, block"
        )
    review, block = (_threshold(name, table, key) for key in ("review", "block"))
    if review is not None and block is not None and review > block:
        raise PolicyError(f"[{name}]: 'review' {review:g} lies above 'block' {block:g}")
    return Rule(name, frozenset(_canonical(c) for c in classes), review, block)


def _threshold(name: str, table: Mapping[str, Any], key: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise PolicyError(f"[{name}]: {key!r} is {value!r}, not a number from 0 to 1")
    return float(value)


def _tables(raw: Mapping[str, Any], key: str) -> list[tuple[str, Mapping[str, Any]]]:
    tables = raw.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise PolicyError(f"'{key}' is not a set of tables such as [{key}.NAME]")
    return list(tables.items())


def _field(raw: Mapping[str, Any], key: str, kind: type[Any]) -> Any:
    value = raw.get(key)
    if type(value) is not kind:
        raise PolicyError(f"'{key}' is {value!r}, not of type {kind.__name__}")
    return value


def _canonical(name: str) -> str:
    """The name that figleaf uses for a class: a model may call `drawings` "drawing"."""
    known = labels.find(name)
    return known.name if known else name
