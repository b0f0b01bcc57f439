"""Groups to parts and folds, by hashes alone: pure, and the same on every machine."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from figleaf.curate.splitting.rules import Part, SplitRules


@dataclass(frozen=True, slots=True)
class Group:
    """Images that must not be parted: duplicates of each other, frames of one film.

    Attributes:
        key: the least SHA-256 of theirs, 32 bytes.
        labels: the class of each of them.
    """

    key: bytes
    labels: tuple[str, ...]

    @property
    def label(self) -> str:
        """The class that it counts for: that of most of its images, the first of several."""
        counts = Counter(self.labels)
        return min(counts, key=lambda label: (-counts[label], label))


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where a group goes: `fold` is from 0, of train alone; None without folds."""

    part: Part
    fold: int | None


def assign(groups: Sequence[Group], rules: SplitRules) -> list[Assignment]:
    """Decide each group by its own hash: what else there is changes nothing.

    Args:
        groups: in any order.
        rules: shares, folds and seed.

    Returns:
        an assignment for each.
    """
    return [
        _assignment(group, _part(_unit(group, rules, b"part"), rules), rules) for group in groups
    ]


def assign_stratified(
    groups: Sequence[Group], rules: SplitRules, taken: Iterable[tuple[str, Part]]
) -> list[Assignment]:
    """Give each class its exact shares, in the order of the groups' hashes.

    Args:
        groups: new ones, in any order.
        rules: shares, folds and seed.
        taken: class and part of every image that has its part already.

    Returns:
        an assignment for each. A class misses its shares by less than its largest group.
    """
    filled = Counter(taken)
    totals = Counter(label for label, _ in filled.elements())
    totals.update(label for group in groups for label in group.labels)
    order = sorted(range(len(groups)), key=lambda number: _unit(groups[number], rules, b"part"))
    found: dict[int, Assignment] = {}
    for number in order:
        group = groups[number]
        part = _least_filled(group, rules, filled, totals)
        filled.update((label, part) for label in group.labels)
        found[number] = _assignment(group, part, rules)
    return [found[number] for number in range(len(groups))]


def _least_filled(
    group: Group, rules: SplitRules, filled: Counter[tuple[str, Part]], totals: Counter[str]
) -> Part:
    """The first part with room for the group in its class; train takes the rest."""
    label, size = group.label, len(group.labels)
    for part, share in ((Part.TEST, rules.test), (Part.VALIDATION, rules.validation)):
        if filled[label, part] + size <= round(share * totals[label]):
            return part
    return Part.TRAIN


def _assignment(group: Group, part: Part, rules: SplitRules) -> Assignment:
    if part is not Part.TRAIN or not rules.folds:
        return Assignment(part, None)
    return Assignment(part, int(_unit(group, rules, b"fold") * rules.folds))


def _part(unit: float, rules: SplitRules) -> Part:
    if unit < rules.test:
        return Part.TEST
    return Part.VALIDATION if unit < rules.test + rules.validation else Part.TRAIN


def _unit(group: Group, rules: SplitRules, purpose: bytes) -> float:
    """A number in 0..1 (1 left out), evenly spread over keys and seeds."""
    text = str(rules.seed).encode() + b"\0" + group.key
    digest = hashlib.blake2b(text, digest_size=8, person=purpose).digest()
    # 53 bits, which a float has: of 64 the largest would be rounded up to 1.
    return (int.from_bytes(digest, "big") >> 11) / 2**53
