"""Groups to parts and folds, by hashes alone: pure, and the same on every machine."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

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
        if len(self.labels) == 1:
            return self.labels[0]
        counts = Counter(self.labels)
        return min(counts, key=lambda label: (-counts[label], label))


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where a group goes: `fold` is from 0, of train alone; None without folds."""

    part: Part
    fold: int | None

    def __str__(self) -> str:
        return self.part if self.fold is None else f"{self.part}, fold {self.fold}"


@cache
def place(part: Part, fold: int | None) -> Assignment:
    """The assignment, one object for all groups that have it."""
    return Assignment(part, fold)


def decide(
    groups: Sequence[Group], rules: SplitRules, taken: Iterable[tuple[str, Assignment]]
) -> list[Assignment]:
    """Decide groups as the rules say, see `assign` and `assign_stratified`."""
    return assign_stratified(groups, rules, taken) if rules.stratified else assign(groups, rules)


def assign(groups: Iterable[Group], rules: SplitRules) -> list[Assignment]:
    """Decide each group by its own hash: what else there is changes nothing.

    Args:
        groups: in any order.
        rules: shares, folds and seed.

    Returns:
        an assignment for each.
    """
    return [_by_hash(group.key, rules) for group in groups]


def assign_stratified(
    groups: Sequence[Group], rules: SplitRules, taken: Iterable[tuple[str, Assignment]]
) -> list[Assignment]:
    """Give each class its exact shares, and folds of one size, in the order of the groups' hashes.

    Args:
        groups: new ones, in any order.
        rules: shares, folds and seed.
        taken: class and place of every image that has its place already.

    Returns:
        an assignment for each. A class misses its shares by less than its largest group, and no two
        of its folds differ by more, but for what is taken.
    """
    filled = Counter(taken)
    parts = _Parts(rules, groups, filled)
    folds = _Folds(rules, filled)
    found = [place(Part.TRAIN, None)] * len(groups)
    for number in _in_order(groups, rules):
        group = groups[number]
        part = parts.take(group)
        found[number] = place(part, folds.take(group) if part is Part.TRAIN else None)
    return found


def _in_order(groups: Sequence[Group], rules: SplitRules) -> list[int]:
    """The groups' numbers in the order of their hashes."""
    keys = [(_unit(group.key, rules, b"part"), group.key) for group in groups]
    return sorted(range(len(groups)), key=keys.__getitem__)


class _Parts:
    """How full the parts are, by class."""

    def __init__(
        self, rules: SplitRules, groups: Iterable[Group], filled: Counter[tuple[str, Assignment]]
    ) -> None:
        self._shares = ((Part.TEST, rules.test), (Part.VALIDATION, rules.validation))
        self._filled: Counter[tuple[str, Part]] = Counter()
        self._totals: Counter[str] = Counter()
        for (label, placed), count in filled.items():
            self._filled[label, placed.part] += count
            self._totals[label] += count
        for group in groups:
            self._totals.update(group.labels)

    def take(self, group: Group) -> Part:
        """The first part with room for the group in its class; train takes the rest."""
        label, size = group.label, len(group.labels)
        for part, share in self._shares:
            if self._filled[label, part] + size <= round(share * self._totals[label]):
                for one in group.labels:
                    self._filled[one, part] += 1
                return part
        return Part.TRAIN


class _Folds:
    """The folds of train by class, the least filled one first: (images, rank, fold)."""

    def __init__(self, rules: SplitRules, filled: Counter[tuple[str, Assignment]]) -> None:
        self._rules = rules
        self._filled: Counter[tuple[str, int | None]] = Counter()
        for (label, placed), count in filled.items():
            self._filled[label, placed.fold] += count
        self._heaps: dict[str, list[tuple[int, float, int]]] = {}

    def take(self, group: Group) -> int | None:
        """The least filled fold in the group's class; None without folds."""
        if not self._rules.folds:
            return None
        heap = self._heaps.setdefault(group.label, []) or self._fill(group.label)
        images, rank, fold = heap[0]
        heapq.heapreplace(heap, (images + len(group.labels), rank, fold))
        return fold

    def _fill(self, label: str) -> list[tuple[int, float, int]]:
        heap = self._heaps[label]
        for fold in range(self._rules.folds):
            # An order of its own for each class: else the first folds had what is over of all.
            rank = _unit(f"{fold} {label}".encode(), self._rules, b"fold")
            heap.append((self._filled[label, fold], rank, fold))
        heapq.heapify(heap)
        return heap


def _by_hash(key: bytes, rules: SplitRules) -> Assignment:
    unit = _unit(key, rules, b"part")
    if unit < rules.test:
        return place(Part.TEST, None)
    if unit < rules.test + rules.validation:
        return place(Part.VALIDATION, None)
    fold = int(_unit(key, rules, b"fold") * rules.folds) if rules.folds else None
    return place(Part.TRAIN, fold)


def _unit(key: bytes, rules: SplitRules, purpose: bytes) -> float:
    """A number in 0..1 (1 left out), evenly spread over keys and seeds."""
    text = str(rules.seed).encode() + b"\0" + key
    digest = hashlib.blake2b(text, digest_size=8, person=purpose).digest()
    # 53 bits, which a float has: of 64 the largest would be rounded up to 1.
    return (int.from_bytes(digest, "big") >> 11) / 2**53
