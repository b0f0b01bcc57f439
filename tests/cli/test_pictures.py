"""`figleaf evaluate --pictures` as people run it: a table, JSON, sheets, and what goes wrong."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figleaf.cli.pictures import PicturesAsked, run_pictures

from ..report.datasets import picture
from .test_collect import Done, figleaf

MODEL = ("--model", "mobilenet_v2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Two photos, one of them in a folder of its own, and a page under a photo's name."""
    root = tmp_path_factory.mktemp("unseen") / "photos"
    (root / "sub").mkdir(parents=True)
    shutil.copy(pictures / "coffee.png", root)
    shutil.copy(pictures / "rocket.jpg", root / "sub")
    (root / "gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    return root


def evaluate(folder: object, *words: object) -> Done:
    return figleaf("evaluate", "--pictures", folder, *words)


def test_the_models_stand_side_by_side(folder: Path) -> None:
    done = evaluate(folder, *MODEL, "--model", "resnet50_thin")
    assert done.code == 0
    head, *rows = done.out.splitlines()
    assert head.split() == ["picture", "mobilenet_v2@1", "resnet50_thin@1"]
    assert [row[:14].strip() for row in rows] == [
        "coffee.png",
        "",
        "",
        "gone.jpg",
        "sub/rocket.jpg",
        "",
        "",
    ]
    assert rows[0].split()[2:] == ["neutral", "98.7%", "sfw"]
    assert rows[2].split()[1:] == ["porn"]
    assert rows[3].split() == ["gone.jpg", "not_an_image", "not_an_image"]
    assert done.err == "3 files\n1 file could not be read: not_an_image 1\n"


def test_fewer_classes(folder: Path) -> None:
    rows = evaluate(folder, *MODEL, "--top-k", "1").out.splitlines()
    assert [row.split()[0] for row in rows] == [
        "picture",
        "coffee.png",
        "gone.jpg",
        "sub/rocket.jpg",
    ]


def test_json(folder: Path) -> None:
    found = json.loads(evaluate(folder, *MODEL, "--json", "--policy", "strict", "--quiet").out)
    assert found["images"] == 3
    assert [Path(one["path"]).name for one in found["pictures"]] == [
        "coffee.png",
        "gone.jpg",
        "rocket.jpg",
    ]
    assert found["pictures"][0]["predictions"][0]["policy"].startswith("strict@")


def test_sheets(folder: Path, tmp_path: Path) -> None:
    page, sheet = tmp_path / "sheet.html", tmp_path / "sheet.png"
    done = evaluate(folder, *MODEL, "--sheet", page, "--sheet", sheet, "--lang", "ko")
    assert done.code == 0
    assert done.err.splitlines()[2:] == [
        f"{page}: keep it as private as the pictures",
        f"{sheet}: keep it as private as the pictures",
    ]
    text = page.read_text("utf-8")
    assert '<html lang="ko">' in text
    assert text.count("data-file=") == 2
    with Image.open(sheet) as image:
        assert image.format == "PNG"
        destroyed = colours(image)
    done = evaluate(folder, *MODEL, "--sheet", sheet, "--show", "--quiet")
    assert done.code == 0
    with Image.open(sheet) as image:
        assert colours(image) > 20 * destroyed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet.html", "sheet.png"]


def colours(image: Image.Image) -> int:
    return len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0))


def test_of_many_pictures_the_sheet_has_several_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "many").mkdir()
    for seed in range(40):
        (tmp_path / f"many/{seed:02}.png").write_bytes(picture(seed))
    sheets = (tmp_path / "sheet.png",)
    run_pictures(PicturesAsked(str(tmp_path / "many"), ("mobilenet_v2",), 1, sheets=sheets))
    assert f"{sheets[0]} to sheet-2.png: keep" in capsys.readouterr().err
    assert {path.name for path in tmp_path.glob("*.png")} == {"sheet.png", "sheet-2.png"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sheet", "sheet.pdf"], "sheet.pdf: give --sheet a name that ends in .png or .html"),
        (["--sheet", "nowhere/sheet.png"], "no folder nowhere; give --sheet a file in one that is"),
        (["--show"], "--show is for a PNG sheet: give --sheet FILE.png too"),
        (["--show", "--sheet", "sheet.html"], "--show is for a PNG sheet"),
        (["--part", "all"], "--part: not with --pictures, which has no labels to go by"),
        (["my-data", "--list", "a.csv", "--out", "a"], "DATA, --out, --list: not with --pictures"),
        (["--threshold", "0.5", "--base-rate", "0.1"], "--threshold, --base-rate: not with"),
        (["--target-fpr", "0.1", "--target-recall", "0.1"], "--target-fpr, --target-recall: not"),
        (["--robustness", "--robustness-images", "9"], "--robustness, --robustness-images: not"),
        (["--repeats", "10", "--seed", "0"], "--repeats, --seed: not with --pictures"),
        (["--model", "nothing"], "no model 'nothing'"),
        (["--model", "efficientnet_lite0"], "efficientnet_lite0 has no classes"),
    ],
)
def test_misuse_is_one_line(folder: Path, words: list[str], message: str) -> None:
    done = evaluate(folder, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_folders_that_have_nothing(tmp_path: Path) -> None:
    assert "no files here; name a folder of pictures" in evaluate(tmp_path, *MODEL).err
    assert "No such file or directory" in evaluate(tmp_path / "none", *MODEL).err
    assert "--pictures is empty" in evaluate("", *MODEL).err


WITHOUT = """
import sys
sys.modules.update(matplotlib=None, jinja2=None)
from figleaf.cli.app import run
sys.argv = ["figleaf", *sys.argv[1:]]
run()
"""


def test_only_a_sheet_needs_the_extra(folder: Path, tmp_path: Path) -> None:
    start = [sys.executable, "-c", WITHOUT, "evaluate", "--pictures", str(folder), *MODEL]
    assert subprocess.run(start, capture_output=True, check=True).stdout
    sheet = ["--sheet", str(tmp_path / "sheet.png")]
    done = subprocess.run([*start, *sheet], capture_output=True, check=False)
    assert done.returncode == 2
    needs = b"figleaf: a sheet of pictures needs an extra: pip install 'figleaf[report]'\n"
    assert done.stderr == needs
    assert not list(tmp_path.iterdir())
