"""Lists are asked before the model is, whatever a picture comes as."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import figleaf
from figleaf import Classifier, Decision, Limits, Status
from figleaf.classify.consulting import Consulting
from figleaf.classify.lists import Listing, Lists, load_lists
from figleaf.classify.looking import Recipe, look
from figleaf.classify.source import Source
from figleaf.errors import InputError, RulesError
from figleaf.images import decode
from figleaf.images.phash import distance, pdq
from figleaf.models.card import Input, Resample


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}\n"


def looks(data: bytes) -> str:
    return f"pdq:{pdq(decode(data).pixels).hex}\n"


@contextmanager
def listing(
    folder: Path, allow: str = "", block: str = "", **options: object
) -> Iterator[Classifier]:
    """A classifier with lists of these lines."""
    given = {"allow_lists": allow, "block_lists": block}
    for name, lines in given.items():
        (folder / f"{name}.txt").write_text(lines)
    lists = {name: [folder / f"{name}.txt"] for name, lines in given.items() if lines}
    with figleaf.load("mobilenet_v2", **lists, **options) as loaded:  # type: ignore[arg-type]
        yield loaded


@pytest.fixture(scope="module")
def coffee(pictures: Path) -> bytes:
    return (pictures / "coffee.png").read_bytes()


def test_a_listed_file_has_a_decision_and_no_scores(
    photo: Path, coffee: bytes, classifier: Classifier, tmp_path: Path
) -> None:
    with listing(tmp_path, block=digest(photo.read_bytes())) as asked:
        found, other = asked.classify(photo), asked.classify(coffee)
    assert found.ok
    assert (found.label, found.scores, found.unsafe) == (None, {}, None)
    assert found.decision is Decision.BLOCK
    assert found.reason == "block list block_lists.txt (sha256)"
    assert (found.input, found.model, found.policy) == (
        str(photo),
        "mobilenet_v2@1",
        "balanced@1",
    )
    assert found.to_dict()["scores"] == {}
    assert found.to_dict("nsfwjs")["predictions"] == []
    assert other == classifier.classify(coffee)


def test_an_allowed_file_is_allowed_whatever_the_policy(photo: Path, tmp_path: Path) -> None:
    harsh = tmp_path / "harsh.toml"
    harsh.write_text(
        'format = 1\nname = "harsh"\nversion = 1\ndescription = ""\nunreadable = "block"\n'
        '[sums.unsafe]\nclasses = ["porn"]\n[classes.neutral]\nblock = 0.1\n'
    )
    with listing(tmp_path, allow=digest(photo.read_bytes()), policy=harsh) as asked:
        assert asked.classify(photo).decision is Decision.ALLOW
        assert asked.classify(photo.read_bytes() + b" ").decision is Decision.BLOCK


def test_a_file_on_a_list_of_bytes_is_never_decoded(tmp_path: Path) -> None:
    junk = b"no picture at all"
    with listing(tmp_path, allow=digest(junk), deadline=20) as asked:
        found, other = asked.classify(junk), asked.classify(junk + b" ")
    assert (found.status, found.decision) == (Status.OK, Decision.ALLOW)
    assert other.status is Status.NOT_AN_IMAGE


@pytest.mark.parametrize("deadline", [None, 20])
def test_a_picture_is_known_again_whatever_it_comes_as(
    photo: Path, coffee: bytes, deadline: float | None, tmp_path: Path
) -> None:
    data = photo.read_bytes()
    image = Image.open(photo).convert("RGB")
    smaller = io.BytesIO()
    image.resize((300, 300)).save(smaller, "jpeg", quality=60)
    sources: list[Source] = [
        photo,
        data,
        io.BytesIO(data),
        image,
        np.asarray(image),
        np.asarray(image)[..., ::-1],
        smaller.getvalue(),
        coffee,
        b"junk",
    ]
    with listing(tmp_path, block=looks(data), deadline=deadline) as asked:
        found = asked.classify_many(sources)
        assert asked.classify(np.asarray(image)[..., ::-1], channels="BGR").label is None
    reasons = [one.reason == "block list block_lists.txt (pdq)" for one in found]
    # Red and blue exchanged, it is nearly as bright in every place.
    assert reasons == [True] * 7 + [False] * 2
    assert [one.status for one in found[-2:]] == [Status.OK, Status.NOT_AN_IMAGE]


def test_scores_are_the_same_beside_a_list(
    pictures: Path, coffee: bytes, classifier: Classifier, tmp_path: Path
) -> None:
    names = [pictures / name for name in ("astronaut.png", "rocket.jpg", "chelsea.png")]
    with listing(tmp_path, block=looks(coffee) + digest(b"")) as asked:
        assert asked.classify_many(names) == classifier.classify_many(names)


def test_fast_does_not_change_what_is_known(photo: Path, tmp_path: Path) -> None:
    large = io.BytesIO()
    with Image.open(photo) as image:
        image.convert("RGB").resize((2400, 2400), Image.Resampling.BICUBIC).save(large, "jpeg")
    # As far away as a hash may be that still matches: no bit is left for a difference.
    edge = int.from_bytes(pdq(decode(large.getvalue()).pixels).bits, "big") ^ (2**31 - 1)
    with listing(tmp_path, block=f"pdq:{edge:064x}", fast=True) as asked:
        assert asked.classify(large.getvalue()).decision is Decision.BLOCK
    beyond = edge ^ 2**31
    with listing(tmp_path, block=f"pdq:{beyond:064x}", fast=True) as asked:
        assert asked.classify(large.getvalue()).label is not None


def several(name: str, *images: Image.Image) -> bytes:
    stream = io.BytesIO()
    first, *rest = (image.copy() for image in images)  # Pillow leaves settings on what it saved
    first.save(stream, name, save_all=True, append_images=rest)
    return stream.getvalue()


@pytest.fixture(scope="module")
def two(pictures: Path) -> list[Image.Image]:
    found = []
    for name in ("astronaut.png", "coffee.png"):
        with Image.open(pictures / name) as image:
            found.append(image.convert("RGB").resize((256, 256)))
        found[-1].info.clear()
    return found


@pytest.mark.parametrize("name", ["tiff", "mpo"])
@pytest.mark.parametrize("deadline", [None, 20])
def test_a_further_picture_blocks_a_file_and_allows_none(
    two: list[Image.Image], name: str, deadline: float | None, tmp_path: Path
) -> None:
    hidden = f"pdq:{pdq(np.asarray(two[1])).hex}\n"
    data = several(name, *two)
    with listing(tmp_path, block=hidden, deadline=deadline) as asked:
        assert asked.classify(data).decision is Decision.BLOCK
        assert asked.classify(several(name, two[0])).label
    with listing(tmp_path, allow=hidden, deadline=deadline) as asked:
        assert asked.classify(data).label
        assert asked.classify(several(name, *two[::-1])).reason.startswith("allow list")


def test_a_further_picture_that_cannot_be_decoded_is_passed_over(
    two: list[Image.Image], tmp_path: Path
) -> None:
    mpo = several("mpo", *two)
    damaged = mpo[: mpo.rindex(b"\xff\xd8\xff") + 300]
    with listing(tmp_path, block=f"pdq:{'0f' * 32}") as asked:
        assert asked.classify(damaged).label


def test_any_frame_blocks_an_animation_and_all_of_them_allow_it(
    two: list[Image.Image], tmp_path: Path
) -> None:
    film = several("gif", *two)
    lines = [f"pdq:{pdq(np.asarray(image)).hex}\n" for image in two]
    for line in lines:
        with listing(tmp_path, block=line) as asked:
            found = asked.classify(film)
        assert (found.decision, found.frames) == (Decision.BLOCK, ())
        assert found.reason == "block list block_lists.txt (pdq)"
        with listing(tmp_path, allow=line) as asked:  # one says nothing of the other
            assert len(asked.classify(film).frames) == 2
    with listing(tmp_path, allow="".join(lines)) as asked:
        assert asked.classify(film).reason == "allow list allow_lists.txt (pdq)"
    with listing(tmp_path, block=lines[1], frames=None) as asked:
        assert asked.classify(film).label


def test_what_is_transparent_is_compared_over_white(photo: Path, tmp_path: Path) -> None:
    """As lists are made, also for a model whose card lays it over another colour."""
    with Image.open(photo) as image:
        clear = image.convert("RGBA")
    rows, columns = np.ogrid[: clear.height, : clear.width]
    # Along the diagonal: PDQ does not see what changes along one axis alone.
    is_seen = rows + columns < clear.height
    clear.putalpha(Image.fromarray(np.where(is_seen, 255, 0).astype(np.uint8)))
    stream = io.BytesIO()
    clear.save(stream, "png")
    data = stream.getvalue()
    black, limits = (0, 0, 0), Limits()
    over_white, over_black = (
        pdq(decode(data, background=colour).pixels).bits for colour in ((255, 255, 255), black)
    )
    assert distance(over_white, over_black) > 31
    lists = lists_of(tmp_path, f"pdq:{over_white.hex()}")
    spec = Input("x", (8, 8), Resample.BILINEAR, (8, 8), background=black)
    recipe = Recipe((spec,), with_pdq=True)
    looking = partial(look, recipe=recipe, limits=limits)
    consulting = Consulting(lists, looking, recipe, limits)
    for source in (data, clear, np.asarray(clear)):
        assert isinstance(consulting.looked(source), Listing)
    ((array,),) = looking(data).pictures
    assert not array[-1, -1].any()  # what the model sees is over black


def lists_of(folder: Path, block: str) -> Lists:
    (folder / "list.txt").write_text(block)
    return load_lists(block=[folder / "list.txt"])


def test_a_part_of_a_file_is_not_the_file_that_is_listed(photo: Path, tmp_path: Path) -> None:
    data = photo.read_bytes()
    limits = Limits(max_bytes=len(data) - 1)
    with listing(tmp_path, allow=digest(data), limits=limits) as asked:
        # Of a file object one byte more than the limit is read.
        found = asked.classify_many([photo, data, io.BytesIO(data + b"and more")])
    assert {one.status for one in found} == {Status.TOO_MANY_BYTES}


def test_preparing_asks_no_list(photo: Path, classifier: Classifier, tmp_path: Path) -> None:
    lines = digest(photo.read_bytes()) + looks(photo.read_bytes())
    with listing(tmp_path, block=lines) as asked:
        (mine,), (theirs,) = asked.prepare(photo), classifier.prepare(photo)
    assert np.array_equal(mine, theirs)


def test_misuse_of_lists(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="no such file"):
        figleaf.load("mobilenet_v2", block_lists=[tmp_path / "gone.txt"])
    with pytest.raises(InputError, match="several lists"):
        figleaf.load("mobilenet_v2", allow_lists=str(photo))
