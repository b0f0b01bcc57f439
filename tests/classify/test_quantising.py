"""Twins in int8: drawn pictures, drift, bounds, and the bundle at the end."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import figleaf
from figleaf.classify.policy import load_policy
from figleaf.classify.quantising.drift import drift_of
from figleaf.classify.quantising.quantise import Quantised, quantise
from figleaf.classify.quantising.rules import QuantiseRules
from figleaf.errors import InputError, ModelError
from figleaf.models.bundle import open_bundle

RULES = QuantiseRules(pictures=20, holdout=24, drift=0.05, changed=0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """50 parts of real pictures, two of them copies, and two files that are no pictures."""
    found = tmp_path_factory.mktemp("calibration") / "pictures"
    (found / "deeper").mkdir(parents=True)
    rng = np.random.default_rng(11)
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
    for number in range(48):
        picture = Image.open(pictures / names[number % 4]).convert("RGB")
        left, top = (int(rng.integers(0, side // 2)) for side in picture.size)
        part = picture.crop((left, top, left + 180, top + 180))
        part.save(found / ("deeper" if number % 2 else "") / f"{number}.png")
    for number in range(2):
        shutil.copy(found / "0.png", found / f"copy{number}.png")
        (found / f"{number}.txt").write_text("no picture")
    return found


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def made(folder: Path, told: list[tuple[str, int, int]]) -> Quantised:
    return quantise("mobilenet_v2", folder, RULES, lambda *one: told.append(one))


def test_pictures_that_calibrate_are_not_those_that_compare(made: Quantised) -> None:
    assert (made.pictures, made.drift.pictures) == (20, 24)
    assert made.unreadable in (0, 1, 2)
    assert 0 < made.drift.mean < 0.05
    assert made.drift.mean < made.drift.largest < 0.5
    assert made.drift.policy == "balanced@1"


def test_the_bundle_tells_of_its_making_and_computes_in_int8(
    made: Quantised, folder: Path, tmp_path: Path
) -> None:
    out = made.write(tmp_path / "twin")
    card = json.loads((out / "card.json").read_text())
    of = open_bundle("mobilenet_v2").card
    assert card["name"] == "twin"
    assert card["computes"] == "int8"
    assert card["quantised"]["of"] == {
        "name": "mobilenet_v2",
        "version": "1",
        "sha256": of.sha256["model.onnx"],
    }
    assert card["quantised"]["convolutions"] == 51
    assert card["quantised"]["calibration"]["pictures"] == 20
    assert len(card["quantised"]["calibration"]["sha256"]) == 64
    assert card["quantised"]["drift"]["mean"] == made.drift.mean
    assert card["published"] == card["false_alarms"] == []
    assert card["license"] == of.license
    with figleaf.load(out, fast=True) as twin, figleaf.load("mobilenet_v2") as model:
        ours, theirs = (one.classify(folder / "0.png") for one in (twin, model))
    assert ours.precision == "int8"
    assert ours.model == "twin@1"
    assert ours.scores != theirs.scores
    assert ours.scores == pytest.approx(theirs.scores, abs=0.3)
    with pytest.raises(ModelError, match="twin computes in int8 already"):
        quantise(out, folder, RULES)


def test_the_same_choice_makes_the_same_bytes(made: Quantised, folder: Path) -> None:
    again = quantise("mobilenet_v2", folder, RULES)
    assert again.graph == made.graph
    assert again.card == made.card


def test_past_a_bound_nothing_is_written(made: Quantised, tmp_path: Path) -> None:
    far = replace(made, rules=replace(RULES, drift=made.drift.mean / 2))
    with pytest.raises(ModelError, match=r"in the mean, over 0\.\d+: nothing is written"):
        far.write(tmp_path / "far")
    changed = replace(made, drift=replace(made.drift, same_decision=0.75))
    with pytest.raises(ModelError, match=r"changes 25.0% of the decisions of balanced@1, over 20"):
        changed.write(tmp_path / "changed")
    assert list(tmp_path.iterdir()) == []
    # A model whose classes no policy knows has no decisions that could change.
    undecided = replace(made, drift=replace(made.drift, same_decision=None))
    undecided.check()


@pytest.mark.usefixtures("made")
def test_what_is_done_is_told(told: list[tuple[str, int, int]]) -> None:
    assert told[0] == ("calibrating", 0, 20)
    assert told[20] == ("calibrating", 20, 20)
    assert told[-1] == ("comparing", 24, 24)


def test_too_few_pictures_and_backbones_are_refused(folder: Path, tmp_path: Path) -> None:
    for pictures, what in ((40, "52 files"), (30, "48 different pictures")):
        with pytest.raises(InputError, match=f"{what}: 20 or more are needed to calibrate"):
            quantise("mobilenet_v2", folder, QuantiseRules(pictures=pictures))
    with pytest.raises(ModelError, match="efficientnet_lite0 has no classes"):
        quantise("efficientnet_lite0", folder, RULES)
    with pytest.raises(InputError, match="0 files"):
        quantise("mobilenet_v2", tmp_path, RULES)


@pytest.mark.parametrize(
    "wrong", [{"pictures": 5}, {"holdout": 19}, {"drift": -0.1}, {"changed": 1.5}]
)
def test_rules_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(wrong))} must be"):
        QuantiseRules(**wrong)  # type: ignore[arg-type]  # what the command line may be given


def test_drift_is_what_it_says() -> None:
    exact = np.array([[0.6, 0.4], [0.25, 0.75], [0.9, 0.1]], np.float32)
    twin = np.array([[0.5, 0.5], [0.3, 0.7], [0.4, 0.6]], np.float32)
    found = drift_of(("sfw", "nsfw"), exact, twin, load_policy("balanced"))
    assert found.mean == pytest.approx(0.65 / 3)
    assert found.largest == pytest.approx(0.5)
    assert found.same_class == pytest.approx(2 / 3)
    # From .5 on it is reviewed: one more than before, of the two that were not.
    assert found.same_decision == pytest.approx(1 / 3)
    clothes = drift_of(("dress", "shoes"), exact, twin, load_policy("balanced"))
    assert clothes.same_decision is None
