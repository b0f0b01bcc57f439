"""What a data set has to train and test on."""

import hashlib
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.splitting.images import Image, Together, read_groups
from figleaf.curate.splitting.rules import Part
from figleaf.curate.splitting.split import check_split
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.store import Store
from figleaf.errors import DatasetError
from figleaf.models.card import can_be_class
from figleaf.training.examples import Examples

_FORMATS = "SELECT id, format FROM images WHERE quarantine IS NULL AND label IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Material:
    """The parts of a data set's split, and what tells this state of it from any other.

    Attributes:
        labels: the classes, sorted: those that train has.
        parts: train, validation and test; one that the split has not is empty.
        left_out: images in use that are of no part, or of a class that train has not.
        data_hash: SHA-256, in hex, of every image's hash, class and part.
        split: the split's fingerprint.
        split_seed: its seed.
    """

    labels: tuple[str, ...]
    parts: Mapping[Part, Examples]
    left_out: int
    data_hash: str
    split: str
    split_seed: int

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Class -> part -> images."""
        found = {
            part: np.bincount(examples.labels, minlength=len(self.labels))
            for part, examples in self.parts.items()
        }
        return {
            label: {str(part): int(counts[number]) for part, counts in found.items()}
            for number, label in enumerate(self.labels)
        }


def read_material(ledger: Ledger) -> Material:
    """The images of a split, in the order of their hashes, whatever order they came in.

    Raises:
        LeakError: the split has the same picture on both sides.
        DatasetError: there is no split, it cannot be relied on, or there is nothing to learn.
    """
    report = check_split(ledger.folder)
    placed = sorted(_placed(read_groups(ledger)), key=lambda one: one[0].sha256)
    trained = Counter(image.label for image, part, _ in placed if part is Part.TRAIN)
    if len(trained) < 2:
        here = shlex.quote(str(ledger.folder))
        raise DatasetError(
            f"{ledger.folder}: the part train has {len(trained)} of the at least two classes that a"
            f" classifier tells apart; `figleaf stats {here}` shows what there is"
        )
    labels = tuple(sorted(trained))
    if wrong := [label for label in labels if not can_be_class(label)]:
        raise DatasetError(
            f"{ledger.folder}: a model cannot have a class called {wrong[0]!r}, as a field of its"
            " results is; collect it under another name"
        )
    digest = hashlib.sha256()
    for image, part, _ in placed:
        digest.update(f"{image.sha256.hex()} {part} {image.label}\n".encode())
    formats = dict(ledger.read(_FORMATS))
    store = Store(ledger.folder)
    known = [one for one in placed if one[0].label in trained]
    parts = {
        part: _examples([one for one in known if one[1] is part], labels, store, formats)
        for part in Part
    }
    total = len(known)
    in_use = sum(report.counts.values()) + report.left_out
    return Material(
        labels, parts, in_use - total, digest.hexdigest(), report.fingerprint, report.rules.seed
    )


def _placed(groups: list[Together]) -> Iterator[tuple[Image, Part, int]]:
    """Every image that has a part, and the number of its group."""
    for group in groups:
        first = min(one.id for one in group.images)
        for image in group.images:
            if image.place:
                yield image, image.place.part, first


def _examples(
    placed: list[tuple[Image, Part, int]],
    labels: tuple[str, ...],
    store: Store,
    formats: Mapping[int, str],
) -> Examples:
    numbers = {label: number for number, label in enumerate(labels)}
    hashes = [image.sha256 for image, _, _ in placed]
    return Examples(
        [store.path(image.sha256, formats[image.id]) for image, _, _ in placed],
        hashes,
        np.array([numbers[image.label] for image, _, _ in placed], np.int64),
        _numbered([group for _, _, group in placed]),
    )


def _numbered(groups: list[int]) -> NDArray[np.int64]:
    """The groups from 0, in the order in which they come."""
    found: dict[int, int] = {}
    return np.array([found.setdefault(group, len(found)) for group in groups], np.int64)
