"""Statistics, held against a count in plain Python."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import median_low

import numpy as np
import pytest

import figleaf
from figleaf.curate.measures import SHAPES, SIDES, SIZES, Bin
from figleaf.curate.stats import DatasetStats
from figleaf.curate.tallies import Labeller, SetAside
from figleaf.dataset.labelling import set_label
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.quarantine import set_aside
from figleaf.dataset.records import Outcome, Reason, Stored
from figleaf.dataset.register import register
from figleaf.errors import DatasetError

from ..dataset.samples import (
    NOON,
    denied,
    file,
    image,
    ledger_with,
    mapped,
    pending,
    unmapped,
    url,
)


def counted(folder: Path) -> DatasetStats:
    return figleaf.stats(folder, clock=lambda: NOON)


def stored(number: int) -> Stored:
    """An image whose facts are as good as random, the same for each number."""
    chance = np.random.default_rng(number)
    width, height = (int(2**exponent) for exponent in chance.uniform(3, 12, 2))
    kind = str(chance.choice(["jpeg", "png", "webp"], p=[0.7, 0.2, 0.1]))
    size = int(10 ** chance.uniform(3, 7))
    return Stored(chance.bytes(32), kind, width, height, size)


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    """Two hundred images of four classes, a few without one, every tenth set aside."""
    labels = ["drawings", "neutral", "porn", "옷", None]
    entries = [(file(f"/{n}", labels[n % 5]), mapped(labels[n % 5])) for n in range(200)]
    with ledger_with(tmp_path, *entries) as ledger:
        for task in pending(ledger):
            apply(ledger, [Outcome(task.id, stored=(stored(task.id),))])
        with ledger.transaction() as db:
            for number in range(1, 200, 10):
                set_aside(db, number, "too_small", who="clean", why="?", at=NOON)
            db.execute(
                "INSERT INTO splits SELECT id, iif(id % 4, 'train', 'test'), NULL, 1 FROM images"
                " WHERE id % 7"
            )
    return tmp_path


def test_the_figures_are_those_of_the_rows(varied: Path) -> None:
    measures = counted(varied).measures
    with figleaf.Dataset(varied) as data:
        rows = list(data)
    assert sum(one.images for one in measures.classes) == len(rows) == 180
    for one in measures.classes:
        own = [row for row in rows if row.label == one.label]
        assert (one.images, one.size) == (len(own), sum(row.size for row in own))
        assert one.width == median_low(row.width for row in own)
        assert one.height == median_low(row.height for row in own)
        assert one.parts == Counter(row.split for row in own if row.split)
    assert {(one.format, one.images, one.size) for one in measures.formats} == {
        (kind, sum(row.format == kind for row in rows), sizes)
        for kind in {row.format for row in rows}
        for sizes in [sum(row.size for row in rows if row.format == kind)]
    }
    for bins, edges, values in (
        (measures.sides, SIDES, [min(row.width, row.height) for row in rows]),
        (measures.shapes, SHAPES, [row.width / row.height for row in rows]),
        (measures.sizes, SIZES, [row.size for row in rows]),
    ):
        check_bins(bins, edges, list(zip((row.label for row in rows), values, strict=True)))


def check_bins(
    bins: Iterable[Bin], edges: Iterable[float], values: list[tuple[str | None, float]]
) -> None:
    bins = tuple(bins)
    assert [one.low for one in bins] == [None, *edges]
    assert [one.high for one in bins] == [*edges, None]
    for one in bins:
        low, high = one.low or 0, one.high or float("inf")
        assert one.counts == Counter(label for label, value in values if low <= value < high)
    assert sum(one.images for one in bins) == len(values)


def test_classes_come_in_order_and_those_without_one_last(varied: Path) -> None:
    measures = counted(varied).measures
    labels = ["drawings", "neutral", "porn", "옷", None]
    assert [one.label for one in measures.classes] == labels
    assert [one.label for one in measures.percentiles] == labels


def test_percentiles_are_sizes_of_files(varied: Path) -> None:
    one = counted(varied).measures.all_sizes
    assert one
    with figleaf.Dataset(varied) as data:
        sizes = sorted(row.size for row in data)
    assert (one.smallest, one.median, one.largest) == (sizes[0], median_low(sizes), sizes[-1])
    assert {one.p5, one.p25, one.p75, one.p95} <= set(sizes)
    assert one.p5 < one.p25 < one.median < one.p75 < one.p95


def test_the_most_frequent_resolutions_are_named(tmp_path: Path) -> None:
    sides = [(161, 81)] * 3 + [(400, 300)] * 2 + [(300, 400)] * 2 + [(7, 7)]
    with ledger_with(tmp_path, *((file(f"/{n}"), mapped()) for n in range(len(sides)))) as ledger:
        for task, (width, height) in zip(pending(ledger), sides, strict=True):
            one = image(task.locator, width=width, height=height)
            apply(ledger, [Outcome(task.id, stored=(one,))])
    found = counted(tmp_path).measures.resolutions
    assert [(one.width, one.height, one.images) for one in found] == [
        (161, 81, 3),
        (400, 300, 2),
        (300, 400, 2),
    ]


def test_what_is_set_aside_is_counted_apart(varied: Path) -> None:
    found = counted(varied)
    assert found.set_aside == (SetAside("too_small", "drawings", 20),)
    assert found.parts == ("train", "test")


def test_lists_say_what_came_of_them(tmp_path: Path) -> None:
    both = (url("a", "one.txt"), mapped()), (url("a", "two.txt"), mapped())
    more = (
        (url("b", "one.txt"), mapped()),
        (url("c", "one.txt"), mapped()),
        (url("d", "three.txt", category="dogs"), unmapped()),
        (url("e", "four.txt", category="bad"), denied()),
    )
    with ledger_with(tmp_path, *both, *more) as ledger:
        first, second, _ = sorted(pending(ledger), key=lambda task: task.locator)
        apply(ledger, [Outcome(first.id, stored=(image("a"),)), Outcome(second.id, Reason.GONE)])
    found = {one.listing: one for one in counted(tmp_path).lists}
    came = {
        name: (one.label, one.reason, one.named, one.kept, one.pending, one.lost)
        for name, one in found.items()
    }
    assert came == {
        "one.txt": ("neutral", None, 3, 1, 1, 1),
        "two.txt": ("neutral", None, 1, 1, 0, 0),
        "three.txt": (None, "unmapped", 1, 0, 0, 1),
        "four.txt": (None, "denied", 1, 0, 0, 1),
    }
    assert {one.source for one in found.values()} == {"lists"}


def test_identical_files_are_images_of_several_items(tmp_path: Path) -> None:
    entries = [(file(f"/{name}"), mapped()) for name in ("a", "b", "c", "clip")]
    with ledger_with(tmp_path, *entries) as ledger:
        *same, clip = pending(ledger)
        apply(ledger, [Outcome(task.id, stored=(image("same"),)) for task in same])
        frames = tuple(image("frame", seconds=time) for time in (0.0, 2.0, 4.0))
        apply(ledger, [Outcome(clip.id, stored=frames)])
    found = counted(tmp_path).duplicates
    assert (found.exact, found.extra) == (1, 2)
    assert (found.clusters, found.clustered, found.largest) == (0, 0, ())


def test_near_duplicates_are_counted_by_cluster(varied: Path) -> None:
    with Ledger(varied, write=True) as ledger, ledger.transaction() as db:
        # Three with 2, two with 12, and one with 13 alone; what is beneath 2 must not be shown.
        rows = [(2, 2, 0), (3, 2, 4), (4, 2, 30), (12, 12, 0), (14, 12, 4), (13, 13, 0)]
        db.executemany("INSERT INTO clusters VALUES (?, ?, ?, 1)", rows)
    found = counted(varied).duplicates
    assert (found.clusters, found.clustered) == (2, 5)
    assert [one.images for one in found.largest] == [3, 2]
    assert found.largest[0].representative == stored(2).sha256.hex()
    assert found.distances == {4: 2, 30: 1}
    with Ledger(varied, write=True) as ledger, ledger.transaction() as db:
        set_aside(db, 2, "blocklisted", who="collect", why="?", at=NOON)
    found = counted(varied).duplicates
    assert (found.clusters, [one.images for one in found.largest]) == (2, [2])


def test_the_last_one_to_label_an_image_holds_it(varied: Path) -> None:
    with Ledger(varied, write=True) as ledger, ledger.transaction() as db:
        event = "INSERT INTO labels (image_id, after, who, why, at) VALUES (?, 'porn', ?, '?', 1)"
        db.executemany(event, [(1, "anna"), (2, "anna"), (2, "ben"), (2, "anna"), (3, "ben")])
    collected = 160  # images without a class have no event
    assert counted(varied).labellers == (
        Labeller("collect", collected, collected - 3),
        Labeller("anna", 3, 2),
        Labeller("ben", 2, 1),
    )


def test_doubts_about_images_in_use_wait(varied: Path) -> None:
    with Ledger(varied, write=True) as ledger, ledger.transaction() as db:
        doubt = "INSERT INTO doubts VALUES (?, 'screen', ?, 0.5, '', 1)"
        db.executemany(doubt, [(1, "set aside"), (2, "odd"), (3, "odd"), (4, "even")])
    found = [(one.who, one.kind, one.images) for one in counted(varied).doubts]
    assert found == [("screen", "odd", 2), ("screen", "even", 1)]


def test_what_a_person_has_settled_waits_no_more(varied: Path) -> None:
    """Labelled, or brought back after screening; by no tool, and for no other reason."""
    with Ledger(varied, write=True) as ledger, ledger.transaction() as db:
        doubt = "INSERT INTO doubts VALUES (?, 'screen', 'odd', 0.5, '', 1)"
        db.executemany(doubt, [(number,) for number in (2, 3, 4, 5)])
        set_label(db, 2, "neutral", who="kim", why="looked", at=NOON)
        for number, reason, who in (
            (3, "screened", "kim"),
            (4, "screened", "screen"),
            (5, "too_small", "kim"),
        ):
            set_aside(db, number, reason, who="screen", why="?", at=NOON)
            set_aside(db, number, None, who=who, why="?", at=NOON)
    assert [one.images for one in counted(varied).doubts] == [2]


def test_the_last_run_of_each_command_is_told(varied: Path) -> None:
    with Ledger(varied, write=True) as ledger:
        for command in ("collect", "clean", "collect"):
            with ledger.run(command, {}, {}):
                register(ledger, [])
    runs = counted(varied).runs
    assert [(one.command, one.outcome) for one in runs] == [("clean", "done"), ("collect", "done")]


def test_an_empty_data_set_has_statistics(tmp_path: Path) -> None:
    Ledger(tmp_path, write=True).close()
    found = counted(tmp_path)
    assert (found.images, found.size, found.parts) == (0, 0, ())
    assert found.measures.classes == ()
    assert found.measures.all_sizes is None
    assert all(one.images == 0 for one in found.measures.sides)
    assert found.ledger["items"] == 0


def test_no_data_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set here"):
        figleaf.stats(tmp_path)


def test_the_whole_is_plain_json(varied: Path) -> None:
    found = counted(varied)
    whole = json.loads(json.dumps(found.to_dict()))
    assert whole == found.to_dict()
    assert whole["at"] == NOON
    assert whole["folder"] == str(varied)
    assert whole["items"][0] == {"label": "drawings", "states": {"fetched": 40}, "losses": {}}
    (first, *_) = [one for one in whole["sides"] if one["classes"]]
    assert first["classes"][0].keys() == {"label", "images"}
