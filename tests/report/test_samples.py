"""Which images are shown: the same each time, and those of safety never."""

from pathlib import Path

import pytest

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import OF_SAFETY, Quarantine
from figleaf.report import samples
from figleaf.report.samples import read_samples

from .datasets import CLASSES, EACH, data_set, hash_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return data_set(tmp_path / "set")


def test_some_of_each_class_and_reason_are_shown(folder: Path) -> None:
    found = read_samples(folder, 3)
    assert [one.label for one in found if not one.reason] == sorted(CLASSES)
    assert {one.reason for one in found if one.reason} == set(Quarantine) - OF_SAFETY
    assert all((one.images, len(one.samples)) == (EACH, 3) for one in found if not one.reason)
    for group in found:
        names = [sample.name for sample in group.samples]
        assert names == sorted(names)
        assert all(sample.thumbnail.png for sample in group.samples)


def test_the_same_data_set_gives_the_same_samples(folder: Path) -> None:
    assert read_samples(folder, 2) == read_samples(folder, 2)


def test_none_are_shown_where_none_are_asked_for(folder: Path) -> None:
    assert read_samples(folder, 0) == ()


@pytest.mark.parametrize("reason", [*sorted(OF_SAFETY), "a reason to come"])
def test_what_must_not_be_looked_at_is_not_opened(folder: Path, reason: str) -> None:
    if reason not in OF_SAFETY:
        with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
            db.execute("UPDATE images SET quarantine = ? WHERE quarantine = 'broken'", (reason,))
    shown = {sample.name for group in read_samples(folder, 100) for sample in group.samples}
    assert shown
    assert hash_of(folder, reason)[:12] not in shown


def test_few_and_many_are_chosen_alike(folder: Path) -> None:
    with Ledger(folder) as ledger:
        for few, many, value in (
            (samples._FEW_IN_USE, samples._MANY_IN_USE, "neutral"),
            (samples._FEW_IN_USE, samples._MANY_IN_USE, None),
            (samples._FEW_ASIDE, samples._MANY_ASIDE, "duplicate"),
        ):
            assert ledger.read(few, (value, 3)) == ledger.read(many, (value, 3))
            plan = ledger.read(f"EXPLAIN QUERY PLAN {many}", (value, 3))
            assert "TEMP B-TREE" not in str(plan)  # nothing is sorted
