"""What a file would be listed by."""

from pathlib import Path

from figleaf.classify.lists.entry import Entry, entry_of
from figleaf.classify.lists.hashing import hashed_picture, hashes_of
from figleaf.classify.lists.hashlists import HashKind
from figleaf.errors import Status
from figleaf.images import Limits, decode
from figleaf.images.phash import pdq

WHITE = (255, 255, 255)


def test_a_picture_and_its_hashes(photo: Path) -> None:
    data = photo.read_bytes()
    found = hashed_picture(data, limits=Limits(), background=WHITE, with_further=True)
    assert (found.picture.width, found.picture.height) == (512, 512)
    assert found.hashes == (pdq(decode(data).pixels),)
    assert found.hashes == hashes_of(data, decode(data), limits=Limits(), with_further=False)


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
