"""What a threshold would do: counts that a page moves through, and the same as a table.

Of each score there are the images at or above each of 1,001 thresholds; all that the page computes
follows from these and from a base rate, as `metrics.thresholds` has it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.policy import Policy, Rule
from figleaf.evaluation.evaluate import Evaluation
from figleaf.evaluation.operating import UNSAFE
from figleaf.metrics.curves import Sweep
from figleaf.metrics.ratios import quotient
from figleaf.metrics.thresholds import Expected, per_ten_thousand
from figleaf.report.evaluation_tables import count, score, share
from figleaf.report.tables import Table, number, printable
from figleaf.report.texts import Words

STEPS = 1000
"""Thresholds are n / STEPS, for n from 0."""
MOST = 40
"""Classes that can be moved through; of more, those with the most images."""

_BASE_RATE = 0.01
_BARE = re.compile("[A-Za-z0-9_-]+")
_SHOWN = (100, 300, 500, 700, 900)  # thresholds of the table, in steps
_ROWS = 10  # targets in the table


@dataclass(frozen=True, slots=True)
class Target:
    """A score, and what it is to find.

    Attributes:
        name: the class, or "unsafe".
        is_sum: whether it is the policy's sum `unsafe`, and not a class.
        caught: int64 of shape (STEPS + 1,): images that are to be found, at or above each
            threshold.
        alarms: likewise of all others.
    """

    name: str
    is_sum: bool
    caught: NDArray[np.int64]
    alarms: NDArray[np.int64]

    @property
    def positives(self) -> int:
        """How many are to be found: scores are 0 or more."""
        return int(self.caught[0])

    @property
    def negatives(self) -> int:
        """How many are not."""
        return int(self.alarms[0])

    def rates(self, step: int) -> tuple[float, float, float]:
        """Recall, false-positive rate and precision at a threshold; nan where there is none."""
        caught, alarms = int(self.caught[step]), int(self.alarms[step])
        return (
            quotient(caught, self.positives),
            quotient(alarms, self.negatives),
            quotient(caught, caught + alarms),
        )

    def expected(self, step: int, base_rate: float) -> Expected | None:
        """What is to be expected of 10,000 images; None where it cannot be told."""
        if not (self.positives and self.negatives):
            return None
        recall, alarms, _ = self.rates(step)
        return per_ten_thousand(recall, alarms, base_rate)


def targets(one: Evaluation) -> tuple[Target, ...]:
    """What thresholds can be moved for: unsafe, where the model tells it, then its classes."""
    found = []
    if one.safety is not None:
        found.append(_target(UNSAFE, one.safety.sweep, is_sum=True))
    if one.classes is not None:
        every = list(zip(one.classes.figures, one.classes.sweeps, strict=True))
        kept = {own.label for own, _ in sorted(every, key=lambda pair: -pair[0].support)[:MOST]}
        found += [_target(own.label, swept) for own, swept in every if own.label in kept]
    return tuple(found)


def _target(name: str, swept: Sweep, *, is_sum: bool = False) -> Target:
    rising = np.arange(STEPS + 1) / STEPS
    # How many of the sweep's thresholds, which fall, are not below each of ours.
    reached = np.searchsorted(-swept.thresholds, -rising, side="right")
    caught, alarms = (
        np.concatenate([[0], counts])[reached] for counts in (swept.caught, swept.false_alarms)
    )
    return Target(name, is_sum, caught, alarms)


def base_rate(one: Evaluation) -> float:
    """The share of what is to be found, to begin with."""
    return one.safety.base_rate if one.safety is not None else _BASE_RATE


def data(one: Evaluation, words: Words) -> str:
    """All that the page's script needs, as JSON that may stand in HTML."""
    policy = one.scored.policy
    made: dict[str, Any] = {
        "steps": STEPS,
        "z": NormalDist().inv_cdf((1 + one.origin.bootstrap["level"]) / 2),
        "baseRate": base_rate(one),
        "start": start(one),
        "targets": [_given(target, policy, words) for target in targets(one)],
        "policy": _policy(policy, one),
        "words": _words(words),
    }
    text = json.dumps(made, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def start(one: Evaluation) -> int:
    """The step that the page begins with: the policy's review threshold, else .5."""
    if one.safety is None:
        return STEPS // 2
    rule = _unsafe(one.scored.policy)
    chosen = rule.review if rule.review is not None else rule.block
    return round(STEPS * (one.safety.threshold if chosen is None else chosen))


def _unsafe(policy: Policy) -> Rule:
    return next(rule for rule in policy.rules if rule.name == UNSAFE)


def _given(target: Target, policy: Policy, words: Words) -> dict[str, Any]:
    return {
        "name": words("unsafe") if target.is_sum else target.name,
        "table": f"[sums.{UNSAFE}]" if target.is_sum else f"[classes.{_key(target.name)}]",
        # Images at just this threshold: small numbers, most of them 0.
        "caught": _differences(target.caught),
        "alarms": _differences(target.alarms),
    }


def _differences(falling: NDArray[np.int64]) -> list[int]:
    return [int(n) for n in -np.diff(falling, append=0)]


def _policy(policy: Policy, one: Evaluation) -> dict[str, Any]:
    origin = one.origin
    return {
        "version": policy.version + 1,
        "description": f"Thresholds of {policy.tag}, moved in the report of {origin.model.tag}.",
        "unreadable": str(policy.unreadable),
        "from": [
            printable(f"model {origin.model.tag}, {origin.model.sha256[:12]}"),
            printable(f"images {origin.data}, {origin.data_sha256[:12]}"),
        ],
        "rules": [_rule(rule) for rule in policy.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    is_class = rule.classes == {rule.name}
    kind = "classes" if is_class and rule.name != UNSAFE else "sums"
    classes = ", ".join(_quoted(name) for name in sorted(rule.classes))
    return {
        "table": f"[{kind}.{_key(rule.name)}]",
        "classes": "" if kind == "classes" else f"[{classes}]",
        "review": rule.review,
        "block": rule.block,
    }


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(name: str) -> str:
    """A text as TOML has it, which escapes as JSON does."""
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def _words(words: Words) -> dict[str, str]:
    """What the script says; where a value belongs its name stays in braces."""
    said = ("threshold", "recall", "fpr", "caught", "missed", "alarms")
    return {
        "said": words("explorer_said", **{name: f"{{{name}}}" for name in said}),
        "of": words("explorer_of", part="{part}", whole="{whole}"),
        "copied": words("explorer_copied"),
        "chosen": words("explorer_chosen"),
        "unknown": "-",
    }


def table(one: Evaluation, words: Words) -> Table:
    """A few thresholds of each score, for where no script is run, and for paper."""
    rate = base_rate(one)
    rows = tuple(_rows(targets(one)[:_ROWS], rate, words))
    keys = ("threshold", "recall", "false_alarms", "precision")
    more = ("expected_caught", "expected_missed", "expected_alarms")
    head = (words("explorer_target"), *(f">{words(key)}" for key in (*keys, *more)))
    note = words("explorer_table_note", share=f"{100 * rate:g}%", true=number(round(10_000 * rate)))
    return Table(words("explorer_table_title"), head, rows, note)


def _rows(shown: Sequence[Target], rate: float, words: Words) -> Iterator[tuple[str, ...]]:
    for target in shown:
        name = words("unsafe") if target.is_sum else target.name
        for step in _SHOWN:
            found = target.expected(step, rate)
            expected = (found.caught, found.missed, found.false_alarms) if found else ()
            yield (
                name,
                score(step / STEPS),
                *(share(value) for value in target.rates(step)),
                *([count(value) for value in expected] or ["-"] * 3),
            )
