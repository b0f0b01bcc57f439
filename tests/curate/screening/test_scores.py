"""Scores in the ledger: computed once, for what may be screened, and kept."""

import shutil
from pathlib import Path

import pytest

import figleaf
from figleaf import Classifier
from figleaf.curate.screening import scores as queries
from figleaf.curate.screening.scores import (
    Scored,
    by_classifier,
    count_labels,
    count_unscored,
    model_tag,
    read_scored,
    score_all,
)
from figleaf.dataset.ledger import Ledger

from ..splitting.samples import change, collect, names, set_aside, sha256
from .samples import TAG, say, scores

LABELS = ["neutral", "porn"]


def scored_by(folder: Path, classifier: Classifier, labels: list[str]) -> list[int]:
    told: list[int] = []
    with Ledger(folder, write=True) as ledger:
        tag = model_tag(classifier.model, "mobilenet_v2", scaled=False)
        score_all(ledger, by_classifier(classifier), tag, labels, told.append)
    return told


def read(folder: Path, labels: list[str], model: str = TAG) -> list[Scored]:
    with Ledger(folder) as ledger:
        return list(read_scored(ledger, model, labels))


def unscored(folder: Path, labels: list[str], model: str = TAG) -> int:
    with Ledger(folder) as ledger:
        return count_unscored(ledger, model, labels)


def test_the_tag_says_all_that_scores_depend_upon(classifier: Classifier) -> None:
    assert model_tag(classifier.model, "mobilenet_v2", scaled=False) == TAG
    assert model_tag(classifier.model, "mobilenet_v2", scaled=True) == f"{TAG} scaled"


def test_the_tag_of_a_bundle_from_elsewhere_tells_its_weights(
    classifier: Classifier, tmp_path: Path
) -> None:
    """Trained again it may have the same name and version, and its scores are others."""
    digits = classifier.model.card.sha256["model.onnx"][:8]
    assert model_tag(classifier.model, tmp_path, scaled=False) == f"mobilenet_v2@1 {digits} f32"


def test_scores_are_those_of_the_classifier(real: Path, classifier: Classifier) -> None:
    assert unscored(real, LABELS) == 6
    assert scored_by(real, classifier, LABELS) == [6]
    assert unscored(real, LABELS) == 0
    with figleaf.Dataset(real) as data:
        paths = {row.sha256: row.path for row in data}
    found = read(real, LABELS)
    assert [one.image.id for one in found] == [1, 2, 3, 4, 5, 6]
    for one in found:
        expected = classifier.classify(paths[one.image.sha256.hex()]).scores
        assert one.scores == pytest.approx(expected, abs=1e-6)
        assert one.aside_by is None


def test_only_some_classes_are_looked_at(real: Path, classifier: Classifier) -> None:
    assert scored_by(real, classifier, ["porn"]) == [3]
    assert {one.image.label for one in read(real, LABELS)} == {"porn"}
    assert unscored(real, LABELS) == 3
    assert scored_by(real, classifier, ["birds"]) == []


def test_what_is_scored_is_not_scored_again(real: Path, classifier: Classifier) -> None:
    scored_by(real, classifier, ["porn"])
    shutil.rmtree(real / "images")
    assert scored_by(real, classifier, LABELS) == [3]
    assert [one.scores is None for one in read(real, ["porn"])] == [False] * 3
    assert [one.scores is None for one in read(real, ["neutral"])] == [True] * 3


def test_a_file_that_comes_back_is_looked_at_again(real: Path, classifier: Classifier) -> None:
    (real / "images").rename(real / "elsewhere")
    assert scored_by(real, classifier, LABELS) == [6]
    assert unscored(real, LABELS) == 6
    (real / "elsewhere").rename(real / "images")
    assert scored_by(real, classifier, LABELS) == [6]
    assert unscored(real, LABELS) == 0


def test_a_file_that_is_no_picture_is_not_looked_at_again(
    real: Path, classifier: Classifier
) -> None:
    first = next(path for path in sorted((real / "images").rglob("*")) if path.is_file())
    first.write_bytes(b"<html>")
    scored_by(real, classifier, LABELS)
    assert sum(one.scores is None for one in read(real, LABELS)) == 1
    assert unscored(real, LABELS) == 0


def test_models_have_scores_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    collect(folder, dict.fromkeys(names(3), "neutral"))
    say(folder, {"0.jpg": scores(neutral=0.5)})
    say(folder, dict.fromkeys(names(3), scores(porn=0.5)), model="other@1 f32")
    assert unscored(folder, LABELS) == 2
    assert unscored(folder, LABELS, "other@1 f32") == 0
    assert [one.scores for one in read(folder, LABELS)] == [scores(neutral=0.5)]
    assert len(read(folder, LABELS, "other@1 f32")) == 3


def test_what_is_set_aside_by_others_is_not_screened(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    collect(folder, dict.fromkeys(names(3), "neutral") | {"none.jpg": None})
    say(folder, dict.fromkeys(names(3), scores(porn=0.99)))
    set_aside(folder, ["0.jpg"], "duplicate")
    set_aside(folder, ["1.jpg"], "screened")
    found = read(folder, LABELS)
    assert [(one.image.sha256, one.aside_by) for one in found] == [
        (sha256("1.jpg"), "clean"),
        (sha256("2.jpg"), None),
    ]
    with Ledger(folder) as ledger:
        assert count_labels(ledger) == {"neutral": 2}
    change(folder, "DELETE FROM scores")
    assert unscored(folder, LABELS) == 2


def test_no_page_is_sorted(tmp_path: Path) -> None:
    """Among a million images, sorting for every page of two thousand would take hours."""
    collect(tmp_path, {})
    with Ledger(tmp_path) as ledger:
        for query in (queries._IMAGES, queries._SCORED):
            plan = ledger.read(f"EXPLAIN QUERY PLAN {query}", (TAG, "[]", 0))
            assert not any("TEMP B-TREE" in step for *_, step in plan), plan
