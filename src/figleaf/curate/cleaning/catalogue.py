"""All images of a data set that cleaning decides upon, in arrays: a million take 300 MB."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.cleaning.judge import Facts, Finding, judge
from figleaf.curate.cleaning.placeholders import Placeholders
from figleaf.curate.cleaning.rules import RULES, CleanRules
from figleaf.dataset.labelling import BY_A_PERSON, COLLECT
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import Quarantine

_PAGE = 10_000
_OURS = ", ".join(f"'{rule}'" for rule in RULES)
# Those that were never examined, too: what is on a blocklist is not opened.
_IMAGES = f"""
SELECT images.id, sha256, label, width, height, bytes, pdq, pdq_quality, quarantine,
       status, detail, spread, mirrored, inner_pdq, inner_mirrored, inner_quality
FROM images NOT INDEXED LEFT JOIN examinations ON image_id = images.id
WHERE images.id > ? ORDER BY images.id LIMIT {_PAGE}
"""
_BROUGHT_BACK = f"""
SELECT image_id, before FROM quarantines
WHERE after IS NULL AND before IS NOT NULL AND {BY_A_PERSON}
"""
_BY_PERSON = f"""
SELECT DISTINCT image_id FROM labels AS events WHERE {BY_A_PERSON}
AND id = (SELECT max(id) FROM labels WHERE image_id = events.image_id)
"""
_DISPUTED = f"""
SELECT id, (
    SELECT group_concat(label, ', ') FROM (
        SELECT DISTINCT listings.label FROM origins JOIN mentions USING (item_id)
        JOIN listings ON listings.id = listing_id
        WHERE image_id = images.id AND listings.reason IS NULL AND listings.label IS NOT NULL
        ORDER BY 1))
FROM images WHERE label IS NULL
  AND (SELECT who FROM labels WHERE image_id = images.id ORDER BY id DESC LIMIT 1) = '{COLLECT}'
  AND EXISTS (
    SELECT 1 FROM origins JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
    WHERE image_id = images.id AND listings.reason IS NULL GROUP BY image_id
    HAVING min(listings.label) < max(listings.label))
"""
_WHYS = f"""
SELECT image_id, why FROM quarantines JOIN images ON images.id = image_id
WHERE quarantine IN ({_OURS}) AND quarantines.id = (
    SELECT max(id) FROM quarantines AS events WHERE events.image_id = images.id)
"""


@dataclass(frozen=True, slots=True)
class Opinions:
    """What people said of images, which no rule overrules.

    Attributes:
        brought_back: images and the reasons that somebody has lifted of them.
        by_person: images whose class is a person's word.
        disputed: images without a class because their lists disagree -> the lists' classes.
    """

    brought_back: frozenset[tuple[int, str]]
    by_person: frozenset[int]
    disputed: Mapping[int, str]

    @classmethod
    def read(cls, ledger: Ledger) -> "Opinions":
        """Read them."""
        return cls(
            frozenset((image, reason) for image, reason in ledger.read(_BROUGHT_BACK)),
            frozenset(image for (image,) in ledger.read(_BY_PERSON)),
            dict(ledger.read(_DISPUTED)),
        )

    def admit(self, image: int, reason: Quarantine) -> bool:
        """Whether nobody has lifted a reason of an image."""
        return (image, reason) not in self.brought_back


class Role(IntEnum):
    """What an image is to the others that it is compared with, in order of rank."""

    FIXED = 0
    """It is set aside for another reason than cleaning's, and stays so; its copies stay with it."""
    CANDIDATE = 1
    """No rule drops it by itself."""
    BYSTANDER = 2
    """A rule drops it by itself; it only links others, for the split that it may come back to."""


@dataclass(slots=True)
class Candidates:
    """The images that can be compared; n of them.

    Attributes:
        ids: shape (n,), int64.
        sha256: shape (n, 32), uint8.
        labels: shape (n,), int32: which of `names`; -1 for no class.
        names: the classes.
        pixels: shape (n,), int64, width times height.
        sizes: shape (n,), int64, of the files in bytes.
        roles: shape (n,), int8, of `Role`.
        whole: shape (n, 32), uint8: PDQ of the whole pictures.
        mirrored: likewise, of their mirror images.
        bordered: shape (k,), int64: which of the n have a border; in ascending order.
        inner: shape (k, 32), uint8: PDQ without it.
        inner_mirrored: likewise.
    """

    ids: NDArray[np.int64]
    sha256: NDArray[np.uint8]
    labels: NDArray[np.int32]
    names: list[str]
    pixels: NDArray[np.int64]
    sizes: NDArray[np.int64]
    roles: NDArray[np.int8]
    whole: NDArray[np.uint8]
    mirrored: NDArray[np.uint8]
    bordered: NDArray[np.int64]
    inner: NDArray[np.uint8]
    inner_mirrored: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the rules say of each image alone, and what is left to be compared.

    Attributes:
        images: how many there are.
        findings: image -> the rule that drops it.
        aside: image -> the reason that it is set aside for, of those that are for another than
            cleaning's: none of its business, but what is near them is.
        before: image -> the reason and the line that it is set aside with so far.
        candidates: the images to compare.
        alone: disputed images that cannot be compared, their SHA-256, and their lists' classes.
    """

    images: int
    findings: dict[int, Finding]
    aside: dict[int, str]
    before: dict[int, tuple[str, str]]
    candidates: Candidates
    alone: list[tuple[int, bytes, str]]


def read_catalogue(
    ledger: Ledger, rules: CleanRules, placeholders: Placeholders, opinions: Opinions
) -> Catalogue:
    """Judge every image that was examined, and gather those to compare."""
    whys: dict[int, str] = dict(ledger.read(_WHYS))
    findings: dict[int, Finding] = {}
    aside: dict[int, str] = {}
    before: dict[int, tuple[str, str]] = {}
    gathered = _Gathered(rules)
    alone: list[tuple[int, bytes, str]] = []
    count = 0
    for row in _rows(ledger):
        if row.quarantine is not None and row.quarantine not in RULES:
            aside[row.id] = row.quarantine
            # One that could not be checked is not known to be anything; its copies were checked.
            unchecked = row.quarantine == Quarantine.UNCHECKED
            gathered.take(row, Role.BYSTANDER if unchecked else Role.FIXED)
            continue
        if row.status is None:  # by now only what could not be looked at
            continue
        count += 1
        if row.quarantine is not None:
            before[row.id] = (row.quarantine, whys.get(row.id, ""))
        finding = _judged(row, rules, placeholders, opinions)
        if finding:
            findings[row.id] = finding
            gathered.take(row, Role.BYSTANDER)
        elif not gathered.take(row, Role.CANDIDATE) and row.id in opinions.disputed:
            alone.append((row.id, row.sha256, opinions.disputed[row.id]))
    return Catalogue(count, findings, aside, before, gathered.candidates(), alone)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    sha256: bytes
    label: str | None
    width: int
    height: int
    size: int
    pdq: bytes | None
    quality: int | None
    quarantine: str | None
    status: str | None
    detail: str | None
    spread: float | None
    mirrored: bytes | None
    inner: bytes | None
    inner_mirrored: bytes | None
    inner_quality: int | None


def _rows(ledger: Ledger) -> Iterator[_Row]:
    last = 0
    while page := ledger.read(_IMAGES, (last,)):
        last = page[-1][0]
        yield from (_Row(*columns) for columns in page)


def _judged(
    row: _Row, rules: CleanRules, placeholders: Placeholders, opinions: Opinions
) -> Finding | None:
    """The first rule that drops an image and that nobody has lifted of it."""
    why = None
    if rules.holds(Quarantine.PLACEHOLDER):  # else many hashes would be compared for nothing
        why = placeholders.why(row.id, row.sha256, row.pdq, row.quality)
    facts = Facts(
        row.status or "", row.detail or "", row.width, row.height, row.size, row.spread, why
    )
    found = judge(facts, rules)
    return next((one for one in found if opinions.admit(row.id, one.reason)), None)


class _Gathered:
    """Collects the columns of candidates, numbers and hashes end to end: not an object each."""

    def __init__(self, rules: CleanRules) -> None:
        self._least = rules.min_quality
        self._numbers = array("q")
        self._count = 0
        self._bordered = array("q")
        self._labels: dict[str | None, int] = {None: -1}
        self._hashes = {name: bytearray() for name in _HASHES}

    def take(self, row: _Row, role: "Role") -> bool:
        """Take an image, if it can be compared."""
        if row.pdq is None or (row.quality or 0) < self._least:
            return False
        label = self._labels.setdefault(row.label, len(self._labels) - 1)
        self._numbers.extend((row.id, label, row.width * row.height, row.size, role))
        self._hashes["sha256"] += row.sha256
        self._hashes["whole"] += row.pdq
        self._hashes["mirrored"] += row.mirrored or _FAR
        if row.inner and row.inner_mirrored and (row.inner_quality or 0) >= self._least:
            self._bordered.append(self._count)
            self._hashes["inner"] += row.inner
            self._hashes["inner_mirrored"] += row.inner_mirrored
        self._count += 1
        return True

    def candidates(self) -> Candidates:
        """All that were taken."""
        numbers = np.array(self._numbers, np.int64).reshape(-1, 5)
        hashes: dict[str, Any] = {
            name: np.frombuffer(many, np.uint8).reshape(-1, 32)
            for name, many in self._hashes.items()
        }
        names = [name for name in self._labels if name is not None]
        return Candidates(
            ids=numbers[:, 0].copy(),
            labels=numbers[:, 1].astype(np.int32),
            names=names,
            pixels=numbers[:, 2].copy(),
            sizes=numbers[:, 3].copy(),
            roles=numbers[:, 4].astype(np.int8),
            bordered=np.array(self._bordered, np.int64),
            **hashes,
        )


_FAR = bytes(32)
"""In place of a hash that is not known: PDQ sets half of the bits, and none is near it."""
_HASHES = ("sha256", "whole", "mirrored", "inner", "inner_mirrored")
