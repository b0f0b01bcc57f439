"""`figleaf models import`, as it is typed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figleaf.models.card import read_card

from ..importing.onnx_models import lay_out
from .test_collect import figleaf as run


def coloured(folder: Path, colour: tuple[int, int, int], count: int = 5) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        picture = np.full((20, 30, 3), colour, np.uint8)
        Image.fromarray(picture).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_what_was_understood_is_told_before_the_bundle_is_there(tmp_path: Path) -> None:
    source, out = lay_out(tmp_path / "in"), tmp_path / "red"
    done = run("models", "import", str(source), str(out))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "file: onnx/model.onnx"
    assert "classes: normal -> sfw, nsfw -> nsfw" in lines
    assert "license: mit" in lines
    assert lines[-1].startswith(f"wrote {out}: figleaf classify --model ")
    listed = run("models", str(out))
    assert "imported from Hugging Face's layout" in listed.out
    assert "normal -> sfw" in listed.out


def test_a_folder_may_be_named_by_its_config(tmp_path: Path) -> None:
    source, out = lay_out(tmp_path / "in"), tmp_path / "red"
    done = run("models", "import", str(source / "config.json"), str(out))
    assert done.code == 0, done.err
    assert read_card(out / "card.json").imported is not None


def test_what_the_user_says_stands_in_the_card(tmp_path: Path) -> None:
    config = {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": None}
    source, out = lay_out(tmp_path / "in", config=config, readme=""), tmp_path / "red"
    done = run("models", "import", str(source), str(out))
    assert done.code == 2
    assert "--label LABEL_0=sfw --label LABEL_1=nsfw (or the other way round)" in done.err
    labels = ["--label", "LABEL_0=nsfw", "--label", "LABEL_1=sfw"]
    done = run("models", "import", str(source), str(out), *labels)
    assert done.code == 2
    assert "--license unknown" in done.err
    assert not out.exists()
    told = ["--license", "unknown", "--name", "reversed", "--version", "7"]
    done = run("models", "import", str(source), str(out), *labels, *told)
    assert done.code == 0, done.err
    card = read_card(out / "card.json")
    assert (card.tag, card.license) == ("reversed@7", "unknown")
    assert card.imported is not None
    assert card.imported.labels == {"LABEL_0": "nsfw", "LABEL_1": "sfw"}


def test_a_reversed_model_calls_safe_pictures_unsafe_and_is_not_written(tmp_path: Path) -> None:
    source, out = lay_out(tmp_path / "in"), tmp_path / "red"
    red = coloured(tmp_path / "red pictures", (255, 0, 0))
    done = run("models", "import", str(source), str(out), "--check", str(red))
    assert done.code == 2
    assert "5 of 5 safe pictures are unsafe to this model" in done.err
    assert not out.exists()
    green = coloured(tmp_path / "green pictures", (0, 255, 0))
    done = run("models", "import", str(source), str(out), "--check", str(green))
    assert done.code == 0, done.err
    assert "of 5 safe pictures it calls 0 unsafe (0.0%)" in done.out


def test_pictures_that_are_none_check_nothing(tmp_path: Path) -> None:
    source, out = lay_out(tmp_path / "in"), tmp_path / "red"
    empty = coloured(tmp_path / "empty", (0, 0, 0), 0)
    done = run("models", "import", str(source), str(out), "--check", str(empty))
    assert done.code == 2
    assert "no picture in it that can be read" in done.err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--label", "normal"], "write the model's class, =, and ours"),
        (["--label", "normal=sfw", "--label", "normal=nsfw"], "is given twice"),
        (["--classes", "a,b"], "--classes is not for a model of Hugging Face's layout"),
        (["--logits"], "--logits is not for"),
        (["--name", "inception_v3"], "comes with figleaf is called inception_v3"),
        (["--name", "a\x1bb"], "letters that can be printed"),
        (["--version", "1\n2"], "--version '1\\n2': has letters that cannot be printed"),
        (["--license", "\x1b"], "has letters that cannot be printed"),
        (["--check", "nowhere"], "nowhere: no such folder"),
        (["--size", "x"], "write 224, or 224x192"),
        (["--revision", "main"], "--revision is for hf:OWNER/NAME"),
        (["--onnx", "model.onnx"], "there is no such graph; there are onnx/model.onnx"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, options: list[str], complaint: str
) -> None:
    source, out = lay_out(tmp_path / "in"), tmp_path / "red"
    done = run("models", "import", str(source), str(out), *options)
    assert done.code == 2
    assert (done.out, complaint in done.err) == ("", True), done.err
    assert not out.exists()


def test_a_place_that_is_taken_is_refused(tmp_path: Path) -> None:
    source = lay_out(tmp_path / "in")
    done = run("models", "import", str(source), str(source))
    assert done.code == 2
    assert "nothing is overwritten" in done.err


def test_a_folder_of_no_model_is_refused(tmp_path: Path) -> None:
    done = run("models", "import", str(tmp_path), str(tmp_path / "out"))
    assert done.code == 2
    assert "neither config.json" in done.err
    graph = lay_out(tmp_path / "in") / "onnx/model.onnx"
    done = run("models", "import", str(graph), str(tmp_path / "out"))
    assert done.code == 2
    assert "a graph alone tells neither classes" in done.err
