"""Classes as names of folders: what would lead elsewhere, or be read as something else."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import figleaf
from figleaf.errors import InputError
from figleaf.export.names import alike, check_folders
from figleaf.sources.readers.reading import split_name

from .samples import hashes, names_beside, relabel

REFUSED = {
    "..": "hidden",
    ".": "hidden",
    ".git": "hidden",
    "a/b": "'/' in it",
    "../../etc": "hidden",
    "/etc/passwd": "'/' in it",
    "a\\b": "in it",
    "a\0b": "in it",
    "a\nb": "in it",
    "a:b": "':' in it",
    'a"b': "in it",
    "who?": "'?' in it",
    "con": "device on Windows",
    "Aux.jpg": "device on Windows",
    "LPT1": "device on Windows",
    "a.": "ends with a dot",
    "a ": "begins or ends with a space",
    " a": "begins or ends with a space",
    "가" * 86: "more than 255 bytes",
    "test": "take it for a split",
    "Train": "take it for a split",
    "dev-ops": "take it for a split, for the 'dev'",
    "no test": "take it for a split",
    "eval_2": "take it for a split",
    "figleaf-export.json": "in every export",
}

ALLOWED = (
    "neutral",
    "고양이 사진",
    "a.b",
    "100%",
    "contest",
    "validated",
    "con artist",
    "@home",
    "-",
)


@pytest.mark.parametrize("label", REFUSED)
def test_classes_that_are_refused(data_set: Path, tmp_path: Path, label: str) -> None:
    relabel(data_set, hashes(data_set)[0], label)
    with pytest.raises(InputError, match=re.escape(REFUSED[label])):
        figleaf.export_dataset(data_set, tmp_path / "out")
    assert names_beside(tmp_path / "out") == {"my-data"}


@pytest.mark.parametrize("label", ALLOWED)
def test_classes_that_are_folders(data_set: Path, tmp_path: Path, label: str) -> None:
    relabel(data_set, hashes(data_set)[0], label)
    figleaf.export_dataset(data_set, tmp_path / "out")
    parts = ("train", "validation", "test")
    assert sum((tmp_path / "out" / part / label).is_dir() for part in parts) >= 1


@given(st.text(min_size=1))
def test_what_is_let_through_is_one_folder_of_that_name(label: str) -> None:
    try:
        check_folders([label])
    except InputError:
        return
    path = Path("/out", label)
    assert path.parent == Path("/out")
    assert path.name == label
    assert len(label.encode()) < 256
    assert split_name(label) is None


def test_classes_that_are_one_folder_elsewhere() -> None:
    assert list(alike(["Cat", "cat", "dog"])) == [("Cat", "cat")]
    assert list(alike(["é", "e\u0301"])) == [("é", "e\u0301")]
    assert list(alike(["cat", "dog"])) == []
