"""Why: maps of what a score is about, against patches that were planted, and against hiding."""

import io
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

import figleaf
from figleaf import Classifier, Status
from figleaf.classify.explain import Explainer, explain
from figleaf.classify.explanation import Explanation, Heat, Method
from figleaf.classify.occlusion import Occlusion
from figleaf.classify.policy import load_policy
from figleaf.classify.showing import SIDE, Part, parse_shown, show, show_isolated
from figleaf.curate.splitting.rules import SplitRules
from figleaf.errors import ImageError, InputError, NoPlacesError
from figleaf.images import Limits
from figleaf.images.box import Box
from figleaf.models.model import Model
from figleaf.training.rules import TrainRules
from figleaf.training.train import train

from ..sources.collecting import collected
from ..training.samples import described

PATCH = 24
CORNERS = {"top left": (6, 8), "bottom right": (60, 66), "top right": (4, 62)}


def plain(seed: int) -> NDArray[np.uint8]:
    """Smooth noise without a colour."""
    grey = np.random.default_rng(seed).integers(60, 180, (6, 6), np.uint8)
    smooth = Image.fromarray(grey).resize((96, 96), Image.Resampling.BICUBIC)
    return np.repeat(np.asarray(smooth)[..., None], 3, axis=2)


def spotted(seed: int, place: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The same with a red square, somewhere or at a place (top, left)."""
    pixels = plain(seed)
    top, left = place or np.random.default_rng(seed + 1000).integers(0, 96 - PATCH, 2)
    pixels[top : top + PATCH, left : left + PATCH] = (230, 20, 30)
    return pixels


def saved(pixels: NDArray[np.uint8]) -> bytes:
    with io.BytesIO() as stream:
        Image.fromarray(pixels).save(stream, "PNG")
        return stream.getvalue()


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that was trained to tell pictures with a red square from those without."""
    root = tmp_path_factory.mktemp("probe")
    for label, make in (("neutral", plain), ("sexy", spotted)):
        (root / "source" / label).mkdir(parents=True)
        for seed in range(40):
            (root / "source" / label / f"{seed}.png").write_bytes(saved(make(seed)))
    collected(root / "source", root / "data")
    figleaf.clean(root / "data", workers=1)
    figleaf.split(root / "data", rules=SplitRules())
    backbone = str(described(root / "net"))
    train(root / "data", root / "model", rules=replace(TrainRules(), backbone=backbone))
    return root / "model"


@pytest.fixture(scope="module")
def trained(probe: Path) -> Iterator[Classifier]:
    with figleaf.load(probe, threads=1) as classifier:
        yield classifier


def top_of(found: Explanation) -> tuple[float, float]:
    """The middle of the place with the highest value, in the picture's pixels: y and x."""
    (heat,) = found.heats
    rows, columns = heat.values.shape
    row, column = np.unravel_index(heat.values.argmax(), heat.values.shape)
    y = heat.box.top + (float(row) + 0.5) * heat.box.height / rows
    return y, heat.box.left + (float(column) + 0.5) * heat.box.width / columns


@pytest.mark.parametrize("corner", CORNERS)
def test_the_top_place_is_where_the_patch_was_planted(trained: Classifier, corner: str) -> None:
    top, left = CORNERS[corner]
    for seed in range(500, 504):
        for method in Method:
            found = explain(trained, spotted(seed, (top, left)), method=method)
            assert (found.label, found.method) == ("unsafe", method)
            y, x = top_of(found)
            assert top - 6 <= y <= top + PATCH + 6
            assert left - 6 <= x <= left + PATCH + 6


def test_places_and_hiding_agree(trained: Classifier) -> None:
    agreed = []
    for seed in range(500, 508):
        picture = spotted(seed)
        places = explain(trained, picture, method="places").over((96, 96))
        hidden = explain(trained, picture, method="occlusion").over((96, 96))
        small = (places.reshape(12, 8, 12, 8), hidden.reshape(12, 8, 12, 8))
        one, other = (array.mean(axis=(1, 3)).ravel() for array in small)
        agreed.append(spearmanr(one, other).statistic)
    assert np.mean(agreed) > 0.3
    assert min(agreed) > 0


def test_the_score_is_what_the_classifier_gives(trained: Classifier) -> None:
    picture = spotted(600)
    said = trained.classify(picture)
    found = explain(trained, picture)
    assert found.score == pytest.approx(said.unsafe, abs=1e-6)
    other = explain(trained, picture, label="neutral")
    assert other.label == "neutral"
    assert other.score == pytest.approx(said.scores["neutral"], abs=1e-6)
    np.testing.assert_allclose(other.heats[0].values, 1 - found.heats[0].values, atol=1e-5)
    with pytest.raises(InputError, match="no class 'cat'"):
        explain(trained, picture, label="cat")
    with pytest.raises(InputError, match="method must be"):
        explain(trained, picture, method="guess")


def test_a_model_without_places_is_asked_by_hiding(trained: Classifier) -> None:
    model = trained.model
    closed = Model(model.card, model._runtime, model.precision, 1)
    with Classifier(closed, load_policy("balanced")) as classifier:
        explainer = Explainer(classifier)
        assert explainer.method is Method.OCCLUSION
        assert "not opened from a bundle" in explainer.why_not_places
        assert explainer.explain(spotted(600, (6, 8))).heats[0].values.shape == (14, 14)
        with pytest.raises(NoPlacesError):
            Explainer(classifier, method="places")


def test_a_bundle_that_has_changed_is_not_mixed_with_the_model(
    trained: Classifier, probe: Path
) -> None:
    model = trained.model
    card = replace(model.card, version="other")
    other = Model(card, model._runtime, model.precision, 1, model.opening)
    with Classifier(other, load_policy("balanced")) as classifier:
        assert "has changed" in Explainer(classifier).why_not_places


@pytest.mark.parametrize("wrong", [{"places": 0}, {"places": 65}, {"reach": 0.0}, {"reach": 15.0}])
def test_hiding_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Occlusion(**wrong)


# Which part


def test_of_a_film_the_frame_that_decided_is_explained(probe: Path, tmp_path: Path) -> None:
    pixels = [plain(700), spotted(701, (60, 66)), plain(702)]
    first, *others = map(Image.fromarray, pixels)
    first.save(
        tmp_path / "a.webp", save_all=True, append_images=others, duration=500, lossless=True
    )
    with figleaf.load(probe, threads=1) as classifier:
        found = explain(classifier, tmp_path / "a.webp")
        alone = explain(classifier, pixels[1])
    assert found.part == Part(seconds=0.5)
    np.testing.assert_allclose(found.heats[0].values, alone.heats[0].values, atol=1e-5)
    rules = figleaf.FrameRules(verdict="mean")
    with figleaf.load(probe, threads=1, frames=rules) as classifier:
        assert explain(classifier, tmp_path / "a.webp").part == Part(seconds=0.5)


def test_of_a_picture_with_crops_the_view_that_decided_is_explained(probe: Path) -> None:
    pixels = np.repeat(np.repeat(spotted(800, (60, 66)), 4, axis=0), 4, axis=1)
    with figleaf.load(probe, threads=1, crops=True) as classifier:
        found = explain(classifier, pixels)
        said = classifier.classify(pixels)
    deciding = next(view for view in said.views if view.scores == said.scores)
    assert found.part.box == deciding.box
    y, x = top_of(found)
    assert 4 * (60 - 6) <= y <= 4 * (60 + PATCH + 6)
    assert 4 * (66 - 6) <= x <= 4 * (66 + PATCH + 6)
    assert np.isnan(found.over((384, 384))).any() == (deciding.name != "whole")


def test_what_failed_or_was_listed_is_not_explained(
    trained: Classifier, probe: Path, tmp_path: Path
) -> None:
    with pytest.raises(ImageError):
        explain(trained, b"junk")
    with pytest.raises(ImageError) as caught:
        explain(trained, tmp_path / "none.png")
    assert caught.value.status is Status.NOT_FOUND
    (tmp_path / "a.png").write_bytes(saved(plain(1)))
    digest = sha256(saved(plain(1))).hexdigest()
    (tmp_path / "list.txt").write_text(f"sha256:{digest}\n")
    with (
        figleaf.load(probe, threads=1, block_lists=[tmp_path / "list.txt"]) as listing,
        pytest.raises(InputError, match="no model was asked"),
    ):
        explain(listing, tmp_path / "a.png")


def test_a_file_object_is_read_once(trained: Classifier) -> None:
    data = saved(spotted(600))
    assert explain(trained, io.BytesIO(data)).score == explain(trained, data).score


# Showing


def test_shown_in_a_worker_it_is_the_same(probe: Path) -> None:
    data = saved(np.repeat(spotted(600), 8, axis=1))
    with (
        figleaf.load(probe, threads=1) as here,
        figleaf.load(probe, threads=1, deadline=30) as away,
    ):
        one, other = here.show(data, Part()), away.show(data, Part())
    assert one.size == other.size == (96, 768)
    assert one.small.shape == (64, SIDE, 3)
    assert one.small.tolist() == other.small.tolist()
    assert [a.tolist() for a in one.prepared] == [a.tolist() for a in other.prepared]


def test_all_are_shown_in_one_worker(probe: Path) -> None:
    data = saved(spotted(600))
    box = Box(10, 20, 50, 70)
    with figleaf.load(probe, threads=1, deadline=30) as away:
        away.show(data, Part())
        pool = away._showing._pool
        part = away.show(data, Part(box=box))
        assert away._showing._pool is pool
    with figleaf.load(probe, threads=1) as here:
        assert part.prepared[0].tolist() == here.show(data, Part(box=box)).prepared[0].tolist()
    with pytest.raises(InputError, match="closed"):
        away.show(data, Part())


@pytest.mark.parametrize(
    "change",
    [
        {"size": [0, 5]},
        {"size": [5.0, 5]},
        {"size": [5]},
        {"small": np.zeros((0, 5, 3), np.uint8)},
        {"small": np.zeros((5, SIDE + 1, 3), np.uint8)},
        {"small": np.zeros((5, 5), np.uint8)},
        {"small": np.zeros((5, 5, 3), np.float32)},
        {"small": b"pixels"},
        {"prepared": []},
        {"prepared": None},
    ],
)
def test_what_no_sound_process_answers_is_a_crash(
    trained: Classifier, change: dict[str, Any]
) -> None:
    recipe = trained._showing.recipe
    item = {"data": saved(plain(1)), "seconds": None, "box": None}
    honest = show_isolated(item, recipe=recipe, limits=Limits())
    assert parse_shown(honest, recipe).size == (96, 96)
    with pytest.raises(ImageError) as caught:
        parse_shown(honest | change, recipe)
    assert caught.value.status is Status.CRASHED


def test_a_part_of_a_scaled_picture_is_the_same_part(trained: Classifier) -> None:
    large = np.repeat(np.repeat(spotted(600), 8, axis=0), 8, axis=1)
    with io.BytesIO() as stream:
        Image.fromarray(large).save(stream, "JPEG", quality=95)
        data = stream.getvalue()
    box = Box(384, 384, 768, 768)
    recipe = trained._showing.recipe
    whole = show(data, recipe=recipe, limits=Limits(), part=Part(box=box))
    scaled = replace(recipe, at_least=(96, 96))
    fast = show(data, recipe=scaled, limits=Limits(), part=Part(box=box))
    assert whole.size == fast.size == (768, 768)
    assert np.abs(whole.prepared[0] - fast.prepared[0]).mean() < 4


# Heats


def test_a_heat_lies_where_its_box_is() -> None:
    values = np.array([[0, 1], [0, 0]], np.float32)
    heat = Heat(values, Box(0, 0, 40, 40), Box(0, 0, 40, 40))
    drawn = heat.over((40, 80), (40, 80))
    assert drawn[10, 30] == pytest.approx(1, abs=0.06)
    assert drawn[10, 10] == pytest.approx(0, abs=0.06)
    assert drawn[10, 20] == pytest.approx(0.5, abs=0.06)
    assert np.isnan(drawn[:, 41:]).all()
    assert not np.isnan(drawn[:, :40]).any()
    assert heat.over((40, 80), (4, 8)).shape == (4, 8)


def test_of_several_heats_it_is_the_mean_of_those_that_know() -> None:
    left = Heat(np.ones((1, 1), np.float32), Box(0, 0, 20, 10), Box(0, 0, 20, 10))
    right = Heat(np.zeros((1, 1), np.float32), Box(10, 0, 30, 10), Box(10, 0, 30, 10))
    picture = np.zeros((10, 40, 3), np.uint8)
    found = Explanation("x", 0.5, Method.PLACES, (left, right), (10, 40), Part(), picture, "m@1")
    drawn = found.over((10, 40))[5]
    assert (drawn[5], drawn[15], drawn[25]) == (1, 0.5, 0)
    assert np.isnan(drawn[35])
