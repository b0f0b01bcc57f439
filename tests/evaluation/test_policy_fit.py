"""Policies fitted to pictures: thresholds, bounds, groups, the file."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest
from sklearn.metrics import roc_curve

import figleaf
from figleaf.errors import InputError, PolicyError
from figleaf.evaluation.evaluate import evaluate
from figleaf.evaluation.operating import Aim
from figleaf.evaluation.policy_fit.bounds import clopper_pearson, clustered, needed
from figleaf.evaluation.policy_fit.fit import assess, fit_policy
from figleaf.evaluation.policy_fit.fitted import FittedPolicy
from figleaf.evaluation.policy_fit.lines import Line, Scores, lines
from figleaf.evaluation.policy_fit.rules import FitRules
from figleaf.evaluation.policy_fit.traffic import File, group, read_folders
from figleaf.evaluation.rules import EvaluateRules
from figleaf.models.bundle import find_bundle

from .fakes import evaluated, scored

TWO = ("sfw", "nsfw")
QUICK = FitRules(repeats=20)
PHOTOS = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "rocket.jpg", "horse.png")


def made_up(safe: int, unsafe: int = 0, *, digits: int = 9, seed: int = 0) -> Scores:
    """Scores of so many pictures; few digits make ties."""
    random = np.random.default_rng(seed)
    scores = np.concatenate([random.beta(0.6, 3, safe), random.beta(3, 0.8, unsafe)])
    truth = np.arange(safe + unsafe) >= safe
    return Scores(truth, scores.round(digits), np.arange(safe + unsafe))


def of(scores: Scores, **rules: Any) -> list[Line]:
    """The lines of false-positive rates, the highest rate first, and then that of a recall."""
    found = lines(scores, FitRules(repeats=20, **rules))
    return sorted(found, key=lambda line: (line.aim is Aim.RECALL, -line.target))


def fitted(
    safe: Sequence[float], unsafe: Sequence[float] = (), *, rules: FitRules = QUICK
) -> FittedPolicy:
    """The policy for pictures of these scores, each unlike the others."""
    scores = [*safe, *unsafe]
    rows = [[1 - score, score] for score in scores]
    files = [File(Path(f"{n}.jpg"), int(n >= len(safe)), f"{n:064x}") for n in range(len(scores))]
    folders = ["safe"], ["unsafe"] if unsafe else []
    return assess(scored(rows, TWO), files, *folders, ("nsfw",), rules)


def thresholds(policy: FittedPolicy) -> tuple[float | None, float | None]:
    (rule,) = policy.policy.rules
    return rule.review, rule.block


# Bounds


@pytest.mark.parametrize(
    ("hits", "trials"), [(0, 1), (1, 1), (0, 300), (3, 10), (29, 30), (7, 9999)]
)
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_clopper_and_pearsons(hits: int, trials: int, level: float) -> None:
    found = clopper_pearson(hits, trials, level)
    wanted = binomtest(hits, trials).proportion_ci(level, method="exact")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    assert found.level == level


@pytest.mark.parametrize("rate", [0.5, 0.01, 0.001])
def test_so_many_images_are_needed(rate: float) -> None:
    assert clopper_pearson(0, needed(rate)).high <= rate < clopper_pearson(0, needed(rate) - 1).high


def test_without_duplicates_groups_change_nothing() -> None:
    hits = np.arange(50) < 4
    assert clustered(hits, np.arange(50)) == clopper_pearson(4, 50)


def test_duplicates_widen_the_interval() -> None:
    hits, groups = np.zeros(100, bool), np.arange(100)
    hits[:10] = True
    together, apart = groups.copy(), groups.copy()
    together[:10] = 0  # what is flagged is one picture, ten times
    apart[90:] = 90
    alone = clustered(hits, groups)
    assert clustered(hits, together).high > 1.5 * alone.high
    assert clustered(hits, together).low < alone.low / 2
    assert alone.high < clustered(hits, apart).high < 1.1 * alone.high
    # Nothing flagged: as many trials as there are groups.
    assert clustered(np.zeros(100, bool), together) == clopper_pearson(0, 91)


@pytest.mark.parametrize("values", [10**9, 100])
@pytest.mark.parametrize("assured", [False, True])
@pytest.mark.parametrize(("images", "rate"), [(60, 0.05), (200, 0.02), (200, 0.001)])
def test_the_interval_holds_for_future_pictures(
    images: int, rate: float, assured: bool, values: int
) -> None:
    """Scores are uniform over so many values, few of which make ties: true rates are known."""
    repeats, above, below, too_high = 400, 0, 0, 0
    rules = FitRules(fpr=(rate,), repeats=1, assured=assured)
    for seed in range(repeats):
        numbers = np.random.default_rng(seed).integers(values, size=images)
        scores = 0.99 * numbers / values
        (line,) = lines(Scores(np.zeros(images, bool), scores, np.arange(images)), rules)
        true = 1 - math.ceil(line.threshold.value / 0.99 * values) / values
        above += true > line.false_positive_rate.interval.high
        below += true < line.false_positive_rate.interval.low
        too_high += line.is_kept and true > rate
    # At most .025 on each side, and what chance adds to that in so many repeats.
    most = 0.025 * repeats + 3 * math.sqrt(0.025 * repeats)
    assert max(above, below, too_high) <= most


# Thresholds


@pytest.mark.parametrize("digits", [9, 2])
@pytest.mark.parametrize("seed", range(3))
def test_thresholds_are_those_of_scikit_learn(digits: int, seed: int) -> None:
    """The lowest point of its curve that keeps to the rate; ties are flagged together."""
    made = made_up(400, 150, digits=digits, seed=seed)
    fpr, tpr, points = roc_curve(made.truth, made.scores, drop_intermediate=False)
    for line in of(made, fpr=(0.1, 0.03, 0.01), recall=0.9):
        kept = (
            np.flatnonzero(tpr >= 0.9)[0]
            if line.aim is Aim.RECALL
            else np.flatnonzero(fpr <= line.target)[-1]
        )
        assert line.false_positive_rate.value == fpr[kept]
        assert line.recall.value == tpr[kept]
        assert line.flagged == round(400 * fpr[kept])
        assert line.caught == round(150 * tpr[kept])
        assert points[kept] - 1.2e-4 < line.threshold.value < points[kept]


def test_thresholds_are_those_of_evaluate() -> None:
    made = made_up(300, 80, digits=3)
    rates = (0.2, 0.05, 0.01)
    found = evaluated(
        ["nsfw" if own else "sfw" for own in made.truth],
        [[1 - score, score] for score in made.scores],
        TWO,
        rules=EvaluateRules(repeats=20, target_fpr=rates, target_recall=(0.8,)),
    )
    assert found.safety
    points = {(point.aim, point.target): point for point in found.safety.points}
    for line in of(made, fpr=rates, recall=0.8):
        point = points[line.aim, line.target]
        assert line.false_positive_rate.value == point.false_positive_rate.value
        assert line.recall == point.recall
        assert line.expected == point.expected
        assert point.threshold.value - 1.2e-4 < line.threshold.value < point.threshold.value
        ends = (point.threshold.interval.low, min(point.threshold.interval.high, 1))
        assert (line.threshold.interval.low, line.threshold.interval.high) == pytest.approx(
            ends, abs=1e-6
        )


@pytest.mark.parametrize("gap", [1e-2, 1e-5, 1e-8, 1e-12])
def test_a_threshold_keeps_clear_of_the_scores_on_both_sides(gap: float) -> None:
    scores = np.append(np.full(8, 0.123456789), [0.123456789 + gap, 0.9])
    (line,) = of(Scores(np.zeros(10, bool), scores, np.arange(10)), fpr=(0.2,))
    assert line.flagged == 2
    assert scores[0] + gap / 1000 < line.threshold.value < scores[8] - gap / 1000
    # As few digits as that takes, and four at most where there is room.
    digits = len(repr(line.threshold.value).partition(".")[2])
    assert digits <= max(4, -math.log10(gap) + 2)


def test_a_rate_that_is_less_than_one_picture_flags_none() -> None:
    found = fitted([0.01 * n for n in range(80)])
    assert thresholds(found) == (0.7901, None)
    (first, second) = found.lines
    assert first.flagged == second.flagged == 0
    assert first.false_positive_rate.interval == clopper_pearson(0, 80)
    assert found.notes == (
        "a false-positive rate of 0.01 is less than one of 80 images: the threshold is above all of"
        " them, and the rate may still be up to 4.5%; from 100 images on it can be met, and 368 of"
        " which none is flagged would show it",
        "a false-positive rate of 0.001 is less than one of 80 images: the threshold is above all"
        " of them, and the rate may still be up to 4.5%; from 1,000 images on it can be met, and"
        " 3,688 of which none is flagged would show it",
        "no block threshold: it would not be above the one for review",
        "what these thresholds miss is not known: no unsafe pictures were given",
    )


def test_ties_are_flagged_together_or_not_at_all() -> None:
    (line,) = of(
        Scores(np.zeros(100, bool), np.repeat([0.2, 0.8], [95, 5]), np.arange(100)), fpr=(0.04,)
    )
    assert (line.flagged, line.threshold.value) == (0, 0.8001)
    (line,) = of(
        Scores(np.zeros(100, bool), np.repeat([0.2, 0.8], [95, 5]), np.arange(100)), fpr=(0.05,)
    )
    assert (line.flagged, line.threshold.value) == (5, 0.7999)


@pytest.mark.parametrize("digits", [9, 2])
def test_assured_keeps_the_interval_within_the_rate(digits: int) -> None:
    made = made_up(2000, digits=digits)
    plain, assured = (of(made, fpr=(0.02,), assured=own)[0] for own in (False, True))
    assert (
        assured.false_positive_rate.interval.high <= 0.02 < plain.false_positive_rate.interval.high
    )
    assert assured.is_kept
    assert not plain.is_kept
    # And no lower threshold does.
    lower = made.scores[made.scores < assured.threshold.value].max()
    more = int((made.scores >= lower).sum())
    assert clopper_pearson(more, 2000).high > 0.02


def test_assured_with_too_few_pictures_says_so() -> None:
    rules = replace(QUICK, fpr=(0.02,), assured=True)
    found = fitted(np.linspace(0, 0.6, 150).tolist(), rules=rules)
    assert thresholds(found) == (0.6001, None)
    assert found.notes[0] == (
        "the false-positive rate that was to be 0.02 may be up to 2.4%: more images narrow that"
    )


def test_the_highest_score_leaves_no_room() -> None:
    safe = [0.1] * 150 + [0.5, 1.0]
    found = fitted(safe)
    assert thresholds(found) == (0.9999, None)
    assert found.lines[1].to_dict()["threshold"]["value"] is None
    assert "no threshold for a false-positive rate of 0.001: a safe picture has" in found.notes[1]
    with pytest.raises(InputError, match="no threshold lies above it"):
        fitted(safe, rules=replace(QUICK, fpr=(0.001,)))


# Decisions


SAFE = np.linspace(0, 0.5, 100).tolist()


def test_of_one_rate_there_is_review_alone() -> None:
    review, block = thresholds(fitted(SAFE, rules=replace(QUICK, fpr=(0.02,))))
    assert review == pytest.approx(SAFE[-2], abs=1.2e-4)
    assert block is None


def test_rates_between_are_only_looked_at() -> None:
    found = fitted(SAFE, rules=replace(QUICK, fpr=(0.02, 0.1, 0.05)))
    assert [line.decision for line in found.lines] == ["review", None, "block"]
    assert [line.flagged for line in found.lines] == [10, 5, 2]
    assert [(band.decision, band.safe) for band in found.bands] == [
        ("allow", 90),
        ("review", 8),
        ("block", 2),
    ]


@pytest.mark.parametrize(
    ("unsafe", "rates", "decisions"),
    [
        # Half of them lie among the safe ones: review is far below block.
        ([0.3, 0.35, 0.8, 0.9], (0.1, 0.02), {"review": ("recall", 1), "block": ("rate", 0.02)}),
        ([0.3, 0.35, 0.8, 0.9], (0.02,), {"review": ("recall", 1), "block": ("rate", 0.02)}),
        # Block finds all of them by itself.
        ([0.7, 0.8, 0.9], (0.1, 0.02), {"review": ("rate", 0.1), "block": ("rate", 0.02)}),
        ([0.7, 0.8, 0.9], (0.02,), {"block": ("rate", 0.02)}),
    ],
)
def test_review_by_recall(unsafe: list[float], rates: Any, decisions: dict[str, Any]) -> None:
    found = fitted(SAFE, unsafe, rules=replace(QUICK, fpr=rates, recall=1.0))
    kinds = {Aim.RECALL: "recall", Aim.FALSE_POSITIVE_RATE: "rate"}
    given = {
        str(line.decision): (kinds[line.aim], line.target) for line in found.lines if line.decision
    }
    assert given == decisions
    told = any("block alone finds a recall of 1" in note for note in found.notes)
    assert told == (min(unsafe) > 0.5)
    assert sum(band.unsafe for band in found.bands) == len(unsafe)


def test_counts_of_ten_thousand() -> None:
    rules = replace(QUICK, fpr=(0.1, 0.02), base_rate=0.1)
    found = fitted(SAFE, [0.2, 0.47, 0.9, 0.95], rules=rules)
    allow, review, block = found.bands
    assert (allow.expected_safe, allow.expected_unsafe) == pytest.approx((8100, 250))
    assert (review.expected_safe, review.expected_unsafe) == pytest.approx((720, 250))
    assert (block.expected_safe, block.expected_unsafe) == pytest.approx((180, 500))
    alone = fitted(SAFE, rules=rules)
    assert math.isnan(alone.bands[0].expected_unsafe)
    assert alone.to_dict()["decisions"][0]["expected_unsafe"] is None


# Groups


def pictures_of(folder: Path, pictures: Path) -> Path:
    """A photo, the same bytes again, smaller as a JPEG, mirrored; another one; two plain ones."""
    folder.mkdir()
    shutil.copy(pictures / "astronaut.png", folder / "a.png")
    shutil.copy(pictures / "astronaut.png", folder / "b.png")
    with Image.open(pictures / "astronaut.png") as photo:
        photo.resize((300, 300)).save(folder / "c.jpg")
        photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "d.png")
    shutil.copy(pictures / "coffee.png", folder / "e.png")
    for name, colour in (("f", "red"), ("g", "blue")):
        Image.new("RGB", (64, 64), colour).save(folder / f"{name}.png")
    return folder


def test_near_duplicates_are_one_group(tmp_path: Path, pictures: Path) -> None:
    files = read_folders([pictures_of(tmp_path / "some", pictures)])
    assert [file.path.stem for file in files] == list("abcdefg")
    groups = group(files).tolist()
    assert groups == [0, 0, 0, 0, 1, 2, 3]


def test_duplicates_are_counted_together(tmp_path: Path) -> None:
    scores = [0.1] * 50 + [0.9] * 2
    files = [File(Path(f"{n}.jpg"), 0, f"{min(n, 50):064x}") for n in range(52)]
    rules = replace(QUICK, fpr=(0.05,))
    found = assess(scored([[1 - s, s] for s in scores], TWO), files, ["x"], [], ("nsfw",), rules)
    assert found.safe_groups == 51
    (line,) = found.lines
    assert line.flagged == 2
    assert line.false_positive_rate.interval.high > clopper_pearson(2, 52).high


# Folders, models, files


@pytest.fixture
def safe(tmp_path: Path, pictures: Path) -> Path:
    """Six photos, two of them in a folder of their own, a page under a picture's name, a note."""
    folder = tmp_path / "내 사진"
    (folder / "deeper").mkdir(parents=True)
    for name in PHOTOS:
        shutil.copy(pictures / name, folder / ("deeper" if name > "d" else ""))
    (folder / "gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (folder / "broken.png").write_bytes((pictures / "coffee.png").read_bytes()[:2000])
    (folder / ".hidden").write_text("")
    return folder


RULES = FitRules(fpr=(0.5, 0.2), repeats=20)


def test_a_folder_of_pictures(safe: Path, tmp_path: Path, classifier: figleaf.Classifier) -> None:
    found = fit_policy(safe, model="mobilenet_v2", rules=RULES)
    (folder,) = found.safe
    assert (folder.name, folder.images, folder.hidden) == ("내 사진", 6, 1)
    assert folder.unreadable == {"truncated": 1, "not_an_image": 1}
    assert (found.used.tag, found.classes) == ("mobilenet_v2@1", ("hentai", "porn", "sexy"))
    path = tmp_path / "p.toml"
    found.save(path)
    policy = figleaf.load_policy(path)
    assert policy == found.policy
    # What the policy decides is what was said of it.
    with figleaf.load("mobilenet_v2", policy=policy) as own:
        said = [one.decision for one in own.classify_folder(safe) if one.ok]
    assert {str(band.decision): band.safe for band in found.bands} == {
        name: said.count(figleaf.Decision(name)) for name in ("allow", "review", "block")
    }
    unsafe = sorted(one.unsafe or 0 for one in classifier.classify_folder(safe) if one.ok)
    assert policy.rules[0].review == pytest.approx(unsafe[-3], abs=1.2e-4)
    assert policy.rules[0].block == pytest.approx(unsafe[-1], abs=1.2e-4)


def test_the_file_says_where_it_is_from(safe: Path) -> None:
    text = fit_policy(safe, model="mobilenet_v2", rules=RULES).to_toml()
    digest = figleaf.load("mobilenet_v2").model.card.sha256["model.onnx"]
    assert digest in text
    assert "# safe: 내 사진, 6 images (2 left out: truncated 1, not_an_image 1)" in text
    assert "# review: for a false-positive rate of 0.5: 3 of 6 safe flagged, 50% (12%..88%)" in text
    assert f"figleaf {figleaf.__version__}" in text
    assert str(safe.parent) not in text


def test_the_same_pictures_give_the_same_file(safe: Path, tmp_path: Path) -> None:
    first = fit_policy(safe, model="mobilenet_v2", rules=RULES)
    shutil.copytree(safe, tmp_path / "elsewhere" / safe.name)
    again = fit_policy(
        tmp_path / "elsewhere" / safe.name, model="mobilenet_v2", rules=replace(RULES, threads=1)
    )
    assert again.to_toml() == first.to_toml()
    json.dumps(first.to_dict(), allow_nan=False)


def test_operating_points_of_evaluate_on_the_same_files(safe: Path, tmp_path: Path) -> None:
    shutil.rmtree(safe / "deeper")
    rules = EvaluateRules(target_fpr=RULES.fpr, repeats=20)
    safety = evaluate(f"neutral={safe}", "mobilenet_v2", rules=rules).safety
    assert safety
    points = {point.target: point for point in safety.points if point.target}
    for line in fit_policy(safe, model="mobilenet_v2", rules=RULES).lines:
        point = points[line.target]
        assert line.false_positive_rate.value == point.false_positive_rate.value
        if math.isfinite(point.threshold.value):
            assert line.threshold.value == pytest.approx(point.threshold.value, abs=1.2e-4)


def test_unsafe_pictures_and_other_classes(safe: Path, tmp_path: Path, pictures: Path) -> None:
    """Drawings stand in for what is unsafe: only numbers matter here."""
    (tmp_path / "drawn").mkdir()
    shutil.copy(pictures / "page.png", tmp_path / "drawn")
    shutil.copy(pictures / "text.png", tmp_path / "drawn")
    rules = replace(RULES, unsafe_classes=("drawings",))
    found = fit_policy(safe, [tmp_path / "drawn"], model="mobilenet_v2", rules=rules)
    assert found.classes == ("drawings",)
    assert found.unsafe[0].images == found.unsafe_groups == 2
    assert all(not math.isnan(line.recall.value) for line in found.lines)
    assert 'classes = ["drawings"]' in found.to_toml()
    assert "# unsafe: drawn, 2 images" in found.to_toml()


def test_a_bundle_with_classes_of_its_own(safe: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(find_bundle("mobilenet_v2"), bundle)
    card = json.loads((bundle / "card.json").read_text("utf-8"))
    card["labels"] = ["a", "b", "c", '나체 "1"', "e"]
    (bundle / "card.json").write_text(json.dumps(card), "utf-8")
    with pytest.raises(
        InputError, match="no class that figleaf knows as unsafe: say which of a, b"
    ):
        fit_policy(safe, model=bundle)
    with pytest.raises(InputError, match="has no class 'porn'; it has a, b, c"):
        fit_policy(safe, model=bundle, rules=FitRules(unsafe_classes=("porn",)))
    with pytest.raises(InputError, match="all classes of mobilenet_v2 are unsafe"):
        fit_policy(safe, model=bundle, rules=FitRules(unsafe_classes=tuple(card["labels"])))
    found = fit_policy(safe, model=bundle, rules=replace(RULES, unsafe_classes=('나체 "1"', "b")))
    assert found.classes == ("b", '나체 "1"')
    found.save(tmp_path / "own.toml")
    policy = figleaf.load_policy(tmp_path / "own.toml")
    assert policy.rules[0].classes == {"b", '나체 "1"'}
    # The same sum as figleaf's own, less one class.
    assert policy.covers(card["labels"])


@pytest.mark.parametrize(
    "text", ['a "b" \\ c', "tab\there", "\x00\x7f\u202e", "\udcff", "# no = [comment]"]
)
def test_any_name_makes_a_valid_file(text: str, tmp_path: Path) -> None:
    found = fitted(SAFE, rules=replace(QUICK, name=f"x{text}"))
    odd = replace(found, safe=(replace(found.safe[0], name=text),))
    odd.save(tmp_path / "odd.toml")
    policy = figleaf.load_policy(tmp_path / "odd.toml")
    assert policy.rules == found.policy.rules
    assert policy.name.startswith("x")


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    found, path = fitted(SAFE), tmp_path / "p.toml"
    path.write_text("mine")
    with pytest.raises(InputError, match="is there already; --overwrite replaces it"):
        found.save(path)
    assert path.read_text() == "mine"
    found.save(path, overwrite=True)
    assert figleaf.load_policy(path).rules == found.policy.rules
    assert [one.name for one in tmp_path.iterdir()] == ["p.toml"]


@pytest.mark.parametrize(
    ("name", "message"), [("", "an empty name"), (".", "a folder"), ("no/p.toml", "no folder")]
)
def test_where_no_file_can_be(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        fitted(SAFE).save(name, overwrite=True)


def test_files_that_are_named_twice(safe: Path) -> None:
    with pytest.raises(InputError, match="name each file once"):
        fit_policy(safe, safe / "deeper")
    with pytest.raises(InputError, match="name each file once"):
        fit_policy([safe, safe / "deeper"])


def test_the_same_picture_on_both_sides_is_told(tmp_path: Path, pictures: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        shutil.copy(pictures / "coffee.png", tmp_path / name / f"{name}.png")
    shutil.copy(pictures / "rocket.jpg", tmp_path / "one")
    found = fit_policy(tmp_path / "one", tmp_path / "other", model="mobilenet_v2", rules=RULES)
    assert "1 picture is among the safe and the unsafe ones alike" in found.notes


def test_a_data_set_is_no_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "figleaf.db").write_bytes(b"")
    with pytest.raises(InputError, match="a data set; figleaf export dataset makes folders"):
        fit_policy(tmp_path)


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no files here"):
        fit_policy(tmp_path)
    with pytest.raises(InputError, match="No such file"):
        fit_policy(tmp_path / "none")
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(InputError, match="none of the safe files is a picture that can be read"):
        fit_policy(tmp_path, model="mobilenet_v2")
    with pytest.raises(InputError, match="name at least one"):
        fit_policy([])
    with pytest.raises(InputError, match="recall needs unsafe pictures"):
        fit_policy(tmp_path, rules=FitRules(recall=0.9))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"fpr": (2,)}, "fpr must be a share"),
        ({"fpr": ()}, "fpr must be at least one rate"),
        ({"fpr": (math.nan,)}, "fpr must be a share"),
        ({"recall": 0}, "recall must be a share above 0"),
        ({"base_rate": -1}, "base_rate must be a share"),
        ({"name": " "}, "name must be something"),
        ({"version": 0}, "version must be at least 1"),
        ({"level": 1}, "level must be above 0"),
    ],
)
def test_rules_that_cannot_be_meant(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FitRules(**rules)


def test_a_policy_of_another_model_is_refused(tmp_path: Path) -> None:
    fitted(SAFE).save(tmp_path / "p.toml")
    with pytest.raises(PolicyError, match="no threshold for mobilenet_v2's classes"):
        figleaf.load("mobilenet_v2", policy=tmp_path / "p.toml")
