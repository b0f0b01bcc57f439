import hashlib
import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from figleaf.classify.lists.hashlists import HashKind
from figleaf.classify.lists.known import INDEX_FROM, KnownHashes, load_hashes
from figleaf.errors import InputError, RulesError
from figleaf.images import decode, phash

KNOWN, UNKNOWN = b"a file that is listed", b"a file that is not"
EXACT = [HashKind.MD5, HashKind.SHA1, HashKind.SHA256]


def known_hashes(folder: Path, **lists: str) -> KnownHashes:
    """The hashes of text files: name -> content."""
    paths = [folder / f"{name}.txt" for name in lists]
    for path, content in zip(paths, lists.values(), strict=True):
        path.write_text(content)
    return load_hashes(paths)


def flip(bits: bytes, places: list[int]) -> bytes:
    """The hash with some of its 256 bits turned over."""
    number = int.from_bytes(bits, "big")
    for place in places:
        number ^= 1 << place
    return number.to_bytes(32, "big")


# Hashes of the bytes.


@pytest.mark.parametrize("kind", EXACT)
def test_a_listed_file_is_found_by_each_kind(kind: HashKind, tmp_path: Path) -> None:
    digest = hashlib.new(kind, KNOWN).hexdigest()
    others = "".join(f"{kind}:{hashlib.new(kind, bytes([n])).hexdigest()}\n" for n in range(256))
    known = known_hashes(tmp_path, other=others, mine=f"{kind}:{digest.upper()}\n{others}")
    assert known.needs == {kind}
    match = known.match_bytes(KNOWN)
    assert match
    assert (match.kind, match.hash, match.list_name, match.distance) == (
        kind,
        digest,
        "mine.txt",
        0,
    )
    assert known.match_bytes(UNKNOWN) is None
    assert known.match_pdq(bytes(32), 100) is None
    assert all(known.match_bytes(bytes([n])) for n in range(256))


def test_kinds_may_be_mixed(tmp_path: Path) -> None:
    files = {kind: kind.encode() for kind in EXACT}
    lines = [hashlib.new(kind, data).hexdigest() for kind, data in files.items()]
    known = known_hashes(tmp_path, mixed="\n".join([*lines, f"pdq:{'0f' * 32}"]))
    assert known.needs == {"md5", "sha1", "sha256", "pdq"}
    assert len(known) == 4
    for kind, data in files.items():
        match = known.match_bytes(data)
        assert match
        assert match.kind == kind


def test_a_sha256_that_is_known_is_not_computed_again(tmp_path: Path) -> None:
    digest = hashlib.sha256(KNOWN).digest()
    known = known_hashes(tmp_path, mine=digest.hex())
    assert known.match_bytes(KNOWN, digest) == known.match_bytes(KNOWN)
    assert known.match_bytes(UNKNOWN, digest)  # what is said is believed
    with pytest.raises(InputError, match="32 bytes, not 64"):
        known.match_bytes(KNOWN, digest.hex().encode())


@given(
    digests=st.lists(
        st.integers(0, 3).map(lambda zeros: bytes([zeros]) * 32)
        | st.binary(min_size=1, max_size=4).map(lambda start: start.ljust(32, b"\0"))
        | st.binary(min_size=32, max_size=32),
        min_size=2,
        max_size=30,
        unique=True,
    )
)
def test_zeros_at_the_end_are_digits_like_others(
    digests: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asked, *listed = digests
    folder = tmp_path_factory.getbasetemp()
    known = known_hashes(folder, zeros="".join(f"sha256:{digest.hex()}\n" for digest in listed))
    assert known.match_bytes(b"", asked) is None
    assert all(known.match_bytes(b"", digest) for digest in listed)


# PDQ.


def pdq_list(*hashes: bytes) -> str:
    return "".join(f"pdq:{bits.hex()}\n" for bits in hashes)


SOME = random.Random(1).randbytes(32)


def test_a_picture_matches_up_to_31_bits_away(tmp_path: Path) -> None:
    known = known_hashes(tmp_path, pictures=pdq_list(SOME))
    for distance in range(40):
        match = known.match_pdq(flip(SOME, list(range(0, 6 * distance, 6))), 100)
        if distance <= 31:
            assert match
            assert (match.kind, match.hash) == ("pdq", SOME.hex())
            assert (match.list_name, match.distance) == ("pictures.txt", distance)
        else:
            assert match is None


def test_a_hash_of_low_quality_matches_nothing(tmp_path: Path) -> None:
    known = known_hashes(tmp_path, pictures=pdq_list(SOME))
    assert known.match_pdq(SOME, 50)
    assert known.match_pdq(SOME, 49) is None


def test_the_nearest_of_all_lists_is_named(tmp_path: Path) -> None:
    near, far = flip(SOME, [7]), flip(SOME, [1, 2, 3])
    known = known_hashes(tmp_path, a=pdq_list(far), b=pdq_list(far, near), c="0f" * 16)
    match = known.match_pdq(SOME, 100)
    assert match
    assert (match.list_name, match.distance) == ("b.txt", 1)


def test_a_pdq_hash_has_32_bytes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pdq has 32 bytes, not 64"):
        known_hashes(tmp_path, pictures=pdq_list(SOME)).match_pdq(SOME.hex().encode(), 100)


def test_64_digits_of_unsaid_kind_count_as_both(tmp_path: Path) -> None:
    digest = hashlib.sha256(KNOWN).digest()
    known = known_hashes(tmp_path, either=f"{digest.hex()}\n{SOME.hex()}\n")
    assert known.needs == {"sha256", "pdq"}
    assert len(known) == 2
    beside = known_hashes(tmp_path, mixed=f"{digest.hex()}\n{SOME.hex()}\npdq:{'01' * 32}\n")
    assert beside.match_pdq(bytes.fromhex("01" * 32), 100)
    for listed in (known, beside):
        assert listed.match_bytes(KNOWN)
        assert listed.match_pdq(flip(SOME, [0, 255]), 100)


def test_a_picture_that_was_saved_anew_is_still_found(photo: Path, tmp_path: Path) -> None:
    first = phash.pdq(decode(photo.read_bytes()).pixels)
    known = known_hashes(tmp_path, pictures=pdq_list(first.bits))
    saved = BytesIO()
    Image.open(photo).resize((300, 300)).save(saved, "JPEG", quality=60)
    again = phash.pdq(decode(saved.getvalue()).pixels)
    match = known.match_pdq(again.bits, again.quality)
    assert match
    assert match.distance <= phash.MATCH_DISTANCE
    mirrored = phash.pdq(np.ascontiguousarray(decode(photo.read_bytes()).pixels[:, ::-1]))
    assert known.match_pdq(mirrored.bits, mirrored.quality) is None, "PDQ knows no mirror images"


# The index gives what going through all of them gives.


def many_hashes() -> list[bytes]:
    """Spread evenly, close to each other, and those whose words are all equal."""
    chance = random.Random(2)
    spread = [chance.randbytes(32) for _ in range(INDEX_FROM)]
    close = [flip(SOME, chance.sample(range(256), 20)) for _ in range(500)]
    flat = [bytes(32), bytes([255]) * 32]
    return sorted({*spread, *close, *flat})


HASHES = many_hashes()
ROWS = np.frombuffer(b"".join(HASHES), np.uint8).reshape(-1, 32)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> KnownHashes:
    return known_hashes(tmp_path_factory.mktemp("lists"), pictures=pdq_list(*HASHES))


@given(
    listed=st.sampled_from(HASHES) | st.just(SOME),
    places=st.lists(st.integers(0, 255), unique=True, max_size=45),
)
def test_the_index_misses_nothing(indexed: KnownHashes, listed: bytes, places: list[int]) -> None:
    check(indexed, flip(listed, places))


@given(
    listed=st.sampled_from(HASHES),
    extra=st.lists(st.integers(0, 15), unique=True, max_size=16),
    places=st.lists(st.integers(0, 15), min_size=16, max_size=16),
)
def test_the_index_misses_nothing_where_every_word_differs(
    indexed: KnownHashes, listed: bytes, extra: list[int], places: list[int]
) -> None:
    """One bit of each word, a second one of some: 31 is the worst that must be found."""
    first = {16 * word + place for word, place in enumerate(places)}
    second = {16 * word + (places[word] + 1) % 16 for word in extra}
    check(indexed, flip(listed, sorted(first | second)))


def check(indexed: KnownHashes, bits: bytes) -> None:
    least = int(phash.distances(bits, ROWS).min())
    match = indexed.match_pdq(bits, 100)
    if least > phash.MATCH_DISTANCE:
        assert match is None
    else:
        assert match
        assert match.distance == least == phash.distance(bits, bytes.fromhex(match.hash))


# The lists as a whole.


def test_no_list_matches_nothing() -> None:
    nothing = load_hashes([])
    assert not nothing
    assert nothing.needs == set()
    assert nothing.match_bytes(KNOWN) is None
    assert nothing.match_pdq(bytes(32), 100) is None


def test_one_bad_list_and_none_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"bad\.txt, line 1"):
        known_hashes(tmp_path, good="0f" * 16, bad="0f")


def test_the_digest_is_that_of_the_lists_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("0f" * 16)
    (tmp_path / "b").write_text("1f" * 16)
    a, b = tmp_path / "a", tmp_path / "b"
    assert load_hashes([a]).sha256 == hashlib.sha256(a.read_bytes()).hexdigest()
    both = load_hashes([a, b]).sha256
    assert both == load_hashes([str(b), str(a)]).sha256
    assert both not in {load_hashes([a]).sha256, load_hashes([b]).sha256}
    assert len(both) == 64


def test_known_hashes_and_a_match_do_not_show_hashes(tmp_path: Path) -> None:
    digest = hashlib.md5(KNOWN).hexdigest()
    known = known_hashes(tmp_path, mine=f"{digest}\n{digest}\n")
    assert repr(known) == "<KnownHashes of 2 hashes in 1 lists>"
    assert digest not in repr(known.match_bytes(KNOWN))
