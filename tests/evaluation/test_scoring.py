"""Scores of labelled images."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import figleaf
from figleaf.errors import Status
from figleaf.evaluation.labelled import Labelled, from_folder
from figleaf.evaluation.scoring import score_with, unsafe_columns


@pytest.fixture
def data(tmp_path: Path, pictures: Path) -> Labelled:
    (tmp_path / "mine/neutral").mkdir(parents=True)
    for name in ("coffee.png", "rocket.jpg"):
        shutil.copy(pictures / name, tmp_path / "mine/neutral")
    (tmp_path / "mine/neutral/gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    return from_folder(tmp_path / "mine")


def test_scores_are_the_classifiers(data: Labelled, classifier: figleaf.Classifier) -> None:
    found = score_with(classifier, data.paths, scaled=False)
    assert found.classes == ("drawings", "hentai", "neutral", "porn", "sexy")
    assert found.probabilities.shape == (3, 5)
    assert found.probabilities.dtype == np.float32
    assert found.statuses == (Status.OK, Status.NOT_AN_IMAGE, Status.OK)
    assert found.ok.tolist() == [True, False, True]
    assert np.isnan(found.probabilities[1]).all()
    assert dict(found.failures) == {"not_an_image": 1}
    one = classifier.classify(data.paths[0])
    assert [one.scores[name] for name in found.classes] == pytest.approx(
        found.probabilities[0].tolist(), abs=1e-6
    )
    assert found.unsafe is not None
    assert found.unsafe[0] == pytest.approx(one.unsafe, abs=1e-6)
    assert np.isnan(found.unsafe[1])


def test_what_scores_depend_on_is_told(data: Labelled) -> None:
    told: list[int] = []
    with figleaf.load("resnet50_thin", policy="strict", threads=1) as classifier:
        found = score_with(classifier, data.paths * 6, scaled=False, done=told.append)
    assert (found.used.tag, found.used.precision, found.used.policy) == (
        *("resnet50_thin@1", figleaf.Precision.F32),
        "strict@1",
    )
    assert len(found.used.sha256) == 64
    assert found.classes == ("sfw", "nsfw")
    assert told == [16]


def test_which_classes_are_unsafe_is_policy() -> None:
    columns = unsafe_columns(("Drawings", "sexy", "dress", "nsfw"), figleaf.load_policy("balanced"))
    assert columns.tolist() == [False, True, False, True]
