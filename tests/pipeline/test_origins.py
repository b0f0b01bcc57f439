import tarfile
from pathlib import Path

import pytest

from figleaf.pipeline.origins import sources_state
from figleaf.sources.readers.opening import Columns
from figleaf.sources.rules import CollectRules

from ..training.samples import source

RULES = CollectRules()


def test_a_source_is_the_same_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = source(tmp_path / "photos", {"neutral": 2})
    before = sources_state((str(photos),), RULES)
    monkeypatch.chdir(photos)
    assert sources_state(("../photos",), RULES) == before
    assert sources_state(("drawings=../photos",), RULES) != before


def test_shards_behind_a_pattern_count(tmp_path: Path) -> None:
    picture = next((source(tmp_path / "photos", {"neutral": 1}) / "neutral").iterdir())
    for number in range(2):
        with tarfile.open(tmp_path / f"s-{number}.tar", "w") as shard:
            shard.add(picture, "a.jpg")
    pattern = (f"neutral={tmp_path / 's-{0..1}.tar'}",)
    before = sources_state(pattern, RULES)
    assert sources_state(pattern, RULES) == before
    with tarfile.open(tmp_path / "s-1.tar", "a") as shard:
        shard.add(picture, "b.jpg" * 9)
        shard.add(picture, "c.jpg" * 9)
        shard.add(picture, "d.jpg" * 900)
    assert sources_state(pattern, RULES) != before


def test_files_that_a_table_names_count(tmp_path: Path) -> None:
    photos = source(tmp_path / "photos", {"neutral": 2})
    table = tmp_path / "table.csv"
    table.write_text("picture,kind\nneutral/00000.jpg,neutral\n")
    rules = CollectRules(columns=Columns(path="picture", label="kind"), root=photos)
    before = sources_state((str(table),), rules)
    assert sources_state((str(table),), rules) == before
    (photos / "neutral" / "00000.jpg").write_bytes(b"another")
    assert sources_state((str(table),), rules) != before
