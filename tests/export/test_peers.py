"""The libraries that the forms are made for read them: the same images, classes and parts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import figleaf

from . import peers
from .samples import facts, hashes, relabel, split

BUILDERS: dict[str, dict[str, Any]] = {
    "imagefolder": {"form": "imagefolder"},
    "imagefolder hard": {"form": "imagefolder", "link": "hard"},
    "imagefolder symbolic": {"form": "imagefolder", "link": "symbolic"},
    "imagefolder metadata": {"form": "huggingface"},
    "imagefolder metadata symbolic": {"form": "huggingface", "link": "symbolic"},
    "parquet": {"form": "parquet"},
    "parquet beside": {"form": "parquet", "link": "copy"},
    "parquet embedded": {"form": "parquet", "embed": True},
    "csv": {"form": "csv"},
    "csv beside": {"form": "csv", "link": "hard"},
    "webdataset": {"form": "webdataset", "images_per_shard": 3},
}


def read(name: str, folder: Path) -> set[peers.Seen]:
    library = name.split()[0]
    pytest.importorskip("webdataset" if library == "webdataset" else "datasets")
    cache = str(folder.with_name("cache"))
    offline = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": cache}
    done = subprocess.run(
        [sys.executable, str(Path(peers.__file__)), library, str(folder), cache],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | offline,
    )
    assert done.returncode == 0, done.stderr
    return {(part, label, sha256) for part, label, sha256 in json.loads(done.stdout)}


@pytest.mark.parametrize("name", BUILDERS)
def test_other_libraries_read_it(data_set: Path, tmp_path: Path, name: str) -> None:
    """With a split of which a part lacks what another has: the fold, which is train's alone."""
    parts = ["train", "validation", "test", "train"] * 3
    split(data_set, dict(zip(hashes(data_set), parts, strict=True)))
    report = figleaf.export_dataset(data_set, tmp_path / "out", **BUILDERS[name])
    assert report.images == 12
    wanted = {(part or "", label, sha) for sha, label, part, *_ in facts(data_set, "split")}
    assert read(name, tmp_path / "out") == wanted


@pytest.mark.parametrize("name", ["imagefolder", "imagefolder metadata"])
def test_without_parts_all_is_train(data_set: Path, tmp_path: Path, name: str) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", by="none", **BUILDERS[name])
    wanted = {("train", label, sha) for sha, label, *_ in facts(data_set)}
    assert read(name, tmp_path / "out") == wanted


@pytest.mark.parametrize("name", ["imagefolder metadata", "parquet embedded"])
def test_classes_that_are_no_folders(data_set: Path, tmp_path: Path, name: str) -> None:
    for one, label in zip(hashes(data_set), ("dev", "a/b", "..", "eval 2"), strict=False):
        relabel(data_set, one, label)
    figleaf.export_dataset(data_set, tmp_path / "out", **BUILDERS[name])
    wanted = {(part or "", label, sha) for sha, label, part, *_ in facts(data_set)}
    assert read(name, tmp_path / "out") == wanted


def test_images_without_a_class_in_one_part_alone(data_set: Path, tmp_path: Path) -> None:
    """Nulls in all rows of a part would be another type there."""
    for one in hashes(data_set)[:4]:
        relabel(data_set, one, None)
    figleaf.export_dataset(data_set, tmp_path / "out", form="huggingface")
    wanted = {(part or "", label or "", sha) for sha, label, part, *_ in facts(data_set)}
    assert read("imagefolder", tmp_path / "out") == wanted
