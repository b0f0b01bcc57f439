"""`figleaf models join` and `quantize` as people run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ..models.test_bundle import tiny_graph, write_bundle
from ..models.test_int8 import branches

INPUTS = [{"name": "image", "size": [16, 16], "resample": "bilinear", "background": [0, 0, 0]}]


def models(folder: Path, *words: object) -> tuple[int, str, str]:
    """The exit code, standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "figleaf", "models", *map(str, words)],
        cwd=folder,
        env=os.environ | {"COLUMNS": "120"},
        capture_output=True,
        check=False,
        timeout=100,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A small net in `net`, two others in `one` and `two`, and 48 drawn pictures."""
    graph = branches().SerializeToString()
    write_bundle(tmp_path / "net", graph, name="net", inputs=INPUTS, features=8)
    for name in ("one", "two"):
        write_bundle(tmp_path / name, tiny_graph().SerializeToString(), name=name)
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(5)
    for number in range(48):
        pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


def test_join_writes_a_bundle_that_tells_of_its_members(desk: Path) -> None:
    code, out, _ = models(desk, "join", "one", "two", "both", "--weights", "3,1")
    assert code == 0
    assert "one and two together: the mean of the probabilities, weighted 0.75, 0.25." in out
    assert "wrote both: figleaf classify --model both ..." in out
    card = json.loads((desk / "both/card.json").read_text())
    assert card["name"] == "both"
    assert [one["name"] for one in card["ensemble"]["members"]] == ["one", "two"]
    code, out, _ = models(desk, "list", "both", "one+two")
    assert code == 0
    assert out.count("joins one@1 and two@1, by the rule mean") == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["one", "both"], "name two models or more, and then a new folder"),
        (["one", "two", "net"], "net: is there, and nothing is overwritten"),
        (["one", "two", "both", "--weights", "a,b"], "--weights a,b: write numbers, as in 2,1"),
        (["one", "two", "both", "--weights", "1"], "1 weights for 2 models"),
        (["one", "two", "both", "--name", "inception_v3"], "comes with figleaf"),
        (["one", "two", "both", "--name", "a\nb"], "letters that can be printed"),
        (["one", "one", "both"], "two members are called one"),
        (["one", "nothing", "both"], "no model 'nothing'"),
    ],
)
def test_join_says_what_is_wrong(desk: Path, words: list[str], complaint: str) -> None:
    code, out, err = models(desk, "join", *words)
    assert (code, out) == (2, "")
    assert complaint in err
    assert not (desk / "both").exists()


def test_quantize_tells_the_drift_and_then_writes(desk: Path) -> None:
    few = ["--calibrate", "pictures", "--pictures", "20"]
    code, out, err = models(desk, "quantize", "net", "twin", *few)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "3 convolutions in int8, calibrated with 20 pictures"
    assert lines[1] == "against f32, on 28 others:"
    assert lines[2].startswith("  a probability moves by 0.00")
    assert lines[-1] == "wrote twin: figleaf classify --model twin ..."
    card = json.loads((desk / "twin/card.json").read_text())
    assert (card["name"], card["computes"]) == ("twin", "int8")
    code, out, _ = models(desk, "list", "twin")
    assert "computes in int8" in out
    code, _, err = models(desk, "quantize", "twin", "again", *few)
    assert (code, err) == (2, "figleaf: twin computes in int8 already\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--pictures", "20", "--drift", "0"], "in the mean, over 0: nothing is written"),
        (["--pictures", "3"], "--pictures must be at least 20, not 3"),
        (["--pictures", "40"], "48 files: 20 or more are needed to calibrate"),
    ],
)
def test_quantize_says_why_nothing_is_written(desk: Path, words: list[str], complaint: str) -> None:
    code, _, err = models(desk, "quantize", "net", "twin", "--calibrate", "pictures", *words)
    assert code == 2
    assert complaint in err
    assert not (desk / "twin").exists()
