"""Scores of labelled images."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import figleaf
from figleaf.curate.watch import Watch
from figleaf.errors import ModelError, Status
from figleaf.evaluation.labelled import Labelled, from_folder
from figleaf.evaluation.scoring import score, score_with, unsafe_columns


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
    told: list[tuple[str, int]] = []
    watch = Watch(start=lambda phase, images: told.append((phase, images)))
    found = score("resnet50_thin", data, policy="strict", threads=1, watch=watch)
    assert (found.used.tag, found.used.precision, found.used.policy) == (
        *("resnet50_thin@1", figleaf.Precision.F32),
        "strict@1",
    )
    assert len(found.used.sha256) == 64
    assert found.classes == ("sfw", "nsfw")
    assert told == [("scoring with resnet50_thin@1", 3)]


def test_which_classes_are_unsafe_is_policy() -> None:
    columns = unsafe_columns(("Drawings", "sexy", "dress", "nsfw"), figleaf.load_policy("balanced"))
    assert columns.tolist() == [False, True, False, True]


def test_a_model_without_classes_has_no_scores(data: Labelled) -> None:
    with pytest.raises(ModelError, match="has no classes"):
        score("efficientnet_lite0", data)
