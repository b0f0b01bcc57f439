"""Screening, wired: scores, doubts, the list for review, and, where it is asked for, quarantine."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from figleaf.curate.screening.doubts import Doubt, DoubtKind
from figleaf.curate.screening.looks import Look, open_look
from figleaf.curate.screening.rules import ScreenRules
from figleaf.curate.screening.scores import (
    Image,
    Scored,
    count_unscored,
    read_scored,
    score_all,
)
from figleaf.curate.screening.settled import SETTLED
from figleaf.curate.watch import Watch
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import Quarantine, set_all_aside
from figleaf.dataset.store import Store
from figleaf.errors import InputError


@dataclass(frozen=True, slots=True)
class Doubted:
    """An image that is doubted.

    Attributes:
        path: of its file.
        sha256: in hex.
        label: its class.
        kind: what is doubted.
        doubt: how much, 0..1.
        detail: what the model says.
    """

    path: str
    sha256: str
    label: str
    kind: DoubtKind
    doubt: float
    detail: str


@dataclass(frozen=True, slots=True)
class ScreenReport:
    """What screening came to.

    Attributes:
        who: what its doubts are filed under: "screen", or "likeness" for a model without classes.
        model: which looked, and how it computed.
        images: how many it has seen, now and before.
        scored: how many of them now.
        unreadable: how many it could not read.
        not_screened: classes that stand for none of figleaf's, or that are too small to look like
            anything -> images.
        counts: (class, kind) -> images that are doubted.
        doubted: those, the most doubtful first, as many as the limit says.
        set_aside: how many were set aside now.
        brought_back: how many are in use again, as they are doubted no more.
    """

    who: str
    model: str
    images: int
    scored: int
    unreadable: int
    not_screened: Mapping[str, int]
    counts: Mapping[tuple[str, DoubtKind], int]
    doubted: Sequence[Doubted]
    set_aside: int
    brought_back: int


def screen(
    folder: str | Path,
    *,
    rules: ScreenRules | None = None,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
) -> ScreenReport:
    """Look, with a model and before any training, for images that are none of their class.

    Safe images among the unsafe, unsafe ones among the safe, those of another class altogether, or,
    with a model without classes, those unlike the rest of their class: ranked, and listed for
    review or set aside. What a person has labelled, or brought back, is
    doubted no more. Scores are kept: the same call with other limits takes little time.

    Args:
        folder: the data set's.
        rules: the model and the limits.
        watch: is told how it goes.

    Returns:
        what is doubted, and how much.

    Raises:
        DatasetError: no data set there, or it cannot be opened, is in use, or its disk is full or
            read-only. What was scored is kept: the same call goes on.
        ModelError: the model cannot be used, or has classes that are none of figleaf's.
        InputError: no image has a class that is said to stand for another.
    """
    rules = rules or ScreenRules()
    with (
        disk_errors(Path(folder)),
        Ledger(folder, write=True, make=False) as ledger,
        ExitStack() as stack,
    ):
        _refuse_unknown(ledger, rules)
        look = open_look(ledger, rules, stack, watch)
        with ledger.run("screen", rules.as_dict(), look.hashes):
            waiting = count_unscored(ledger, look.tag, look.labels)
            watch.start("scoring", waiting)
            score_all(ledger, look.score, look.tag, look.labels, watch.done)
            return _judged(ledger, rules, look, waiting)


def _refuse_unknown(ledger: Ledger, rules: ScreenRules) -> None:
    """Raise InputError where a class of one's own is none that there is."""
    query = "SELECT DISTINCT label FROM images WHERE label IS NOT NULL ORDER BY label"
    known = [label for (label,) in ledger.read(query)] if rules.same else []
    for own in rules.same:
        if own not in known:
            there = f"there are {', '.join(known)}" if known else "there is no class"
            raise InputError(f"same={own!r}: no image here has the class {own!r}; {there}")


def _judged(ledger: Ledger, rules: ScreenRules, look: Look, scored: int) -> ScreenReport:
    settled = {image for (image,) in ledger.read(SETTLED)}
    seen: Counter[str] = Counter()
    aside: set[int] = set()

    def readable() -> Iterator[Scored]:
        for one in read_scored(ledger, look.tag, look.labels):
            seen["images"] += 1
            if one.scores is None:
                seen["unreadable"] += 1
                continue
            if one.aside_by == look.who:
                aside.add(one.image.id)
            elif one.aside_by:  # the other way of screening has set it aside, and may bring it back
                settled.add(one.image.id)
            yield one

    # All are compared with each other, and only then is it asked which of them may be doubted.
    doubts = list(look.doubts(readable()))
    found = [(image, doubt) for image, doubt in doubts if image.id not in settled]
    counts = Counter((one.label, doubted.kind) for one, doubted in found)
    most = _most_doubtful(found, rules.limit)
    changes = _changes(most, aside) if rules.quarantine else []
    _write(ledger, look.who, most, changes)
    return ScreenReport(
        who=look.who,
        model=look.tag,
        images=seen["images"],
        scored=scored,
        unreadable=seen["unreadable"],
        not_screened=look.not_screened,
        counts=counts,
        doubted=list(_described(ledger, most)),
        set_aside=sum(reason is not None for _, reason, _ in changes),
        brought_back=sum(reason is None for _, reason, _ in changes),
    )


def _most_doubtful(
    found: list[tuple[Image, Doubt]], limit: int | None
) -> list[tuple[Image, Doubt]]:
    """The most doubtful first; of equal ones the order is that of their hashes."""
    most = len(found) if limit is None else limit
    return heapq.nsmallest(most, found, key=lambda pair: (-pair[1].degree, pair[0].sha256))


def _changes(most: list[tuple[Image, Doubt]], aside: set[int]) -> list[tuple[int, str | None, str]]:
    doubted = {one.id: found for one, found in most}
    changes: list[tuple[int, str | None, str]] = [
        (image, Quarantine.SCREENED, f"{found.kind}: {found.detail}")
        for image, found in doubted.items()
        if image not in aside
    ]
    changes += [
        (image, None, "not among the most doubtful any more")
        for image in sorted(aside - doubted.keys())
    ]
    return changes


def _write(
    ledger: Ledger,
    who: str,
    most: list[tuple[Image, Doubt]],
    changes: list[tuple[int, str | None, str]],
) -> None:
    now = ledger.clock()
    rows = ((one.id, who, found.kind, found.degree, found.detail, now) for one, found in most)
    with ledger.transaction() as db:
        db.execute("DELETE FROM doubts WHERE who = ?", (who,))
        db.executemany("INSERT INTO doubts VALUES (?, ?, ?, ?, ?, ?)", rows)
        set_all_aside(db, changes, who=who, at=now)


def _described(ledger: Ledger, most: list[tuple[Image, Doubt]]) -> Iterator[Doubted]:
    store = Store(ledger.folder)
    for one, found in most:
        path = str(store.path(one.sha256, one.format))
        yield Doubted(
            path, one.sha256.hex(), one.label, found.kind, round(found.degree, 6), found.detail
        )
