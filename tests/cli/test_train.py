"""`figleaf train` as people run it: tables, JSON, hints, codes; and what takes its model."""

import io
import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from figleaf.cli.terminal import Screen
from figleaf.cli.train import _print_matrix, _tuning
from figleaf.dataset.ledger import Ledger
from figleaf.errors import InputError
from figleaf.training.finetune.rules import FinetuneRules

from ..curate.splitting.samples import clean, collect, names
from ..training.samples import KINDS, data_set, described, files_of
from .test_collect import Done, figleaf


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set(tmp_path_factory.mktemp("made"), dict.fromkeys(KINDS, 14))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return described(tmp_path_factory.mktemp("net"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "my data"))


@pytest.fixture(scope="module")
def model(made: Path, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained")
    folder = shutil.copytree(made, root / "data")
    assert figleaf("train", folder, root / "내 모델", "--backbone", small).code == 0
    return root / "내 모델"


def train(folder: object, out: object, *words: object, backbone: object, **more: str) -> Done:
    return figleaf("train", folder, out, "--backbone", backbone, *words, **more)


def test_tables_and_hints(folder: Path, tmp_path: Path, small: Path) -> None:
    done = train(folder, tmp_path / "mine", backbone=small)
    assert done.code == 0
    summary, classes, results, matrix, times = done.out.split("\n\n")
    said = dict(re.split(r"\s{2,}", row, maxsplit=1) for row in summary.splitlines()[1:])
    assert said["name"] == "mine"
    assert said["classes"] == "3: dots & lines, neutral, 고양이 그림"
    assert said["examples"] == "36"
    assert said["backbone"] == "small, frozen"
    assert (said["features"], said["input"]) == ("12", "32 x 32 x 3")
    assert re.fullmatch(r"logistic regression, L-BFGS, \d+ iterations, L2 [\d.e-]+", said["head"])
    assert "ECE" in said["calibration"]
    assert classes.splitlines()[1].split() == ["dots", "&", "lines", "12", "0", "2"]
    assert [row.split()[0] for row in results.splitlines()] == ["results", "validation,", "test"]
    assert [len(row.split()[-3:]) for row in matrix.splitlines()[1:]] == [3, 3, 3]
    assert "42 images computed" in times
    assert [row.split()[0] for row in times.splitlines()] == [
        *("time", "loading", "features", "training", "testing", "writing", "in"),
    ]
    assert done.err.splitlines() == [
        f"next: `figleaf classify PICTURE --model {tmp_path}/mine`,"
        f" `figleaf evaluate '{folder}' --model {tmp_path}/mine`"
    ]


def test_a_matrix_that_is_too_wide_is_told_as_pairs() -> None:
    labels = [f"class number {number}" for number in range(12)]
    matrix = (np.eye(12, dtype=int) * 5).tolist()
    matrix[3][7], matrix[8][1] = 2, 1
    assert printed(labels, matrix).splitlines() == [
        "test, true class  taken for       images  of",
        "class number 3    class number 7       2   7",
        "class number 8    class number 1       1   6",
    ]
    nothing = printed(labels, (np.eye(12, dtype=int) * 5).tolist())
    assert nothing.splitlines()[1:] == ["none was taken for another"]
    much = printed(labels, np.ones((12, 12), int).tolist())
    assert much.splitlines()[-1] == "and 112 other pairs; --json has all"
    fits = printed(["a", "b"], [[12_345, 0], [1, 2]])
    assert fits.splitlines()[0].split() == ["test,", "true", "class", "a", "b"]


def printed(labels: list[str], matrix: list[list[int]]) -> str:
    file = io.BytesIO()
    _print_matrix(Screen(file), labels, matrix)
    return file.getvalue().decode()


def test_the_second_time_all_features_are_there(folder: Path, tmp_path: Path, small: Path) -> None:
    assert train(folder, tmp_path / "a", backbone=small).code == 0
    done = train(folder, tmp_path / "b", backbone=small)
    assert "all were there" in done.out


def test_layers_in_detail(folder: Path, tmp_path: Path, small: Path) -> None:
    done = train(folder, tmp_path / "mine", "--detail", backbone=small)
    head, *layers = done.out.split("\n\n")[-1].splitlines()
    assert head.split() == ["layer", "kind", "gives", "parameters", "MFLOPs"]
    assert any(row.split()[1] == "Conv" and "912" in row for row in layers)
    assert layers[-1].split()[:2] == ["probabilities", "Softmax"]
    (count,) = re.findall(r"^layers +(\d+)$", done.out, re.MULTILINE)
    assert int(count) == len(layers)


def test_json_has_all_of_it_and_nothing_else(folder: Path, tmp_path: Path, small: Path) -> None:
    done = train(folder, tmp_path / "mine", "--json", backbone=small)
    found = json.loads(done.out)
    assert found == json.loads((tmp_path / "mine/training.json").read_text("utf-8"))
    assert list(found["classes"]) == sorted(KINDS)
    assert found["rules"]["backbone"] == "small.toml"
    assert done.err == ""


def test_classify_models_and_evaluate_take_it(model: Path, made: Path) -> None:
    picture = files_of(made)[0]
    done = figleaf("classify", picture, "--model", model, "-f", "json", "--quiet")
    assert done.code == 0
    (found,) = json.loads(done.out)
    assert set(found["scores"]) == set(KINDS)
    assert found["model"] == "내 모델@1"
    shown = figleaf("models", model)
    assert shown.code == 0
    assert "고양이 그림" in shown.out
    assert figleaf("evaluate", model.parent / "data", "--model", model, "--quiet").code == 0


def test_hints_for_what_was_left_out(folder: Path, tmp_path: Path, small: Path) -> None:
    with Ledger(folder, write=True) as ledger:
        with ledger.transaction() as db:
            db.execute("DELETE FROM splits WHERE part = 'test'")
        ((digest,),) = ledger.read(
            "SELECT sha256 FROM images JOIN splits ON image_id = id ORDER BY id LIMIT 1"
        )
    (path,) = (folder / "images").glob(f"*/{digest.hex()}.jpg")
    path.unlink()
    done = train(folder, tmp_path / "mine", backbone=small)
    assert done.code == 0
    assert done.err.splitlines()[:-1] == [
        f"1 image could not be read; figleaf clean '{folder}' says why",
        "6 images are of no part of the split, or of a class that train has not",
        "the split has no test part: nothing says how it does on images it was not fitted on",
    ]


def test_hints_for_what_is_too_little(tmp_path: Path, small: Path) -> None:
    folder = data_set(tmp_path, {"neutral": 14, "고양이 그림": 10, "rare": 3})
    done = train(folder, tmp_path / "mine", backbone=small)
    assert done.code == 0
    assert done.err.splitlines()[:-1] == [
        "fewer than 10 images to learn from: rare, 고양이 그림; collect more of them",
        "calibrated on 23 images: take its probabilities for rough",
        "no image to test with: rare; nothing says how it does on them",
    ]


MISUSE = [
    (["--power", "1"], "--power is the exponent of --class-weights power"),
    (["--validation", "0"], "--validation must be a share above 0"),
    (["--sha256", "00"], "give weights as well"),
    (["--weights", "x.pth"], "comes with its weights"),
    (["--set", "epochs=3"], "--set is a rule of fine-tuning"),
    (["--anew"], "--anew"),
]


@pytest.mark.parametrize(("words", "message"), MISUSE, ids=[words[0] for words, _ in MISUSE])
def test_misuse_is_one_line(
    folder: Path, tmp_path: Path, small: Path, words: list[str], message: str
) -> None:
    done = train(folder, tmp_path / "mine", *words, backbone=small)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("epochs", "give NAME=VALUE, with one of epochs, batch"),
        ("nothing=3", "give NAME=VALUE"),
        ("class_weights=none", "give NAME=VALUE"),
        ("epochs=x", "--set epochs=x: not a whole number"),
        ("epochs=2.5", "not a whole number"),
        ("rate=x", "not a number"),
        ("epochs=-1", "--set: epochs must be in 0..10000"),
        ("rate=nan", "--set: rate must be"),
        ("flip=maybe", "--set flip=maybe: true or false"),
        ("optimiser=lion", "--set: no optimiser 'lion'"),
    ],
)
def test_rules_of_fine_tuning(word: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        _tuning([word])
    assert message in str(error.value)


def test_the_last_of_several_rules_holds() -> None:
    words = ["epochs=3", "rate=1e-2", "flip=false", "optimiser=sgd", "threads=2", "epochs=0"]
    found = _tuning(words)
    assert (found.epochs, found.rate, found.flip) == (0, 0.01, False)
    assert (found.optimiser, found.threads) == ("sgd", 2)
    assert _tuning([]) == FinetuneRules()


def test_a_rule_of_fine_tuning_that_is_none(folder: Path, tmp_path: Path) -> None:
    word, message = "nothing=3", "give NAME=VALUE"
    done = train(
        folder, tmp_path / "m", "--mode", "finetune", "--set", word, backbone="resnet50_thin"
    )
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_wrong_values_are_told_as_usual(folder: Path) -> None:
    done = figleaf("train", folder, "mine", "--l2", "nan")
    assert done.code == 2
    assert "--l2" in done.err


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("", "backbone is empty"),
        ("resnet50_thin+resnet50_thin", "resnet50_thin is named twice"),
        ("resnet50_thinn", "figleaf's own nets (efficientnet_lite0, resnet50, resnet50_thin)"),
        ("resnet50", "give --weights FILE"),
    ],
)
def test_backbones_that_cannot_be_had(
    folder: Path, tmp_path: Path, backbone: str, message: str
) -> None:
    done = train(folder, tmp_path / "mine", backbone=backbone)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert "Unknown model" not in done.err  # as timm says it


def test_weights_that_hash_to_something_else(folder: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"anything")
    words = ["--weights", weights, "--sha256", "0" * 64]
    done = train(folder, tmp_path / "mine", *words, backbone="resnet50")
    assert (done.code, done.out) == (2, "")
    assert "SHA-256" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("backbone", ["resnet50_thin+efficientnet_lite0"])
def test_several_nets_are_not_fine_tuned(folder: Path, tmp_path: Path, backbone: str) -> None:
    done = train(folder, tmp_path / "mine", "--mode", "finetune", backbone=backbone)
    assert (done.code, done.out) == (2, "")
    assert f"{backbone} cannot be fine-tuned: name one backbone" in done.err


def test_places_where_no_model_may_go(folder: Path, tmp_path: Path, small: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/notes.txt").write_text("mine")
    for out, message in (
        (tmp_path / "file", "is there, and is no folder"),
        (tmp_path / "docs", "is there, and is no bundle alone"),
        (f"{tmp_path}/\udcff", "the name of a model"),
    ):
        done = train(folder, out, "--overwrite", backbone=small)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
        assert done.err.count("\n") == 1
    assert (tmp_path / "docs/notes.txt").read_text() == "mine"
    assert not (folder / "features").exists()


def test_a_model_that_is_there(folder: Path, tmp_path: Path, small: Path) -> None:
    out = tmp_path / "mine"
    assert train(folder, out, backbone=small).code == 0
    first = (out / "card.json").read_bytes()
    done = train(folder, out, "--seed", "1", backbone=small)
    assert done.code == 2
    assert "mine: is there; --overwrite replaces it, or name another place" in done.err
    assert (out / "card.json").read_bytes() == first
    assert train(folder, out, "--seed", "1", "--overwrite", backbone=small).code == 0
    assert (out / "card.json").read_bytes() != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "my data"]


def test_data_sets_that_are_none_or_not_ready(tmp_path: Path, small: Path) -> None:
    for folder, message in (("", "DIR is empty"), (tmp_path / "no", "no data set here")):
        done = train(folder, tmp_path / "mine", backbone=small)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    assert not (tmp_path / "no").exists()
    collect(tmp_path / "data", dict.fromkeys(names(4), "neutral"))
    assert "figleaf split" in train(tmp_path / "data", tmp_path / "mine", backbone=small).err
    clean(tmp_path / "data")
    assert figleaf("split", tmp_path / "data").code == 0
    done = train(tmp_path / "data", tmp_path / "mine", backbone=small)
    assert (done.code, done.out) == (2, "")
    assert "1 of the at least two classes" in done.err
    assert "figleaf stats" in done.err


def test_a_data_set_in_use(folder: Path, tmp_path: Path, small: Path) -> None:
    with Ledger(folder, write=True):
        begun = time.monotonic()
        done = train(folder, tmp_path / "mine", backbone=small)
        assert time.monotonic() - begun < 30
    assert (done.code, done.out) == (2, "")
    assert "another process is writing to this data set" in done.err


def test_help_has_an_example() -> None:
    done = figleaf("train", "--help")
    assert done.code == 0
    assert "figleaf train my-data my-model" in done.out
