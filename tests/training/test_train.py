"""Training, end to end: a data set in, a bundle out that gives what was trained."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import figleaf
from figleaf.curate.splitting.rules import Part, SplitRules
from figleaf.curate.watch import Watch
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, InputError, ModelError
from figleaf.models.bundle import open_bundle
from figleaf.models.runtime import RuntimeName
from figleaf.training.backbones.embedded import EMBEDDED
from figleaf.training.cache import FOLDER
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.material import Material, read_material
from figleaf.training.report import TrainReport
from figleaf.training.rules import DEFAULT_BACKBONE, TrainRules
from figleaf.training.train import train

from ..sources.collecting import collected
from .samples import KINDS, data_set, described, files_of, source


def rules(backbone: str, **more: object) -> TrainRules:
    return replace(TrainRules(backbone=backbone), **more)  # type: ignore[arg-type]  # a test's


def files(folder: Path) -> dict[str, bytes]:
    """What is the same for the same training: all but the times."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.name != "training.json"
    }


def material_of(folder: Path) -> Material:
    with Ledger(folder) as ledger:
        return read_material(ledger)


@pytest.fixture(scope="module")
def trained(
    made_data: Path, small: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainReport]:
    """A model, and what the training said."""
    root = tmp_path_factory.mktemp("trained")
    folder = shutil.copytree(made_data, root / "data")
    return root, train(folder, root / "model", rules=rules(small))


def test_the_bundle_gives_what_was_reported(trained: tuple[Path, TrainReport]) -> None:
    """Classified anew, the test part comes to the same confusion matrix, in both runtimes."""
    root, report = trained
    test = material_of(root / "data").parts[Part.TEST]
    assert report.test is not None
    for runtime in RuntimeName:
        with figleaf.load(root / "model", runtime=runtime) as classifier:
            found = classifier.classify_many(test.paths)
        labels = list(report.classes)
        predicted = np.array([labels.index(one.label or "") for one in found])
        matrix = np.zeros((3, 3), int)
        np.add.at(matrix, (test.labels, predicted), 1)
        np.testing.assert_array_equal(matrix, report.test.matrix)
        own = [one.scores[labels[label]] for one, label in zip(found, test.labels, strict=True)]
        assert -np.log(own).mean() == pytest.approx(report.test.log_loss, rel=0.02)


def test_it_learns(trained: tuple[Path, TrainReport]) -> None:
    _, report = trained
    assert report.validation.accuracy > 0.6
    assert report.validation.log_loss < 0.9
    assert report.calibration.after <= report.calibration.before + 0.03


def test_what_the_report_says(trained: tuple[Path, TrainReport], made_data: Path) -> None:
    root, report = trained
    assert list(report.classes) == sorted(KINDS)
    assert all(
        parts == {"train": 17, "validation": 0, "test": 3} for parts in report.classes.values()
    )
    assert (report.trained, report.unreadable, report.left_out) == (51, 0, 0)
    assert (report.name, report.backbone, report.width) == ("model", "small", 12)
    assert report.held_out == "5 folds"
    assert report.validation.images == report.calibration.images == 51
    assert report.validation.calibration_error == report.calibration.after
    assert report.timing.computed == 60
    assert report.data_hash == material_of(made_data).data_hash
    assert report.detail.parameters > 12 * 3 * 25
    assert report.versions["openvino"]
    assert "torch" not in report.versions
    written = json.loads((root / "model/training.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(report.to_dict()))
    assert written["timing"]["total"] > 0


def test_the_card_and_its_text(trained: tuple[Path, TrainReport]) -> None:
    root, report = trained
    assert sorted(path.name for path in (root / "model").iterdir()) == [
        "MODEL_CARD.md",
        "card.json",
        "model.onnx",
        "training.json",
    ]
    card = open_bundle(root / "model").card  # every hash of the card's is checked
    assert set(card.sha256) == {"model.onnx", "MODEL_CARD.md"}
    assert card.labels == tuple(sorted(KINDS))
    assert card.features == 12
    assert card.tag == "model@1"
    raw = dict(card.raw)
    assert raw["trained"] == json.loads(json.dumps(report.facts()))
    assert report.data_hash in raw["training_data"]
    assert report.test is not None
    assert raw["published"][0]["value"] == round(report.test.accuracy, 6)
    text = (root / "model/MODEL_CARD.md").read_text("utf-8")
    for said in (report.data_hash, report.split, "고양이 그림", "seed 0", f"{report.l2:.6g}"):
        assert said in text
    assert f"| test | 9 | {report.test.accuracy:.4f} |" in text


def test_the_card_says_nothing_of_the_machine(trained: tuple[Path, TrainReport]) -> None:
    """A bundle is given to others: where it was made is none of their business."""
    root, _ = trained
    for name, data in files(root / "model").items():
        assert str(root.parent.parent).encode() not in data, name


def test_the_run_is_in_the_ledger(trained: tuple[Path, TrainReport]) -> None:
    root, report = trained
    with Ledger(root / "data") as ledger:
        ((arguments, hashes),) = ledger.read(
            "SELECT arguments, hashes FROM runs WHERE command = 'train'"
        )
    assert json.loads(hashes)["data"] == report.data_hash
    assert json.loads(arguments)["mode"] == "probe"


def test_the_next_training_computes_nothing(trained: tuple[Path, TrainReport], small: str) -> None:
    root, report = trained
    phases: list[tuple[str, int]] = []
    watch = Watch(lambda phase, total: phases.append((phase, total)), lambda _: None)
    again = train(root / "data", root / "again", rules=rules(small), watch=watch)
    assert again.timing.computed == 0
    assert ("features", 0) in phases
    assert replace(again, name="model").facts() == report.facts()
    assert (root / "again/model.onnx").read_bytes() == (root / "model/model.onnx").read_bytes()


def test_the_same_bundle_of_the_same_pictures_collected_in_another_order(
    tmp_path: Path, small: str
) -> None:
    """Two data sets, made anew, one in two goes and backwards; only the pictures are the same."""
    counts = dict.fromkeys(KINDS, 10)
    first = data_set(tmp_path / "first", counts)
    second = tmp_path / "second/data"
    for start in (6, 0):
        part = tmp_path / f"second/part{start}"
        source(part, dict.fromkeys(reversed(KINDS), 4 if start else 6), start)
        for label in KINDS:  # the same pictures as in the first
            for path in (part / label).iterdir():
                path.write_bytes((tmp_path / "first/source" / label / path.name).read_bytes())
        collected(part, second)
    figleaf.clean(second, workers=1)
    figleaf.split(second, rules=SplitRules())
    one = train(first, tmp_path / "first/model", rules=rules(small))
    other = train(second, tmp_path / "second/model", rules=rules(small))
    assert one.bundle_hash == other.bundle_hash
    assert files(tmp_path / "first/model") == files(tmp_path / "second/model")


def test_another_seed_is_another_bundle(data: Path, tmp_path: Path, small: str) -> None:
    found = [train(data, tmp_path / f"{seed}", rules=rules(small, seed=seed)) for seed in (0, 1)]
    assert found[0].validation.log_loss != found[1].validation.log_loss
    assert found[0].bundle_hash != found[1].bundle_hash


def test_joined_backbones(data: Path, tmp_path: Path, small: str) -> None:
    other = described(tmp_path / "other", "other", channels=20, seed=3)
    report = train(data, tmp_path / "joined", rules=rules(f"{small}+{other}"))
    assert (report.backbone, report.width) == ("small+other", 32)
    card = open_bundle(tmp_path / "joined").card
    assert [spec.name for spec in card.inputs] == ["small/image", "other/image"]
    with figleaf.load(tmp_path / "joined") as classifier:
        assert classifier.classify(files_of(data)[0]).status is figleaf.Status.OK


def test_a_trained_bundle_is_a_backbone(
    trained: tuple[Path, TrainReport], data: Path, tmp_path: Path
) -> None:
    """Its features are those of its own backbone: the head comes out the same."""
    root, report = trained
    found = train(data, tmp_path / "next", rules=rules(str(root / "model")))
    assert found.backbone == "model"
    assert found.l2 == report.l2
    assert found.validation.log_loss == pytest.approx(report.validation.log_loss, abs=1e-6)


def test_an_embedded_backbone_fast(data: Path, tmp_path: Path) -> None:
    report = train(data, tmp_path / "model", rules=rules("mobilenet_v2_mid", fast=True))
    assert report.width == 1792
    assert report.rules.fast
    with figleaf.load(tmp_path / "model") as classifier:
        assert len(classifier.classify(files_of(data)[0]).scores) == 3


def test_a_validation_part_decides_where_there_is_one(tmp_path: Path, small: str) -> None:
    folder = data_set(tmp_path, dict.fromkeys(KINDS, 12), validation=0.25, test=0.25)
    report = train(folder, tmp_path / "model", rules=rules(small))
    assert report.held_out == "the validation part"
    assert report.validation.images == 9
    assert report.trained == 18


def test_no_test_part(tmp_path: Path, small: str) -> None:
    folder = data_set(tmp_path, dict.fromkeys(KINDS, 8), test=0)
    report = train(folder, tmp_path / "model", rules=rules(small))
    assert report.test is None
    assert open_bundle(tmp_path / "model").card.raw["published"] == []
    assert "There was no test part" in (tmp_path / "model/MODEL_CARD.md").read_text("utf-8")


def test_one_image_a_class(tmp_path: Path, small: str) -> None:
    folder = data_set(tmp_path, dict.fromkeys(KINDS, 1), test=0)
    report = train(folder, tmp_path / "model", rules=rules(small))
    assert report.trained == 3


def test_two_classes_and_a_rare_one(tmp_path: Path, small: str) -> None:
    folder = data_set(tmp_path, {"neutral": 30, "rare": 1})
    report = train(folder, tmp_path / "model", rules=rules(small, class_weights="balanced"))
    assert list(report.classes) == ["neutral", "rare"]


def test_auto_takes_the_least_log_loss(tmp_path: Path) -> None:
    """Each net sees the pictures once, alone and joined, and what was computed is counted."""
    folder = data_set(tmp_path, dict.fromkeys(KINDS, 4), test=0)
    report = train(folder, tmp_path / "model", rules=rules("auto"))
    assert list(report.chosen) == [*EMBEDDED, DEFAULT_BACKBONE]
    assert report.backbone == min(report.chosen, key=report.chosen.__getitem__)
    assert report.chosen[report.backbone] == min(one.log_loss for one in report.tried)
    assert report.timing.computed == 12
    assert len(list((folder / FOLDER).iterdir())) == len(EMBEDDED)
    named = train(folder, tmp_path / "named", rules=rules(report.backbone))
    assert named.timing.computed == 0
    assert named.l2 == report.l2


# Files that are not what they were.


def test_files_that_are_gone_are_counted(data: Path, tmp_path: Path, small: str) -> None:
    material = material_of(data)
    gone = [*material.parts[Part.TRAIN].paths[:3], material.parts[Part.TEST].paths[0]]
    for path in gone:
        path.unlink()
    report = train(data, tmp_path / "model", rules=rules(small))
    assert (report.unreadable, report.trained) == (4, 48)
    assert report.test is not None
    assert report.test.images == 8


def test_files_that_were_altered_are_counted(data: Path, tmp_path: Path, small: str) -> None:
    paths = material_of(data).parts[Part.TRAIN].paths
    paths[0].write_bytes(paths[5].read_bytes())
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    report = train(data, tmp_path / "model", rules=rules(small))
    assert (report.unreadable, report.trained) == (2, 49)


def test_files_that_were_altered_after_their_features_were_kept(
    data: Path, tmp_path: Path, small: str
) -> None:
    """What is known of them is right; the last look at the bundle must not take them for it."""
    before = train(data, tmp_path / "before", rules=rules(small))
    paths = material_of(data).parts[Part.TRAIN].paths
    for path in paths[:7]:
        path.write_bytes(paths[20].read_bytes())
    paths[7].unlink()
    after = train(data, tmp_path / "after", rules=rules(small))
    assert after.facts() == replace(before, name="after").facts()


def test_all_files_are_gone(data: Path, tmp_path: Path, small: str) -> None:
    for path in files_of(data):
        path.unlink()
    with pytest.raises(DatasetError, match="figleaf clean"):
        train(data, tmp_path / "model", rules=rules(small))
    assert not (tmp_path / "model").exists()


# Refused, before the work.


def no_split(folder: Path) -> None:
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        db.execute("DELETE FROM splits")


@pytest.mark.parametrize(("spoil", "hint"), [(no_split, "figleaf split")])
def test_data_sets_that_are_not_ready(
    data: Path, tmp_path: Path, small: str, spoil: Callable[[Path], None], hint: str
) -> None:
    spoil(data)
    with pytest.raises(DatasetError, match=hint):
        train(data, tmp_path / "model", rules=rules(small))
    assert not (data / FOLDER).exists()


def test_a_class_that_no_model_can_have(tmp_path: Path, small: str) -> None:
    folder = data_set(tmp_path, {"status": 4, "neutral": 4}, test=0)
    with pytest.raises(DatasetError, match="cannot have a class called 'status'"):
        train(folder, tmp_path / "model", rules=rules(small))
    assert not (folder / FOLDER).exists()


def test_a_place_that_is_taken(data: Path, tmp_path: Path, small: str) -> None:
    train(data, tmp_path / "model", rules=rules(small))
    before = files(tmp_path / "model")
    with pytest.raises(InputError, match="--overwrite"):
        train(data, tmp_path / "model", rules=rules(small, seed=1))
    assert files(tmp_path / "model") == before
    train(data, tmp_path / "model", rules=rules(small, seed=1), overwrite=True)
    assert files(tmp_path / "model") != before


def test_rules_of_another_mode(data: Path, tmp_path: Path, small: str) -> None:
    with pytest.raises(InputError, match="finetuning is for mode='finetune'"):
        train(data, tmp_path / "model", rules=rules(small), finetuning=FinetuneRules())


@pytest.mark.parametrize("more", [{"weights": "x.pth"}, {"download": True}])
def test_auto_takes_no_weights(data: Path, tmp_path: Path, more: dict[str, object]) -> None:
    with pytest.raises(InputError, match="auto chooses from nets that come with their weights"):
        train(data, tmp_path / "model", rules=rules("auto", **more))


# Nothing half-written.


def test_a_bundle_that_does_not_give_what_was_trained_is_not_kept(
    data: Path, tmp_path: Path, small: str
) -> None:
    """As where a runtime computes wrongly: here it is the kept features that are of others."""
    train(data, tmp_path / "first", rules=rules(small))
    (kept,) = (data / FOLDER).glob("*/features")
    rows = np.fromfile(kept, "<f2").reshape(-1, 12)
    rows[::-1].tofile(kept)
    with pytest.raises(ModelError, match="the bundle's features are"):
        train(data, tmp_path / "second", rules=rules(small))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "first"]


FULL = """
import resource, sys
from figleaf.training.train import train
from figleaf.training.rules import TrainRules
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
folder, out, backbone = sys.argv[1:]
try:
    train(folder, out, rules=TrainRules(backbone=backbone), overwrite=True)
except OSError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("before", [False, True])
def test_a_bundle_that_cannot_be_written_leaves_what_was_there(
    data: Path, tmp_path: Path, small: str, before: bool
) -> None:
    """No file may grow beyond what features need, and less than the graph does."""
    out = tmp_path / "model"
    if before:
        train(data, out, rules=rules(small))
    kept = files(out) if before else None
    large = described(tmp_path / "net", "large", channels=4_000)
    command = [sys.executable, "-c", FULL, str(data), str(out), str(large)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120, text=True)
    assert "File too large" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data",
        *(["model"] if before else []),
        "net",
    ]
    assert (files(out) if before else None) == kept
