"""The check itself: what is alike and in two places, and nothing else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from figleaf.curate.splitting.leaks import MOST_LEAKS, Comparison, Leak, Placed, find_leaks
from figleaf.dataset.ledger import Ledger
from figleaf.images.phash import distances

from .samples import change, clean, collect, ids_of, names, pdq, sha256

AS_CLEANED = Comparison(distance=31, min_quality=50, mirrored=True)
PLACES = {"a": "train", "b": "test"}


class Checked:
    """A ledger of four images that are nothing alike, of which some are made to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        collect(folder, dict.fromkeys("abcd", "neutral"))
        clean(folder)
        self.ids = ids_of(folder)

    def resemble(self, name: str, **columns: bytes | int) -> None:
        """Give an image other hashes."""
        for column, value in columns.items():
            table, key = ("images", "id") if column in _OF_IMAGES else ("examinations", "image_id")
            change(
                self.folder,
                f"UPDATE {table} SET {column} = ? WHERE {key} = ?",
                value,
                self.ids[name],
            )

    def leaks(
        self, places: Mapping[str, str], compared: Comparison = AS_CLEANED, *, film: bool = False
    ) -> list[Leak]:
        """The leaks of a group, or film, whose images are in these places."""
        group = [Placed(self.ids[name], place) for name, place in places.items()]
        with Ledger(self.folder) as ledger:
            groups, films = ([], [group]) if film else ([group], [])
            return list(find_leaks(ledger, groups, films, compared))


_OF_IMAGES = ("pdq", "pdq_quality")


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    return Checked(tmp_path / "data")


def pairs(leaks: Iterable[Leak]) -> set[frozenset[str]]:
    """The names of the images of each leak."""
    by_hash = {sha256(name).hex(): name for name in "abcd"}
    return {frozenset((by_hash[leak.first], by_hash[leak.second])) for leak in leaks}


def test_two_files_of_a_picture(checked: Checked) -> None:
    checked.resemble("b", pdq=pdq("a", flipped=31))
    (leak,) = checked.leaks(PLACES)
    assert leak == Leak(
        sha256("a").hex(),
        sha256("b").hex(),
        ("train", "test"),
        "the same picture, 31 bits of PDQ apart",
    )
    assert str(leak) == (
        f"{sha256('a').hex()[:8]} in train and {sha256('b').hex()[:8]} in test:"
        " the same picture, 31 bits of PDQ apart"
    )


def test_what_is_farther_apart_is_no_leak(checked: Checked) -> None:
    checked.resemble("b", pdq=pdq("a", flipped=32))
    assert checked.leaks(PLACES) == []
    assert len(checked.leaks(PLACES, Comparison(32, 50, mirrored=True))) == 1


def test_on_one_side_it_is_no_leak(checked: Checked) -> None:
    checked.resemble("b", pdq=pdq("a"))
    assert checked.leaks({"a": "test", "b": "test", "c": "train"}) == []


@pytest.mark.parametrize("places", [PLACES, dict(reversed(PLACES.items()))])
@pytest.mark.parametrize("column", ["mirrored", "inner_pdq", "inner_mirrored"])
def test_any_hash_of_either_counts(checked: Checked, places: dict[str, str], column: str) -> None:
    """A mirror image's hash is not the mirrored picture's to the bit: both ways are looked at."""
    if column.startswith("inner"):
        checked.resemble("b", inner_pdq=pdq("x"), inner_mirrored=pdq("y"), inner_quality=50)
    checked.resemble("b", **{column: pdq("a", flipped=20)})
    (leak,) = checked.leaks(places)
    assert leak.why.endswith("20 bits of PDQ apart")
    mirrored = "mirrored" in column
    assert bool(checked.leaks(places, Comparison(31, 50, mirrored=False))) is not mirrored


@pytest.mark.parametrize("column", ["pdq_quality", "inner_quality"])
def test_hashes_that_say_too_little_do_not_count(checked: Checked, column: str) -> None:
    if column == "pdq_quality":
        checked.resemble("b", pdq=pdq("a"), pdq_quality=49)
    else:
        checked.resemble("b", inner_pdq=pdq("a"), inner_mirrored=pdq("x"), inner_quality=49)
    assert checked.leaks(PLACES) == []
    assert len(checked.leaks(PLACES, Comparison(31, 49, mirrored=True))) == 1


def test_the_ends_of_a_chain_need_not_be_alike(checked: Checked) -> None:
    checked.resemble("b", pdq=pdq("a", flipped=30))
    checked.resemble("c", pdq=pdq("a", flipped=60))
    assert checked.leaks({"a": "train", "c": "test"}) == []
    assert pairs(checked.leaks({"a": "train", "b": "train", "c": "test"})) == {frozenset("bc")}
    assert pairs(checked.leaks({"a": "train", "b": "test", "c": "test"})) == {frozenset("ab")}


def test_each_image_is_named_with_the_nearest(checked: Checked) -> None:
    checked.resemble("b", pdq=pdq("a", flipped=9))
    checked.resemble("c", pdq=pdq("a", flipped=3))
    checked.resemble("d", pdq=pdq("a", flipped=20))
    found = checked.leaks({"a": "train", "b": "test", "c": "validation", "d": "train"})
    assert pairs(found) == {frozenset("ac"), frozenset("bc"), frozenset("bd")}
    assert {leak.why for leak in found} == {
        f"the same picture, {bits} bits of PDQ apart" for bits in (3, 6, 11)
    }


def test_one_pair_for_every_two_places_of_a_film(checked: Checked) -> None:
    places = {"a": "train, fold 0", "b": "train, fold 1", "c": "test", "d": "test"}
    found = checked.leaks(places, film=True)
    assert {leak.why for leak in found} == {"frames of the same film"}
    assert pairs(found) == {frozenset("ab"), frozenset("ac"), frozenset("bc")}
    assert checked.leaks(dict.fromkeys("abcd", "test"), film=True) == []


def test_an_image_that_was_never_examined_is_like_none(checked: Checked) -> None:
    checked.resemble("b", pdq=pdq("a"))
    change(checked.folder, "DELETE FROM examinations WHERE image_id = ?", checked.ids["b"])
    assert checked.leaks(PLACES) == []


def test_groups_are_read_one_after_another(checked: Checked) -> None:
    """A million groups are no list of a million."""
    taken: list[int] = []

    def groups() -> Iterator[Sequence[Placed]]:
        for number in range(3):
            taken.append(number)
            yield [Placed(checked.ids["a"], "train"), Placed(checked.ids["b"], "test")]

    checked.resemble("b", pdq=pdq("a"))
    with Ledger(checked.folder) as ledger:
        next(found := find_leaks(ledger, groups(), [], AS_CLEANED))
        assert taken == [0]
        assert len(list(found)) == 2


def test_no_more_leaks_are_looked_for_than_say_enough(tmp_path: Path) -> None:
    """Each image of train is like one of test: all pairs would be a million, and a query each."""
    folder = tmp_path / "data"
    every = names(2 * MOST_LEAKS + 20)
    collect(folder, dict.fromkeys(every, "neutral"), pdq=pdq("the same"))
    clean(folder)
    asked: list[str] = []
    group = [Placed(at + 1, ("train", "test")[at % 2]) for at in range(len(every))]
    with Ledger(folder) as ledger:
        ledger.connection.set_trace_callback(asked.append)
        found = find_leaks(ledger, [group, group], [group], AS_CLEANED)
        next(found), next(found)
        assert len(asked) < 20
        assert len(list(found)) == MOST_LEAKS - 2


def test_the_nearest_is_that_of_all_pairs(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    chance = np.random.default_rng(4)
    every = names(60)
    collect(folder, dict.fromkeys(every, "neutral"))
    clean(folder)
    where = {name: str(chance.choice(["train", "test", "validation"])) for name in every}
    facts: dict[str, tuple[bytes, bytes]] = {}
    for number, name in enumerate(every):
        flips = chance.integers(0, 30, 2).tolist()
        facts[name] = (pdq("x", flipped=flips[0]), pdq("xy"[number % 2], flipped=flips[1]))
        digest = sha256(name)
        change(folder, "UPDATE images SET pdq = ? WHERE sha256 = ?", facts[name][0], digest)
        change(
            folder,
            "UPDATE examinations SET mirrored = ? WHERE image_id ="
            " (SELECT id FROM images WHERE sha256 = ?)",
            facts[name][1],
            digest,
        )

    def bits(one: str, other: str) -> int:
        own = np.frombuffer(facts[other][0], np.uint8)[None]
        return min(int(distances(hashed, own)[0]) for hashed in facts[one])

    expected: dict[frozenset[str], int] = {}
    for name in every:
        others = [other for other in every if where[other] != where[name]]
        nearest = min(others, key=lambda other: bits(name, other))
        if bits(name, nearest) <= 6:
            pair = frozenset((sha256(name).hex(), sha256(nearest).hex()))
            expected[pair] = min(expected.get(pair, 256), bits(name, nearest))
    ids = ids_of(folder)
    group = [Placed(ids[name], where[name]) for name in every]
    with Ledger(folder) as ledger:
        found = list(find_leaks(ledger, [group], [], Comparison(6, 50, mirrored=True)))
    assert {frozenset((leak.first, leak.second)): leak.why for leak in found} == {
        pair: f"the same picture, {bits} bits of PDQ apart" for pair, bits in expected.items()
    }
    assert len(found) > 10
