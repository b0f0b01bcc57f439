"""`figleaf compare` as people run it: tables, words, lists, JSON, codes."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from .test_collect import Done, figleaf

ROOT = Path(__file__).parents[2]
COLUMNS = ["path", "sha256", "label", "a", "a_probability", "b", "b_probability", "right"]
MODELS = ("mobilenet_v2", "mobilenet_v2_mid")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Four photos of which mobilenet_v2 takes one for a drawing, and a page under their name."""
    root = tmp_path_factory.mktemp("labelled") / "photos"
    (root / "neutral").mkdir(parents=True)
    for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"):
        shutil.copy(pictures / name, root / "neutral")
    (root / "neutral/gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    return root


def compare(folder: Path, *words: object, models: tuple[str, str] = MODELS) -> Done:
    return figleaf("compare", *models, "--data", folder, *words, COLUMNS="120")


def test_tables_and_words(folder: Path) -> None:
    done = compare(folder, models=("mobilenet_v2", "inception_v3"))
    assert done.code == 0
    models, by_class, safety, agreement, apart = done.out.split("\n\n")
    assert models.splitlines()[1].split()[:3] == ["A", "mobilenet_v2@1", "f32"]
    head, accuracy, *rest = by_class.splitlines()
    assert head.split() == ["by", "class", "images", "A", "B", "B", "-", "A", "95%", "interval"]
    assert accuracy.split() == [
        *("accuracy", "4", "0.750", "1.000", "+0.250"),
        *("0.000", "to", "+0.750"),
    ]
    assert [row.partition("  ")[0] for row in rest] == [
        "log-loss",
        "calibration error",
        "recall: neutral",
    ]
    assert safety.splitlines()[1].split() == [
        *("accuracy", "4", "1.000", "1.000", "0.000"),
        *("-0.490", "to", "+0.490"),
    ]
    assert [row.split()[-4:] for row in agreement.splitlines()[1:]] == [
        ["3", "75.0%", "4", "100.0%"],
        ["0", "0.0%", "0", "0.0%"],
        ["1", "25.0%", "0", "0.0%"],
        ["0", "0.0%", "0", "0.0%"],
        ["0", "0.0%", "0", "0.0%"],
    ]
    assert apart.splitlines()[1].split()[1:3] == ["neutral", "drawings"]
    assert "rocket.jpg" in apart
    assert "by class: B is right more often, by 0.250: no more than chance may do at 5%" in done.err
    assert "McNemar p = 1, exact" in done.err
    assert "safe or unsafe: A and B are right for the same 4 images" in done.err
    assert "8 differences with a 95% interval each: between equal models about 0.4 of" in done.err
    assert "left out: " in done.err or "could not be read: not_an_image 1" in done.err


def test_json_has_the_same(folder: Path) -> None:
    found = json.loads(compare(folder, "--json", "--quiet", "--repeats", "50").out)
    assert list(found["views"]) == ["classes", "safety"]
    assert found["repeats"] == 50
    assert found["views"]["classes"]["images"] == 4
    assert found["a"]["name"] == "mobilenet_v2@1"


def test_models_of_other_classes(folder: Path) -> None:
    done = compare(folder, "--json", "--quiet", models=("resnet50_thin", "mobilenet_v2"))
    found = json.loads(done.out)
    assert list(found["views"]) == ["safety"]
    assert found["views"]["safety"]["accuracy"]["a"] == 1


def test_lists(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "apart.csv"
    assert compare(folder, "--list", path).code == 0
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*COLUMNS, "distance"]
    distances = [float(row["distance"]) for row in rows]
    assert distances == sorted(distances, reverse=True)
    done = compare(folder, "--list", "-")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["path"] for line in lines] == [row["path"] for row in rows]
    assert "by class: " in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--list", "apart.txt"], "give --list a name that ends in .csv or .jsonl, or -"),
        (["--list", "-", "--json"], "--list - and --json would both be on standard output"),
        (["--part", "tset"], "part must be one of train, validation, test, all, not 'tset'"),
        (["--policy", "nothing"], "no policy 'nothing'"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", ""], "an empty name"),
    ],
)
def test_misuse_is_one_line(folder: Path, words: list[str], message: str) -> None:
    done = compare(folder, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_models_that_cannot_be_compared(folder: Path) -> None:
    done = compare(folder, "--quiet", models=("mobilenet_v2", "nothing"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("figleaf: no model 'nothing'")
    done = compare(folder, "--quiet", models=("mobilenet_v2", "efficientnet_lite0"))
    assert done.code == 2
    assert "efficientnet_lite0 has no classes" in done.err


def test_both_models_and_data_are_needed(folder: Path) -> None:
    assert figleaf("compare", "mobilenet_v2", "--data", folder).code == 2
    assert figleaf("compare", *MODELS).code == 2


def test_the_tables_of_the_documentation_are_what_is_printed(folder: Path) -> None:
    page = (ROOT / "docs/compare.md").read_text("utf-8")
    command, shown = re.findall(r"```text\n\$ (figleaf compare .*?)\n(.*?)```", page, re.DOTALL)[0]
    words = command.replace("neutral=photos", f"neutral={folder}/neutral").split()[1:]
    done = figleaf(*words, COLUMNS="200")
    printed = done.out.replace(f"{folder}/neutral", "photos")
    assert without_figures(printed) == without_figures(shown)


def without_figures(text: str) -> str:
    return re.sub(r" +", " ", re.sub(r"[+-]?\d[\d.]*", "#", text))
