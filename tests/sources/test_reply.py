"""Answers of a process that read hostile bytes, and may be theirs by now."""

from typing import Any

import pytest

from figleaf.errors import ImageError, Status
from figleaf.sources.reply import Perceptual, parse_reply

BITS = bytes(32)
STILL: dict[str, Any] = {
    "format": "jpeg",
    "width": 4,
    "height": 3,
    "pdq": None,
    "quality": None,
    "seconds": None,
    "data": None,
}
FRAME = STILL | {"seconds": 1.5, "data": b"frame"}


def test_a_still_picture() -> None:
    (found,) = parse_reply({"pictures": [STILL]}).pictures
    assert (found.format, found.width, found.height, found.data) == ("jpeg", 4, 3, None)


def test_frames_and_hashes() -> None:
    hashed = FRAME | {"pdq": BITS, "quality": 100}
    reply = parse_reply({"pictures": [hashed, FRAME], "others": [[BITS, 7]]})
    assert [one.pdq for one in reply.pictures] == [Perceptual(BITS, 100), None]
    assert reply.others == (Perceptual(BITS, 7),)


def test_a_moving_picture_that_is_refused() -> None:
    assert parse_reply({"moving": "a video"}).moving == "a video"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"pictures": []},
        {"pictures": STILL},
        {"pictures": [None]},
        {"pictures": [STILL, STILL]},
        {"pictures": [STILL | {"data": b"other bytes than those that were looked at"}]},
        {"pictures": [FRAME, STILL]},
        {"pictures": [STILL | {"format": "/../../escaped"}]},
        {"pictures": [STILL | {"format": 5}]},
        {"pictures": [STILL | {"width": 0}]},
        {"pictures": [STILL | {"height": 2**40}]},
        {"pictures": [STILL | {"width": 1.5}]},
        {"pictures": [STILL | {"pdq": b"short", "quality": 100}]},
        {"pictures": [STILL | {"pdq": BITS}]},
        {"pictures": [STILL | {"pdq": BITS, "quality": 101}]},
        {"pictures": [{key: value for key, value in STILL.items() if key != "pdq"}]},
        {"pictures": [STILL], "others": "x"},
        {"pictures": [STILL], "others": [BITS]},
        {"pictures": [STILL], "others": [[BITS, "x"]]},
        {"moving": 5},
    ],
)
def test_what_no_sound_process_answers(answer: Any) -> None:
    with pytest.raises(ImageError) as caught:
        parse_reply(answer)
    assert caught.value.status is Status.CRASHED
