"""Placeholders: by known hashes, by a list, and the same bytes under many URLs of one host."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from figleaf.curate.cleaning.placeholders import Placeholders, known_placeholders
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.dataset.ledger import Ledger
from figleaf.errors import RulesError
from figleaf.images import decode
from figleaf.images.phash import pdq

from ...sources.collecting import collected, listed
from ...sources.server import MisbehavingServer
from .dirty import cleaned, data_set, dropped, encoded, jpeg, photos, picture, reasons

GONE = encoded(picture("coins.png", 120, 90), "PNG")
HOSTS = ("127.0.0.1", "127.0.0.2")


@pytest.fixture(scope="module")
def server() -> Iterator[MisbehavingServer]:
    """One picture under ten names, on two hosts; and another one."""
    files = {f"/gone/{n}.jpg": GONE for n in range(10)} | {"/a.jpg": jpeg("coffee.png", 96, 96)}
    with MisbehavingServer(files, hosts=HOSTS) as running:
        yield running


def collect(server: MisbehavingServer, folder: Path, first: int, second: int) -> Path:
    """So many URLs of the picture on the first host and on the second, and one of another."""
    urls = [server.url(f"/gone/{n}.jpg", HOSTS[0]) for n in range(first)]
    urls += [server.url(f"/gone/{n}.jpg", HOSTS[1]) for n in range(second)]
    listing = listed(folder / "urls.txt", [*urls, server.url("/a.jpg")])
    collected(f"neutral={listing}", folder / "data")
    return folder / "data"


def test_the_same_bytes_under_many_urls_of_one_host(
    server: MisbehavingServer, tmp_path: Path
) -> None:
    out = collect(server, tmp_path, 5, 3)
    (drop,) = cleaned(out).drops
    assert drop.sha256 == hashlib.sha256(GONE).hexdigest()
    assert drop.reason == "placeholder"
    assert drop.why == "the same bytes under 5 URLs of 127.0.0.1"
    assert not cleaned(out, placeholder_urls=6).drops
    assert cleaned(out, placeholder_urls=2).kept == 1
    assert not cleaned(out, off=["placeholder"]).drops


def test_the_same_bytes_on_several_hosts_are_a_repost(
    server: MisbehavingServer, tmp_path: Path
) -> None:
    assert not cleaned(collect(server, tmp_path, 4, 4)).drops


def test_files_are_no_urls(tmp_path: Path) -> None:
    out = data_set(tmp_path, {f"neutral/{n}.png": GONE for n in range(9)})
    assert not cleaned(out, placeholder_urls=2).drops


def test_what_figleaf_knows_is_well_formed() -> None:
    known = known_placeholders()
    assert known
    assert all(len(digest) == 32 for digest in known)
    assert all(": " in what and "\n" not in what for what in known.values())


def test_a_known_placeholder_is_told_by_its_hash(tmp_path: Path) -> None:
    with Ledger(tmp_path, write=True) as ledger:
        found = Placeholders.load(ledger, CleanRules())
    digest = hashlib.sha256(GONE).digest()
    assert found.why(1, digest, None, None) is None
    known = replace(found, known={digest: "example.com: it is gone"})
    assert known.why(1, digest, None, None) == "example.com: it is gone"


@pytest.mark.parametrize("kind", ["sha256", "pdq"])
def test_a_list_of_ones_own(tmp_path: Path, kind: str) -> None:
    """By PDQ the same picture as another file is found too."""
    coins = picture("coins.png", 120, 90)
    same, again = encoded(coins, "PNG"), encoded(coins, quality=50)
    files = {"neutral/same.png": same, "neutral/again.jpg": again}
    out = data_set(tmp_path, files | {"neutral/other.jpg": jpeg("coffee.png", 96, 96)})
    hashed = {"sha256": hashlib.sha256(same).hexdigest(), "pdq": pdq(decode(same).pixels).hex}
    listing = tmp_path / "mine.csv"
    listing.write_text(f"{kind}\n{hashed[kind]}\n")
    report = cleaned(out, placeholders=listing, off=["duplicate"])
    expected = {"neutral/same.png"} | ({"neutral/again.jpg"} if kind == "pdq" else set())
    assert dropped(report, out) == dict.fromkeys(expected, "placeholder")
    assert {one.why for one in report.drops} == {f"its {kind} hash is in mine.csv"}
    with Ledger(out) as ledger:
        (digest,) = ledger.read(
            "SELECT json_extract(hashes, '$.placeholders') FROM runs WHERE id=2"
        )
    assert digest == (hashlib.sha256(listing.read_bytes()).hexdigest(),)
    cleaned(out)
    assert reasons(out)["neutral/same.png"] is None


@pytest.mark.parametrize("kind", ["md5", "sha1"])
def test_hashes_that_are_not_compared_are_refused(tmp_path: Path, kind: str) -> None:
    out = data_set(tmp_path, {"neutral/a.png": GONE})
    listing = tmp_path / "mine.csv"
    listing.write_text(f"{kind}\n{hashlib.new(kind, GONE).hexdigest()}\n")
    with pytest.raises(RulesError, match=r"mine\.csv: MD5 or SHA-1; placeholders are compared by"):
        cleaned(out, placeholders=listing)
    assert reasons(out) == {"neutral/a.png": None}


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    photos(tmp_path, {})
    Ledger(tmp_path / "data", write=True).close()
    with pytest.raises(RulesError, match=r"nowhere\.csv"):
        cleaned(tmp_path / "data", placeholders=tmp_path / "nowhere.csv")
