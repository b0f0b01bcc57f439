"""The parts that the sources have their images in, taken as they are."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from figleaf.curate.splitting.assign import Assignment, decide, place
from figleaf.curate.splitting.images import Image, Together, group_of
from figleaf.curate.splitting.leaks import MOST_LEAKS, Leak
from figleaf.curate.splitting.rules import Part, SplitRules
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, LeakError

_PAGE = 20_000
_PARTS = """
SELECT images.id, part FROM images NOT INDEXED CROSS JOIN origins ON image_id = images.id
CROSS JOIN mentions USING (item_id) CROSS JOIN listings ON listings.id = listing_id
WHERE images.id BETWEEN ? AND ? AND part != '' AND quarantine IS NULL
  AND images.label IS NOT NULL
"""
_NAMES = {
    Part.TRAIN: ("train", "training"),
    Part.VALIDATION: ("validation", "valid", "val", "dev"),
    Part.TEST: ("test", "testing", "eval"),
}
_BY_NAME = {name: part for part, names in _NAMES.items() for name in names}


def given_parts(ledger: Ledger, groups: list[Together], rules: SplitRules) -> dict[int, Assignment]:
    """Image -> the part that its sources have it in, of those that have none yet.

    Images that no source has in a part are not among them. Folds of train are decided by hashes, as
    ever; what connects groups of several folds is left out.

    Raises:
        LeakError: the same file is in several parts.
        DatasetError: a part of another name, or no parts at all.
    """
    parts = _read_parts(ledger)
    placed: dict[int, Assignment] = {}
    fresh: list[list[Image]] = []
    for group in groups:
        train = []
        for one in group.images:
            if not one.place and (part := parts.get(one.id)):
                if part is Part.TRAIN:
                    train.append(one)
                else:
                    placed[one.id] = place(part, None)
        folds = {one for one in group.places if one.part is Part.TRAIN}
        if len(folds) == 1:
            placed |= dict.fromkeys((one.id for one in train), next(iter(folds)))
        elif train and not folds:
            fresh.append(train)
    return placed | dict(_train(fresh, groups, rules))


def _train(
    fresh: list[list[Image]], groups: list[Together], rules: SplitRules
) -> Iterator[tuple[int, Assignment]]:
    """Images that are in train by their sources, and in no fold yet, with their folds."""
    everything = replace(rules, test=0, validation=0)
    taken = ((one.label, one.place) for group in groups for one in group.images if one.place)
    places = decide([group_of(images) for images in fresh], everything, taken)
    for images, found in zip(fresh, places, strict=True):
        yield from ((one.id, found) for one in images)


def _read_parts(ledger: Ledger) -> dict[int, Part]:
    """Image -> part, of those in use that have a class and a part."""
    names: dict[str, Part] = {}
    parts: dict[int, Part] = {}
    several: defaultdict[int, set[Part]] = defaultdict(set)
    for image, name in _rows(ledger):
        part = names.get(name) or names.setdefault(name, _part(ledger, name))
        if parts.setdefault(image, part) is not part:
            several[image] |= {part, parts[image]}
    if several:
        first = sorted(several.items())[:MOST_LEAKS]
        leaks = [str(_leak(ledger, image, found)) for image, found in first]
        raise LeakError(str(ledger.folder), leaks, MOST_LEAKS)
    if not parts:
        raise DatasetError(
            f"{ledger.folder}: its sources have no parts; with --by hash, hashes decide"
        )
    return parts


def _rows(ledger: Ledger) -> Iterator[tuple[int, str]]:
    ((last,),) = ledger.read("SELECT coalesce(max(id), 0) FROM images")
    for first in range(1, last + 1, _PAGE):
        yield from ledger.read(_PARTS, (first, first + _PAGE - 1))


def _part(ledger: Ledger, name: str) -> Part:
    part = _BY_NAME.get(name.strip().lower())
    if part is None:
        known = ", ".join(_BY_NAME)
        raise DatasetError(
            f"{ledger.folder}: a source has a part {name!r}, and --by sources knows {known}"
        )
    return part


def _leak(ledger: Ledger, image: int, parts: set[Part]) -> Leak:
    sha256 = ledger.read("SELECT sha256 FROM images WHERE id = ?", (image,))[0][0].hex()
    first, second, *_ = sorted(parts)
    return Leak(sha256, sha256, (first, second), "the same file")
