"""Splitting, wired: groups, their parts, the check for leaks, and only then the ledger."""

import hashlib
import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path

from figleaf.curate.splitting.assign import Assignment, decide
from figleaf.curate.splitting.given import given_parts
from figleaf.curate.splitting.images import (
    Together,
    comparison,
    group_of,
    read_films,
    read_groups,
)
from figleaf.curate.splitting.leaks import MOST_LEAKS, Comparison, Placed, find_leaks
from figleaf.curate.splitting.rules import By, SplitChanges, SplitRules
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, InputError, LeakError
from figleaf.images.phash import MIN_QUALITY

_COMPARED = "compared"
"""Among the arguments of a split's run, beside its rules: what the leak check compared."""


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What a split came to.

    Attributes:
        rules: how it was made.
        counts: (class, part) -> images in use.
        folds: fold -> images in use.
        new: images that got their part now.
        left_out: images in use without a part: they are near duplicates of images on both sides,
            or their sources have them in no part.
        unlabelled: images in use without a class, which are in no part either.
        fingerprint: SHA-256, in hex, of every image's hash, part and fold: the same for the same
            split, wherever it was made.
    """

    rules: SplitRules
    counts: Mapping[tuple[str, str], int]
    folds: Mapping[int, int]
    new: int
    left_out: int
    unlabelled: int
    fingerprint: str


def split(
    folder: str | Path, *, rules: SplitRules | SplitChanges | None = None, anew: bool = False
) -> SplitReport:
    """Split a data set into train, test and, if wanted, validation and folds.

    Each group of near duplicates, and all frames of a film, go to one part, decided by a hash of
    the seed and the group: the same seed and data give the same split on every machine. Images that
    were split before keep their part, whatever comes later; the same call again gives parts to new
    ones alone.

    Args:
        folder: the data set's, cleaned.
        rules: shares, folds, seed; by default those of the split that is there, also with `anew`,
            else .85/.15. Of `SplitChanges`, what is None is as by default.
        anew: drop the split that is there. What was tested with it is not comparable any more.

    Raises:
        LeakError: the same picture or film would be on both sides; nothing is written.
        DatasetError: no data set there; it was not cleaned since its last images came, or compared
            less than when it was split; it cannot be opened, is in use, or its disk is full or
            read-only.
        InputError: other rules than those of the split that is there, without `anew`.
    """
    with disk_errors(Path(folder)), Ledger(folder, write=True, make=False) as ledger:
        compared = comparison(ledger)
        made = read_made(ledger)
        rules = _settled(ledger, made, rules, anew)
        if made and not anew:
            _refuse_less(ledger, made, compared)
        groups = read_groups(ledger, anew=anew)
        placed = _placed(ledger, groups, rules)
        _refuse_leaks(ledger, groups, placed, compared)
        arguments = rules.as_dict() | {_COMPARED: asdict(compared)}
        with ledger.run("split", arguments, {}) as run, ledger.transaction() as db:
            if anew:
                db.execute("DELETE FROM splits")
            # The rules that hold are those of the last run that has rows.
            rows = ((image, one.part, one.fold, run) for image, one in _new(groups, placed))
            new = db.executemany("INSERT INTO splits VALUES (?, ?, ?, ?)", rows).rowcount
        return _report(ledger, groups, placed, rules, max(new, 0))


def check_split(folder: str | Path) -> SplitReport:
    """Check the split that is there for leaks; nothing is written.

    Raises:
        LeakError: the same picture or film is on both sides.
        DatasetError: no data set or no split there; it was not cleaned since its last images came,
            or compared less than when it was split.
    """
    with Ledger(folder) as ledger:
        made = read_made(ledger)
        if made is None:
            raise DatasetError(f"{folder}: not split yet; figleaf split makes a split")
        compared = comparison(ledger)
        _refuse_less(ledger, made, compared)
        groups = read_groups(ledger)
        placed = dict(_kept(groups))
        _refuse_leaks(ledger, groups, placed, compared)
        return _report(ledger, groups, placed, made.rules, 0)


@dataclass(frozen=True, slots=True)
class Made:
    """How the split that is there was made; `compared` is None where that was not noted."""

    rules: SplitRules
    compared: Comparison | None


def read_made(ledger: Ledger) -> Made | None:
    """How the split that is there was made; None where there is none."""
    query = "SELECT arguments FROM runs WHERE id = (SELECT max(run_id) FROM splits)"
    for (text,) in ledger.read(query):
        arguments = json.loads(text)
        compared = arguments.pop(_COMPARED, None)
        return Made(SplitRules(**arguments), Comparison(**compared) if compared else None)
    return None


def _settled(
    ledger: Ledger, made: Made | None, asked: SplitRules | SplitChanges | None, anew: bool
) -> SplitRules:
    """The rules that hold, if they may."""
    before = made.rules if made else SplitRules()
    if asked is None:
        return before
    rules = asked.on(before) if isinstance(asked, SplitChanges) else asked
    if made and not anew and rules != before:
        old, new = before.as_dict(), rules.as_dict()
        changed = [name for name in old if old[name] != new[name]]
        raise InputError(
            f"{ledger.folder}: its split was made with"
            f" {', '.join(_told(name, old[name]) for name in changed)}, and you gave"
            f" {', '.join(_told(name, new[name]) for name in changed)}; anew=True makes another,"
            " and what was tested with the first is not comparable any more"
        )
    return rules


def _told(name: str, value: object) -> str:
    """A value of the rules, as messages say it."""
    if name == "stratified":
        return "--stratify" if value else "--no-stratify"
    return f"--by {value}" if name == "by" else f"{name} {value}"


def _refuse_less(ledger: Ledger, made: Made, compared: Comparison) -> None:
    """Raise DatasetError where leaks would not be found that were when the split was made."""
    if made.compared is None or not compared.finds_less_than(made.compared):
        return
    needed = compared.and_more(made.compared)
    here = shlex.quote(str(ledger.folder))
    raise DatasetError(
        f"{ledger.folder}: its last cleaning compared less ({_options(compared)}) than the one that"
        f" its split was made after ({_options(made.compared)}), and duplicates on both sides would"
        f" not be found; first: figleaf clean {here} {_options(needed)}; or: figleaf split {here}"
        " --anew"
    )


def _options(compared: Comparison) -> str:
    """How images are compared, as options of `figleaf clean`."""
    words = [f"--distance {compared.distance}"]
    if compared.min_quality != MIN_QUALITY:
        words.append(f"--min-quality {compared.min_quality}")
    return " ".join(words if compared.mirrored else [*words, "--no-mirrored"])


def _placed(ledger: Ledger, groups: list[Together], rules: SplitRules) -> dict[int, Assignment]:
    """Image -> where it goes, of all that go anywhere."""
    placed = dict(_kept(groups))
    if rules.by is By.SOURCES:
        return placed | given_parts(ledger, groups, rules)
    fresh = []
    for group in groups:
        places = group.places
        if not places:
            fresh.append(group.images)
        elif len(places) == 1:  # of several, it connects what must stay where it is
            (found,) = places
            placed.update((one.id, found) for one in group.images)
    taken = (
        (one.label, placed[one.id]) for group in groups for one in group.images if one.id in placed
    )
    decided = decide([group_of(images) for images in fresh], rules, taken)
    for images, found in zip(fresh, decided, strict=True):
        for one in images:
            placed[one.id] = found
    return placed


def _kept(groups: Iterable[Together]) -> Iterator[tuple[int, Assignment]]:
    return ((one.id, one.place) for group in groups for one in group.images if one.place)


def _new(
    groups: Iterable[Together], placed: Mapping[int, Assignment]
) -> Iterator[tuple[int, Assignment]]:
    """The images whose place is not in the ledger."""
    for group in groups:
        for one in group.images:
            if not one.place and one.id in placed:
                yield one.id, placed[one.id]


def _refuse_leaks(
    ledger: Ledger,
    groups: list[Together],
    placed: Mapping[int, Assignment],
    compared: Comparison,
) -> None:
    """Raise LeakError where a split would have one."""

    def places(images: Iterable[int]) -> list[Placed]:
        return [Placed(one, str(placed[one])) for one in images if one in placed]

    leaks = list(
        find_leaks(
            ledger,
            (places(one.id for one in group.images) for group in groups if len(group.images) > 1),
            map(places, read_films(ledger)),
            compared,
        )
    )
    if leaks:
        raise LeakError(str(ledger.folder), list(map(str, leaks)), MOST_LEAKS)


def _report(
    ledger: Ledger,
    groups: list[Together],
    placed: Mapping[int, Assignment],
    rules: SplitRules,
    new: int,
) -> SplitReport:
    counts: Counter[tuple[str, Assignment]] = Counter()
    digest = hashlib.sha256()
    images = sorted((one for group in groups for one in group.images), key=attrgetter("sha256"))
    for image in images:
        if found := placed.get(image.id):
            counts[image.label, found] += 1
            digest.update(f"{image.sha256.hex()} {found}\n".encode())
    parts: Counter[tuple[str, str]] = Counter()
    folds: Counter[int] = Counter()
    for (label, one), count in counts.items():
        parts[label, one.part] += count
        if one.fold is not None:
            folds[one.fold] += count
    query = "SELECT count(*) FROM images WHERE quarantine IS NULL AND label IS NULL"
    ((unlabelled,),) = ledger.read(query)
    left_out = len(images) - counts.total()
    return SplitReport(rules, parts, folds, new, left_out, unlabelled, digest.hexdigest())
