"""`figleaf screen` as people run it: tables, lists, JSON, hints, codes."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from figleaf.dataset.ledger import Ledger

from ..curate.screening.samples import say, scores
from ..curate.splitting.samples import collect, names, sha256
from ..dataset.samples import one
from .test_collect import Done, figleaf

COLUMNS = ["path", "sha256", "label", "kind", "doubt", "detail"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty images that the model doubts, two that it does not, and one of an unknown class."""
    folder = tmp_path_factory.mktemp("made") / "my data"
    collect(folder, dict.fromkeys(names(30), "porn") | {"a": "neutral", "b": "sexy", "c": "comics"})
    say(folder, {name: scores(neutral=0.95 + at / 1000) for at, name in enumerate(names(30))})
    say(folder, {"a": scores(neutral=0.9), "b": scores(sexy=0.9), "c": scores(porn=0.999)})
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "my data"))


def screen(*words: object) -> Done:
    return figleaf("screen", *words, "--model", "mobilenet_v2", COLUMNS="120")


def test_tables_and_hints(folder: Path) -> None:
    done = screen(folder)
    assert done.code == 0
    counts, ranked = done.out.split("\n\n")
    assert counts.split() == ["class", "doubt", "images", "porn", "safe_among_unsafe", "30"]
    head, *rows = ranked.splitlines()
    assert head.split() == ["doubt", "kind", "class", "the", "model", "says", "image"]
    assert len(rows) == 20
    assert rows[0].split() == [
        *("0.984", "safe_among_unsafe", "porn", "unsafe", "0.016"),
        sha256("29.jpg").hex()[:12],
    ]
    assert done.err.splitlines() == [
        "32 images screened with mobilenet_v2@1 f32: 0 scored now, 32 before",
        "1 image was not screened: comics is no class of figleaf's; --as comics=neutral, for"
        " example, says what it is",
        "30 images are doubted; --list FILE has all, ranked",
        "they are listed for review and stay in use; --quarantine sets them aside",
        f"right after all: figleaf restore '{folder}' HASH --label ITS_CLASS;"
        " wrong: --label ANOTHER",
    ]


def test_one_doubt_and_several_classes_that_are_none(folder: Path) -> None:
    collect(folder, {"d": "birds and bees"})
    hints = screen(folder, "--limit", "1").err.splitlines()
    assert hints[1:3] == [
        "2 images were not screened: birds and bees, comics are no classes of figleaf's;"
        " --as 'birds and bees=neutral', for example, says what they are",
        "it is listed for review and stays in use; --quarantine sets it aside",
    ]
    assert (
        "1 image was set aside, 0 brought back"
        in screen(folder, "--limit", "1", "--quarantine").err
    )


def test_classes_too_small_for_a_model_without_classes(tmp_path: Path) -> None:
    """The advice to name a class of figleaf's would help nothing."""
    collect(tmp_path, dict.fromkeys(names(4), "pants") | dict.fromkeys(names(3, 4), "dress"))
    hint = "7 images were not screened: dress, pants have fewer than 20 images, too few to say what"
    for words in ([], ["--list", "-"]):
        done = figleaf("screen", tmp_path, "--model", "efficientnet_lite0", *words)
        assert (done.code, done.out) == (0, "")
        assert done.err.splitlines()[-3:] == [
            "0 images screened with efficientnet_lite0@1 f32: 0 scored now, 0 before",
            f"{hint} the class looks like",
            "nothing is doubted",
        ]


def test_a_class_that_no_image_has_stands_for_nothing(folder: Path) -> None:
    done = screen(folder, "--as", "comics=drawings", "--as", "comic=drawings")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "figleaf: --as comic: no image here has the class 'comic'; there are comics, neutral,"
        " porn, sexy\n"
    )


def test_quarantine_says_how_to_undo_it(folder: Path) -> None:
    done = screen(folder, "--quarantine", "--limit", "3")
    assert "3 images were set aside, 0 brought back" in done.err
    assert f"`figleaf restore '{folder}' HASH` or `--reason screened` brings" in done.err
    with Ledger(folder) as ledger:
        query = "SELECT count(*) FROM images WHERE quarantine = 'screened'"
        assert one(ledger, query) == 3
    assert figleaf("restore", folder, "--reason", "screened", "--who", "kim").code == 0
    assert json.loads(screen(folder, "--json").out)["counts"][0]["images"] == 27


def test_json(folder: Path) -> None:
    done = screen(folder, "--limit", "2", "--json", "--as", "comics=drawings")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["counts"] == [
        {"class": "comics", "kind": "unsafe_among_safe", "images": 1},
        {"class": "porn", "kind": "safe_among_unsafe", "images": 30},
    ]
    assert [list(doubted) for doubted in found["doubted"]] == [COLUMNS, COLUMNS]
    assert found["doubted"][0]["sha256"] == sha256("c").hex()
    assert (found["images"], found["scored"], found["not_screened"]) == (33, 0, {})


def test_lists(folder: Path, tmp_path: Path) -> None:
    assert screen(folder, "--list", tmp_path / "doubts.csv").code == 0
    with (tmp_path / "doubts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert [row["sha256"] for row in rows] == [sha256(name).hex() for name in names(30)[::-1]]
    done = screen(folder, "--list", "-", "--limit", "4")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["sha256"] for line in lines] == [row["sha256"] for row in rows[:4]]
    assert done.err.startswith("32 images screened with mobilenet_v2@1 f32: 0 scored now")
    assert "30 images are doubted" not in done.err


def test_nothing_is_doubted(folder: Path) -> None:
    done = screen(folder, "--safe-below", "0")
    assert done.code == 0
    assert done.out == ""
    assert done.err.splitlines()[-1] == "nothing is doubted"
    assert "listed for review" not in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--as", "comics"], "--as 'comics': give your class and figleaf's, as in comics=drawings"),
        (["--as", "comics=birds"], "--as comics=birds: 'birds' is none of drawings, hentai"),
        (["--list", "doubts.txt"], "give --list a name that ends in .csv or .jsonl, or -"),
        (["--list", "-", "--json"], "--list - and --json would both be on standard output"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_scored(
    folder: Path, words: list[str], message: str
) -> None:
    done = screen(folder, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    with Ledger(folder) as ledger:
        assert ledger.read("SELECT 1 FROM runs WHERE command = 'screen'") == []


def test_models_that_cannot_screen(folder: Path) -> None:
    done = figleaf("screen", folder, "--model", "nothing")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("figleaf: no ")
    assert done.err.count("\n") == 1


def test_wrong_limits_and_folders(tmp_path: Path) -> None:
    assert screen(tmp_path, "--limit", "0").code == 2
    assert "no data set here" in screen(tmp_path / "none").err
