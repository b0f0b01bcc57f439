"""Fine-tuning, end to end: from a data set to a bundle, and what it leaves behind."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import figleaf
from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.dataset.ledger import Ledger
from figleaf.errors import InputError
from figleaf.models.bundle import open_bundle
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.material import read_material
from figleaf.training.report import TrainReport
from figleaf.training.rules import TrainRules
from figleaf.training.train import train
from figleaf.training.tuning import complete

from .samples import KINDS, data_set

RULES = TrainRules(
    mode="finetune",  # type: ignore[arg-type]  # as users write it
    backbone="resnet50_thin",
    class_weights="balanced",  # type: ignore[arg-type]  # as above
)
TUNING = FinetuneRules(epochs=1, batch=8, precision="f32", rate=1e-4)
STARTED = "epoch 1 of 1"
LONG = 1_000.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four pictures, one of which is another than the data set took in."""
    folder = data_set(tmp_path_factory.mktemp("made"), dict.fromkeys(KINDS, 8), validation=0.25)
    with Ledger(folder) as ledger:
        parts = read_material(ledger).parts
    parts[Part.TRAIN].paths[0].write_bytes(parts[Part.TRAIN].paths[1].read_bytes())
    parts[Part.TEST].paths[0].unlink()
    return folder


class StoppedError(Exception):
    """As a kill would."""


@pytest.fixture(scope="module")
def trained(folder: Path) -> Iterator[tuple[Path, TrainReport]]:
    """A model that was trained in two runs, of which the first is said to have taken long."""
    out = folder.parent / "model"

    def stop(phase: str, images: int) -> None:
        if phase == "validation" and started:
            raise StoppedError
        started.extend([phase] if phase == STARTED else [])

    started: list[str] = []
    with pytest.raises(StoppedError):
        train(folder, out, rules=RULES, finetuning=TUNING, watch=Watch(start=stop))
    checkpoint = folder / "training/model/checkpoint.pt"
    content = torch.load(checkpoint, weights_only=True)
    content["progress"]["seconds"] += LONG
    torch.save(content, checkpoint)
    assert not list(out.parent.glob(".model*"))
    report = train(folder, out, rules=RULES, finetuning=TUNING)
    yield out, report
    shutil.rmtree(out)


def test_the_bundle_classifies(trained: tuple[Path, TrainReport], folder: Path) -> None:
    out, report = trained
    with Ledger(folder) as ledger:
        test = read_material(ledger).parts[Part.TEST]
    with figleaf.load(out) as classifier:
        found = [one.label for one in classifier.classify_many(test.paths[1:])]
    labels = list(report.classes)
    right = np.mean([labels[n] == one for n, one in zip(test.labels[1:], found, strict=True)])
    assert report.test is not None
    assert report.test.accuracy == pytest.approx(right)


def test_files_that_were_altered_or_are_gone_are_counted(
    trained: tuple[Path, TrainReport],
) -> None:
    _, report = trained
    in_train = sum(parts["train"] for parts in report.classes.values())
    assert (report.trained, report.unreadable) == (in_train - 1, 2)


def test_the_card_says_how_it_was_trained(trained: tuple[Path, TrainReport]) -> None:
    """The class weights that were trained with are those of both rules."""
    facts = open_bundle(trained[0]).card.raw["trained"]
    assert facts["rules"]["class_weights"] == "balanced"
    assert facts["finetuning"]["class_weights"] == "balanced"
    assert facts["finetuning"]["rate"] == 1e-4


def test_the_seconds_are_those_of_both_runs(trained: tuple[Path, TrainReport]) -> None:
    _, report = trained
    assert LONG < report.timing.training < LONG + 300
    assert report.timing.total < LONG + 400


def test_the_checkpoint_goes_when_the_bundle_is_there(
    trained: tuple[Path, TrainReport], folder: Path
) -> None:
    work = folder / "training/model"
    assert [path.name for path in work.iterdir()] == ["log.csv"]
    assert len((work / "log.csv").read_text().splitlines()) == 3


def test_a_loss_that_is_no_number_is_none_in_json(trained: tuple[Path, TrainReport]) -> None:
    _, report = trained
    last = replace(report.epochs[-1], validation_loss=float("nan"))
    found = replace(report, epochs=[last]).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False))["epochs"][0]["validation_loss"] is None


def test_class_weights_of_both_rules_are_refused(folder: Path, tmp_path: Path) -> None:
    """One of the two would be passed over in silence."""
    assert complete(RULES, TUNING).class_weights == "balanced"
    with pytest.raises(InputError, match="those of TrainRules"):
        train(folder, tmp_path / "m", rules=RULES, finetuning=replace(TUNING, power=1.0))


@pytest.mark.parametrize("more", [{"fast": True}, {"l2": 0.1}])
def test_rules_of_a_probe_are_refused(more: dict[str, object]) -> None:
    with pytest.raises(InputError, match="fast and l2 are a probe's"):
        replace(RULES, **more)  # type: ignore[arg-type]  # a test's


def test_a_probe_needs_one_process(folder: Path, tmp_path: Path) -> None:
    """The first process would train, and be killed by torchrun when the others refuse."""
    command = [sys.executable, "-m", "figleaf", "train", str(folder), str(tmp_path / "m")]
    for rank in "01":
        there = {"WORLD_SIZE": "2", "RANK": rank, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, env=there, capture_output=True, timeout=60, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert "a probe needs one" in done.stderr
    assert not list(tmp_path.iterdir())
