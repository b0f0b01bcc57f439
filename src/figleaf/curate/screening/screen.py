"""Screening, wired: scores, doubts, the list for review, and, where it is asked for, quarantine."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from figleaf import labels
from figleaf.classify.classifier import Classifier, load
from figleaf.curate.screening.doubts import Doubt, DoubtKind, doubt, expected_class
from figleaf.curate.screening.rules import ScreenRules
from figleaf.curate.screening.scores import (
    Image,
    count_labels,
    count_unscored,
    model_tag,
    read_scored,
    score_all,
)
from figleaf.curate.watch import Watch
from figleaf.dataset.labelling import SCREEN, TOOLS
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import Quarantine, set_all_aside
from figleaf.dataset.store import Store
from figleaf.errors import ModelError

_TOOLS = ", ".join(f"'{tool}'" for tool in TOOLS)
_LOOKED_AT = f"""
SELECT DISTINCT image_id FROM labels WHERE who NOT IN ({_TOOLS})
UNION SELECT image_id FROM quarantines
WHERE before = '{Quarantine.SCREENED}' AND after IS NULL AND who NOT IN ({_TOOLS})
"""


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
        model: which looked, and how it computed.
        images: how many it has seen, now and before.
        scored: how many of them now.
        unreadable: how many it could not read.
        not_screened: classes that stand for none of figleaf's -> images.
        counts: (class, kind) -> images that are doubted.
        doubted: those, the most doubtful first, as many as the limit says.
        set_aside: how many were set aside now.
        brought_back: how many are in use again, as they are doubted no more.
    """

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

    Safe images among the unsafe, unsafe ones among the safe, and those of another class altogether:
    ranked, and listed for review or set aside. What a person has labelled, or brought back, is
    doubted no more. Scores are kept: the same call with other limits takes little time.

    Args:
        folder: the data set's.
        rules: the model and the limits.
        watch: is told how it goes.

    Returns:
        what is doubted, and how much.

    Raises:
        DatasetError: no data set there, or it cannot be opened, or is in use.
        ModelError: the model cannot be used, or has no classes of figleaf's.
    """
    rules = rules or ScreenRules()
    with (
        Ledger(folder, write=True, make=False) as ledger,
        _loaded(rules) as classifier,
        ledger.run("screen", rules.as_dict(), classifier.model.card.sha256),
    ):
        model = model_tag(classifier, scaled=rules.fast)
        counts = count_labels(ledger)
        expected = {name: found for name in counts if (found := expected_class(name, rules))}
        waiting = count_unscored(ledger, model, expected)
        watch.start("scoring", waiting)
        score_all(ledger, classifier, model, expected, watch.done)
        not_screened = {name: count for name, count in counts.items() if name not in expected}
        return _judged(ledger, rules, model, expected, waiting, not_screened)


def _loaded(rules: ScreenRules) -> Classifier:
    """The classifier, if it tells safe from unsafe: by another all would seem safe."""
    classifier = load(rules.model, fast=rules.fast)
    card = classifier.model.card
    if {found.unsafe for name in card.labels if (found := labels.find(name))} != {False, True}:
        classifier.close()
        raise ModelError(
            f"{card.name} cannot screen: of its classes ({', '.join(card.labels)}) none is a safe"
            " one of figleaf's, or none an unsafe one; figleaf models lists others"
        )
    return classifier


def _judged(
    ledger: Ledger,
    rules: ScreenRules,
    model: str,
    expected: Mapping[str, labels.Label],
    scored: int,
    not_screened: Mapping[str, int],
) -> ScreenReport:
    looked_at = {image for (image,) in ledger.read(_LOOKED_AT)}
    seen: Counter[str] = Counter()
    aside: set[int] = set()
    found: list[tuple[Image, Doubt]] = []
    for one in read_scored(ledger, model, expected):
        image = one.image
        seen["images"] += 1
        if one.scores is None:
            seen["unreadable"] += 1
            continue
        if one.is_aside:
            aside.add(image.id)
        contradiction = doubt(expected[image.label], one.scores, rules)
        if contradiction and image.id not in looked_at:
            found.append((image, contradiction))
    counts = Counter((one.label, doubted.kind) for one, doubted in found)
    most = _most_doubtful(found, rules.limit)
    changes = _changes(most, aside) if rules.quarantine else []
    _write(ledger, most, changes)
    return ScreenReport(
        model=model,
        images=seen["images"],
        scored=scored,
        unreadable=seen["unreadable"],
        not_screened=not_screened,
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
    most: list[tuple[Image, Doubt]],
    changes: list[tuple[int, str | None, str]],
) -> None:
    now = ledger.clock()
    rows = ((one.id, SCREEN, found.kind, found.degree, found.detail, now) for one, found in most)
    with ledger.transaction() as db:
        db.execute("DELETE FROM doubts WHERE who = ?", (SCREEN,))
        db.executemany("INSERT INTO doubts VALUES (?, ?, ?, ?, ?, ?)", rows)
        set_all_aside(db, changes, who=SCREEN, at=now)


def _described(ledger: Ledger, most: list[tuple[Image, Doubt]]) -> Iterator[Doubted]:
    store = Store(ledger.folder)
    for one, found in most:
        path = str(store.path(one.sha256, one.format))
        yield Doubted(
            path, one.sha256.hex(), one.label, found.kind, round(found.degree, 6), found.detail
        )
