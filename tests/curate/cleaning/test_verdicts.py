"""Which of several files of a picture stays, and what becomes of clusters without one class."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.curate.cleaning.catalogue import Candidates, Opinions, Role
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.cleaning.verdicts import Cluster, found_clusters, hashed, ranked, verdicts
from figleaf.curate.duplicates.clusters import cluster
from figleaf.dataset.quarantine import Quarantine


@dataclass(frozen=True)
class File:
    """An image, and what is preferred of it; `seed` makes its hash."""

    label: str | None = "neutral"
    pixels: int = 100
    size: int = 10
    border: bool = False
    seed: int = 0
    role: Role = Role.CANDIDATE


def hash_of(seed: int) -> bytes:
    return hashlib.sha256(str(seed).encode()).digest()


def candidates(files: list[File]) -> Candidates:
    """Of these, numbered from 1; images of a seed have one PDQ hash."""
    names = sorted({one.label for one in files if one.label})
    whole = np.array([list(hash_of(one.seed)) for one in files], np.uint8).reshape(-1, 32)
    bordered = np.array([n for n, one in enumerate(files) if one.border], np.int64)
    return Candidates(
        ids=np.arange(1, len(files) + 1),
        sha256=np.array([list(hash_of(1000 + n)) for n in range(len(files))], np.uint8).reshape(
            -1, 32
        ),
        labels=np.array([names.index(one.label) if one.label else -1 for one in files], np.int32),
        names=names,
        pixels=np.array([one.pixels for one in files], np.int64),
        sizes=np.array([one.size for one in files], np.int64),
        roles=np.array([one.role for one in files], np.int8),
        whole=whole,
        mirrored=~whole,
        bordered=bordered,
        inner=whole[bordered],
        inner_mirrored=~whole[bordered],
    )


def opinions(
    by_person: Iterable[int] = (),
    brought_back: Iterable[tuple[int, str]] = (),
    disputed: Iterable[int] = (),
) -> Opinions:
    return Opinions(frozenset(brought_back), frozenset(by_person), dict.fromkeys(disputed, "a, b"))


NOBODY = opinions()


def best(*files: File, by_person: Iterable[int] = ()) -> int:
    """Which of these files of one picture is preferred."""
    return int(ranked(candidates(list(files)), opinions(by_person))[0])


def test_the_order_of_preference() -> None:
    """Each of these outdoes all that come after it, though they are better in what counts less."""
    assert best(File(None, 1, 1, border=True), File(pixels=9, size=9), by_person=[1]) == 0
    assert best(File(None, 9, 9), File(pixels=1, size=1, border=True)) == 1
    assert best(File(pixels=9, size=9, border=True), File(pixels=1, size=1)) == 1
    assert best(File(pixels=8, size=9), File(pixels=9, size=1)) == 1
    assert best(File(size=8), File(size=9)) == 1
    least = min(range(5), key=lambda n: hash_of(1000 + n))
    assert best(*[File()] * 5) == least


MIXED = [File(None), File(border=True), File(pixels=700), File(size=700), File(), File("porn")]


def preference(number: int) -> Any:
    """Of the files of `MIXED`, written down another way: the least is the best."""
    one = MIXED[number]
    return one.label is None, one.border, -one.pixels, -one.size, hash_of(number)


@given(st.permutations(range(len(MIXED))))
def test_the_order_is_the_same_in_whatever_order_they_come(came: list[int]) -> None:
    found = candidates([MIXED[number] for number in came])
    found.sha256[:] = [list(hash_of(number)) for number in came]
    order = [came[place] for place in ranked(found, NOBODY)]
    assert order == sorted(range(len(MIXED)), key=preference)


def clusters_of(files: list[File], said: Opinions = NOBODY) -> list[Cluster]:
    found = candidates(files)
    order = ranked(found, said)
    return list(found_clusters(found, order, cluster(hashed(found, order, mirrored=True)), said))


def verdicts_of(files: list[File], said: Opinions = NOBODY, **rules: Any) -> dict[int, str]:
    """Image -> reason."""
    return {
        image: found.reason.value
        for one in clusters_of(files, said)
        for image, found in verdicts(one, CleanRules(**rules), said)
    }


def test_one_of_each_picture_stays() -> None:
    files = [File(), File(pixels=200), File(seed=1), File(None), File(seed=2), File(seed=2, size=9)]
    assert verdicts_of(files) == {1: "duplicate", 4: "duplicate", 6: "duplicate"}
    assert verdicts_of(files, off=("duplicate",)) == {}


def test_a_cluster_that_spans_classes_is_dropped_whole() -> None:
    files = [File(), File(pixels=200), File("porn"), File(None), File("porn", seed=1)]
    assert verdicts_of(files) == dict.fromkeys([1, 2, 3, 4], "label_conflict")
    (found,) = clusters_of(files)
    assert found.conflict == "the same picture in neutral and porn"
    assert verdicts_of(files, off=("label_conflict",)) == dict.fromkeys([1, 3, 4], "duplicate")


def test_a_persons_word_settles_it() -> None:
    files = [File(), File(pixels=200), File("porn"), File(None)]
    assert verdicts_of(files, opinions(by_person=[1])) == {
        2: "duplicate",
        3: "label_conflict",
        4: "duplicate",
    }
    assert verdicts_of(files, opinions(by_person=[3])) == {
        1: "label_conflict",
        2: "label_conflict",
        4: "duplicate",
    }


def test_people_who_agree_settle_it_and_others_do_not() -> None:
    files = [File(), File(pixels=200), File("porn")]
    assert verdicts_of(files, opinions(by_person=[1, 2]))[3] == "label_conflict"
    assert verdicts_of(files, opinions(by_person=[1, 2]))[1] == "duplicate"
    both = opinions(by_person=[2, 3])
    assert verdicts_of(files, both) == dict.fromkeys([1, 2, 3], "label_conflict")


def test_what_lists_dispute_is_a_conflict_unless_a_person_settles_it() -> None:
    files = [File(None), File(), File(seed=1), File(None, seed=2)]
    said = opinions(disputed=[1, 4])
    assert verdicts_of(files, said) == dict.fromkeys([1, 2, 4], "label_conflict")
    settled = opinions(disputed=[1], by_person=[2])
    assert verdicts_of(files, settled) == {1: "duplicate"}


def test_what_people_brought_back_is_not_dropped_for_that_again() -> None:
    files = [File(), File(pixels=200), File("porn")]
    back = [(image, Quarantine.LABEL_CONFLICT) for image in (1, 3)]
    # 2 stays dropped: of the others the better one stays.
    (kept,) = {1, 3} - verdicts_of(files, opinions(brought_back=back)).keys()
    (other,) = {1, 3} - {kept}
    assert verdicts_of(files, opinions(brought_back=back)) == {
        2: "label_conflict",
        other: "duplicate",
    }
    back += [(other, Quarantine.DUPLICATE)]
    assert verdicts_of(files, opinions(brought_back=back)) == {2: "label_conflict"}


def test_a_duplicate_names_a_file_that_stays() -> None:
    files = [File(), File(pixels=200), File(pixels=300), File("porn", pixels=400)]
    said = opinions(brought_back=[(n, Quarantine.LABEL_CONFLICT) for n in (1, 2, 3)])
    (one,) = clusters_of(files, said)
    found = dict(verdicts(one, CleanRules(), said))
    assert found[4].reason == "label_conflict"
    assert 3 not in found
    prefix = hash_of(1002).hex()[:8]
    assert found[1].why == found[2].why == f"the same picture as {prefix}, a better file"


label = st.sampled_from([None, "neutral", "porn", "drawings"])
some = st.builds(
    File, label=label, pixels=st.integers(1, 3), border=st.booleans(), seed=st.integers(0, 3)
)


@settings(deadline=None)
@given(
    st.lists(some, max_size=12),
    st.frozensets(st.integers(1, 12)),
    st.frozensets(st.tuples(st.integers(1, 12), st.sampled_from(["duplicate", "label_conflict"]))),
    st.frozensets(st.integers(1, 12)),
)
def test_what_holds_of_all_verdicts(
    files: list[File],
    by_person: frozenset[int],
    brought_back: frozenset[tuple[int, str]],
    disputed: frozenset[int],
) -> None:
    without = frozenset(n for n in disputed if n <= len(files) and files[n - 1].label is None)
    said = opinions(by_person, brought_back, without - by_person)
    found = verdicts_of(files, said)
    assert not brought_back & set(found.items())
    for seed in {one.seed for one in files}:
        group = [n for n, one in enumerate(files, 1) if one.seed == seed]
        kept = [n for n in group if n not in found]
        dropped = {found[n] for n in group if n in found}
        if "duplicate" in dropped:
            assert kept  # of a picture that is dropped as a duplicate, a file is in use
        lifted = {n for n, _ in brought_back}
        classes = {files[n - 1].label for n in kept if n not in lifted} - {None}
        assert len(classes) <= 1
        if not lifted & set(group):
            assert len(kept) <= 1


def test_nothing_to_compare() -> None:
    assert clusters_of([]) == []


def test_a_cluster_by_mirror_or_border_counts() -> None:
    files = [File(pixels=900), File(seed=1, border=True), File(seed=2)]
    found = candidates(files)
    found.inner[:] = found.whole[0]  # without its border, the second is the first
    found.mirrored[2] = found.whole[0]
    for mirrored, expected in ((True, {2: 0, 3: 0}), (False, {2: 0})):
        order = ranked(found, NOBODY)
        grouped = cluster(hashed(found, order, mirrored=mirrored))
        (one,) = found_clusters(found, order, grouped, NOBODY)
        assert dict(zip(one.ids[1:], one.distances[1:], strict=True)) == expected
        assert one.ids[0] == 1


def test_inner_hashes_go_with_their_images_into_the_order() -> None:
    files = [File(pixels=n, border=n % 2 == 0, seed=n) for n in (5, 2, 9, 4, 8)]
    found = candidates(files)
    order = ranked(found, NOBODY)
    in_order = hashed(found, order, mirrored=True)
    assert in_order.inner_of is not None
    assert in_order.inner is not None
    assert in_order.inner_of.tolist() == sorted(in_order.inner_of.tolist())
    assert np.array_equal(in_order.inner, in_order.whole[in_order.inner_of])


@pytest.mark.parametrize("count", [1, 5])
def test_all_alike(count: int) -> None:
    assert len(verdicts_of([File(size=n) for n in range(count)])) == count - 1
