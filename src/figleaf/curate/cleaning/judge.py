"""The rules that look at one image alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from figleaf.curate.cleaning.rules import CleanRules
from figleaf.dataset.quarantine import Quarantine
from figleaf.errors import Status


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an image.

    Attributes:
        status: "ok", or why its file is no usable image.
        detail: the same in a line.
        width: in pixels.
        height: in pixels.
        size: of its file, in bytes.
        spread: the largest standard deviation of a channel, 0..127.5; None where unknown.
        placeholder: why it is one; None if nothing says so.
    """

    status: str
    detail: str
    width: int
    height: int
    size: int
    spread: float | None
    placeholder: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds of an image, and why."""

    reason: Quarantine
    why: str


def judge(facts: Facts, rules: CleanRules) -> Iterator[Finding]:
    """All the rules that hold of an image, the first one first."""
    findings = (
        _broken(facts),
        _placeholder(facts, rules),
        _too_small(facts, rules),
        _too_large(facts, rules),
        _aspect_ratio(facts, rules),
        _single_colour(facts, rules),
    )
    return (one for one in findings if one and rules.holds(one.reason))


_OVER_A_LIMIT = (Status.TOO_MANY_BYTES, Status.TOO_MANY_PIXELS)
"""What is too large to be decoded at all is not broken."""


def _broken(facts: Facts) -> Finding | None:
    if facts.status in (Status.OK, *_OVER_A_LIMIT):
        return None
    return Finding(Quarantine.BROKEN, f"{facts.status}: {facts.detail}")


def _placeholder(facts: Facts, rules: CleanRules) -> Finding | None:
    if facts.placeholder:
        return Finding(Quarantine.PLACEHOLDER, facts.placeholder)
    if (facts.width, facts.height) in rules.placeholder_sizes:
        size = f"{facts.width}x{facts.height}"
        return Finding(Quarantine.PLACEHOLDER, f"{size}, the size of a known placeholder")
    return None


def _too_small(facts: Facts, rules: CleanRules) -> Finding | None:
    if min(facts.width, facts.height) < rules.min_side:
        why = f"{facts.width}x{facts.height}, a side under {rules.min_side}"
        return Finding(Quarantine.TOO_SMALL, why)
    if facts.size < rules.min_bytes:
        return Finding(Quarantine.TOO_SMALL, f"{facts.size:,} bytes, under {rules.min_bytes:,}")
    return None


def _too_large(facts: Facts, rules: CleanRules) -> Finding | None:
    if facts.status in _OVER_A_LIMIT:
        return Finding(Quarantine.TOO_LARGE, facts.detail)
    pixels = facts.width * facts.height
    if pixels > rules.max_pixels:
        why = f"{facts.width}x{facts.height} is {pixels:,} pixels, over {rules.max_pixels:,}"
        return Finding(Quarantine.TOO_LARGE, why)
    if facts.size > rules.max_bytes:
        return Finding(Quarantine.TOO_LARGE, f"{facts.size:,} bytes, over {rules.max_bytes:,}")
    return None


def _aspect_ratio(facts: Facts, rules: CleanRules) -> Finding | None:
    ratio = max(facts.width, facts.height) / min(facts.width, facts.height)
    if ratio <= rules.max_aspect:
        return None
    why = f"{facts.width}x{facts.height} is {ratio:.3g} to 1, over {rules.max_aspect:g}"
    return Finding(Quarantine.ASPECT_RATIO, why)


def _single_colour(facts: Facts, rules: CleanRules) -> Finding | None:
    if facts.spread is None or facts.spread >= rules.min_spread:
        return None
    why = f"a spread of {facts.spread:.2g} of 255, under {rules.min_spread:g}"
    return Finding(Quarantine.SINGLE_COLOUR, why)
