"""Bringing images back: which ones, whose word it is, and what nobody lifts."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from figleaf.curate.cleaning.clean import clean
from figleaf.curate.restore import Relabelled, Restored, restore
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import OF_SAFETY
from figleaf.errors import DatasetError, InputError

from .cleaning.dirty import data_set, events, hash_of, jpeg, path_of, put_aside, reasons, table

NAMES = ("coins", "cell", "coffee")
FILES = {f"neutral/{name}.jpg": jpeg(f"{name}.png", 64, 64) for name in NAMES}
NAMED = COINS, CELL, COFFEE = "neutral/coins.jpg", "neutral/cell.jpg", "neutral/coffee.jpg"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images: the first two are set aside."""
    out = data_set(tmp_path_factory.mktemp("made"), FILES)
    put_aside(out, COINS, "too_small")
    put_aside(out, CELL, "duplicate")
    return out


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    shutil.copytree(made, tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("form", ["whole", "upper", "six", "path", "name"])
def test_an_image_goes_by_its_hash_some_digits_of_it_or_its_file(out: Path, form: str) -> None:
    sha256, path = hash_of(out, COINS), path_of(out, COINS)
    name = {
        "whole": sha256,
        "upper": sha256.upper(),
        "six": sha256[:6],
        "path": str(path),
        "name": path.name,
    }[form]
    assert restore(out, [name], who="ana") == Restored({"too_small": 1}, 0, {})
    assert reasons(out) == {COINS: None, CELL: "duplicate", COFFEE: None}


def test_all_of_a_reason(out: Path) -> None:
    assert restore(out, reasons=["duplicate"], who="ana").images == {"duplicate": 1}
    assert reasons(out) == {COINS: "too_small", CELL: None, COFFEE: None}


def test_images_and_reasons_together(out: Path) -> None:
    found = restore(out, [hash_of(out, COINS), hash_of(out, CELL)], reasons=["duplicate"], who="x")
    assert found == Restored({"too_small": 1, "duplicate": 1}, 0, {})


def test_an_event_says_who_when_and_why(out: Path) -> None:
    restore(out, [hash_of(out, COINS)], who="  ana ", why="it is an icon")
    (event,) = table(out, "quarantines")[2:]
    assert event[2:6] == ("too_small", None, "ana", "it is an icon")
    with Ledger(out) as ledger:
        (run,) = ledger.read("SELECT command, json_extract(arguments, '$.who'), outcome FROM runs"
                             " ORDER BY id DESC LIMIT 1")  # fmt: skip
    assert run == ("restore", "ana", "done")


def test_the_user_of_the_machine_is_who_it_is(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ben")
    restore(out, [hash_of(out, COINS)])
    assert table(out, "quarantines")[-1][4] == "ben"


def test_a_label_is_a_persons_word_and_an_event(out: Path) -> None:
    restore(out, [hash_of(out, COINS), hash_of(out, COFFEE)], label=" drawings", who="ana")
    with Dataset(out) as data:
        labels = {row.sha256: row.label for row in data}
    assert labels == {hash_of(out, COINS): "drawings", hash_of(out, COFFEE): "drawings"}
    said = [event[1:] for event in events(out) if event[3] == "ana" and event[2]]
    assert said == [("neutral", "drawings", "ana", "brought back")] * 2


def test_a_label_stands_even_where_it_agrees(out: Path) -> None:
    """It is a person's now, and no list changes it any more."""
    restore(out, [hash_of(out, COINS)], label="neutral", who="ana")
    assert table(out, "labels")[-1][2:5] == ("neutral", "neutral", "ana")


def test_what_is_in_use_needs_no_event(out: Path) -> None:
    before = events(out)
    assert restore(out, [hash_of(out, COFFEE)], who="ana") == Restored({}, 1, {})
    assert events(out) == before


def doubt(out: Path, *names: str) -> None:
    """List images as doubtful, as screening does."""
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        for name in names:
            for who in ("screen", "likeness"):
                db.execute(
                    "INSERT INTO doubts SELECT id, ?, 'other_class', 0.9, 'drawings', 0"
                    " FROM images WHERE sha256 = ?",
                    (who, bytes.fromhex(hash_of(out, name))),
                )


def test_a_doubt_about_an_image_in_use_is_settled(out: Path) -> None:
    """By an event that confirms its class: the next screening lists it no more."""
    doubt(out, COFFEE, COINS)
    found = restore(out, [hash_of(out, COFFEE)], who="ana", why="it is one")
    assert found == Restored({}, 1, {}, settled=1)
    assert table(out, "labels")[-1][2:6] == ("neutral", "neutral", "ana", "it is one")
    assert len(table(out, "doubts")) == 2  # those about the other one
    before = events(out)
    assert restore(out, [hash_of(out, COFFEE)], who="ana") == Restored({}, 1, {})
    assert events(out) == before


def test_a_doubt_goes_with_a_label_and_with_coming_back(out: Path) -> None:
    doubt(out, *NAMED)
    found = restore(out, [hash_of(out, COFFEE)], label="drawings", who="ana")
    assert (found.in_use, found.settled) == (1, 1)
    assert restore(out, [hash_of(out, COINS)], who="ana").settled == 0
    assert restore(out, reasons=["duplicate"], who="ana").images == {"duplicate": 1}
    assert table(out, "doubts") == []
    assert [event[1:4] for event in events(out) if event[3] == "ana" and event[2]] == [
        ("neutral", "drawings", "ana")
    ]


def test_a_doubt_about_what_stays_set_aside_stays(out: Path) -> None:
    doubt(out, COINS)
    put_aside(out, COINS, "denied")
    restore(out, [hash_of(out, COINS)], who="ana")
    assert len(table(out, "doubts")) == 2


def test_what_a_label_changed(out: Path) -> None:
    images = [hash_of(out, COINS), hash_of(out, COFFEE)]
    found = restore(out, images[:1], label="drawings", who="ana")
    assert found.relabelled == (Relabelled("neutral", "drawings", 1),)
    assert found.classes is None  # one of figleaf's
    found = restore(out, images, label="shoez", who="ana")
    assert set(found.relabelled) == {
        Relabelled("neutral", "shoez", 1),
        Relabelled("drawings", "shoez", 1),
    }
    assert found.classes == ("drawings", "neutral")
    found = restore(out, images, label="shoez", who="ana")
    assert found.relabelled == (Relabelled("shoez", "shoez", 2),)
    assert found.classes is None


def test_the_same_again_changes_nothing(out: Path) -> None:
    restore(out, [hash_of(out, COINS)], who="ana")
    before = events(out)
    assert restore(out, [hash_of(out, COINS)], who="ana").in_use == 1
    assert restore(out, reasons=["too_small"], who="ana") == Restored({}, 0, {})
    assert events(out) == before


@pytest.mark.parametrize("reason", sorted(OF_SAFETY))
def test_nobody_lifts_a_reason_of_safety(out: Path, reason: str) -> None:
    put_aside(out, COINS, reason)
    before = events(out)
    found = restore(out, [hash_of(out, COINS)], label="neutral", who="ana")
    assert found == Restored({}, 0, {reason: 1})
    assert events(out) == before
    with pytest.raises(InputError, match=rf"{reason}: nobody lifts it by hand; docs/data-safety"):
        restore(out, reasons=[reason], who="ana")


@pytest.mark.parametrize("reason", ["denied", "blocklisted"])
def test_the_copies_of_what_is_set_aside_for_safety_stay_with_it(
    tmp_path: Path, reason: str
) -> None:
    again = "neutral/again.jpg"
    out = data_set(
        tmp_path, {COFFEE: jpeg("coffee.png", 300, 200), again: jpeg("coffee.png", 150, 100)}
    )
    clean(out, workers=1)
    put_aside(out, COFFEE, reason)
    clean(out, workers=1)
    assert reasons(out) == {COFFEE: reason, again: "duplicate"}
    assert restore(out, [hash_of(out, again)], who="ana").refused == {reason: 1}
    assert restore(out, reasons=["duplicate"], who="ana").refused == {reason: 1}
    assert reasons(out) == {COFFEE: reason, again: "duplicate"}


def test_what_another_tool_set_aside_can_be_brought_back(out: Path) -> None:
    put_aside(out, COINS, "screened")
    assert restore(out, reasons=["screened"], who="ana").images == {"screened": 1}


def test_names_that_are_not_valid_unicode_are_written_readably(out: Path) -> None:
    word = "\udcff"
    restore(out, [hash_of(out, COINS)], label=f"a{word}", who=f"b{word}", why=f"c{word}")
    assert table(out, "labels")[-1][3:6] == (r"a\udcff", r"b\udcff", r"c\udcff")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "name the images to bring back, or the reasons"),
        ({"images": "abcdef"}, r"images='abcdef': give a list, \['abcdef'\]"),
        ({"reasons": "duplicate"}, "give a list"),
        ({"reasons": ["blurred"]}, "no reason 'blurred': they are aspect_ratio, broken, "),
        ({"images": ["abc"]}, "'abc': no SHA-256 in hex; give 6 digits of it or more, or a path"),
        ({"images": ["0" * 65]}, "no SHA-256 in hex"),
        ({"images": ["photo.jpg"]}, "'photo.jpg': no SHA-256 in hex"),
        ({"images": [""]}, "'': no SHA-256 in hex"),
        ({"images": ["000000"]}, "'000000': no image of .* has this hash"),
        ({"images": ["000000"], "who": " "}, "who='': give a person's name"),
        ({"images": ["000000"], "who": "clean"}, "who='clean': give a person's name, which is"),
        ({"images": ["000000"], "who": "collect "}, "who='collect': give a person's name"),
        ({"images": ["000000"], "label": " "}, "label=' ': name a class"),
        ({"reasons": ["duplicate"], "label": "neutral"}, "label='neutral': name a class, and the"),
        ({"images": ["abcdef"], "reasons": ["duplicate"], "label": "porn"}, "nobody has looked"),
    ],
)
def test_wrong_use(out: Path, arguments: dict[str, Any], message: str) -> None:
    before = table(out, "runs")
    with pytest.raises(InputError, match=message):
        restore(out, **({"who": "ana"} | arguments))
    assert table(out, "runs") == before


def test_digits_of_several_images(out: Path) -> None:
    name = hash_of(out, COINS)
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        db.execute(
            "INSERT INTO images (sha256, format, width, height, bytes, added)"
            " VALUES (?, 'jpeg', 1, 1, 1, 0)",
            (bytes.fromhex(f"{name[:62]}00"),),
        )
    with pytest.raises(InputError, match="2 images begin so; give more digits"):
        restore(out, [name[:60]], who="ana")
    assert restore(out, [name], who="ana").images == {"too_small": 1}


def test_no_data_set_and_one_in_use(out: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set here"):
        restore(tmp_path / "nowhere", reasons=["duplicate"])
    with Ledger(out, write=True), pytest.raises(DatasetError, match="another process"):
        restore(out, reasons=["duplicate"])
