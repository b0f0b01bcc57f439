"""`figleaf classify` with --crops and --explain, as its users run it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner, Result

from figleaf.cli.app import app
from figleaf.errors import FigleafError

from .conftest import SMALL


def run(*arguments: object) -> Result:
    words = ["classify", *map(str, arguments), *SMALL, "--threads", "1"]
    return CliRunner().invoke(app, words, catch_exceptions=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_input_has_a_png_that_is_named_after_it(folder: Path, tmp_path: Path) -> None:
    (folder / "note.jpg").write_text("no picture")
    why = tmp_path / "deep/why"
    result = run(folder, "-r", "--explain", why)
    assert result.exit_code == 3
    assert names(why) == ["astronaut.png.png", "coffee.png.png", "rocket.jpg.png"]
    for path in why.iterdir():
        with Image.open(path) as image:
            assert image.width > 320
    assert f"3 explained in {why}, by places; 1 without an explanation" in result.stderr


def test_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    why = tmp_path / "why"
    why.mkdir()
    (why / "coffee.png.png").write_text("mine")
    shutil.copy(folder / "coffee.png", folder / "sub/coffee.png")
    assert run(folder, "-r", "--explain", why, "--quiet").exit_code == 0
    assert (why / "coffee.png.png").read_text() == "mine"
    assert "coffee.png-2.png" in names(why)
    assert "coffee.png-3.png" in names(why)


def test_what_is_not_shown_is_not_explained(folder: Path, tmp_path: Path) -> None:
    run(folder, "-r", "--explain", tmp_path / "why", "--only", "block")
    assert names(tmp_path / "why") == []


def test_files_that_are_moved_are_explained_before(folder: Path, tmp_path: Path) -> None:
    run(folder, "--explain", tmp_path / "why", "--move-to", tmp_path / "sorted")
    assert names(tmp_path / "why") == ["astronaut.png.png", "coffee.png.png"]


def test_explanations_are_no_inputs(folder: Path) -> None:
    for count in (3, 3):
        found = run(folder, "-r", "--explain", folder / "why", "-f", "jsonl")
        assert len(records(found.stdout)) == count
    assert len(names(folder / "why")) == 6


def test_standard_input_has_no_file_to_go_back_to(folder: Path, tmp_path: Path) -> None:
    words = ["classify", "-", *SMALL, "--explain", str(tmp_path / "why")]
    data = (folder / "coffee.png").read_bytes()
    result = CliRunner().invoke(app, words, input=data)
    assert result.exit_code == 0
    assert "0 explained" in result.stderr
    assert "1 without an explanation" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--explain-label", "sexy"], "give that too"),
        (["--explain-unblurred"], "give that too"),
        (["--explain", "{folder}/coffee.png"], "File exists"),
        (["--explain", "{folder}/why", "--explain-label", "cat"], "the model has drawings"),
    ],
)
def test_wrong_use_is_refused(folder: Path, arguments: list[str], message: str) -> None:
    result = run(folder, *(one.format(folder=folder) for one in arguments))
    assert isinstance(result.exception, FigleafError), result.exception
    assert message in str(result.exception)


def test_the_pictures_are_shown_if_it_is_asked_for(folder: Path, tmp_path: Path) -> None:
    plain, shown, other = (tmp_path / name for name in ("a", "b", "c"))
    photo = folder / "coffee.png"
    run(photo, "--explain", plain)
    run(photo, "--explain", shown, "--explain-unblurred")
    run(photo, "--explain", other, "--explain-label", "drawings")
    pages = {(place / "coffee.png.png").read_bytes() for place in (plain, shown, other)}
    assert len(pages) == 3


def test_trimming_looks_at_the_border_alone(folder: Path, tmp_path: Path) -> None:
    photo = folder / "coffee.png"
    (found,) = records(run(photo, "--trim", "-f", "jsonl").stdout)
    assert [view["name"] for view in found["views"]] == ["whole"]
    with Image.open(photo) as image:
        framed = ImageOps.expand(image.convert("RGB"), 200, "white")
    framed.save(tmp_path / "framed.png")
    (found,) = records(run(tmp_path / "framed.png", "--trim", "-f", "jsonl").stdout)
    assert [view["box"] for view in found["views"]] == [[0, 0, 1000, 800], [200, 200, 800, 600]]


def test_crops_are_told_in_every_format(folder: Path, tmp_path: Path) -> None:
    photo = folder / "coffee.png"
    (found,) = records(run(photo, "--crops", "-f", "jsonl").stdout)
    assert len(found["views"]) == 6
    assert "(max of 6 views)" in found["reason"]
    assert found["views"][0]["box"] == [0, 0, 600, 400]
    assert ", 6 views" in run(photo, "--crops").stdout
    header = run(photo, "--crops", "-f", "csv").stdout.splitlines()[0]
    assert "views" not in header.split(",")
    assert "views" not in records(run(photo, "-f", "jsonl").stdout)[0]
