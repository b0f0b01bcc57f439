"""What will be exported, before anything is written: parts, classes, counts, what is refused."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.rows import Row
from figleaf.errors import DatasetError, InputError
from figleaf.export import names
from figleaf.export.report import Omission
from figleaf.export.rules import PARTS, By, ExportRules, Form, Unlabelled

NUMBERS = ("pdq_quality", "fold", "seconds")
"""Columns of numbers that an image may lack."""


_Key = tuple[str | None, str | None, str | None]
"""Figleaf's part, the sources', and the class."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image goes: its part and its class, None for none."""

    part: str | None
    label: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be exported.

    Attributes:
        rules: those that it follows.
        by: whose parts.
        wanted: how many images of the data set go where.
        size: of their files, in bytes.
        lacking: the `NUMBERS` that some of these images have none of.
        rows: how many images the data set has that are asked for, left out or not.
    """

    rules: ExportRules
    by: By
    wanted: Mapping[Place, int]
    size: int
    lacking: frozenset[str]
    rows: int

    @property
    def parts(self) -> tuple[str | None, ...]:
        """The parts that there are, in their usual order; (None,) for an export without parts."""
        found = {place.part for place in self.wanted}
        return tuple(part for part in (None, *PARTS) if part in found)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that there are, sorted."""
        return tuple(sorted({one.label for one in self.wanted if one.label is not None}))

    def place(self, row: Row) -> Place | Omission:
        """Where an image goes, or why nowhere."""
        place = _place(row, self.by, self.rules)
        if isinstance(place, Place) and place not in self.wanted:
            return Omission.CHANGED
        return place

    def notes(self) -> Iterator[str]:
        """What a user of the export should know."""
        if self.by is By.SOURCES:
            yield (
                "the parts are the sources', and were not checked for leaks; figleaf split --by"
                " sources checks them"
            )
        if self.rules.form is Form.IMAGEFOLDER:
            for one, other in names.alike(self.classes):
                yield (
                    f"classes {one!r} and {other!r} are one folder on Windows and macOS; there,"
                    " take another form"
                )
            first = {place.label for place in self.wanted if place.part == self.parts[0]}
            if len(first) == 1:
                yield (
                    "datasets takes no label where the first part has one class; the form"
                    " huggingface has it"
                )


def plan_export(data: Dataset, rules: ExportRules) -> Plan:
    """Look at all rows once.

    Args:
        data: the images that are asked for.
        rules: what becomes of them.

    Raises:
        InputError: nothing to export; a part or a class that the form cannot have.
        DatasetError: parts were asked for that the data set does not have.
    """
    groups = _grouped(data)
    by = _by(rules, {split for split, _, _ in groups}, {part for _, part, _ in groups})
    wanted: Counter[Place] = Counter()
    lacking: set[str] = set()
    rows = size = 0
    for (split, part, label), group in groups.items():
        chosen = _part(split, part, by)
        rows += group.count if not rules.split or chosen in rules.split else 0
        place = _placed(chosen, label, by, rules)
        if isinstance(place, Place):
            wanted[place] += group.count
            size += group.size
            lacking |= group.lacking
    plan = Plan(rules, by, wanted, size, frozenset(lacking), rows)
    _check(plan)
    return plan


@dataclass(slots=True)
class _Group:
    """Images with the same parts and the same class."""

    count: int = 0
    size: int = 0
    lacking: set[str] = field(default_factory=set)


def _grouped(data: Dataset) -> dict[_Key, _Group]:
    groups: defaultdict[_Key, _Group] = defaultdict(_Group)
    for row in data:
        group = groups[row.split, row.part, row.label]
        group.count += 1
        group.size += row.size
        group.lacking.update(name for name in NUMBERS if getattr(row, name) is None)
    if not groups:
        raise InputError("no image in use meets the conditions; nothing was written")
    return groups


def asked(data: Dataset, plan: Plan) -> Dataset:
    """The rows that are asked for: where parts were chosen, those of other parts are not."""
    if not plan.rules.split or plan.by is By.NONE:
        return data
    chosen = plan.rules.split
    return data.filter(split=chosen) if plan.by is By.FIGLEAF else data.filter(part=chosen)


def _by(rules: ExportRules, splits: set[str | None], parts: set[str | None]) -> By:
    found = [by for by, has in ((By.FIGLEAF, splits), (By.SOURCES, parts)) if has - {None}]
    by = rules.by or next(iter(found), By.NONE)
    if by is By.FIGLEAF and by not in found:
        raise DatasetError("no image has a part of figleaf's yet; figleaf split gives them one")
    if by is By.SOURCES and by not in found:
        raise DatasetError("the sources have no parts; figleaf split makes some, then by=figleaf")
    if by is By.NONE and rules.split:
        raise DatasetError(f"no parts, so no {rules.split[0]}; figleaf split makes them")
    return by


def _part(split: str | None, part: str | None, by: By) -> str | None:
    return {By.FIGLEAF: split, By.SOURCES: part, By.NONE: None}[by]


def _place(row: Row, by: By, rules: ExportRules) -> Place | Omission:
    return _placed(_part(row.split, row.part, by), row.label, by, rules)


def _placed(part: str | None, label: str | None, by: By, rules: ExportRules) -> Place | Omission:
    if by is not By.NONE and (part is None or (rules.split and part not in rules.split)):
        return Omission.NO_PART
    if label is None and rules.unlabelled is Unlabelled.LEAVE_OUT:
        return Omission.NO_CLASS
    return Place(part, label)


def _check(plan: Plan) -> None:
    """Raise InputError where there is nothing to export, or something that the form cannot have."""
    if not plan.rows:
        raise InputError(f"no image is in {' or '.join(plan.rules.split)}; nothing was written")
    if not plan.wanted:
        raise InputError(
            f"of {plan.rows:,} images none has what an export needs; nothing was written:"
            " unlabelled=include takes those without a class, by=none those without a part"
        )
    parts = {place.part for place in plan.wanted} - {None, *PARTS}
    if parts:
        odd = sorted(map(str, parts))[0]
        raise InputError(
            f"part {odd!r} of the sources is none of {', '.join(PARTS)}: choose some with split, or"
            " take by=none"
        )
    if plan.rules.form is Form.IMAGEFOLDER:
        names.check_folders(plan.classes)
        if names.NONE in plan.classes and None in {place.label for place in plan.wanted}:
            raise InputError("a class is called 'none', as the folder of images without a class")
    if plan.rules.form is Form.WEBDATASET:
        names.check_lines(plan.classes)
