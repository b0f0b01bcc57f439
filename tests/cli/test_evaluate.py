"""`figleaf evaluate` as people run it: tables, JSON, files, lists, hints, codes."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import figleaf as library

from ..curate.splitting.samples import clean, collect, names
from .test_collect import Done, figleaf

PLOTS = [
    "calibration",
    "confusion_matrix",
    "confusion_matrix_normalised",
    "precision_recall",
    "roc",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Six photos in two classes, and a page under a picture's name."""
    root = tmp_path_factory.mktemp("made") / "my pictures"
    for label, names_of in (
        ("neutral", ("astronaut", "coffee", "chelsea", "camera")),
        ("Drawing", ("page", "horse")),
    ):
        (root / label).mkdir(parents=True)
        for name in names_of:
            shutil.copy(pictures / f"{name}.png", root / label)
    (root / "neutral/gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (root / "neutral/.hidden").write_text("")
    return root


def evaluate(*words: object, **environment: str) -> Done:
    return figleaf("evaluate", *words, "-m", "mobilenet_v2", "--repeats", "20", **environment)


def test_tables_and_hints(folder: Path) -> None:
    done = evaluate(folder)
    assert done.code == 0
    heads = [line for line in done.out.splitlines() if line.startswith("mobilenet_v2@1: ")]
    assert heads == [
        "mobilenet_v2@1: By class",
        "mobilenet_v2@1: Confusion matrix",
        "mobilenet_v2@1: Confusion matrix, shares of the true class",
        "mobilenet_v2@1: Thresholds on the unsafe score",
        "mobilenet_v2@1: What the policy decides",
        "mobilenet_v2@1: Slices",
    ]
    assert "true class  drawings  hentai  neutral  porn  sexy" in done.out
    assert "images evaluated" in done.out
    assert done.err.splitlines() == [
        "my pictures: 7 images",
        "not among them: hidden files 1",
        "1 image could not be read: not_an_image 1",
        "no image is hentai, porn, sexy: means over the classes leave out what has no value for"
        " them",
        "none of these images is unsafe: nothing can be said of what is missed",
        "a false-positive rate of 0.001 cannot be told from 0 by 6 safe images",
        "a false-positive rate of 0.01 cannot be told from 0 by 6 safe images",
    ]


def test_json_of_several_models(folder: Path) -> None:
    done = evaluate(folder, "--json", "--model", "resnet50_thin", "-q", "--target-fpr", "0.2")
    assert done.code == 0
    found = json.loads(done.out)
    assert [one["source"]["model"] for one in found] == ["resnet50_thin@1", "mobilenet_v2@1"]
    assert found[0]["classes"] is None
    assert found[0]["confusion_matrix"][0]["target_label"] == "safe"
    assert found[1]["classes"]["labels"][0] == "drawings"
    assert sum(cell["count"] for cell in found[1]["confusion_matrix"]) == 6
    assert found[1]["source"]["data_sha256"] == found[0]["source"]["data_sha256"]
    targets = [one["target"] for one in found[1]["safe_unsafe"]["points"] if one["target"]]
    assert targets == [0.2, 0.9, 0.95, 0.99]


def test_files(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = evaluate(folder, "--out", out, "--lang", "ko")
    assert done.code == 0
    assert "혼동 행렬" in done.out
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["evaluation.json", *(f"{name}.png" for name in PLOTS)]
    )
    found = json.loads((out / "evaluation.json").read_text("utf-8"))
    assert found["source"]["data"] == "my pictures"
    for name in PLOTS:
        with Image.open(out / f"{name}.png") as picture:
            assert min(picture.size) > 400
    before = (out / "evaluation.json").read_bytes()
    assert evaluate(folder, "--out", out).code == 0
    assert (out / "evaluation.json").read_bytes() == before


def test_files_of_several_models(folder: Path, tmp_path: Path) -> None:
    done = evaluate(folder, "--out", tmp_path, "-m", "resnet50_thin", "-q")
    assert done.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"resnet50_thin@1", "mobilenet_v2@1"}
    assert len(list(tmp_path.glob("*/*"))) == 2 * (1 + len(PLOTS))


def test_lists(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "answers.csv"
    assert evaluate(folder, "--list", listed).code == 0
    with listed.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7
    assert {row["status"] for row in rows} == {"ok", "not_an_image"}
    assert {row["label"] for row in rows} == {"Drawing", "neutral"}
    done = evaluate(folder, "--list", "-", "-q")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["path"] for line in lines] == [row["path"] for row in rows]
    assert [line["right"] for line in lines if line["status"] == "ok"].count(True) >= 4


def test_robustness(folder: Path) -> None:
    done = evaluate(folder, "--robustness", "--robustness-images", "2", "--threads", "1")
    assert "mobilenet_v2@1: Changed pictures" in done.out
    assert "white border, 25%" in done.out


def test_folders_of_one_class_and_a_policy(folder: Path) -> None:
    done = evaluate(f"porn={folder / 'neutral'}", "--policy", "strict", "--json")
    (found,) = json.loads(done.out)
    assert found["source"]["policy"] == "strict@1"
    assert found["safe_unsafe"]["unsafe"] == 4
    assert found["safe_unsafe"]["points"][0]["recall"]["value"] == 0


def test_a_data_set_says_what_to_type(tmp_path: Path) -> None:
    data = tmp_path / "my data"
    collect(data, dict.fromkeys(names(8), "neutral"))
    done = evaluate(data)
    assert done.code == 2
    assert f"first: figleaf split '{data}'; or take all images: --part all" in done.err
    clean(data)
    library.split(data)
    done = evaluate(data)
    # Its ledger was made without files.
    assert done.code == 2
    assert "pictures can be read" in done.err
    assert "no labelled image in use in validation" in evaluate(data, "--part", "validation").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name a data set or a folder with one a class; or give --pictures FOLDER"),
        (["{}", "--part", "tests"], "--part must be one of train, validation, test, all"),
        (["{}", "--target-fpr", "2"], "--target-fpr must be a share, 0..1, not 2.0"),
        (["{}", "--list", "a.txt"], "give --list a name that ends in .csv or .jsonl"),
        (["{}", "--list", "-", "--json"], "--list - and --json would both"),
        (["{}", "--out", "/nowhere/out"], "no folder /nowhere; give --out one in a folder that is"),
        (["{}", "--out", "{}/neutral/gone.jpg"], "not a folder; give --out a folder"),
        (["{}", "--sheet", "a.png"], "--sheet and --show are for --pictures FOLDER"),
        (["{}", "--pictures", "{}"], "DATA, --repeats: not with --pictures, which has no"),
        (["{}", "--robustness-images", "9"], "--robustness-images is for --robustness"),
        (["{}", "--policy", "none"], "no policy 'none'"),
        (["nowhere"], "no file or folder"),
    ],
)
def test_wrong_use(folder: Path, words: list[str], message: str) -> None:
    done = evaluate(*(word.format(folder) for word in words))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_models_that_cannot_be_held_against_the_labels(folder: Path) -> None:
    done = figleaf("evaluate", folder, "-m", "efficientnet_lite0")
    assert (done.code, done.out) == (2, "")
    assert "has no classes" in done.err


def test_pictures_without_labels(folder: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.html"
    words = ("--pictures", folder, "--sheet", sheet, "--top-k", "1", "-m", "mobilenet_v2")
    done = figleaf("evaluate", *words)
    assert done.code == 0
    assert "coffee.png" in done.out
    assert sheet.is_file()


def test_a_reader_that_goes_away(folder: Path) -> None:
    line = f"{sys.executable} -m figleaf evaluate '{folder}' -m mobilenet_v2 --repeats 5 | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, check=False, timeout=120
    )
    assert done.returncode in (0, 141)
    assert b"Traceback" not in done.stderr


def test_ctrl_c_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    (many / "neutral").mkdir(parents=True)
    for number in range(3000):
        os.link(folder / "neutral/coffee.png", many / f"neutral/{number}.png")
    words = [sys.executable, "-m", "figleaf", "evaluate", str(many), "-m", "mobilenet_v2", "-q"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*words, "--out", str(tmp_path / "out")], stdout=pipe, stderr=pipe
    ) as process:
        time.sleep(6)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == b""
    assert errors in (b"figleaf: interrupted; nothing was written\n", b"")
    assert not (tmp_path / "out").exists()
