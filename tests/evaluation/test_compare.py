"""Two models beside each other: figures, intervals, views and disagreements, of numbers made up."""

import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import figleaf
from figleaf.classify.policy import Rule, load_policy
from figleaf.curate.watch import Watch
from figleaf.errors import InputError, Status
from figleaf.evaluation.compare import Comparison, compare, compared
from figleaf.evaluation.figures import Draws
from figleaf.evaluation.labelled import Labelled, open_labelled
from figleaf.evaluation.scoring import ModelUsed, Scored
from figleaf.evaluation.versus import Agreement, Difference, View, answers, versus
from figleaf.metrics.calibration import calibration_error
from figleaf.metrics.curves import auc, roc
from figleaf.metrics.intervals import wilson
from figleaf.metrics.losses import log_loss
from figleaf.metrics.paired import mcnemar, paired_bootstrap
from figleaf.models.bundle import find_bundle
from figleaf.models.runtime import Precision
from figleaf.report.comparison_tables import tables

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Drawn = tuple[Ints, Floats, Floats, Ints]
Measure = Callable[[Ints, Floats], float]

FIVE = ("drawings", "hentai", "neutral", "porn", "sexy")
BALANCED = load_policy("balanced")


def shares(
    seed: int, images: int, classes: int, true: NDArray[np.int64], skill: float
) -> NDArray[np.float32]:
    """Probabilities of a model that is right the more often the greater its skill."""
    logits = np.random.default_rng(seed).normal(size=(images, classes))
    logits[np.arange(images), true] += skill
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def labelled(
    labels: Sequence[str], groups: Sequence[int] | None = None, part: str = ""
) -> Labelled:
    images = len(labels)
    numbers = np.zeros(images, np.int64)
    return Labelled(
        name="made up",
        paths=tuple(Path(f"/made/{at}.png") for at in range(images)),
        labels=tuple(labels),
        hashes=tuple(f"{at:064x}" for at in range(images)),
        groups=np.array(range(images) if groups is None else groups, np.int64),
        sources=(("made",),) * images,
        formats=("png",) * images,
        widths=numbers,
        heights=numbers,
        sizes=numbers,
        parts=(part,) * images,
    )


def scored(
    classes: Sequence[str],
    rows: Sequence[Sequence[float]] | NDArray[np.float32],
    statuses: Sequence[Status] | None = None,
    tag: str = "made@1",
) -> tuple[Scored, float]:
    probabilities = np.array(rows, np.float32)
    used = ModelUsed(tag, "ab" * 32, Precision.F32, scaled=False, policy=BALANCED.tag)
    ok = (Status.OK,) * len(probabilities)
    return Scored(used, tuple(classes), probabilities, tuple(statuses or ok), BALANCED), 2.0


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """True classes, the probabilities of a weak and of a good model, and groups of 1 to 4."""
    random = np.random.default_rng(5)
    true = random.integers(3, size=400)
    groups = np.repeat(np.arange(160), random.integers(1, 5, size=160))[:400]
    groups = np.concatenate([groups, np.arange(1000, 1400 - len(groups))])
    return true, shares(1, 400, 3, true, 1.0), shares(2, 400, 3, true, 2.0), groups.astype(np.int64)


NAMES = ("b", "a", "c")


@pytest.fixture(scope="module")
def view(drawn: Drawn) -> View:
    true, weak, good, groups = drawn
    labels = [NAMES[one] for one in true]
    a, b = (answers(NAMES, one, true) for one in (weak, good))
    return versus(a, b, labels, Draws(groups, 200, 0.95, 3))


def accuracy(true: Ints, probabilities: Floats) -> float:
    return float((probabilities.argmax(axis=1) == true).mean())


def measured(view: View) -> list[tuple[Difference, Measure]]:
    """Each figure with what measures it."""
    return [
        (view.accuracy, accuracy),
        (view.log_loss, log_loss),
        (view.calibration_error, calibration_error),
    ]


def test_figures_are_those_of_metrics(view: View, drawn: Drawn) -> None:
    true, weak, good, groups = drawn
    assert view.images == 400
    assert view.groups == len(np.unique(groups))
    for figure, measure in measured(view):
        assert figure.a == pytest.approx(measure(true, weak), rel=1e-6)
        assert figure.b == pytest.approx(measure(true, good), rel=1e-6)
        assert figure.value == pytest.approx(measure(true, good) - measure(true, weak), rel=1e-5)


def test_intervals_are_the_paired_bootstraps(view: View, drawn: Drawn) -> None:
    true, weak, good, groups = drawn

    for figure, measure in measured(view):
        expected = paired_bootstrap(
            _of(good, true, measure), _of(weak, true, measure), groups, repeats=200, seed=3
        )
        assert figure.interval.low == pytest.approx(expected.low, abs=1e-6)
        assert figure.interval.high == pytest.approx(expected.high, abs=1e-6)


def _of(probabilities: Floats, true: Ints, measure: Measure) -> Callable[[Ints], float]:
    return lambda rows: measure(true[rows], probabilities[rows])


def recall_of(own: int) -> Measure:
    def recall(true: Ints, probabilities: Floats) -> float:
        return float((probabilities[true == own].argmax(axis=1) == own).mean())

    return recall


def test_recalls_are_those_of_each_class_by_name(view: View, drawn: Drawn) -> None:
    true, weak, good, groups = drawn
    assert view.classes == ("a", "b", "c")
    for one in view.recalls:
        own = NAMES.index(one.label)
        rows = true == own
        assert one.images == rows.sum()
        assert one.recall.a == pytest.approx((weak[rows].argmax(axis=1) == own).mean())
        assert one.recall.b == pytest.approx((good[rows].argmax(axis=1) == own).mean())
        measure = recall_of(own)
        expected = paired_bootstrap(
            _of(good, true, measure), _of(weak, true, measure), groups, repeats=200, seed=3
        )
        assert one.recall.interval.low == pytest.approx(expected.low, abs=1e-9)
        assert one.recall.interval.high == pytest.approx(expected.high, abs=1e-9)


def test_two_classes_have_an_auc_at_whatever_threshold() -> None:
    random = np.random.default_rng(8)
    true = random.integers(2, size=200)
    weak, good = (shares(seed, 200, 2, true, skill) for seed, skill in ((1, 0.5), (2, 1.5)))
    groups = random.integers(90, size=200)
    draws = Draws(groups, 100, 0.95, 1)
    a, b = (answers(("sfw", "nsfw"), one, true) for one in (weak, good))
    found = versus(a, b, [("sfw", "nsfw")[one] for one in true], draws).auc
    assert found is not None
    assert found.a == pytest.approx(auc(roc(true == 1, weak[:, 1])))
    assert found.b == pytest.approx(auc(roc(true == 1, good[:, 1])))
    expected = paired_bootstrap(
        _of(good, true, area), _of(weak, true, area), groups, repeats=100, seed=1
    )
    assert found.interval.low == pytest.approx(expected.low, abs=1e-6)
    assert found.interval.high == pytest.approx(expected.high, abs=1e-6)
    # The order of the classes makes no difference.
    turned = answers(("nsfw", "sfw"), good[:, ::-1], 1 - true)
    again = versus(a, turned, [("sfw", "nsfw")[one] for one in true], draws).auc
    assert again is not None
    assert again.b == pytest.approx(found.b)


def area(true: Ints, probabilities: Floats) -> float:
    return auc(roc(true == 1, probabilities[:, 1]))


def test_there_is_no_auc_of_one_kind_or_of_more_classes(view: View) -> None:
    assert view.auc is None
    pair = [scored(("sfw", "nsfw"), [[0.9, 0.1], [0.4, 0.6]])] * 2
    for names, is_there in ((["sfw", "sfw"], False), (["sfw", "nsfw"], True)):
        found = compared(labelled(names), pair, BALANCED, repeats=5).classes
        assert found is not None
        assert (found.auc is not None) is is_there
        assert found.differences == 3 + is_there + len(set(names))


def test_the_agreement_counts_every_image(view: View, drawn: Drawn) -> None:
    true, weak, good, _ = drawn
    of_a, of_b = weak.argmax(axis=1), good.argmax(axis=1)
    right_a, right_b = of_a == true, of_b == true
    assert view.agreement == Agreement(
        both_right=int((right_a & right_b).sum()),
        only_a=int((right_a & ~right_b).sum()),
        only_b=int((~right_a & right_b).sum()),
        both_wrong_alike=int((~right_a & ~right_b & (of_a == of_b)).sum()),
        both_wrong=int((~right_a & ~right_b & (of_a != of_b)).sum()),
    )
    assert view.test == mcnemar(view.agreement.only_a, view.agreement.only_b)
    assert view.is_more_than_chance


def test_images_that_stand_and_fall_together_prove_less() -> None:
    """Twelve images that only B gets right: twelve witnesses, or copies of one picture."""
    right = [[0.9, 0.1]] * 20
    wrong = [[0.1, 0.9]] * 12 + [[0.9, 0.1]] * 8
    for groups, is_clear in (([0] * 12 + list(range(1, 9)), False), (list(range(20)), True)):
        found = compared(
            labelled(["sfw"] * 20, groups),
            [scored(("sfw", "nsfw"), wrong), scored(("sfw", "nsfw"), right)],
            BALANCED,
        )
        assert found.classes is not None
        assert found.classes.test.p == pytest.approx(2 / 2**12)
        assert found.classes.is_more_than_chance is is_clear


def test_four_images_are_too_few_although_the_interval_says_otherwise() -> None:
    right = [[0.9, 0.1]] * 200
    wrong = [[0.1, 0.9]] * 5 + [[0.9, 0.1]] * 195
    pair = [scored(("sfw", "nsfw"), wrong), scored(("sfw", "nsfw"), right)]
    view = compared(labelled(["sfw"] * 200), pair, BALANCED).classes
    assert view is not None
    assert view.accuracy.is_clear
    assert view.test.p == pytest.approx(2 / 2**5)
    assert not view.is_more_than_chance


def test_a_model_against_itself_differs_in_nothing(drawn: Drawn) -> None:
    true, weak, _, _ = drawn
    one = scored(NAMES, weak)
    found = compared(labelled([NAMES[at] for at in true]), [one, one], BALANCED, repeats=20)
    assert found.classes is not None
    for figure in (found.classes.log_loss, found.classes.calibration_error):
        assert figure.value == 0
        assert math.isnan(figure.interval.low)
        assert not figure.is_clear
    assert found.classes.test.p == 1
    assert not found.classes.is_more_than_chance
    assert found.disagreements == ()
    assert (found.a.name, found.b.name) == ("made@1 ababab", "made@1 ababab")


@pytest.fixture
def mixed() -> Comparison:
    """A model of five classes beside one of two, on four images of which one cannot be read."""
    data = labelled(["neutral", "Porn", "drawing", "neutral"])
    nan = [math.nan]
    five = [[0.1, 0, 0.8, 0.1, 0], [0, 0, 0.7, 0.2, 0.1], [0.3, 0.2, 0.1, 0.3, 0.1], nan * 5]
    two = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], nan * 2]
    statuses = [Status.OK] * 3 + [Status.TRUNCATED]
    pair = [scored(FIVE, five, statuses), scored(("sfw", "nsfw"), two, statuses, "other@2")]
    return compared(data, pair, BALANCED, repeats=50)


def test_models_of_different_classes_are_compared_as_safe_or_unsafe(mixed: Comparison) -> None:
    assert mixed.classes is None
    assert list(mixed.views) == ["safety"]
    view = mixed.safety
    assert view is not None
    # Unsafe: .1, .3, .6 by A; .1, .8, .4 by B. True: safe, unsafe, safe.
    assert view.images == 3
    assert [view.accuracy.a, view.accuracy.b] == pytest.approx([1 / 3, 1])
    assert [(one.label, one.images) for one in view.recalls] == [("safe", 2), ("unsafe", 1)]
    assert (view.recalls[0].recall.a, view.recalls[1].recall.a) == (0.5, 0)
    assert view.log_loss.a == pytest.approx(-np.log([0.9, 0.3, 0.4]).mean(), rel=1e-5)
    assert view.agreement == Agreement(1, 0, 2, 0, 0)
    assert (mixed.images, mixed.unreadable) == (4, {"truncated": 1})
    assert mixed.lacking == {"Porn": 1, "drawing": 1, "neutral": 1}


def test_disagreements_are_ranked_by_how_far_apart_the_models_are(mixed: Comparison) -> None:
    first, second = mixed.disagreements
    assert (first.path, first.label, first.right) == ("/made/1.png", "Porn", "b")
    assert (first.a, first.b) == ("safe", "unsafe")
    assert [first.a_probability, first.b_probability] == pytest.approx([0.7, 0.8])
    assert second.path == "/made/2.png"
    assert [first.distance, second.distance] == pytest.approx([0.5, 0.2])


def test_classes_in_another_order_or_more_of_them_are_matched_by_name() -> None:
    data = labelled(["drawings", "neutral", "comics", "neutral"])
    one = scored(("drawings", "neutral"), [[0.8, 0.2], [0.4, 0.6], [1, 0], [0.7, 0.3]])
    other = scored(
        ("comics", "neutral", "Drawing"),
        [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1], [1, 0, 0], [0.5, 0.2, 0.3]],
    )
    found = compared(data, [one, other], BALANCED, repeats=20)
    view = found.classes
    assert view is not None
    assert found.safety is None
    assert found.lacking == {"comics": 1}
    assert view.images == 3
    assert [view.accuracy.a, view.accuracy.b] == pytest.approx([2 / 3, 2 / 3])
    assert view.agreement == Agreement(2, 0, 0, 0, 1)
    (apart,) = found.disagreements
    assert (apart.a, apart.b, apart.right) == ("drawings", "comics", "neither")
    assert apart.distance == pytest.approx((abs(0.3 - 0.7) + abs(0.2 - 0.3) + 0.5) / 2)


def test_the_same_wrong_class_under_another_name_is_the_same() -> None:
    one = scored(("drawings", "neutral"), [[0.8, 0.2]])
    other = scored(("neutral", "Drawing"), [[0.1, 0.9]])
    view = compared(labelled(["neutral"]), [one, other], BALANCED, repeats=5).classes
    assert view is not None
    assert view.agreement == Agreement(0, 0, 0, 1, 0)


def test_five_classes_have_both_views() -> None:
    rows = [[0.1, 0.1, 0.6, 0.1, 0.1], [0, 0.6, 0, 0.4, 0]]
    pair = [scored(FIVE, rows), scored(FIVE, rows[::-1])]
    found = compared(labelled(["neutral", "porn"]), pair, BALANCED, repeats=5)
    assert list(found.views) == ["classes", "safety"]
    assert found.classes is not None
    assert found.safety is not None
    assert (found.classes.accuracy.a, found.safety.accuracy.a) == (0.5, 1)
    assert {one.a for one in found.disagreements} == {"neutral", "hentai"}


def test_what_nobody_knows_counts_as_safe_and_is_told() -> None:
    pair = [scored(("sfw", "nsfw"), [[0.9, 0.1]]), scored(FIVE, [[0, 0, 1, 0, 0]])]
    found = compared(labelled(["dress"]), pair, BALANCED, repeats=5)
    assert found.own == ("dress",)
    assert found.safety is not None
    assert found.safety.accuracy.b == 1


def test_what_the_policy_knows_is_not_told() -> None:
    rules = (*BALANCED.rules, Rule("dress", frozenset({"dress"}), review=0.5))
    pair = [scored(("sfw", "nsfw"), [[0.9, 0.1]]), scored(FIVE, [[0, 0, 1, 0, 0]])]
    found = compared(labelled(["dress"]), pair, replace(BALANCED, rules=rules), repeats=5)
    assert found.own == ()


def test_capitals_make_no_image_safe() -> None:
    policy = replace(BALANCED, rules=(Rule("unsafe", frozenset({"gore"}), review=0.5),))
    pair = [scored(("cat", "gore"), [[0.1, 0.9]]), scored(("gore", "cat"), [[0.8, 0.2]])]
    found = compared(labelled(["Gore"]), pair, policy, repeats=5)
    assert found.safety is not None
    assert (found.safety.accuracy.a, found.safety.accuracy.b) == (1, 1)
    assert found.own == ()


def test_two_names_of_a_class_are_one_class() -> None:
    rows = [[1.0, 0, 0, 0, 0], [0, 0, 1.0, 0, 0]]
    pair = [scored(FIVE, rows), scored(FIVE, rows)]
    found = compared(labelled(["drawing", "Drawings"]), pair, BALANCED, repeats=5)
    assert found.classes is not None
    assert [(one.label, one.images) for one in found.classes.recalls] == [("drawings", 2)]


def test_the_policy_of_the_comparison_is_that_of_both_sides() -> None:
    strict = load_policy("strict")
    found = compared(labelled(["neutral"]), [scored(FIVE, [[0, 0, 1, 0, 0]])] * 2, strict)
    assert {found.policy, found.a.used.policy, found.b.used.policy} == {strict.tag}


def test_what_cannot_be_compared_is_refused() -> None:
    pair = [scored(("cat", "dog"), [[0.9, 0.1]]), scored(FIVE, [[0, 0, 1, 0, 0]])]
    with pytest.raises(InputError, match="share none with the data, nor do both tell"):
        compared(labelled(["neutral"]), pair, BALANCED)
    lost = [scored(FIVE, [[math.nan] * 5], [Status.EMPTY])] * 2
    with pytest.raises(InputError, match="made up: none of its 1 images can be read"):
        compared(labelled(["neutral"]), lost, BALANCED)


def test_it_becomes_json(mixed: Comparison) -> None:
    made = json.loads(json.dumps(mixed.to_dict(), allow_nan=False))
    assert made["policy"] == BALANCED.tag
    assert len(made["fingerprint"]) == 64
    assert list(made["views"]) == ["safety"]
    view = made["views"]["safety"]
    assert mixed.safety is not None
    assert view["recall"]["unsafe"] == {"images": 1} | mixed.safety.recalls[1].recall.to_dict()
    assert view["agreement"]["only_b"] == 2
    assert view["mcnemar"] == {"statistic": 0.0, "p": 0.5, "exact": True}
    assert view["more_than_chance"] is False
    assert [one["right"] for one in made["disagreements"]] == ["b", "b"]
    assert (made["a"]["rate"], made["b"]["used"]["tag"]) == (1.5, "other@2")


def test_a_class_that_does_not_come_in_a_draw_makes_no_nan() -> None:
    pair = [scored(FIVE, [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0]])] * 2
    found = compared(labelled(["neutral", "drawings"]), pair, BALANCED, repeats=50)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.classes is not None
    assert [one.recall.value for one in found.classes.recalls] == [0, 0]


def test_images_that_all_say_the_same_are_not_certain() -> None:
    """Ten images on which two models never differ may be followed by some on which they do."""
    right, wrong = ([[0, 0, 1.0, 0, 0]] * 10, [[1.0, 0, 0, 0, 0]] * 10)
    data = labelled(["neutral"] * 10)
    alike = compared(data, [scored(FIVE, right)] * 2, BALANCED, repeats=20).classes
    apart = compared(data, [scored(FIVE, right), scored(FIVE, wrong)], BALANCED, repeats=20).classes
    assert alike is not None
    assert apart is not None
    reach = wilson(0, 10).high
    for figure in (alike.accuracy, alike.recalls[0].recall):
        assert figure.interval.low == pytest.approx(-reach)
        assert figure.interval.high == pytest.approx(reach)
    for figure in (apart.accuracy, apart.recalls[0].recall):
        assert figure.interval.low == -1
        assert figure.interval.high == pytest.approx(2 * reach - 1)


def test_one_image_is_never_clear() -> None:
    pair = [scored(FIVE, [[0, 0, 1.0, 0, 0]]), scored(FIVE, [[1.0, 0, 0, 0, 0]])]
    found = compared(labelled(["neutral"]), pair, BALANCED, repeats=20).classes
    assert found is not None
    assert not found.accuracy.is_clear
    assert not found.recalls[0].recall.is_clear


# With real models.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    root = tmp_path_factory.mktemp("labelled")
    (root / "neutral").mkdir()
    for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"):
        shutil.copy(pictures / name, root / "neutral")
    shutil.copy(root / "neutral/coffee.png", root / "neutral/copy.png")
    (root / "neutral/gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    return root


def ticking() -> Iterator[float]:
    yield from (0.0, 2.0, 5.0, 6.0)


def test_embedded_models_on_real_pictures(folder: Path) -> None:
    times = ticking()
    told: list[str] = []
    watch = Watch(start=lambda phase, images: told.append(phase))
    data = open_labelled(folder)
    found = compare("mobilenet_v2", "inception_v3", data, watch=watch, clock=lambda: next(times))
    # Before the clock runs: else the second model alone would find the files in memory.
    assert told[0] == "reading files"
    assert len(told) == 3
    assert (found.a.name, found.b.name) == ("mobilenet_v2@1", "inception_v3@1")
    assert (found.a.seconds, found.b.seconds, found.b.rate) == (2.0, 1.0, 5)
    assert found.unreadable in ({}, {"not_an_image": 1})
    view = found.classes
    assert view is not None
    # mobilenet_v2 takes the rocket for a drawing; the two copies are one group.
    assert (view.images, view.groups) == (5, 4)
    assert [view.accuracy.a, view.accuracy.b] == pytest.approx([0.8, 1])
    (apart,) = found.disagreements
    assert (Path(apart.path).name, apart.a, apart.b) == ("rocket.jpg", "drawings", "neutral")
    with figleaf.load("mobilenet_v2") as classifier:
        alone = classifier.classify(apart.path)
    assert apart.a_probability == pytest.approx(alone.scores["drawings"], abs=1e-4)


def test_a_bundle_from_elsewhere_beside_an_embedded_model(folder: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(find_bundle("mobilenet_v2"), tmp_path / "bundle"))
    data = open_labelled(folder)
    found = compare("mobilenet_v2", bundle, data, repeats=5)
    assert found.a.name == found.b.name != "mobilenet_v2@1"  # the same digits, too
    assert found.disagreements == ()
    card = json.loads((bundle / "card.json").read_text("utf-8"))
    (bundle / "card.json").write_text(json.dumps(card | {"name": "mine", "version": "7"}))
    found = compare(bundle, "resnet50_thin", data, repeats=5)
    assert (found.a.name, found.b.name) == ("mine@7", "resnet50_thin@1")
    assert list(found.views) == ["safety"]
    assert found.fingerprint == data.fingerprint


def nothing_unsafe() -> figleaf.Policy:
    """A policy that no embedded model has an unsafe class for."""
    return replace(BALANCED, rules=(Rule("unsafe", frozenset({"gore"}), review=0.5),))


def test_files_are_named_from_where_one_stands() -> None:
    pair = [scored(FIVE, [[0, 0, 1.0, 0, 0]]), scored(FIVE, [[1.0, 0, 0, 0, 0]])]
    found = compared(labelled(["neutral"]), pair, BALANCED, repeats=5)
    for beside, name in ((Path("/made"), "0.png"), (Path("/elsewhere"), "/made/0.png")):
        *_, apart = tables(found, beside=beside)
        assert apart.rows[0][-1] == name


def test_misuse(folder: Path) -> None:
    with pytest.raises(figleaf.FigleafError, match="efficientnet_lite0 has no classes"):
        compare("mobilenet_v2", "efficientnet_lite0", folder)
    with pytest.raises(figleaf.FigleafError, match="no policy 'nothing'"):
        compare("mobilenet_v2", "inception_v3", folder, policy="nothing")
    told: list[str] = []
    watch = Watch(start=lambda phase, images: told.append(phase))
    strange = f"cat={folder / 'neutral'}"
    with pytest.raises(InputError, match="share none with the data"):
        compare("mobilenet_v2", "inception_v3", strange, policy=nothing_unsafe(), watch=watch)
    assert not [phase for phase in told if "scoring" in phase]
    told.clear()
    with pytest.raises(InputError, match="repeats must be 1 or more"):
        compare("mobilenet_v2", "inception_v3", folder, repeats=0, watch=watch)
    with pytest.raises(InputError, match="seed must be 0 or more"):
        compare("mobilenet_v2", "inception_v3", folder, seed=-1, watch=watch)
    assert told == []
    with pytest.raises(InputError, match="part must be one of"):
        compare("mobilenet_v2", "inception_v3", folder, part="tset")
