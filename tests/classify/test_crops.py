"""Parts of a still picture beside the whole: where they lie, and how the worst of them decides."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import figleaf
from figleaf import Classifier, Decision, Limits
from figleaf.classify.crops import NAMES, CropRules, View, cut, views_of
from figleaf.classify.looking import Recipe, look, look_isolated, pack_looked, parse_looked
from figleaf.classify.policy import load_policy
from figleaf.classify.verdict import Verdicts
from figleaf.errors import ImageError, InputError, Status
from figleaf.images.box import Box
from figleaf.models.bundle import open_bundle
from figleaf.models.card import Input, Resample
from figleaf.models.runtime import Precision

SMALL = Input("a", (8, 10), Resample.BILINEAR, (8, 10))
RECIPE = Recipe((SMALL,), crops=CropRules(least=20))


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def bordered(inner: NDArray[np.uint8], sides: int, above: int = 0) -> NDArray[np.uint8]:
    return np.pad(inner, ((above, above), (sides, sides), (0, 0)), constant_values=255)


def saved(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    with io.BytesIO() as stream:
        Image.fromarray(pixels).save(stream, kind, quality=95)
        return stream.getvalue()


def test_the_whole_comes_first_then_the_picture_without_its_border_then_crops_of_that() -> None:
    pixels = bordered(noise(400, 200), sides=100, above=50)
    views = list(views_of(pixels, CropRules()))
    assert [view.name for view in views] == list(NAMES)
    assert [view.box for view in views] == [
        Box(0, 0, 400, 500),
        Box(100, 50, 300, 450),
        Box(125, 100, 275, 400),
        Box(100, 50, 250, 350),
        Box(150, 50, 300, 350),
        Box(100, 150, 250, 450),
        Box(150, 150, 300, 450),
    ]
    assert cut(pixels, views[1].box).tolist() == noise(400, 200).tolist()


def test_without_a_border_nothing_is_trimmed() -> None:
    names = [view.name for view in views_of(noise(300, 300), CropRules())]
    assert names == ["whole", "centre", "top left", "top right", "bottom left", "bottom right"]


def test_of_a_small_picture_there_are_no_crops() -> None:
    assert [view.name for view in views_of(noise(148, 900), CropRules())] == ["whole"]
    assert len(list(views_of(noise(150, 900), CropRules()))) == 6


def test_what_is_not_wanted_is_left_out() -> None:
    pixels = bordered(noise(300, 300), sides=60)
    trimmed = CropRules(centre=False, corners=False)
    assert [view.name for view in views_of(pixels, trimmed)] == ["whole", "trimmed"]
    centre = CropRules(trim=False, corners=False)
    assert [view.name for view in views_of(pixels, centre)] == ["whole", "centre"]
    assert (trimmed.most, centre.most, CropRules().most) == (2, 2, 7)


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1}, {"share": "x"}, {"least": 0}])
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        CropRules(**wrong)


def test_each_view_is_prepared_by_itself() -> None:
    pixels = bordered(noise(40, 40), sides=20)
    found = look(saved(pixels), recipe=RECIPE, limits=Limits())
    alone = look(saved(noise(40, 40)), recipe=Recipe((SMALL,)), limits=Limits())
    assert [view.name for view in found.views] == list(NAMES)
    assert found.pictures[1][0].tolist() == alone.pictures[0][0].tolist()
    assert alone.views == ()


def test_views_cross_the_border_as_they_are() -> None:
    data = saved(bordered(noise(40, 40), sides=20))
    found = look(data, recipe=RECIPE, limits=Limits())
    parsed = parse_looked(look_isolated(data, recipe=RECIPE, limits=Limits()), RECIPE)
    assert parsed.views == found.views
    assert [a.tolist() for (a,) in parsed.pictures] == [a.tolist() for (a,) in found.pictures]


@pytest.mark.parametrize(
    "views",
    [
        [],
        [["whole", 0, 0, 80, 40]] * 7,
        [["elsewhere", 0, 0, 8, 8]],
        [["whole", 0, 0, 0, 40]],
        [["whole", -1, 0, 80, 40]],
        [["whole", 0.0, 0, 80, 40]],
        [["trimmed", 0, 0, 80, 40]],
        ["whole"],
    ],
)
def test_views_that_no_sound_process_answers_are_a_crash(views: list[Any]) -> None:
    found = look(saved(bordered(noise(40, 40), sides=20)), recipe=RECIPE, limits=Limits())
    honest = pack_looked(found, RECIPE)
    changed = views + honest["views"][len(views) :] if views else []
    with pytest.raises(ImageError) as caught:
        parse_looked(honest | {"views": changed}, RECIPE)
    assert caught.value.status is Status.CRASHED


def test_a_view_beyond_the_picture_is_a_crash() -> None:
    found = look(saved(bordered(noise(40, 40), sides=20)), recipe=RECIPE, limits=Limits())
    honest = pack_looked(found, RECIPE)
    honest["views"][3][3] = 81
    with pytest.raises(ImageError):
        parse_looked(honest, RECIPE)


def test_scaled_decoding_leaves_enough_for_every_view_and_boxes_are_of_the_file() -> None:
    assert CropRules(share=0.5).enough_for((200, 100)) == (2000, 1000)
    recipe = Recipe((SMALL,), at_least=(8, 10), crops=CropRules(least=10))
    found = look(saved(noise(320, 640), "JPEG"), recipe=recipe, limits=Limits())
    assert found.views[0].box == Box(0, 0, 640, 320)
    assert found.views[1].box == Box(80, 40, 560, 280)


CARD = open_bundle("mobilenet_v2").card
VERDICTS = Verdicts(CARD, load_policy("balanced"), Precision.F32)


def scores(unsafe: float) -> NDArray[np.float32]:
    return np.array([0, 0, 1 - unsafe, unsafe, 0], np.float32)


def test_the_worst_view_decides_and_the_reason_says_which() -> None:
    views = [View("whole", Box(0, 0, 40, 30)), View("centre", Box(5, 4, 35, 26))]
    found = VERDICTS.verdict_of_views("x", views, [scores(0.25), scores(0.75)])
    assert found.decision is Decision.REVIEW
    assert found.reason == "unsafe 0.750 >= 0.5 in centre [5, 4, 35, 26] (max of 2 views)"
    assert found.unsafe == 0.75
    assert [one.unsafe for one in found.views] == [0.25, 0.75]
    assert [one.decision for one in found.views] == [Decision.ALLOW, Decision.REVIEW]
    assert found.to_dict()["views"][1]["box"] == [5, 4, 35, 26]
    assert len(found.top(1).views[0].scores) == 1


def test_of_views_that_are_alike_the_first_decides() -> None:
    views = [View("whole", Box(0, 0, 40, 30)), View("centre", Box(5, 4, 35, 26))]
    found = VERDICTS.verdict_of_views("x", views, [scores(0.25), scores(0.25)])
    assert found.reason == "unsafe 0.250 < 0.5 in the whole (max of 2 views)"


def test_a_classifier_with_crops_sees_what_each_part_alone_would_be(
    classifier: Classifier, photo: Path, tmp_path: Path
) -> None:
    with Image.open(photo) as image:
        pixels = bordered(np.asarray(image.convert("RGB").resize((200, 200))), sides=60, above=60)
    (tmp_path / "a.png").write_bytes(saved(pixels))
    with figleaf.load("mobilenet_v2", crops=True, threads=1) as cropping:
        found = cropping.classify(tmp_path / "a.png")
        assert cropping.classify(pixels).views == found.views
    for view in found.views:
        alone = classifier.classify(np.ascontiguousarray(cut(pixels, view.box)))
        assert view.unsafe == pytest.approx(alone.unsafe, abs=1e-6)
    assert found.unsafe == max(view.unsafe or 0 for view in found.views)
    assert "views" not in classifier.classify(pixels).to_dict()
    with figleaf.load("mobilenet_v2", crops=True, threads=1, deadline=30) as isolated:
        assert isolated.classify(tmp_path / "a.png").views == found.views


def test_a_moving_picture_is_looked_at_frame_by_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(200, 200)), Image.fromarray(noise(200, 200)[::-1])]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=500)
    with figleaf.load("mobilenet_v2", crops=True, threads=1) as cropping:
        found = cropping.classify(path)
    assert (len(found.frames), found.views) == (2, ())
