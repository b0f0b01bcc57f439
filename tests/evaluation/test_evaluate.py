"""All figures of scores that are given, against scikit-learn's and by hand."""

import json
import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as peer

import figleaf
from figleaf.curate.watch import Watch
from figleaf.errors import InputError
from figleaf.evaluation.evaluate import Evaluation, evaluate_all
from figleaf.evaluation.labelled import open_labelled
from figleaf.evaluation.rules import EvaluateRules
from figleaf.report.evaluation_tables import summary, thresholds
from figleaf.report.texts import Words

from ..sources.collecting import collected, photo
from .fakes import FIVE, evaluated, guesses, labelled


@pytest.fixture(scope="module")
def many() -> tuple[np.ndarray, np.ndarray, Evaluation]:
    true, shares = guesses(5, 400)
    names = [FIVE[n] for n in true]
    return true, shares, evaluated(names, shares.tolist(), rules=EvaluateRules(repeats=200))


def test_the_names_that_turi_create_gave(many: tuple[Any, Any, Evaluation]) -> None:
    true, shares, one = many
    predicted = shares.argmax(axis=1)
    found = one.to_dict()
    averages = peer.precision_recall_fscore_support(true, predicted, average="macro")
    expected = {
        "accuracy": peer.accuracy_score(true, predicted),
        "auc": peer.roc_auc_score(true, shares, multi_class="ovr"),
        "precision": averages[0],
        "recall": averages[1],
        "f1_score": averages[2],
        "log_loss": peer.log_loss(true, shares),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-5)
    matrix = peer.confusion_matrix(true, predicted)
    assert found["confusion_matrix"][1] == {
        "target_label": "drawings",
        "predicted_label": "hentai",
        "count": matrix[0, 1],
    }
    assert [cell["count"] for cell in found["confusion_matrix"]] == matrix.ravel().tolist()
    curve = [row for row in found["roc_curve"] if row["class"] == "porn"]
    assert curve[0] | {"threshold": 0} == {
        **{"class": "porn", "threshold": 0, "fpr": 0, "tpr": 0},
        "p": int((true == 3).sum()),
        "n": int((true != 3).sum()),
    }
    assert (curve[-1]["fpr"], curve[-1]["tpr"]) == (1, 1)


def test_each_class_is_scikit_learns(many: tuple[Any, Any, Evaluation]) -> None:
    true, shares, one = many
    predicted = shares.argmax(axis=1)
    precision, recall, f1, support = peer.precision_recall_fscore_support(true, predicted)
    assert one.classes is not None
    for n, found in enumerate(one.classes.figures):
        own = true == n
        assert found.support == support[n]
        assert (found.precision.value, found.recall.value, found.f1) == pytest.approx(
            (precision[n], recall[n], f1[n])
        )
        area = peer.average_precision_score(own, shares[:, n])
        assert found.average_precision == pytest.approx(area)
        assert found.auc.value == pytest.approx(peer.roc_auc_score(own, shares[:, n]))
        for figure in (found.precision, found.recall, found.auc):
            assert figure.interval.low < figure.value < figure.interval.high
    for k, share in one.classes.top_k.items():
        assert share == pytest.approx(peer.top_k_accuracy_score(true, shares, k=k))
    assert list(one.classes.top_k) == [2, 3]
    assert one.classes.micro_f1 == pytest.approx(one.classes.accuracy.value)


def test_the_view_of_safe_and_unsafe(many: tuple[Any, Any, Evaluation]) -> None:
    true, shares, one = many
    safety = one.safety
    assert safety is not None
    unsafe, score = np.isin(true, (1, 3, 4)), shares[:, [1, 3, 4]].sum(axis=1, dtype=float)
    assert safety.unsafe_classes == ("hentai", "porn", "sexy")
    assert (safety.unsafe, safety.safe) == (unsafe.sum(), (~unsafe).sum())
    assert safety.auc.value == pytest.approx(peer.roc_auc_score(unsafe, score))
    assert safety.matrix.tolist() == peer.confusion_matrix(unsafe, score >= 0.5).tolist()
    assert sum(safety.decisions["safe"].values()) == safety.safe
    assert set(safety.decisions["unsafe"]) <= {"allow", "review", "block"}


def test_thresholds_keep_what_they_were_chosen_for(many: tuple[Any, Any, Evaluation]) -> None:
    safety = many[2].safety
    assert safety is not None
    points = {(str(point.aim), point.target): point for point in safety.points}
    assert list(points) == [
        ("threshold", None),
        ("review", None),
        ("block", None),
        ("false_positive_rate", 0.001),
        ("false_positive_rate", 0.01),
        ("recall", 0.9),
        ("recall", 0.95),
        ("recall", 0.99),
    ]
    assert points["false_positive_rate", 0.01].false_positive_rate.value <= 0.01
    assert points["recall", 0.95].recall.value >= 0.95
    assert points["recall", 0.99].threshold.value < points["recall", 0.9].threshold.value
    assert points["false_positive_rate", 0.001].is_too_fine
    given = points["threshold", None]
    assert given.expected.caught == pytest.approx(100 * given.recall.value)
    assert given.expected.false_alarms == pytest.approx(9900 * given.false_positive_rate.value)
    chosen = points["recall", 0.9].threshold
    assert chosen.interval.low <= chosen.value <= chosen.interval.high
    assert given.threshold.value == 0.5
    assert math.isnan(given.threshold.interval.low)  # it is not estimated


def test_intervals_draw_whole_groups() -> None:
    """Forty pictures ten times each say no more than forty."""
    true, shares = guesses(5, 40, seed=3)
    names = [FIVE[n] for n in true]
    alone = evaluated(names, shares.tolist(), rules=EvaluateRules(repeats=500))
    groups = np.repeat(np.arange(40), 10)
    tenfold = evaluated(
        [name for name in names for _ in range(10)],
        shares.repeat(10, axis=0).tolist(),
        rules=EvaluateRules(repeats=500),
        groups=groups,
    )
    assert alone.classes is not None
    assert tenfold.classes is not None
    one, ten = alone.classes.accuracy, tenfold.classes.accuracy
    assert one.value == pytest.approx(ten.value)
    assert one.interval == ten.interval


def test_all_right_is_not_certain() -> None:
    one = evaluated(["neutral"] * 10, [[0, 0, 1, 0, 0]] * 10, groups=np.arange(10) // 2)
    assert one.classes is not None
    found = one.classes.accuracy
    assert found.value == 1
    assert found.interval.low == pytest.approx(0.566, abs=1e-3)  # Wilson's, of five groups
    assert one.safety is not None
    assert one.safety.points[0].false_positive_rate.interval.high == pytest.approx(0.434, abs=1e-3)


def test_frames_of_one_film_are_not_certain_either() -> None:
    rows = [[0, 0, 1.0, 0, 0]] * 7 + [[0.9, 0, 0.1, 0, 0]] * 3
    one = evaluated(["neutral"] * 10, rows, groups=np.zeros(10, np.int64))
    assert one.classes is not None
    accuracy, recall = one.classes.accuracy, one.classes.figures[2].recall
    for figure in (accuracy, recall):
        assert figure.value == pytest.approx(0.7)
        assert figure.interval.low < 0.2
        assert figure.interval.high > 0.9


def test_what_every_draw_finds_has_no_interval_but_shares() -> None:
    """A perfect model's AUC and mean F1 are 1 in every draw, of however few images."""
    rows = [[0, 0, 1.0, 0, 0], [0, 0, 0, 1.0, 0]] * 3
    one = evaluated(["neutral", "porn"] * 3, rows)
    assert one.classes is not None
    assert one.safety is not None
    for figure in (one.classes.macro_f1, one.classes.macro_auc, one.safety.auc):
        assert figure.value == 1
        assert math.isnan(figure.interval.low)
    cells = {row[0]: row[1] for row in summary([one], Words("en")).rows}
    assert (cells["F1, mean"], cells["ROC AUC, mean"]) == ("100.0%", "1.000")
    assert cells["accuracy"] == "100.0% (61.0-100.0)"


@pytest.mark.parametrize(
    ("safe", "unsafe", "rules", "fine"),
    [
        (1, 10, EvaluateRules(target_recall=(0.9,), target_fpr=(), repeats=2), False),
        (1, 9, EvaluateRules(target_recall=(0.9,), target_fpr=(), repeats=2), True),
        (100, 1, EvaluateRules(target_recall=(), target_fpr=(0.01,), repeats=2), False),
        (99, 1, EvaluateRules(target_recall=(), target_fpr=(0.01,), repeats=2), True),
    ],
)
def test_an_aim_below_one_image_is_told(
    safe: int, unsafe: int, rules: EvaluateRules, fine: bool
) -> None:
    rows = [[0, 0, 1.0, 0, 0]] * safe + [[0, 0, 0, 1.0, 0]] * unsafe
    one = evaluated(["neutral"] * safe + ["porn"] * unsafe, rows, rules=rules)
    assert one.safety is not None
    assert one.safety.points[-1].is_too_fine is fine


def test_a_mistake_costs_the_same_in_both_views() -> None:
    """A score of 1 for what is not: the loss goes by float32, as of the classes."""
    one = evaluated(["neutral", "porn"], [[0, 0, 0, 1.0, 0]] * 2)
    assert one.classes is not None
    assert one.safety is not None
    assert one.safety.log_loss == pytest.approx(one.classes.log_loss)


def test_few_of_ten_thousand_have_a_decimal() -> None:
    rows = [[0, 0, 1.0, 0, 0]] * 9 + [[0, 0, 0, 1.0, 0]]
    rules = EvaluateRules(base_rate=0.00005, repeats=2)
    one = evaluated(["neutral"] + ["porn"] * 9, rows[::-1], rules=rules)
    found = thresholds(one, Words("en"))
    assert found.rows[0][5:] == ("0", "0.5", "10,000")
    assert "of which 0.5 are unsafe" in found.note


def test_what_cannot_be_read_is_counted_and_nothing_else() -> None:
    rows = [[0.0, 0, 1, 0, 0], [math.nan] * 5, [1.0, 0, 0, 0, 0]]
    one = evaluated(["neutral", "porn", "neutral"], rows)
    assert (one.images, dict(one.failures)) == (3, {"truncated": 1})
    assert one.classes is not None
    assert one.classes.matrix.sum() == 2
    assert one.to_dict()["evaluated"] == 2
    answers = list(one.answers())
    assert [answer.right for answer in answers] == [True, None, False]
    assert (answers[1].status, answers[1].predicted, answers[1].unsafe) == ("truncated", None, None)
    assert (answers[2].predicted, answers[2].probability) == ("drawings", 1.0)


def test_everything_has_a_source_and_is_json() -> None:
    one = evaluated(["neutral", "neutral"], [[0, 0, 1, 0, 0], [0, 0, 0.4, 0.6, 0]])
    found = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert found["source"] == {
        "model": "fake@1",
        "model_sha256": "ab" * 32,
        "precision": "f32",
        "scaled_decoding": False,
        "policy": "balanced@1",
        "data": "made up",
        "data_sha256": labelled(["neutral", "neutral"]).fingerprint,
        "split_seed": 7,
        "figleaf": figleaf.__version__,
        "bootstrap": {"repeats": 50, "level": 0.95, "seed": 0},
    }
    assert found["auc"] is None
    assert found["safe_unsafe"]["points"][0]["per_10000"] == {
        **{"caught": None, "missed": None, "precision": None},
        **{"false_alarms": 4950, "passed": 4950},
    }


def test_notes_say_what_a_reader_has_to_know() -> None:
    five = evaluated(["neutral", "dress"], [[0, 0, 1, 0, 0]] * 2)
    assert list(five.notes)[:3] == [
        "fake@1 has no class dress: only safe and unsafe are compared",
        "dress count as safe: neither figleaf nor balanced@1 has a class of that name",
        "none of these images is unsafe: nothing can be said of what is missed",
    ]
    assert five.classes is None
    own = evaluated(["dress", "hat"], [[1, 0], [0, 1]], ("dress", "hat"))
    assert own.safety is None
    assert own.notes == (
        "fake@1 has no class that balanced@1 calls unsafe, or no other: no view of the two",
    )
    assert own.to_dict()["accuracy"] == 1


def test_images_of_train_are_told() -> None:
    one = evaluated(["neutral"] * 2, [[0, 0, 1, 0, 0]] * 2, parts=("train", "test"))
    assert one.notes[0].startswith("1 image is of part train: a model that was trained on them")
    assert [found.name for found in one.slices if found.kind == "part"] == ["test", "train"]


def test_two_classes_against_five_have_turis_names_for_unsafe() -> None:
    one = evaluated(
        ["neutral", "porn", "sexy", "drawings"],
        [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]],
        ("sfw", "nsfw"),
    )
    found = one.to_dict()
    assert found["classes"] is None
    assert (found["accuracy"], found["precision"], found["recall"]) == (0.5, 0.5, 0.5)
    assert found["auc"] == 0.75
    assert found["confusion_matrix"][1]["predicted_label"] == "unsafe"


def test_slices_are_by_source_size_format_and_part() -> None:
    rows = [[0, 0, 1, 0, 0]] * 30 + [[1, 0, 0, 0, 0]] * 10
    one = evaluated(
        ["neutral"] * 40,
        rows,
        sources=(("a",),) * 35 + (("a", "b"),) * 5,
        formats=("jpeg",) * 30 + ("png",) * 10,
        widths=np.array([1200] * 39 + [100]),
        heights=np.array([1000] * 39 + [100]),
    )
    found = {(str(found.kind), found.name): found for found in one.slices}
    assert list(found) == [
        *(("source", "a"), ("source", "b"), ("size", "< 0.05"), ("size", "1-4")),
        *(("format", "jpeg"), ("format", "png")),
    ]
    accuracies = {key: one.accuracy.value for key, one in found.items() if one.accuracy}
    assert accuracies["source", "a"] == 0.75
    assert accuracies["source", "b"] == 0
    assert accuracies["format", "jpeg"] == 1
    assert [key for key, one in found.items() if one.is_small] == [
        *(("source", "b"), ("size", "< 0.05"), ("format", "png")),
    ]
    assert all(one.safety and one.safety.value == 1 for one in found.values())


def test_many_sources_are_not_many_tables() -> None:
    names = tuple((f"source {n}",) for n in range(30))
    one = evaluated(["neutral"] * 30, [[0, 0, 1, 0, 0]] * 30, sources=names)
    found = [found for found in one.slices if found.kind == "source"]
    assert len(found) == 21
    assert (found[-1].name, found[-1].images) == ("", 10)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"part": "tests"}, "part must be one of train, validation, test, all, not 'tests'"),
        ({"base_rate": 1.5}, "base_rate must be a share, 0..1, not 1.5"),
        ({"target_fpr": (0.1, -1)}, "target_fpr must be a share"),
        ({"target_recall": (0,)}, "target_recall must be above 0"),
        ({"level": 1}, "level must be above 0 and below 1"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"top_k": 0}, "top_k must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_rules_that_make_no_sense(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EvaluateRules(**values)


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory, pictures: Any) -> Any:
    root = tmp_path_factory.mktemp("mine")
    for label, name in (("neutral", "coffee.png"), ("neutral", "rocket.jpg"), ("porn", "cat.jpg")):
        (root / label).mkdir(exist_ok=True)
        known = pictures / name
        content = known.read_bytes() if known.exists() else photo(1, 200)
        (root / label / name).write_bytes(content)
    (root / "neutral/gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    return root


def test_a_model_on_a_folder(mine: Any) -> None:
    rules = EvaluateRules(repeats=20, threads=1)
    one = figleaf.evaluate(mine, "mobilenet_v2", rules=rules)
    assert one.classes is not None
    assert one.classes.matrix.sum(axis=1).tolist() == [0, 0, 2, 1, 0]
    assert dict(one.failures) == {"not_an_image": 1}
    with figleaf.load("mobilenet_v2") as classifier:
        said = [classifier.classify(path) for path in one.data.paths]
    assert [answer.predicted for answer in one.answers()] == [found.label for found in said]


@pytest.mark.parametrize(
    ("models", "rules", "message"),
    [
        (["mobilenet_v2", "nothing"], EvaluateRules(), "no model 'nothing'"),
        (["mobilenet_v2"], EvaluateRules(policy="nothing"), "no policy 'nothing'"),
        (["mobilenet_v2", "efficientnet_lite0"], EvaluateRules(), "has no classes"),
    ],
)
def test_what_is_not_there_is_said_before_any_picture_is_read(
    mine: Any, models: list[str], rules: EvaluateRules, message: str
) -> None:
    told: list[str] = []
    watch = Watch(start=lambda phase, images: told.append(phase))
    with pytest.raises(figleaf.FigleafError, match=message):
        evaluate_all(mine, models, rules=rules, watch=watch)
    assert told == []


def test_changed_pictures(mine: Any) -> None:
    rules = EvaluateRules(repeats=5, threads=1, robustness=True, robustness_images=2)
    told: list[str] = []
    watch = Watch(start=lambda phase, images: told.append(phase))
    data = open_labelled(mine)
    one = figleaf.evaluate(data, "resnet50_thin", rules=rules, watch=watch)
    assert [found.change for found in one.robustness][:3] == ["jpeg_90", "jpeg_50", "jpeg_20"]
    assert {found.images for found in one.robustness} == {2}
    assert all(0 <= found.shift < 0.5 for found in one.robustness)
    assert told == ["scoring with resnet50_thin@1", "changing pictures for resnet50_thin@1"]


def test_a_data_set_from_its_collection_on(tmp_path: Any) -> None:
    for number in range(24):
        folder = tmp_path / "source" / ("neutral", "porn")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(photo(number, 96))
    data = tmp_path / "data"
    collected(tmp_path / "source", data)
    figleaf.clean(data, workers=1)
    figleaf.split(data, rules=figleaf.SplitRules(test=0.25, seed=3))
    one = figleaf.evaluate(data, "mobilenet_v2", rules=EvaluateRules(repeats=5))
    assert (one.origin.data, one.origin.split_seed, one.images) == ("data, test", 3, 6)
    assert not one.failures
    assert one.classes is not None
    assert one.classes.matrix.sum(axis=1).tolist() == [0, 0, 3, 3, 0]
    everything = figleaf.evaluate(data, "mobilenet_v2", rules=EvaluateRules(part="all", repeats=5))
    assert everything.images == 24
    assert everything.notes[0].startswith("18 images are of part train")
    assert {found.name for found in everything.slices if found.kind == "part"} == {"test", "train"}


def test_nothing_that_can_be_read(tmp_path: Any) -> None:
    (tmp_path / "neutral").mkdir()
    (tmp_path / "neutral/gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    with pytest.raises(InputError, match="none of its 1 pictures can be read"):
        figleaf.evaluate(tmp_path, "mobilenet_v2")
