"""`figleaf audit` on the command line."""

import csv
import json
from pathlib import Path

import pytest

from figleaf.dataset.ledger import Ledger

from ..auditing.conftest import data as data
from ..auditing.conftest import made_data as made_data
from ..auditing.conftest import small as small
from ..auditing.samples import classes
from .test_collect import Done, figleaf

COLUMNS = [
    *("path", "sha256", "label", "suggested", "part"),
    *("doubt", "given", "chance", "listed", "relabelled"),
]


def audit(folder: Path, small: str, *words: str) -> Done:
    return figleaf("audit", folder, "--backbone", small, *words)


def test_tables_and_what_comes_next(data: Path, small: str) -> None:
    done = audit(data, small, "--limit", "6")
    assert done.code == 0
    first, far = done.out.split("\n\n")
    lines = first.splitlines()
    assert lines[0].split() == ["rank", "label", "suggested", "doubt", "verdict", "part", "image"]
    assert [line.split()[0] for line in lines[1:]] == list("123456")
    assert lines[1].split()[1:3] == ["grün", "blau"]
    assert far.startswith("deviations")
    hints = done.err.splitlines()
    assert hints[0].startswith("128 images judged by small, right in ")
    assert any(
        line.startswith("all classes are told apart; worst, blau from grün") for line in hints
    )
    assert any("suspects in all; --list FILE has them, ranked" in line for line in hints)
    assert any("--apply 0.8 relabels" in line for line in hints)
    assert hints[-1].startswith(f"looked at one: figleaf restore '{data}' HASH --label CLASS") or (
        hints[-1].startswith(f"looked at one: figleaf restore {data} HASH --label CLASS")
    )


def test_lists(data: Path, small: str, tmp_path: Path) -> None:
    assert audit(data, small, "--list", str(tmp_path / "suspects.csv")).code == 0
    with (tmp_path / "suspects.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    done = audit(data, small, "--list", "-")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["sha256"] for line in lines] == [row["sha256"] for row in rows]
    assert lines[0]["listed"] is True


def test_apply_and_undo(data: Path, small: str) -> None:
    before = classes(data)
    done = audit(data, small, "--apply", "0.6", "--json")
    found = json.loads(done.out)
    assert found["applied"] == sum(one["relabelled"] for one in found["suspects"]) > 0
    assert classes(data) != before
    done = figleaf("audit", data, "--undo")
    assert done.code == 0
    assert f"{found['applied']} images have the class again that an audit had changed" in done.err
    assert classes(data) == before
    assert "nothing to take back" in figleaf("audit", data, "--undo").err
    assert json.loads(figleaf("audit", data, "--undo", "--json").out) == {"taken_back": 0}


def test_applying_is_told(data: Path, small: str) -> None:
    done = audit(data, small, "--apply", "0.6")
    assert "relabelled; `figleaf audit" in done.err
    assert "relabelled" in done.out
    done = audit(data, small, "--apply", "1")
    assert "nothing is doubted by 1 or more: nothing was relabelled" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--apply", "0.3"], "--apply must be a doubt in 0.5..1, not 0.3"),
        (["--folds", "1"], "--folds must be in 2..100, not 1"),
        (["--backbone", "auto"], "--backbone=auto is for training: name the one that it chose"),
        (["--power", "1"], "--power is the exponent of --class-weights power"),
        (["--undo", "--apply", "0.9"], "--undo takes back what --apply has changed: give it alone"),
        (["--list", "suspects.txt"], "give --list a name that ends in .csv or .jsonl, or -"),
        (["--list", "-", "--json"], "--list - and --json would both be on standard output"),
    ],
)
def test_wrong_use(made_data: Path, words: list[str], message: str) -> None:
    done = figleaf("audit", made_data, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    with Ledger(made_data) as ledger:
        assert ledger.read("SELECT 1 FROM runs WHERE command = 'audit'") == []


def test_no_folder() -> None:
    assert figleaf("audit", "").err == "figleaf: DIR is empty: name a data set's folder\n"
