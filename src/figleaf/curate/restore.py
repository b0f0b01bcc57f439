"""Bringing back what was set aside: a person's word, which no later cleaning overrules."""

import getpass
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from figleaf import labels
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.labelling import TOOLS, set_label
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import readable
from figleaf.dataset.quarantine import OF_SAFETY, Quarantine, set_aside
from figleaf.errors import InputError

_LEAST_DIGITS = 6
_HEX = frozenset("0123456789abcdef")
_WITH_OTHERS = f"""
SELECT image_id, quarantine FROM clusters JOIN images ON images.id = representative
WHERE quarantine IN ('{Quarantine.DENIED}', '{Quarantine.BLOCKLISTED}')
"""
_ASIDE = "SELECT id, quarantine FROM images WHERE quarantine IS NOT NULL"
_CLASSES = "SELECT DISTINCT label FROM images WHERE label IS NOT NULL ORDER BY label"


@dataclass(frozen=True, slots=True)
class Relabelled:
    """Images that have a class by a person's word now.

    Attributes:
        before: the class until then, None for none; it may be the same.
        after: the class.
        images: how many.
    """

    before: str | None
    after: str
    images: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back.

    Attributes:
        images: how many, by the reason that they were set aside for.
        in_use: how many of those asked for were in use already.
        refused: how many stay set aside, by reason: of safety, which nobody lifts.
        settled: how many of those in use were doubted, and are no more.
        relabelled: what the label did.
        classes: those that the data set had before; only where the label is neither one of them nor
            one of figleaf's, since it may be misspelt.
    """

    images: Mapping[str, int]
    in_use: int
    refused: Mapping[str, int]
    settled: int = 0
    relabelled: tuple[Relabelled, ...] = ()
    classes: tuple[str, ...] | None = None


def restore(
    folder: str | Path,
    images: Iterable[str] = (),
    *,
    reasons: Iterable[str] = (),
    label: str | None = None,
    who: str | None = None,
    why: str = "brought back",
) -> Restored:
    """Bring images back that were set aside, so that cleaning does not set them aside again.

    An event says who did it, when and why. What is denied, on a blocklist, or could not be compared
    with one stays where it is, and so do the copies of the first two. Of an image in use that
    screening doubts, this confirms the class: it is doubted no more. After duplicates were brought
    back, clean again before a split.

    Args:
        folder: the data set's.
        images: SHA-256 hashes in hex, or the first six digits or more of them, or paths of files.
        reasons: all images that are set aside for these: "too_small", "duplicate" and so on.
        label: the class that the images named have, by this person's word; None leaves it as it is.
        who: the person; by default the user's name on this machine.
        why: one line for people.

    Raises:
        InputError: neither images nor reasons; an unknown reason, or one that cannot be lifted; a
            hash of no image or of several; a name that a tool has; an empty label, or one for all
            of a reason.
        DatasetError: no data set there, or it cannot be opened, is in use, or its disk is full or
            read-only.
    """
    person = _person(who)
    wanted = _reasons(reasons)
    if isinstance(images, str):
        raise InputError(f"images={images!r}: give a list, [{images!r}]")
    images = list(images)
    if not images and not wanted:
        raise InputError(
            "name the images to bring back, or the reasons that they are set aside for"
        )
    if label is not None and (wanted or not label.strip()):
        raise InputError(
            f"label={label!r}: name a class, and the images that have it; of all that are set aside"
            " for a reason nobody has looked at each"
        )
    with disk_errors(Path(folder)), Ledger(folder, write=True, make=False) as ledger:
        found = dict(_named(ledger, images))
        found |= {image: reason for image, reason in ledger.read(_ASIDE) if reason in wanted}
        # What is the same picture as one that is denied, or on a blocklist, stays with that.
        found |= {image: why for image, why in ledger.read(_WITH_OTHERS) if found.get(image)}
        arguments = {"images": len(images), "reasons": sorted(wanted), "who": person}
        with ledger.run("restore", arguments, {}):
            word = None if label is None else readable(label.strip())
            return _brought_back(ledger, found, word, person, readable(why))


def _brought_back(
    ledger: Ledger, found: dict[int, str | None], label: str | None, who: str, why: str
) -> Restored:
    now = ledger.clock()
    refused = Counter(reason for reason in found.values() if reason in OF_SAFETY)
    free = {image: reason for image, reason in found.items() if reason not in OF_SAFETY}
    in_use = {image for image, reason in free.items() if reason is None}
    doubted = in_use & {image for (image,) in ledger.read("SELECT image_id FROM doubts")}
    classes = tuple(name for (name,) in ledger.read(_CLASSES))
    said = _said(ledger, free if label is not None else doubted, label)
    with ledger.transaction() as db:
        for image in free:
            set_aside(db, image, None, who=who, why=why, at=now)
        for image, (_, after) in said.items():
            set_label(db, image, after, who=who, why=why, at=now)
        db.executemany("DELETE FROM doubts WHERE image_id = ?", ((image,) for image in free))
    counts = Counter(reason for reason in free.values() if reason is not None)
    changes = Counter(said.values()) if label is not None else {}
    is_new = changes and label not in {*classes, *(one.name for one in labels.FIVE)}
    return Restored(
        images=dict(counts),
        in_use=len(in_use),
        refused=dict(refused),
        settled=len(doubted),
        relabelled=tuple(Relabelled(*pair, count) for pair, count in changes.items()),
        classes=classes if is_new else None,
    )


def _said(
    ledger: Ledger, images: Iterable[int], label: str | None
) -> dict[int, tuple[str | None, str]]:
    """Image -> its class before and after; a person confirms it where there is no new one."""
    found = {}
    for image in images:
        ((before,),) = ledger.read("SELECT label FROM images WHERE id = ?", (image,))
        after = label if label is not None else before
        if after is not None:  # what has lost its class since it was doubted has none to confirm
            found[image] = (before, after)
    return found


def _person(who: str | None) -> str:
    name = readable(who if who is not None else _user()).strip()
    if not name or name in TOOLS:
        raise InputError(f"who={name!r}: give a person's name, which is none of {', '.join(TOOLS)}")
    return name


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user that no list of users has
        return "somebody"


def _reasons(reasons: Iterable[str]) -> frozenset[str]:
    if isinstance(reasons, str):
        raise InputError(f"reasons={reasons!r}: give a list, [{reasons!r}]")
    wanted = frozenset(map(str, reasons))
    for reason in sorted(wanted):
        if reason not in set(Quarantine):
            known = ", ".join(sorted(set(Quarantine) - OF_SAFETY))
            raise InputError(f"no reason {reason!r}: they are {known}")
        if reason in OF_SAFETY:
            raise InputError(
                f"{reason}: nobody lifts it by hand; docs/data-safety.md says what does"
            )
    return wanted


def _named(ledger: Ledger, images: list[str]) -> Iterator[tuple[int, str | None]]:
    """The images that go by these hashes, and why they are set aside."""
    for name in images:
        digits = Path(name).name.partition(".")[0].lower()
        if not _LEAST_DIGITS <= len(digits) <= 64 or not set(digits) <= _HEX:
            raise InputError(
                f"{name!r}: no SHA-256 in hex; give {_LEAST_DIGITS} digits of it or more, or a path"
            )
        query = "SELECT id, quarantine FROM images WHERE sha256 BETWEEN ? AND ?"
        bounds = (bytes.fromhex(digits.ljust(64, "0")), bytes.fromhex(digits.ljust(64, "f")))
        found = ledger.read(query, bounds)
        if not found:
            raise InputError(f"{name!r}: no image of {ledger.folder} has this hash")
        if len(found) > 1:
            raise InputError(f"{name!r}: {len(found):,} images begin so; give more digits")
        yield found[0]
