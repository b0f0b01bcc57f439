"""`figleaf clean` and `figleaf restore` as people run them: tables, lists, JSON, codes, hints."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figleaf.cli.listing import check_list
from figleaf.dataset.ledger import Ledger
from figleaf.errors import InputError

from ..curate.cleaning.dirty import (
    DIRTY,
    DISPUTED,
    aside,
    cleaned,
    data_set,
    events,
    hash_of,
    put_aside,
    reasons,
    table,
)
from ..dataset.samples import line_of, python
from ..sources.collecting import photo
from .test_collect import Done, figleaf

WANTED = {name: DIRTY[name] for name in (*DISPUTED, "neutral/small.png", "neutral/fine.jpg")}
COLUMNS = ["path", "sha256", "label", "reason", "why"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture, a fine one, and two in two classes; measured."""
    out = data_set(tmp_path_factory.mktemp("measured"), WANTED)
    cleaned(out, dry_run=True)
    return out


@pytest.fixture
def out(measured: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    shutil.copytree(measured, tmp_path / "my data")
    return tmp_path / "my data"


def clean(*words: object, **environment: str) -> Done:
    return figleaf("clean", *words, **environment)


# What is printed.


def test_tables_and_hints(out: Path) -> None:
    done = clean(out)
    assert done.code == 0
    counts, clusters, conflicts = done.out.split("\n\n")
    assert [line.split() for line in counts.splitlines()] == [
        ["set", "aside", "images", "new"],
        ["too_small", "1", "1"],
        ["label_conflict", "3", "3"],
        ["kept", "1"],
    ]
    best = hash_of(out, "neutral/rocket.png")[:12]
    assert re.search(rf"{best} +2 +\d+ +neutral 1, drawings 1", clusters)
    assert re.search(rf"{best} +2 +neutral 1, drawings 1 +the same picture", conflicts)
    assert re.search(r" +1 +no class 1 +its lists", conflicts)
    folder = f"'{out}'"
    assert done.err.splitlines() == [
        "1 source gave what was there already, byte for byte",
        f"`figleaf restore {folder} HASH --label CLASS` settles a conflict; --list FILE has every"
        " path",
        f"`figleaf restore {folder} HASH` or `--reason REASON` brings images back",
        f"next: `figleaf screen {folder}`, `figleaf split {folder}`",
    ]


def test_a_dry_run_prints_what_it_would_do(out: Path) -> None:
    before = events(out)
    done = clean(out, "--dry-run")
    assert (done.code, events(out)) == (0, before)
    table = done.out.split("\n\n")[-1]
    assert table.split()[:4] == ["would", "be", "set", "aside"]
    small = hash_of(out, "neutral/small.png")[:12]
    assert re.search(rf"too_small +{small} +40x90, a side under 64", table)
    told = "a dry run: nothing was set aside or brought back; leave out --dry-run to do it"
    assert told in done.err
    assert "next:" not in done.err


def test_what_came_back_is_told(out: Path) -> None:
    clean(out)
    done = clean(out, "--min-side", 10, "--off", "label_conflict", "--off", "duplicate")
    assert done.code == 0
    assert "4 images are in use again: no rule drops them any more" in done.err
    assert not aside(out)


def test_one_is_told_as_one(out: Path) -> None:
    clean(out)
    done = clean(out, "--min-side", 10)
    assert "1 image is in use again: no rule drops it any more" in done.err


def test_a_folder_that_could_be_taken_for_an_option(out: Path) -> None:
    out.rename(out.parent / "-x")
    command = [sys.executable, "-m", "figleaf", "clean", "--", "-x"]
    done = subprocess.run(command, cwd=out.parent, capture_output=True, check=True, text=True)
    assert "`figleaf restore ./-x HASH --label CLASS`" in done.stderr


def test_options_are_rules(out: Path, tmp_path: Path) -> None:
    (tmp_path / "hashes.csv").write_text(f"sha256\n{hash_of(out, 'neutral/fine.jpg')}\n")
    options = [
        *("--off", "broken", "--min-side", 10, "--min-bytes", 2, "--max-pixels", 10**6),
        *("--max-bytes", 10**6, "--max-aspect", 3.5, "--min-spread", 1.5, "--distance", 10),
        *("--placeholder-size", "7x8", "--placeholder-size", "9x10", "--placeholder-urls", 3),
        *("--placeholders", tmp_path / "hashes.csv", "--min-quality", 40, "--no-mirrored"),
        *("--workers", 1, "-q"),
    ]
    assert clean(out, *options).code == 0
    assert aside(out)["neutral/fine.jpg"] == "placeholder"
    assert json.loads(table(out, "runs")[-1][3]) == {
        "off": ["broken"],
        "min_side": 10,
        "min_bytes": 2,
        "max_pixels": 10**6,
        "max_bytes": 10**6,
        "max_aspect": 3.5,
        "min_spread": 1.5,
        "placeholder_sizes": [[7, 8], [9, 10]],
        "placeholder_urls": 3,
        "distance": 10,
        "min_quality": 40,
        "mirrored": False,
    }


def test_json(out: Path) -> None:
    done = clean(out, "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["images"], found["kept"], found["examined"]) == (5, 1, 0)
    assert found["set_aside"]["label_conflict"] == found["newly"]["label_conflict"] == 3
    assert found["set_aside"]["broken"] == 0
    assert not found["dry_run"]
    assert found["clusters"] == 1
    assert found["largest"][0]["labels"] == ["neutral", "drawings"]
    assert [len(one["sha256"]) for one in found["conflicts"]] == [2, 1]
    assert found["misnamed"] == []


@pytest.mark.parametrize("name", ["list.csv", "list.jsonl", "LIST.CSV", "-"])
def test_a_list_of_all_that_is_set_aside(out: Path, tmp_path: Path, name: str) -> None:
    path = name if name == "-" else tmp_path / name
    done = clean(out, "--list", path)
    assert done.code == 0
    text = done.out if name == "-" else (tmp_path / name).read_text()
    rows: list[dict[str, Any]]
    if name.lower().endswith(".csv"):
        rows = list(csv.DictReader(text.splitlines()))
    else:
        rows = list(map(json.loads, text.splitlines()))
    assert [list(row) for row in rows] == [COLUMNS] * 4
    assert all(Path(row["path"]).is_file() for row in rows)
    reason = {row["sha256"]: row["reason"] for row in rows}
    assert reason[hash_of(out, "neutral/small.png")] == "too_small"
    assert (name == "-") == ("set aside" not in done.out)
    assert "`figleaf restore " in done.err


def test_a_list_and_json(out: Path, tmp_path: Path) -> None:
    done = clean(out, "--json", "--list", tmp_path / "list.jsonl", "--dry-run")
    assert json.loads(done.out)["dry_run"]
    assert len((tmp_path / "list.jsonl").read_text().splitlines()) == 4


def test_an_empty_data_set(tmp_path: Path) -> None:
    Ledger(tmp_path / "data", write=True).close()
    done = clean(tmp_path / "data")
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == ["set", "aside", "images", "new", "kept", "0"]
    assert clean(tmp_path / "data", "--list", "-").out == ""


def test_more_conflicts_than_are_shown(tmp_path: Path) -> None:
    files = {
        f"{label}/{seed}.jpg": photo(seed, side=64)
        for seed in range(12)
        for label in ("neutral", "drawings")
    }
    done = clean(data_set(tmp_path, files))
    assert done.out.count("its lists disagree") == 10
    assert "12 label conflicts, the first 10 of them shown" in done.err


def test_what_takes_no_time_says_nothing_on_the_way(tmp_path: Path) -> None:
    out = data_set(tmp_path, {"neutral/fine.jpg": DIRTY["neutral/fine.jpg"]})
    done = clean(out)
    assert done.code == 0
    assert done.err == f"next: `figleaf screen {out}`, `figleaf split {out}`\n"


# Restoring.


def test_restore(out: Path) -> None:
    clean(out)
    small, cat = hash_of(out, "neutral/small.png"), hash_of(out, "drawings/cat.jpg")
    done = figleaf("restore", out, small[:12], "--who", "ana", "--why", "an icon")
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == ["was", "set", "aside", "as", "brought", "back", "too_small", "1"]
    done = figleaf("restore", out, cat, "--label", "neutral", "--who", "ana", "--json")
    assert json.loads(done.out) == {
        "images": {"label_conflict": 1},
        "in_use": 0,
        "refused": {},
        "settled": 0,
        "relabelled": [{"before": None, "after": "neutral", "images": 1}],
        "classes": None,
    }
    clean(out)
    assert reasons(out) == {
        "neutral/small.png": None,
        "drawings/cat.jpg": None,
        "neutral/fine.jpg": None,
        "neutral/rocket.png": "label_conflict",
        "drawings/rocket.jpg": "label_conflict",
    }


def test_restoring_what_cannot_be_or_need_not_be(out: Path) -> None:
    put_aside(out, "neutral/small.png", "denied")
    small, fine = hash_of(out, "neutral/small.png"), hash_of(out, "neutral/fine.jpg")
    done = figleaf("restore", out, small, fine, "--who", "ana")
    assert done.code == 0
    assert done.err.splitlines() == [
        "1 was in use already",
        "1 stays set aside: denied; docs/data-safety.md says what lifts that",
    ]
    assert done.out == ""


def test_a_label_is_told_and_a_new_class_too(out: Path) -> None:
    fine = hash_of(out, "neutral/fine.jpg")
    done = figleaf("restore", out, fine, "--label", "shoez", "--who", "ana")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "1 image is now shoez (was neutral)",
        "shoez is a new class here; there are drawings, neutral",
        "1 was in use already",
    ]
    done = figleaf("restore", out, fine, "--label", "shoez", "--who", "ana")
    assert done.err.splitlines() == ["1 image is shoez, by your word", "1 was in use already"]
    done = figleaf("restore", out, fine, "--label", "sexy", "--who", "ana")
    assert "1 image is now sexy (was shoez)" in done.err
    assert "new class" not in done.err


def test_a_doubt_that_is_settled_is_told(out: Path) -> None:
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        db.execute("INSERT INTO doubts SELECT id, 'screen', 'odd', 0.9, '', 0 FROM images")
    fine = hash_of(out, "neutral/fine.jpg")
    done = figleaf("restore", out, fine, "--who", "ana")
    assert done.err == "1 was in use already; its doubt is settled\n"


def test_nothing_is_set_aside_for_a_reason(out: Path) -> None:
    done = figleaf("restore", out, "--reason", "screened", "--who", "ana")
    assert (done.code, done.out, done.err) == (0, "", "nothing is set aside as screened\n")


# Wrong use.


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--list", "list.txt"], "list.txt: give --list a name that ends in .csv or .jsonl, or -"),
        (["--list", "nowhere/list.csv"], "no folder nowhere; give --list a file in one that is"),
        (["--list", "-", "--json"], "--list - and --json would both be on standard output"),
        (["--off", "blurred"], "no rule 'blurred': they are broken, placeholder"),
        (["--min-spread", 129], "--min-spread must be 0..128, not 129"),
        (["--max-aspect", "nan"], "--max-aspect"),
        (["--placeholder-size", "161"], "--placeholder-size '161': give width and height, as in"),
        (["--placeholder-size", "0x5"], "--placeholder-size '0x5': give width and height"),
        (["--placeholders", "nowhere.csv"], "nowhere.csv"),
        (["--distance", 65], "--distance"),
        (["--workers", 0], "--workers"),
        (["--min-side", "wide"], "--min-side"),
    ],
)
def test_wrong_use_is_told_before_anything_is_done(
    out: Path, words: list[object], message: str
) -> None:
    before = events(out), table(out, "runs")
    done = clean(out, *words)
    assert done.code == 2
    assert message in re.sub(r"\s*│\s*", " ", done.err)
    assert (events(out), table(out, "runs")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name an IMAGE, or a --reason such as duplicate"),
        (["--label", "neutral"], "--label says the class of IMAGEs"),
        (["abcdef", "--reason", "duplicate", "--label", "neutral"], "--label says the class"),
        (["abcdef", "--label", ""], "--label is empty: name a class"),
        (["--reason", "blurred"], "no reason 'blurred': they are"),
        (["--reason", "denied"], "denied: nobody lifts it by hand"),
        (["abcdef", "--who", "clean"], "--who='clean': give a person's name"),
        (["photo.jpg"], "'photo.jpg': no SHA-256 in hex"),
    ],
)
def test_wrong_use_of_restore(out: Path, words: list[str], message: str) -> None:
    done = figleaf("restore", out, *words)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize("words", [["clean"], ["restore", "--reason", "duplicate"]])
def test_a_folder_that_is_no_data_set(tmp_path: Path, words: list[str]) -> None:
    command, *rest = words
    for folder in (tmp_path, "\udcff"):
        done = figleaf(command, folder, *rest)
        assert done.code == 2
        assert done.err.endswith("no data set here; figleaf collect makes one\n")
    (tmp_path / "figleaf.db").write_text("no database")
    assert figleaf(command, tmp_path, *rest).code == 2


HOLDING = """
    import sys
    from figleaf.dataset.ledger import Ledger
    with Ledger(sys.argv[1], write=True):
        print("held", flush=True)
        sys.stdin.read()
"""


def test_a_data_set_that_another_process_writes(out: Path) -> None:
    with python(HOLDING, out) as holding:
        assert line_of(holding) == "held\n"
        for words in (["clean", out], ["restore", out, "--reason", "duplicate"]):
            done = figleaf(*words)
            assert done.code == 2
            assert "another process is writing to this data set" in done.err
        holding.communicate("")
    assert clean(out).code == 0


@pytest.fixture
def read_only(out: Path) -> Iterator[Path]:
    """The data set where nothing can be written."""
    if os.getuid() != 0:
        out.chmod(0o555)
        yield out
        out.chmod(0o755)
        return
    for options in (["--bind"], ["-o", "remount,bind,ro"]):
        command = ["mount", *options, str(out), str(out)]
        if subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("needs to mount a folder")
    yield out
    subprocess.run(["umount", out], check=True)


def test_a_data_set_that_can_only_be_read(read_only: Path) -> None:
    for words in (["clean", read_only, "--dry-run"], ["restore", read_only, "abcdef"]):
        done = figleaf(*words)
        assert done.code == 2
        assert str(read_only) in done.err


def test_a_name_for_a_list_that_will_do(tmp_path: Path) -> None:
    for name in ("-", tmp_path / "a.csv", tmp_path / "a.ndjson", "a.JSONL"):
        check_list(Path(name), option="--list")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"folder\.csv: a folder; give --list a file"):
        check_list(tmp_path / "folder.csv", option="--list")
