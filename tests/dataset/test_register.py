"""What sources name in the ledger: several lists, other rules, stops in the middle, a model."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Decision, Item, Kind, Outcome, Reason, State
from figleaf.dataset.register import _STEPS, key_of, register

from .samples import (
    Entry,
    denied,
    denied_by_name,
    file,
    in_memory,
    items,
    keep,
    ledger_with,
    mapped,
    one,
    pending,
    unmapped,
    url,
)

PENDING = ("pending", None, "neutral")
DENIED = ("refused", "denied", None)
UNMAPPED = ("refused", "unmapped", None)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path) as opened:
        yield opened


def test_everything_is_noted_with_what_the_rules_say(ledger: Ledger) -> None:
    entries = [
        (url("kept"), mapped()),
        (url("unmapped", "odd.txt", category="odd"), unmapped()),
        (url("denied", "bad.txt", category="bad"), denied()),
        (url("bad name"), denied_by_name()),
        (file("/photos/no class.jpg"), mapped(None)),
    ]
    assert register(ledger, iter(entries)) == 5
    assert items(ledger) == {
        "kept": PENDING,
        "unmapped": UNMAPPED,
        "denied": DENIED,
        "bad name": DENIED,
        "no class.jpg": ("pending", None, None),
    }
    details = ledger.read("SELECT detail FROM items ORDER BY id")
    assert [detail for (detail,) in details] == [
        "",
        "'cats' belongs to no class",
        "'bad' in its list",
        "'bad' in its name",
        "",
    ]


def test_nothing_named_is_nothing_noted(ledger: Ledger) -> None:
    assert register(ledger, []) == 0
    assert items(ledger) == {}


def test_a_listing_is_what_a_source_calls_it(ledger: Ledger) -> None:
    register(ledger, [(url("a", "raw/urls.txt", part="train"), mapped())])
    register(ledger, [(file("/b", label="dress"), mapped("neutral"))])
    assert ledger.read("SELECT source, listing, filed, part, label FROM listings ORDER BY id") == [
        ("lists", "raw/urls.txt", "cats", "train", "neutral"),
        ("folder", "", "dress", "", "neutral"),
    ]


LISTS = {
    "neutral": mapped(),
    "neutral too": mapped(),
    "drawings": mapped("drawings"),
    "without a class": mapped(None),
    "unmapped": unmapped(),
    "unmapped too": unmapped("'dogs' belongs to no class"),
    "denied": denied(),
}


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        (["neutral", "neutral"], PENDING),
        (["neutral", "neutral too"], PENDING),
        (["neutral", "drawings"], ("pending", None, None)),
        (["neutral", "without a class"], PENDING),
        (["neutral", "unmapped"], PENDING),
        (["unmapped", "drawings"], ("pending", None, "drawings")),
        (["unmapped", "unmapped too"], UNMAPPED),
        (["denied", "unmapped"], DENIED),
        (["neutral", "denied"], DENIED),
        (["denied", "neutral", "unmapped", "drawings"], DENIED),
    ],
)
def test_an_item_in_several_lists(
    ledger: Ledger, lists: list[str], expected: tuple[str, str | None, str | None], batch: int
) -> None:
    entries = [(url("a", name), LISTS[name]) for name in lists]
    for order in (entries, entries[::-1]):
        assert register(ledger, order, batch=batch) == len(entries)
        assert items(ledger) == {"a": expected}
    assert one(ledger, "SELECT count(*) FROM mentions") == len(set(lists))


def test_an_item_in_lists_of_two_sources(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    register(ledger, [(replace(url("a"), source="others"), denied())])
    assert items(ledger) == {"a": DENIED}


def test_an_item_is_denied_where_one_source_calls_it_something_denied(ledger: Ledger) -> None:
    register(ledger, [(replace(file("/data/bad/a"), name="bad/a"), denied_by_name())])
    register(ledger, [(replace(file("/data/bad/a"), name="a", source="bad"), mapped())])
    assert items(ledger) == {"a": DENIED}


@pytest.mark.parametrize("batch", [1, 100])
def test_a_denied_name_says_nothing_about_its_list(ledger: Ledger, batch: int) -> None:
    register(
        ledger,
        [
            (url("bad 1"), denied_by_name(label=None)),
            (url("a"), unmapped()),
            (url("bad 2"), denied_by_name(label=None)),
            (url("b"), unmapped()),
        ],
        batch=batch,
    )
    assert items(ledger) == {"bad 1": DENIED, "bad 2": DENIED, "a": UNMAPPED, "b": UNMAPPED}
    assert one(ledger, "SELECT reason FROM listings") == "unmapped"


@pytest.mark.parametrize("batch", [1, 100])
def test_other_rules_the_next_time(ledger: Ledger, batch: int) -> None:
    def say(decision: Decision) -> dict[str, tuple[str, str | None, str | None]]:
        register(ledger, [(url("a"), decision), (url("b"), decision)], batch=batch)
        return items(ledger)

    assert say(unmapped()) == {"a": UNMAPPED, "b": UNMAPPED}
    assert say(mapped()) == {"a": PENDING, "b": PENDING}
    assert one(ledger, "SELECT DISTINCT detail FROM items") == ""
    assert say(denied()) == {"a": DENIED, "b": DENIED}
    assert one(ledger, "SELECT DISTINCT detail FROM items") == "'bad' in its list"
    assert say(denied_by_name()) == {"a": DENIED, "b": DENIED}
    assert say(mapped("drawings")) == dict.fromkeys("ab", ("pending", None, "drawings"))


def test_a_list_is_judged_anew_with_what_it_does_not_name_any_more(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped()), (url("removed"), mapped())])
    register(ledger, [(url("a"), denied())])
    assert items(ledger) == {"a": DENIED, "removed": DENIED}


def test_a_list_that_is_not_given_again_keeps_its_say(ledger: Ledger) -> None:
    register(ledger, [(url("a", "one.txt"), denied())])
    register(ledger, [(url("a", "two.txt"), mapped())])
    assert items(ledger) == {"a": DENIED}


def test_what_came_to_an_end_stays_so(ledger: Ledger) -> None:
    names = ["kept", "gone", "robots"]
    register(ledger, [(url(name), mapped()) for name in names])
    reasons = {"kept": None, "gone": Reason.GONE, "robots": Reason.ROBOTS}
    apply(
        ledger,
        [
            Outcome(task.id, reasons[task.locator.rpartition("/")[2]], http_status=200)
            for task in pending(ledger)
        ],
    )
    register(ledger, [(url(name), mapped("drawings")) for name in names])
    assert items(ledger) == {
        "kept": ("fetched", None, "drawings"),
        "gone": ("failed", "gone", "drawings"),
        "robots": ("refused", "robots", "drawings"),
    }
    assert not pending(ledger)
    # But for what a list denies: of that not even what failed is left to be tried again.
    register(ledger, [(url(name), denied()) for name in names])
    assert items(ledger) == {"kept": ("fetched", None, None), "gone": DENIED, "robots": DENIED}


def test_what_a_redirect_was_denied_for_is_not_tried_at_every_start(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    apply(ledger, [Outcome(pending(ledger)[0].id, Reason.DENIED, "redirected to an address ...")])
    register(ledger, [(url("a"), mapped())])
    assert items(ledger) == {"a": ("refused", "denied", "neutral")}


def test_images_of_items_whose_class_changes_get_a_label_event(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped()), (url("b"), mapped())])
    keep(ledger)
    register(ledger, [(url("a"), mapped("drawings")), (url("b"), mapped("drawings"))])
    register(ledger, [(url("a"), mapped("drawings")), (url("b"), mapped("drawings"))])
    events = ledger.read("SELECT before, after, who, why FROM labels ORDER BY id")
    listed = "listed as {} in lists/urls.txt"
    assert events[:2] == [(None, "neutral", "collect", listed.format("neutral"))] * 2
    assert events[2:] == [("neutral", "drawings", "collect", listed.format("drawings"))] * 2
    assert ledger.read("SELECT label FROM images") == [("drawings",)] * 2


@pytest.mark.parametrize("decision", [unmapped(), denied(), denied_by_name()])
def test_an_image_loses_a_class_that_its_lists_no_longer_give(
    ledger: Ledger, decision: Decision
) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger)
    register(ledger, [(url("a"), decision)])
    event = one(ledger, "SELECT before, after, why FROM labels ORDER BY id DESC LIMIT 1")
    assert event == ("neutral", None, "no list gives it a class any more")
    assert one(ledger, "SELECT label FROM images") is None
    register(ledger, [(url("a"), mapped())])
    assert one(ledger, "SELECT label FROM images") == "neutral"


def test_stopped_in_the_middle_and_done_again(ledger: Ledger) -> None:
    entries = [(url(str(n)), mapped() if n % 3 else unmapped()) for n in range(20)]
    entries = [
        (replace(item, listing=f"{n % 3}.txt"), said) for n, (item, said) in enumerate(entries)
    ]

    def breaking() -> Iterator[Entry]:
        yield from entries[:11]
        raise ConnectionError("the disk of the list went away")

    for count in (10, 10):
        with pytest.raises(ConnectionError):
            register(ledger, breaking(), batch=5)
        assert len(items(ledger)) == count
    assert register(ledger, entries, batch=5) == 20
    assert len(items(ledger)) == 20
    assert ledger.count_pending() == 13


def test_wherever_it_stops_nothing_is_pending_that_a_known_list_denies() -> None:
    old = [(url(str(n)), mapped()) for n in range(6)]
    new = [
        (url("0"), denied()),
        (url("new", "other.txt"), mapped()),
        (url("new", "bad.txt"), denied()),
        *((url(str(n)), denied()) for n in range(1, 6)),
    ]

    def breaking(stop: int) -> Iterator[Entry]:
        yield from new[:stop]
        raise KeyboardInterrupt

    for stop in range(len(new)):
        with in_memory() as folder, ledger_with(Path(folder), *old) as ledger:
            with pytest.raises(KeyboardInterrupt):
                register(ledger, breaking(stop), batch=1)
            left = {task.locator.rpartition("/")[2] for task in pending(ledger)}
            assert left == ({"new"} if stop == 2 else set() if stop else set("012345"))


ODD = [
    "/photos/caf\udce9.jpg",
    "/photos/cafe\u0301.jpg",
    "/photos/café.jpg",
    "/photos/\ud800 alone.jpg",
    "/photos/new\nline\t\x1f\x00.jpg",
    "/photos/\\udce9.jpg",
    "/photos/'; DROP TABLE items; --.jpg",
    "/photos/" + "long" * 3_000,
    "/photos/😀 \u202e.jpg",
    "",
]


def test_locators_come_back_as_they_were(ledger: Ledger) -> None:
    register(ledger, [(file(name), mapped()) for name in ODD])
    assert [task.locator for task in pending(ledger)] == ODD
    assert register(ledger, [(file(name), mapped()) for name in ODD], batch=2) == len(ODD)
    assert ledger.count_pending() == len(ODD)


def test_a_file_with_a_name_in_another_encoding_can_be_opened(
    ledger: Ledger, tmp_path: Path
) -> None:
    raw = os.fsencode(tmp_path) + "/사진.jpg".encode("euc-kr")
    Path(os.fsdecode(raw)).write_bytes(b"picture")
    register(ledger, [(file(os.fsdecode(raw)), mapped())])
    assert Path(pending(ledger)[0].locator).read_bytes() == b"picture"


def test_lists_and_rules_with_odd_text(ledger: Ledger) -> None:
    odd = Item(Kind.URL, "https://a.example/", "a", "s\udce9", "l\ud800", "c\udcff", part="p\udce9")
    register(ledger, [(odd, unmapped("'c\udcff' belongs to no class"))])
    register(ledger, [(odd, denied("'\udcff'"))])
    found = one(ledger, "SELECT source, listing, filed, part, detail FROM listings")
    assert found == (r"s\udce9", r"l\ud800", r"c\udcff", r"p\udce9", r"'\udcff'")


def test_keys_differ_by_kind_and_locator() -> None:
    keys = {key_of(kind, name) for kind in Kind for name in ODD}
    assert len(keys) == len(Kind) * len(ODD)
    assert {len(key) for key in keys} == {16}


@pytest.mark.parametrize("step", _STEPS)
def test_no_step_goes_through_all_items_for_a_batch(ledger: Ledger, step: str) -> None:
    register(ledger, [(url("a"), mapped())])
    plan = str(ledger.read(f"EXPLAIN QUERY PLAN {step}"))
    assert "SCAN items" not in plan


# A model of the rules in figleaf.dataset.register: what they come to, found anew for every item.

Mention = tuple[str, str]


@dataclass
class Model:
    lists: dict[str, Decision] = field(default_factory=dict)
    mentions: dict[Mention, bool] = field(default_factory=dict)
    ends: dict[str, State] = field(default_factory=dict)

    def register(self, entries: list[Entry]) -> None:
        for item, decision in entries:
            name = item.locator.rpartition("/")[2]
            self.mentions[name, item.listing] = decision.by_name
            if not decision.by_name:
                self.lists[item.listing] = decision

    def verdict(self, name: str) -> tuple[str, str | None, str | None]:
        lists = [listing for item, listing in self.mentions if item == name]
        said = [self.lists.get(listing, Decision(None)) for listing in lists]
        by_name = any(self.mentions[name, listing] for listing in lists)
        labels = {one.label for one in said if one.reason is None} - {None}
        label = labels.pop() if len(labels) == 1 else None
        if by_name or any(one.reason is Reason.DENIED for one in said):
            return DENIED
        if all(one.reason is Reason.UNMAPPED for one in said):
            return UNMAPPED
        return ("pending", None, label)

    def forget_failures_that_are_denied(self) -> None:
        for name, end in list(self.ends.items()):
            if end is State.FAILED and self.verdict(name) == DENIED:
                del self.ends[name]

    def items(self) -> dict[str, tuple[str, str | None, str | None]]:
        found = {name: self.verdict(name) for name, _ in self.mentions}
        for name, end in self.ends.items():
            reason = "gone" if end is State.FAILED else None
            found[name] = (end, reason, found[name][2])
        return found


NAMES = "abcdef"
LISTING = st.sampled_from(["1.txt", "2.txt", "3.txt", "4.txt"])
RULES = st.fixed_dictionaries(
    {
        f"{n}.txt": st.sampled_from(
            [mapped("neutral"), mapped("drawings"), mapped(None), unmapped(), denied()]
        )
        for n in range(1, 5)
    }
)
NAMED = st.lists(st.tuples(st.sampled_from(NAMES), LISTING), max_size=14)
ROUND = st.tuples(
    RULES,
    NAMED,
    st.frozensets(st.sampled_from(NAMES), max_size=2),
    st.integers(1, 6),
    st.frozensets(st.sampled_from(NAMES), max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROUND, min_size=1, max_size=4))
def test_any_lists_under_any_rules_come_to_what_the_model_says(
    rounds: list[tuple[dict[str, Decision], list[Mention], frozenset[str], int, frozenset[str]]],
) -> None:
    model = Model()
    with in_memory() as folder, Ledger(folder, write=True) as ledger:
        for rules, named, bad_names, batch, finished in rounds:
            entries = [
                (url(name, listing), denied_by_name() if name in bad_names else rules[listing])
                for name, listing in named
            ]
            model.register(entries)
            register(ledger, entries, batch=batch)
            # What failed, and is denied by now, has no second chance when it no longer is: a first.
            model.forget_failures_that_are_denied()
            assert items(ledger) == model.items()
            for task in pending(ledger):
                name = task.locator.rpartition("/")[2]
                assert task.label == model.verdict(name)[2]
                if name in finished:
                    failed = name in "abc"
                    apply(ledger, [Outcome(task.id, Reason.GONE if failed else None)])
                    model.ends[name] = State.FAILED if failed else State.FETCHED
