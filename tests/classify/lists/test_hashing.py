"""What a decoding process answers is believed no more than it can be checked."""

from pathlib import Path
from typing import Any

import pytest

from figleaf.classify.lists.entry import Entry, entry_of
from figleaf.classify.lists.hashing import decode_hashed, hashes_of, parse_hashed
from figleaf.classify.lists.hashlists import HashKind
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.phash import pdq

WHITE = (255, 255, 255)


def test_an_answer_is_read_as_it_was_given(photo: Path) -> None:
    data = photo.read_bytes()
    reply = decode_hashed(data, limits=Limits(), background=WHITE, with_further=True)
    found = parse_hashed(reply)
    assert (found.picture.width, found.picture.height) == (512, 512)
    assert found.hashes == (pdq(decode(data).pixels),)
    assert found.hashes == hashes_of(data, decode(data), limits=Limits(), with_further=False)


@pytest.mark.parametrize(
    "change",
    [
        {"picture": b"pixels"},
        {"hashes": []},
        {"hashes": None},
        {"hashes": [[bytes(31), 100]]},
        {"hashes": [[bytes(32), 101]]},
        {"hashes": [[bytes(32), -1]]},
        {"hashes": [["0" * 32, 100]]},
        {"hashes": [[bytes(32), 100], [bytes(32)]]},
    ],
)
def test_what_no_sound_process_answers_is_a_crash(photo: Path, change: dict[str, Any]) -> None:
    honest = decode_hashed(photo.read_bytes(), limits=Limits(), background=WHITE, with_further=True)
    with pytest.raises(ImageError) as caught:
        parse_hashed(honest | change)
    assert caught.value.status is Status.CRASHED


def test_what_is_no_answer_at_all_is_a_crash() -> None:
    replies: list[Any] = [None, 1, "text", [], {}]
    for reply in replies:
        with pytest.raises(ImageError):
            parse_hashed(reply)


def test_an_entry_has_what_was_asked_for(photo: Path, tmp_path: Path) -> None:
    both = entry_of(photo)
    assert both == Entry(
        str(photo), Status.OK, "", both.sha256, pdq(decode(photo.read_bytes()).pixels)
    )
    assert entry_of(photo, kinds=[HashKind.PDQ]).sha256 is None
    assert entry_of(photo, kinds=[HashKind.SHA256]).pdq is None
    assert entry_of(b"junk", kinds=[HashKind.SHA256]).status is Status.OK
    junk = entry_of(b"junk")
    assert (junk.status, junk.pdq) == (Status.NOT_AN_IMAGE, None)
    assert junk.sha256  # the bytes are listed all the same
    gone = entry_of(tmp_path / "gone")
    assert (gone.status, gone.sha256) == (Status.NOT_FOUND, None)
    long = entry_of(photo, limits=Limits(max_bytes=1000))
    assert (long.status, long.sha256) == (Status.TOO_MANY_BYTES, None)
