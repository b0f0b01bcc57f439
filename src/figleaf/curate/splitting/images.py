"""The images to split, in groups that must not be parted."""

import json
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from sys import intern

from figleaf.curate.splitting.assign import Assignment, Group, place
from figleaf.curate.splitting.leaks import Comparison
from figleaf.curate.splitting.rules import Part
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError

_PAGE = 20_000
_IMAGES = f"""
SELECT images.id, sha256, label, group_id, part, fold FROM images NOT INDEXED
LEFT JOIN clusters ON clusters.image_id = images.id
LEFT JOIN splits ON splits.image_id = images.id
WHERE images.id > ? AND quarantine IS NULL AND label IS NOT NULL
ORDER BY images.id LIMIT {_PAGE}
"""
_SEVERAL = "SELECT group_id FROM clusters GROUP BY group_id HAVING count(*) > 1"
_ASIDE = """
SELECT coalesce(group_id, images.id), part, fold FROM splits
JOIN images ON images.id = splits.image_id LEFT JOIN clusters ON clusters.image_id = images.id
WHERE quarantine IS NOT NULL OR label IS NULL
"""
_FRAMES = """
SELECT item_id, image_id, coalesce(group_id, image_id) FROM origins
LEFT JOIN clusters USING (image_id) WHERE seconds IS NOT NULL ORDER BY item_id
"""
# The one that wrote the clusters that are there, whether or not it came to its end.
_LAST_CLEANING = "SELECT arguments FROM runs JOIN compared ON run_id = runs.id"
# Without an index, whose order would lead back and forth over the table.
_UNCOMPARED = """
SELECT count(*) FROM images NOT INDEXED LEFT JOIN examinations ON examinations.image_id = images.id
LEFT JOIN clusters ON clusters.image_id = images.id
WHERE quarantine IS NULL AND label IS NOT NULL
  AND (status IS NULL OR (representative IS NULL AND status = 'ok' AND pdq_quality >= ?))
"""


@dataclass(frozen=True, slots=True)
class Image:
    """An image in use that has a class, and the place that it has so far, if any."""

    id: int
    sha256: bytes
    label: str
    place: Assignment | None


@dataclass(frozen=True, slots=True)
class Together:
    """Images that must not be parted.

    Attributes:
        images: those in use, in the order in which they came.
        aside: the places of those that were split and are in use no more.
    """

    images: tuple[Image, ...]
    aside: frozenset[Assignment] = frozenset()

    @property
    def places(self) -> set[Assignment]:
        """Where any of them is so far."""
        return {*self.aside, *(one.place for one in self.images if one.place)}


def group_of(images: Sequence[Image]) -> Group:
    """What is decided by hash, of images that go to one place."""
    return Group(min(one.sha256 for one in images), tuple(one.label for one in images))


def comparison(ledger: Ledger) -> Comparison:
    """How the last cleaning compared images.

    Raises:
        DatasetError: there was none, or images came since: duplicates could be on both sides.
    """
    last = ledger.read(_LAST_CLEANING)
    if not last:
        raise DatasetError(
            f"{ledger.folder}: not cleaned yet, and duplicates on both sides of a split make the"
            f" test worthless; first: figleaf clean {shlex.quote(str(ledger.folder))}"
        )
    rules = json.loads(last[0][0])
    ((count,),) = ledger.read(_UNCOMPARED, (rules["min_quality"],))
    if count:
        raise DatasetError(
            f"{ledger.folder}: {count:,} {'image' if count == 1 else 'images'} came, or came back,"
            " since the last cleaning, compared with none of the others; first:"
            f" figleaf clean {shlex.quote(str(ledger.folder))}"
        )
    return Comparison(rules["distance"], rules["min_quality"], rules["mirrored"])


def read_groups(ledger: Ledger, *, anew: bool = False) -> list[Together]:
    """All images in use that have a class, with what they must not be parted from.

    Args:
        ledger: of the data set.
        anew: as if there were no split yet.
    """
    roots = _Roots()
    for film in _films(ledger):
        for _, group in film[1:]:
            roots.unite(film[0][1], group)
    several = {group for (group,) in ledger.read(_SEVERAL)} | roots.united
    found: list[Together] = []
    images: defaultdict[int, list[Image]] = defaultdict(list)
    for image, group in _images(ledger, anew):
        if group in several:
            images[roots.of(group)].append(image)
        else:
            found.append(Together((image,)))
    aside: defaultdict[int, set[Assignment]] = defaultdict(set)
    for group, part, fold in [] if anew else ledger.read(_ASIDE):
        aside[roots.of(group)].add(place(Part(part), fold))
    found += [Together(tuple(some), frozenset(aside[root])) for root, some in images.items()]
    return found


def read_films(ledger: Ledger) -> Iterator[list[int]]:
    """Images that are frames of the same film, of each that has several."""
    return ([image for image, _ in film] for film in _films(ledger))


def _images(ledger: Ledger, anew: bool) -> Iterator[tuple[Image, int]]:
    last = 0
    while rows := ledger.read(_IMAGES, (last,)):
        last = rows[-1][0]
        for number, sha256, label, group, part, fold in rows:
            where = place(Part(part), fold) if part and not anew else None
            yield (
                Image(number, sha256, intern(label), where),
                number if group is None else group,
            )


def _films(ledger: Ledger) -> Iterator[list[tuple[int, int]]]:
    """The frames of items that have several: image and its group."""
    for _, rows in groupby(ledger.read(_FRAMES), key=itemgetter(0)):
        film = [(image, group) for _, image, group in rows]
        if len(film) > 1:
            yield film


class _Roots:
    """Which groups belong together, as trees (Tarjan's union-find); most are alone."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    @property
    def united(self) -> set[int]:
        """The groups that are not alone."""
        return {*self._above, *self._above.values()}

    def of(self, group: int) -> int:
        while group in self._above:
            above = self._above[group]
            if above in self._above:
                self._above[group] = self._above[above]
            group = above
        return group

    def unite(self, one: int, other: int) -> None:
        one, other = self.of(one), self.of(other)
        if one != other:
            self._above[max(one, other)] = min(one, other)
