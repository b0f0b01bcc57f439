"""The parts that the sources have their images in, taken as they are."""

from collections import defaultdict

from figleaf.curate.splitting.assign import Assignment, Group, assign
from figleaf.curate.splitting.images import Together
from figleaf.curate.splitting.leaks import Leak
from figleaf.curate.splitting.rules import Part, SplitRules
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, LeakError

_PARTS = """
SELECT DISTINCT image_id, sha256, part FROM origins JOIN mentions USING (item_id)
JOIN listings ON listings.id = listing_id JOIN images ON images.id = image_id
WHERE part != '' AND quarantine IS NULL ORDER BY image_id
"""
_NAMES = {
    Part.TRAIN: ("train", "training"),
    Part.VALIDATION: ("validation", "valid", "val", "dev"),
    Part.TEST: ("test", "testing", "eval"),
}
_BY_NAME = {name: part for part, names in _NAMES.items() for name in names}


def given_parts(ledger: Ledger, groups: list[Together], rules: SplitRules) -> dict[int, Assignment]:
    """Image -> the part that its sources have it in; images without one are not among them.

    Folds of train are decided by hashes, as ever.

    Raises:
        LeakError: the same file is in several parts.
        DatasetError: a part of another name, or no parts at all.
    """
    parts: defaultdict[tuple[int, bytes], set[Part]] = defaultdict(set)
    for image, sha256, name in ledger.read(_PARTS):
        parts[image, sha256].add(_part(ledger, name))
    if not parts:
        raise DatasetError(
            f"{ledger.folder}: its sources have no parts; without --by sources, hashes decide"
        )
    leaks = [
        Leak(sha256.hex(), sha256.hex(), _two(found), "the same file")
        for (_, sha256), found in parts.items()
        if len(found) > 1
    ]
    if leaks:
        raise LeakError(str(ledger.folder), list(map(str, leaks)))
    placed = {image: next(iter(found)) for (image, _), found in parts.items()}
    return {
        one.id: Assignment(placed[one.id], fold if placed[one.id] is Part.TRAIN else None)
        for group, fold in zip(groups, _folds(groups, rules), strict=True)
        for one in group.images
        if one.id in placed
    }


def _folds(groups: list[Together], rules: SplitRules) -> list[int | None]:
    """The fold of each group, were it in train."""
    everything = SplitRules(test=0, folds=rules.folds, seed=rules.seed)
    keyed = [Group(min(one.sha256 for one in some.images), ()) for some in groups]
    return [place.fold for place in assign(keyed, everything)]


def _part(ledger: Ledger, name: str) -> Part:
    part = _BY_NAME.get(name.strip().lower())
    if part is None:
        known = ", ".join(_BY_NAME)
        raise DatasetError(
            f"{ledger.folder}: a source has a part {name!r}, and --by sources knows {known}"
        )
    return part


def _two(parts: set[Part]) -> tuple[str, str]:
    first, second, *_ = sorted(parts)
    return first, second
