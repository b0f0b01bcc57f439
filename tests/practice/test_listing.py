"""The lists: in the public layout, and what comes of them is what was planted."""

from collections import Counter
from pathlib import Path

import pytest

import figleaf
from figleaf.dataset.records import Reason
from figleaf.errors import InputError
from figleaf.practice.faults import FAULTS, LEAST_NOTICES, Fault
from figleaf.practice.listing import Entry, Listing, Recipe, Site, listed
from figleaf.practice.pictures import STAND_INS, Scene
from figleaf.practice.serving import Ports, serving
from figleaf.practice.truth import planted, surprises

from ..sources.collecting import QUICK

SOUND = {"drawings": 8, "hentai": 6, "neutral": 8, "porn": 10, "sexy": 6}
EVERY = dict.fromkeys(FAULTS, 1) | {"notice": LEAST_NOTICES}


def _collected(listing: Listing, out: Path) -> Ports:
    with serving(Site.of(listing).answer) as ports:
        listing.write(out / "lists", ports.origin, ports.dead_origin)
        rules = figleaf.CollectRules(fetch=QUICK, workers=2)
        figleaf.collect([out / "lists"], out / "data", rules=rules)
    figleaf.clean(out / "data")
    return ports


def test_every_url_comes_to_the_end_that_was_planted(tmp_path: Path) -> None:
    listing = listed(Recipe(SOUND, EVERY, seed=3))
    ports = _collected(listing, tmp_path)
    assert surprises(tmp_path / "data", listing, ports) == ()
    with figleaf.Dataset(tmp_path / "data") as data:
        assert len(data) == listing.pictures
        assert {row.label for row in data} == set(SOUND)


def test_what_comes_out_otherwise_is_told(tmp_path: Path) -> None:
    listing = listed(Recipe({"neutral": 3}, {"gone": 1}))
    ports = _collected(listing, tmp_path)
    lies = tuple(
        Entry(one.path, one.label, one.scene, one.number, lost=Reason.EMPTY)
        for one in listing.entries
    )
    absent = Entry("/neutral/none.jpg", "neutral", Scene.INK, 9)
    found = surprises(tmp_path / "data", Listing((*lies, absent), 0), ports)
    ends = Counter((one.planted, one.found) for one in found)
    assert ends == {
        ("lost: empty", "in use"): 3,
        ("lost: empty", "lost: gone"): 1,
        ("in use", "not named"): 1,
    }


def test_the_layout_is_that_of_the_public_lists(tmp_path: Path) -> None:
    listing = listed(Recipe(SOUND, {"dead host": 2, "again": 3}))
    listing.write(tmp_path, "http://127.0.0.1:1000", "http://127.0.0.1:2000")
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.txt"))
    assert files == [f"raw_data/{label}/urls_{label}.txt" for label in sorted(SOUND)]
    lines = [line for path in tmp_path.rglob("*.txt") for line in path.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == sum(SOUND.values()) + 5
    assert sum(line.startswith("http://127.0.0.1:2000/") for line in lines) == 2


def test_lists_that_are_there_are_left_alone(tmp_path: Path) -> None:
    listing = listed(Recipe({"neutral": 2}))
    listing.write(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2")
    (path,) = tmp_path.rglob("*.txt")
    before = path.stat()
    listing.write(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    listing.write(tmp_path, "http://127.0.0.1:3", "http://127.0.0.1:2")
    assert "127.0.0.1:3/" in path.read_text()


def test_a_recipe_gives_what_it_asks_for() -> None:
    listing = listed(Recipe(SOUND, EVERY))
    counts = Counter(one.fault.name if one.fault else None for one in listing.entries)
    # The other one of two classes has the fault as well: neither can be believed.
    sound = counts.pop(None)
    assert sound == sum(SOUND.values()) - 1
    assert counts == EVERY | {"two classes": 2}
    assert len({one.path for one in listing.entries}) == len(listing.entries)


def test_the_same_recipe_gives_the_same_lists_and_another_seed_others() -> None:
    assert listed(Recipe(SOUND, EVERY)) == listed(Recipe(SOUND, EVERY))
    assert listed(Recipe(SOUND, EVERY)) != listed(Recipe(SOUND, EVERY, seed=1))


def test_a_path_does_not_tell_its_fault() -> None:
    listing = listed(Recipe({"porn": 30}, {"gone": 10, "mislabelled": 5, "resized": 5}))
    assert {one.path.rpartition("/")[0] for one in listing.entries} == {"/porn"}


@pytest.mark.parametrize("fault", [one for one in FAULTS.values() if one.copies])
def test_copies_show_what_another_line_shows(fault: Fault) -> None:
    listing = listed(Recipe(SOUND, {fault.name: 3}))
    shown = Counter((one.scene, one.number) for one in listing.entries)
    assert sorted(shown.values()).count(2) == 3


def test_what_is_mislabelled_shows_another_class_and_is_in_use() -> None:
    wrong = [one for one in listed(Recipe(SOUND, {"mislabelled": 20})).entries if not one.is_true]
    assert len(wrong) == 20
    assert all(one.in_use and one.scene in STAND_INS.values() for one in wrong)


def test_outliers_are_of_no_class() -> None:
    entries = listed(Recipe(SOUND, {"outlier": 2})).entries
    assert sum(one.scene is Scene.FLOOR and one.in_use for one in entries) == 2


def test_denied_words_are_in_the_lists_of_safe_classes_alone() -> None:
    entries = listed(Recipe(SOUND, {"denied": 20})).entries
    assert {one.label for one in entries if one.fault} == {"drawings", "neutral"}


def test_the_end_in_words() -> None:
    entries = listed(Recipe(SOUND, {"gone": 1, "tiny": 1})).entries
    assert {planted(one) for one in entries} == {"in use", "lost: gone", "set aside: too_small"}


@pytest.mark.parametrize(
    ("sound", "faults", "seed", "message"),
    [
        ({"cats": 1}, {}, 0, "'cats' is none of drawings"),
        ({"porn": 1}, {"rotten": 1}, 0, "'rotten' is none of gone"),
        ({"porn": -1}, {}, 0, "the least is 0"),
        ({"porn": 1}, {"again": 2}, 0, "2 copies of 1 pictures"),
        ({"porn": 1}, {"notice": 2}, 0, "none, or at least 5"),
        ({"porn": 1}, {}, -1, "seed must be"),
    ],
)
def test_recipes_that_cannot_be_meant(
    sound: dict[str, int], faults: dict[str, int], seed: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Recipe(sound, faults, seed)


def test_a_site_knows_nothing_but_its_paths() -> None:
    site = Site.of(listed(Recipe({"porn": 1})))
    assert site.answer("/etc/passwd").status == 404
    assert b"Disallow" in site.answer("/robots.txt").body
