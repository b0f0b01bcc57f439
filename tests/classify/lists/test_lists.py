"""Allow and block lists: which of two that contradict each other is believed."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from figleaf.classify.lists import Listing, Lists, load_lists
from figleaf.classify.prediction import Decision
from figleaf.errors import InputError, RulesError
from figleaf.images.phash import PDQ

KNOWN, UNKNOWN = b"a file that is listed", b"a file that is not"
LOOKS = PDQ(bytes(range(32)), 100)
ALIKE = PDQ(bytes([0b00011111, *range(1, 32)]), 100)  # 5 bits away
OTHER = PDQ(bytes(32 * [0b10101010]), 100)
KINDS = ["md5", "sha1", "sha256"]


def listed(folder: Path, **content: str) -> Lists:
    """Lists of text: `allow`, `block` -> lines."""
    paths = {name: folder / f"{name}ed.txt" for name in content}
    for name, path in paths.items():
        path.write_text(content[name])
    return load_lists(
        allow=[path for name, path in paths.items() if name == "allow"],
        block=[path for name, path in paths.items() if name == "block"],
    )


def line(kind: str, data: bytes = KNOWN) -> str:
    return f"{kind}:{hashlib.new(kind, data).hexdigest()}\n"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decision", [Decision.ALLOW, Decision.BLOCK])
def test_a_file_is_found_by_the_hash_of_its_bytes(
    kind: str, decision: Decision, tmp_path: Path
) -> None:
    lists = listed(tmp_path, **{str(decision): line(kind)})
    assert lists
    assert not lists.needs_pdq
    expected = Listing(decision, f"{decision} list {decision}ed.txt ({kind})")
    assert lists.of_bytes(KNOWN) == expected
    assert lists.of_bytes(KNOWN, hashlib.sha256(KNOWN).digest()) == expected
    assert lists.of_bytes(UNKNOWN) is None


@pytest.mark.parametrize("decision", [Decision.ALLOW, Decision.BLOCK])
def test_a_picture_is_found_by_what_it_looks_like(decision: Decision, tmp_path: Path) -> None:
    lists = listed(tmp_path, **{str(decision): f"pdq:{LOOKS.hex}\n"})
    assert lists.needs_pdq
    expected = Listing(decision, f"{decision} list {decision}ed.txt (pdq)")
    assert lists.of_picture(LOOKS.bits, 50) == lists.of_picture(ALIKE.bits, 100) == expected
    assert lists.of_picture(OTHER.bits, 100) is None
    assert lists.of_picture(LOOKS.bits, 49) is None  # too vague to say anything
    assert lists.of_bytes(LOOKS.bits) is None


@pytest.mark.parametrize("allowing", KINDS)
@pytest.mark.parametrize("blocking", KINDS)
def test_the_block_list_comes_first_where_both_name_the_bytes(
    allowing: str, blocking: str, tmp_path: Path
) -> None:
    lists = listed(tmp_path, allow=line(allowing), block=line(blocking))
    listing = lists.of_bytes(KNOWN)
    assert listing
    assert listing.decision is Decision.BLOCK


def test_the_block_list_comes_first_where_both_name_the_looks(tmp_path: Path) -> None:
    # The allowed hash is the picture's own, the blocked one is near it.
    lists = listed(tmp_path, allow=f"pdq:{LOOKS.hex}", block=f"pdq:{ALIKE.hex}")
    listing = lists.of_picture(LOOKS.bits, 100)
    assert listing
    assert listing.decision is Decision.BLOCK


def test_any_picture_of_a_file_blocks_it_and_the_first_alone_allows_it(tmp_path: Path) -> None:
    lists = listed(tmp_path, allow=f"pdq:{LOOKS.hex}", block=f"pdq:{OTHER.hex}")
    none = PDQ(bytes(32 * [0b11001100]), 100)
    found = {
        "first": lists.of_pictures([LOOKS, none]),
        "second": lists.of_pictures([none, LOOKS]),
        "both": lists.of_pictures([LOOKS, OTHER]),
        "nothing": lists.of_pictures([]),
    }
    decisions = {name: listing and listing.decision for name, listing in found.items()}
    assert decisions == {
        "first": Decision.ALLOW,
        "second": None,
        "both": Decision.BLOCK,
        "nothing": None,
    }


def test_further_pictures_matter_to_a_block_list_alone(tmp_path: Path) -> None:
    assert listed(tmp_path, block=f"pdq:{LOOKS.hex}").blocks_by_pdq
    assert not listed(tmp_path, allow=f"pdq:{LOOKS.hex}").blocks_by_pdq
    assert not listed(tmp_path, block=line("sha256")).needs_pdq


def test_64_digits_of_no_said_kind_are_both(tmp_path: Path) -> None:
    digest = hashlib.sha256(KNOWN).hexdigest()
    lists = listed(tmp_path, block=f"{digest}\n{LOOKS.hex}\n")
    assert lists.of_bytes(KNOWN)
    assert lists.of_picture(LOOKS.bits, 100)


def test_without_lists_nothing_is_listed() -> None:
    lists = load_lists()
    assert not lists
    assert not lists.needs_pdq
    assert lists.of_bytes(KNOWN) is None
    assert lists.of_picture(LOOKS.bits, 100) is None


def test_many_threads_may_ask(tmp_path: Path) -> None:
    files = [bytes([number]) for number in range(200)]
    lists = listed(tmp_path, block="".join(line("sha256", one) for one in files[::2]))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lists.of_bytes, files * 5))
    assert [listing is not None for listing in found] == [True, False] * 500


def test_no_hash_is_shown(tmp_path: Path) -> None:
    lists = listed(tmp_path, block=line("sha256"), allow=f"pdq:{LOOKS.hex}")
    shown = f"{lists} {lists.of_bytes(KNOWN)} {lists.of_picture(ALIKE.bits, 100)}"
    assert hashlib.sha256(KNOWN).hexdigest()[:8] not in shown
    assert LOOKS.hex[:8] not in shown


def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"gone\.txt: no such file; a list of hashes"):
        load_lists(block=[tmp_path / "gone.txt"])
    with pytest.raises(RulesError, match="line 1"):
        listed(tmp_path, allow="no hash\n")


@pytest.mark.parametrize("content", ["", "# all taken back\n", "[]", "sha256,note\n"])
def test_an_allow_list_may_be_empty_and_a_block_list_may_not(content: str, tmp_path: Path) -> None:
    lists = listed(tmp_path, allow=content, block=line("sha256"))
    assert lists.of_bytes(UNKNOWN) is None
    assert lists.of_bytes(KNOWN) == Listing(Decision.BLOCK, "block list blocked.txt (sha256)")
    assert not listed(tmp_path, allow=content)
    with pytest.raises(RulesError, match="no hash in it"):
        listed(tmp_path, block=content)


def test_one_path_is_not_taken_for_many(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several"):
        load_lists(block=str(tmp_path / "list.txt"))
