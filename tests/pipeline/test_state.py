import os
from pathlib import Path

import pytest

import figleaf
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.splitting.rules import SplitRules
from figleaf.dataset.ledger import Ledger
from figleaf.pipeline.rules import StageName
from figleaf.pipeline.state import files_state, state_after, state_collected

from ..sources.collecting import collected
from ..training.samples import source

BEFORE_CLEAN = (StageName.COLLECT,)
BEFORE_SPLIT = (StageName.COLLECT, StageName.CLEAN)
ALL = (*BEFORE_SPLIT, StageName.SPLIT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    collected(source(tmp_path / "source", {"neutral": 6, "drawings": 6}), tmp_path / "data")
    return tmp_path / "data"


def states(folder: Path) -> tuple[str, str, str, str]:
    with Ledger(folder) as ledger:
        seen = (state_after(ledger, stages) for stages in (BEFORE_CLEAN, BEFORE_SPLIT, ALL))
        return (state_collected(ledger), *seen)  # type: ignore[return-value]  # three of them


def test_a_stage_does_not_see_its_own_traces(folder: Path) -> None:
    before = states(folder)
    figleaf.clean(folder, rules=CleanRules(min_side=100), workers=1)
    after = states(folder)
    assert after[:2] == before[:2]
    assert after[2] != before[2]


def test_a_split_changes_what_comes_after_it_alone(folder: Path) -> None:
    figleaf.clean(folder, workers=1)
    before = states(folder)
    figleaf.split(folder, rules=SplitRules(test=0.3))
    after = states(folder)
    assert after[:3] == before[:3]
    assert after[3] != before[3]


def test_a_persons_word_changes_all_but_the_collection(folder: Path) -> None:
    before = states(folder)
    with figleaf.Dataset(folder) as data:
        image = next(row.sha256 for row in data if row.label == "neutral")
    figleaf.restore(folder, [image], label="drawings", who="somebody")
    after = states(folder)
    assert after[0] == before[0]
    assert all(one != other for one, other in zip(after[1:], before[1:], strict=True))


def test_more_images_change_everything(folder: Path, tmp_path: Path) -> None:
    before = states(folder)
    collected(source(tmp_path / "more", {"neutral": 2}, start=50), folder)
    assert all(one != other for one, other in zip(states(folder), before, strict=True))


def test_the_same_collection_again_changes_nothing(folder: Path, tmp_path: Path) -> None:
    before = states(folder)
    collected(tmp_path / "source", folder)
    assert states(folder) == before


def test_files_by_name_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one = tmp_path / "a" / "one"
    one.write_text("1")
    before = files_state([tmp_path / "a"])
    assert files_state([tmp_path / "a"]) == before
    os.utime(one, ns=(0, 0))
    changed = files_state([tmp_path / "a"])
    assert changed != before
    one.rename(tmp_path / "a" / "two")
    assert files_state([tmp_path / "a"]) not in (before, changed)
    assert files_state([tmp_path / "gone"]) != files_state([tmp_path / "a" / "two"])
