"""What a model is shown of a file, and what is believed of a process that looked at one."""

import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.classify.looking import Looked, Recipe, look, look_isolated, pack_looked, parse_looked
from figleaf.classify.moving import FrameRules
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.phash import pdq
from figleaf.models.card import Input, Resample

LIMITS = Limits()
WHOLE = Input("a", (8, 10), Resample.BILINEAR, (8, 10))
FLOATS = Input("b", (7, 7), Resample.BILINEAR_ALIGN_CORNERS, (9, 9))
PLAIN = Recipe((WHOLE, FLOATS))
MOVING = Recipe((WHOLE, FLOATS), FrameRules(every=0.01, most=4), with_pdq=True)


def noise(seed: int, mode: str = "RGB") -> Image.Image:
    side = 80
    drawn = np.random.default_rng(seed).integers(0, 256, (side, side, len(mode)), np.uint8)
    return Image.fromarray(drawn)


def saved(images: list[Image.Image], kind: str = "PNG", **options: Any) -> bytes:
    with io.BytesIO() as stream:
        images[0].save(stream, kind, save_all=True, append_images=images[1:], **options)
        return stream.getvalue()


STILL = saved([noise(0)])
FILM = saved([noise(n) for n in range(4)], duration=500, loop=0)


def same(one: Looked, other: Looked) -> bool:
    return (one.seconds, one.unseen, one.hashes) == (
        other.seconds,
        other.unseen,
        other.hashes,
    ) and (
        [[array.tolist() for array in picture] for picture in one.pictures]
        == [[array.tolist() for array in picture] for picture in other.pictures]
    )


def test_a_still_picture_is_shown_as_it_is() -> None:
    found = look(STILL, recipe=PLAIN, limits=LIMITS)
    assert (found.seconds, found.unseen, found.hashes) == (None, None, ())
    ((first, second),) = found.pictures
    assert (first.shape, second.shape) == ((8, 10, 3), (7, 7, 3))
    assert first.dtype == second.dtype == np.float32


def test_a_moving_one_is_shown_frame_by_frame() -> None:
    found = look(FILM, recipe=MOVING, limits=LIMITS)
    assert found.seconds == (0.0, 0.5, 1.0, 1.5)
    assert found.unseen is None
    for number, picture in enumerate(found.pictures):
        alone = look(saved([noise(number)]), recipe=PLAIN, limits=LIMITS)
        for ours, theirs in zip(picture, alone.pictures[0], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert found.hashes == tuple(pdq(decode(saved([noise(n)])).pixels) for n in range(4))


def test_without_rules_the_first_frame_is_a_still_picture() -> None:
    assert same(look(FILM, recipe=PLAIN, limits=LIMITS), look(STILL, recipe=PLAIN, limits=LIMITS))


def test_hashes_are_of_frames_over_white_whatever_the_model_has_below() -> None:
    clear = [noise(n, "RGBA") for n in range(2)]
    film = saved(clear, duration=500, loop=0)
    black = Input("a", (8, 10), Resample.BILINEAR, (8, 10), background=(0, 0, 0))
    over_white = look(film, recipe=MOVING, limits=LIMITS)
    over_black = look(film, recipe=Recipe((black,), MOVING.frames, with_pdq=True), limits=LIMITS)
    assert over_black.hashes == over_white.hashes
    assert (over_black.pictures[1][0] <= over_white.pictures[1][0]).all()
    assert over_black.pictures[1][0].mean() < over_white.pictures[1][0].mean() - 20


@pytest.mark.parametrize("data", [STILL, FILM])
@pytest.mark.parametrize("recipe", [PLAIN, MOVING])
def test_an_answer_is_read_as_it_was_given(data: bytes, recipe: Recipe) -> None:
    reply = look_isolated(data, recipe=recipe, limits=LIMITS)
    assert same(parse_looked(reply, recipe), look(data, recipe=recipe, limits=LIMITS))


def test_whole_numbers_cross_the_border_as_bytes() -> None:
    (row,) = look_isolated(STILL, recipe=PLAIN, limits=LIMITS)["pictures"]
    assert [array.dtype for array in row] == [np.uint8, np.float32]


GREY: list[Any] = [np.full((8, 10, 3), 127, np.uint8), np.full((7, 7, 3), 127, np.float32)]
HASH = [bytes(32), 100]


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": []},
        {"pictures": b"pixels"},
        {"pictures": [GREY] * 6, "seconds": [0.0] * 6},
        {"pictures": [GREY[:1]], "seconds": [0.0]},
        {"pictures": [[GREY[0], GREY[0]]], "seconds": [0.0]},
        {"pictures": [GREY[0]], "seconds": [0.0]},
        {"pictures": [[GREY[0], GREY[1] * np.nan]], "seconds": [0.0]},
        {"pictures": [[GREY[0], GREY[1] * 10]], "seconds": [0.0]},
        {"pictures": [[GREY[0], -GREY[1]]], "seconds": [0.0]},
        {"seconds": [0.0, 1.0, 2.0]},
        {"seconds": [0.0, 1.0, 3.0, 2.0]},
        {"seconds": [0.0, 1.0, 2.0, math.inf]},
        {"seconds": [0.0, 1.0, 2.0, "3"]},
        {"seconds": 1.0},
        {"unseen": math.nan},
        {"unseen": "1"},
        {"hashes": []},
        {"hashes": None},
        {"hashes": [HASH] * 6},
        {"hashes": [[bytes(31), 100]]},
        {"hashes": [[bytes(32), 101]]},
        {"hashes": [[bytes(32), -1]]},
        {"hashes": [["0" * 32, 100]]},
        {"hashes": [HASH, [bytes(32)]]},
    ],
)
def test_what_no_sound_process_answers_is_a_crash(change: dict[str, Any]) -> None:
    honest = pack_looked(look(FILM, recipe=MOVING, limits=LIMITS), MOVING)
    with pytest.raises(ImageError) as caught:
        parse_looked(honest | change, MOVING)
    assert caught.value.status is Status.CRASHED


def test_what_is_no_answer_at_all_is_a_crash() -> None:
    replies: list[Any] = [None, 1, "text", [], {}]
    for reply in replies:
        with pytest.raises(ImageError):
            parse_looked(reply, PLAIN)
