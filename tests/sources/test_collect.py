"""Collecting, end to end: real servers, real files, real processes."""

import hashlib
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from PIL import Image

import figleaf
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Outcome, Reason, Task
from figleaf.errors import DatasetError, InputError, RulesError
from figleaf.images import decode
from figleaf.images.phash import pdq
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.rules import FrameRule
from figleaf.sources.watch import Watch

from .collecting import collected, ends, files_of, listed, photo, state_of
from .server import MisbehavingServer

HOSTILE = {
    "/status/404/a.jpg": ("failed", "gone"),
    "/status/410/a.jpg": ("failed", "gone"),
    "/status/403/a.jpg": ("failed", "forbidden"),
    "/status/418/a.jpg": ("failed", "http_status"),
    "/status/500/a.jpg": ("failed", "server_error"),
    "/limited/1/99/a.jpg": ("failed", "rate_limited"),
    "/drip": ("failed", "timeout"),
    "/hang": ("failed", "timeout"),
    "/endless": ("failed", "too_many_bytes"),
    "/bomb": ("failed", "too_many_bytes"),
    "/short": ("failed", "disconnected"),
    "/reset": ("failed", "disconnected"),
    "/loop": ("failed", "redirects"),
    "/to?http://10.0.0.1/a.jpg": ("refused", "not_public"),
    "/to?file:///etc/passwd": ("refused", "bad_url"),
    "/page.jpg": ("failed", "not_an_image"),
    "/garbage": ("failed", "bad_answer"),
    "/empty": ("failed", "empty"),
    "/tag/noai/a.jpg": ("refused", "no_ai"),
    "/private/a.jpg": ("refused", "robots"),
    "/cut.jpg": ("failed", "truncated"),
    "/flaky/500/1/a.jpg": ("fetched", None),
    "/limited/0/1/a.jpg": ("fetched", None),
    "/redirect/2/a.jpg": ("fetched", None),
    "/gzip/a.jpg": ("fetched", None),
    "/placeholder/1.gif": ("fetched", None),
    "/placeholder/2.gif": ("fetched", None),
    "/a.jpg": ("fetched", None),
}
"""Path -> state and reason that it must come to."""


def test_every_misbehaviour_comes_to_its_own_end(tmp_path: Path) -> None:
    files = {"/a.jpg": photo(1), "/cut.jpg": photo(2, side=400)[:-400]}
    robots = "User-agent: *\nDisallow: /private/\n"
    with MisbehavingServer(files, robots=robots) as server:
        # A wrong end needs its own host's patience: what the host does to one URL, it does to few.
        urls = {server.url(path): end for path, end in HOSTILE.items()}
        source = listed(tmp_path / "urls_neutral.txt", [*urls, "https:///nothing", "about:blank"])
        fetch = FetchRules(
            allow_loopback=True, backoff=0.01, deadline=4.0, longest_retry_after=2.0, retries=1
        )
        limits = figleaf.Limits(max_bytes=10**6)
        rules = figleaf.CollectRules(fetch=fetch, limits=limits, workers=1)
        status = figleaf.collect([source], tmp_path / "data", rules=rules)
    found = ends(tmp_path / "data")
    assert {url: found[url] for url in urls} == urls
    assert found["about:blank"] == ("refused", "bad_url")
    assert status.total.items.total() == len(found) == len(urls) + 2
    # Six URLs, two contents: each written once.
    assert {row.label for row in Dataset(tmp_path / "data")} == {"neutral"}
    assert len(files_of(tmp_path / "data")) == 2


def test_only_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    with MisbehavingServer({"/a.jpg": photo(1)}) as server:
        urls = [server.url(f"/status/{code}/a.jpg") for code in (404, 500)]
        source = listed(tmp_path / "urls_neutral.txt", urls)
        rules = figleaf.CollectRules(
            fetch=FetchRules(allow_loopback=True, retries=0, robots=False), workers=1
        )
        figleaf.collect([source], tmp_path / "data", rules=rules)
        before = len(server.paths())
        figleaf.collect([], tmp_path / "data", rules=rules)
        assert len(server.paths()) == before
        passing = [reason for reason in Reason if reason.may_pass]
        figleaf.collect([], tmp_path / "data", rules=rules, retry_reasons=passing)
        assert server.paths()[before:] == ["/status/500/a.jpg"]
    with Dataset(tmp_path / "data") as data:
        assert {loss.attempts for loss in data.losses()} == {1, 2}


def test_what_rules_alone_change_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="blocklisted"):
        figleaf.collect([], tmp_path / "data", retry_reasons=[Reason.BLOCKLISTED])


def test_an_address_that_is_not_public_is_never_connected_to(tmp_path: Path) -> None:
    with MisbehavingServer({"/a.jpg": photo(1)}) as server:
        source = listed(tmp_path / "urls_neutral.txt", [server.url("/a.jpg")])
        figleaf.collect([source], tmp_path / "data")
        assert server.connections == 0
    assert ends(tmp_path / "data")[server.url("/a.jpg")] == ("refused", "not_public")


# Denied and mapped


def checkout(root: Path, server: MisbehavingServer) -> Path:
    lists = {
        "sex_anal/forum": ["/1.jpg", "/2.jpg", "/my-teen-photo.jpg"],
        "age_teen/forum": ["/3.jpg"],
        "age_college/forum": ["/4.jpg"],
        "general-categories/forum": ["/5.jpg"],
        "artificial-images_hentai/forum": ["/6.jpg", "/2.jpg"],
    }
    for name, paths in lists.items():
        listed(root / "raw_data" / name / "urls.txt", [server.url(path) for path in paths])
    return root


PHOTOS = {f"/{number}.jpg": photo(number) for number in range(1, 7)}


def test_denied_and_unmapped_lists_are_not_fetched(tmp_path: Path) -> None:
    with MisbehavingServer(PHOTOS) as server:
        collected(checkout(tmp_path / "lists", server), tmp_path / "data")
        assert sorted(set(server.paths())) == ["/1.jpg", "/2.jpg", "/6.jpg"]
    found = {url.rpartition("/")[2]: end for url, end in ends(tmp_path / "data").items()}
    assert found == {
        "1.jpg": ("fetched", None),
        "2.jpg": ("fetched", None),
        "6.jpg": ("fetched", None),
        "3.jpg": ("refused", "denied"),
        "4.jpg": ("refused", "denied"),
        "my-teen-photo.jpg": ("refused", "denied"),
        "5.jpg": ("refused", "unmapped"),
    }
    with Dataset(tmp_path / "data") as data:
        labels = {row.origins[0].rpartition("/")[2]: row.label for row in data}
    # 2.jpg is in a list of each: nobody has looked yet.
    assert labels == {"1.jpg": "porn", "6.jpg": "hentai", "2.jpg": None}


def test_a_map_lets_the_rest_in_later(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text('[categories]\ngeneral-categories = "sexy"\n')
    with MisbehavingServer(PHOTOS) as server:
        source = checkout(tmp_path / "lists", server)
        collected(source, tmp_path / "data")
        before = len(server.paths())
        collected(source, tmp_path / "data", categories=mapping)
        assert server.paths()[before:] == ["/5.jpg"]
    assert len(Dataset(tmp_path / "data").filter(label="sexy")) == 1


def exemption(path: Path, terms: list[str], reason: str = "Ours, of adults") -> Path:
    path.write_text(
        f'format = 1\nname = "catalogue"\nreason = "{reason}"\ndate = 2026-01-02\n'
        f"terms = {json.dumps(terms)}\n"
    )
    return path


def test_an_exemption_lets_tier_two_in_and_is_recorded(tmp_path: Path) -> None:
    lifted = exemption(tmp_path / "exempt.toml", ["college"])
    mapping = tmp_path / "map.toml"
    mapping.write_text('[categories]\nage_college = "porn"\n')
    with MisbehavingServer(PHOTOS) as server:
        source = checkout(tmp_path / "lists", server)
        collected(source, tmp_path / "data", exemption=lifted, categories=mapping)
        assert "/4.jpg" in server.paths()
        assert "/3.jpg" not in server.paths()
        # The same name with another content is not the same exemption.
        exemption(lifted, ["college"], reason="Something else")
        with pytest.raises(RulesError, match="catalogue"):
            collected(source, tmp_path / "data", exemption=lifted, categories=mapping)


def test_no_exemption_lifts_tier_one(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="teen"):
        collected(tmp_path, tmp_path / "data", exemption=exemption(tmp_path / "e.toml", ["teen"]))


def test_a_redirect_to_a_denied_address_is_refused(tmp_path: Path) -> None:
    with MisbehavingServer({"/teen/1.jpg": photo(1)}) as server:
        url = server.url("/to?/teen/1.jpg").replace("teen", "%74%65en")
        hidden = server.url("/redirect/1/teen/1.jpg").replace("teen", "x")
        server.answers["/hidden"] = lambda exchange: exchange.answer(302, Location="/teen/1.jpg")
        source = listed(tmp_path / "urls_neutral.txt", [url, hidden, server.url("/hidden")])
        collected(source, tmp_path / "data")
    found = ends(tmp_path / "data")
    assert found[url] == ("refused", "denied")
    assert found[server.url("/hidden")] == ("refused", "denied")
    assert not files_of(tmp_path / "data")


# The blocklist


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "pdq"])
def test_a_match_is_never_written_and_its_url_is_kept_apart(tmp_path: Path, algorithm: str) -> None:
    secret, other = photo(7, side=256), photo(8, side=256)
    hashed = (
        pdq(decode(secret).pixels).hex
        if algorithm == "pdq"
        else hashlib.new(algorithm, secret).hexdigest()
    )
    blocklist = tmp_path / "list.csv"
    blocklist.write_text(f"{algorithm}\n{hashed}\n")
    out = tmp_path / "data"
    with MisbehavingServer({"/s.jpg": secret, "/o.jpg": other}) as server:
        source = listed(tmp_path / "urls_neutral.txt", [server.url("/s.jpg"), server.url("/o.jpg")])
        status = collected(source, out, blocklists=(blocklist,))
        requests = len(server.requests)
        # Neither fetched again nor named again in clear.
        collected(source, out, blocklists=(blocklist,))
        assert len(server.requests) == requests
    assert status.total.losses == {Reason.BLOCKLISTED: 1}
    assert [row.sha256 for row in Dataset(out)] == [hashlib.sha256(other).hexdigest()]
    matches = out / "blocklist-matches.jsonl"
    assert stat.S_IMODE(matches.stat().st_mode) == 0o600
    (match,) = map(json.loads, matches.read_text().splitlines())
    assert match["locator"] == server.url("/s.jpg")
    rest = [path for path in out.rglob("*") if path.is_file() and path != matches]
    assert not any(b"/s.jpg" in path.read_bytes() for path in rest)
    assert not any(secret[-200:-100] in path.read_bytes() for path in rest)


# Local sources, moving pictures


def test_folders_tables_and_data_sets_mix(tmp_path: Path) -> None:
    for number, name in enumerate(("train/cat/1.jpg", "train/dog/2.jpg", "test/cat/3.jpg")):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(number))
    (tmp_path / "table.csv").write_text("file_name,label\npets/train/cat/1.jpg,cat\n")
    first, second = tmp_path / "first", tmp_path / "second"
    figleaf.collect([tmp_path / "pets", tmp_path / "table.csv"], first)
    with Dataset(first) as data:
        rows = {(row.label, row.part) for row in data}
        assert rows == {("cat", "train"), ("dog", "train"), ("cat", "test")}
    figleaf.collect([first], second)
    with Dataset(first) as one, Dataset(second) as two:
        assert {(r.sha256, r.label, r.part) for r in one} == {
            (r.sha256, r.label, r.part) for r in two
        }


def test_frames_of_an_animation_are_rows_with_a_parent(tmp_path: Path) -> None:
    pytest.importorskip("av")
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    shown = [Image.new("RGB", (64, 64), colour) for colour in colours]
    path = tmp_path / "moving" / "a.gif"
    path.parent.mkdir()
    shown[0].save(path, save_all=True, append_images=shown[1:], duration=1000, loop=0)
    figleaf.collect([f"drawings={path.parent}"], tmp_path / "data")
    rows = sorted(Dataset(tmp_path / "data"), key=lambda row: row.seconds or 0.0)
    assert [row.parent for row in rows] == [str(path)] * len(rows)
    assert [row.seconds for row in rows] == [0.0, 1.0, 2.0]
    assert {row.label for row in rows} == {"drawings"}
    for row, colour in zip(rows, colours, strict=True):
        pixel = decode(row.path.read_bytes()).pixels[32, 32]
        assert abs(pixel.astype(int) - colour).max() < 8


def test_moving_pictures_can_be_refused(tmp_path: Path) -> None:
    path = tmp_path / "moving" / "a.gif"
    path.parent.mkdir()
    one, two = (Image.new("L", (8, 8), shade) for shade in (0, 255))
    one.save(path, save_all=True, append_images=[two], duration=100)
    collected(f"drawings={path.parent}", tmp_path / "data", frames=FrameRule(most=0))
    assert ends(tmp_path / "data") == {str(path): ("refused", "moving")}


# Ends that were not planned


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with (
        Ledger(tmp_path / "data", write=True),
        pytest.raises(DatasetError, match="another process"),
    ):
        figleaf.collect([], tmp_path / "data")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """On a real file system of 3 MB, which is then given more room."""
    source = tmp_path / "photos"
    source.mkdir()
    for number in range(200):
        (source / f"{number}.jpg").write_bytes(photo(number, side=300) + bytes(40_000))
    out = tmp_path / "small"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(out)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(DatasetError, match="the same command goes on"):
            collected(f"neutral={source}", out / "data")
        assert not list(out.rglob("*.part"))
        subprocess.run([*mount[:4], "remount,size=60m", *mount[5:]], check=True)
        status = collected(f"neutral={source}", out / "data")
        assert status.total.images == 200
        collected(f"neutral={source}", tmp_path / "undisturbed")
        assert state_of(out / "data") == state_of(tmp_path / "undisturbed")
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_what_failed_before_a_list_denied_it_is_not_tried_again(tmp_path: Path) -> None:
    with MisbehavingServer({"/1.jpg": photo(1)}) as server:
        flaky = server.url("/flaky/500/1/1.jpg")
        good = listed(tmp_path / "urls_neutral.txt", [flaky])
        bad = listed(tmp_path / "urls_preteen.txt", [flaky])
        no_retries = FetchRules(allow_loopback=True, retries=0, robots=False)
        rules = figleaf.CollectRules(fetch=no_retries, workers=1)
        out = tmp_path / "data"
        figleaf.collect([good], out, rules=rules)
        assert ends(out)[flaky] == ("failed", "server_error")
        passing = [reason for reason in Reason if reason.may_pass]
        figleaf.collect([good, bad], out, rules=rules, retry_reasons=passing)
        assert ends(out)[flaky] == ("refused", "denied")
        assert len(server.paths()) == 1


def test_an_exemption_ends_with_the_command_that_it_was_given_to(tmp_path: Path) -> None:
    lifted = exemption(tmp_path / "exempt.toml", ["school"])
    with MisbehavingServer({"/1.jpg": photo(1)}) as server:
        flaky = server.url("/flaky/500/1/1.jpg") + "?school"
        source = listed(tmp_path / "urls_neutral.txt", [flaky])
        no_retries = FetchRules(allow_loopback=True, retries=0, robots=False)
        rules = figleaf.CollectRules(fetch=no_retries, workers=1, exemption=lifted)
        figleaf.collect([source], tmp_path / "data", rules=rules)
        assert len(server.paths()) == 1
        passing = [reason for reason in Reason if reason.may_pass]
        rules = figleaf.CollectRules(fetch=no_retries, workers=1)
        # The sources are not even named again.
        figleaf.collect([], tmp_path / "data", rules=rules, retry_reasons=passing)
        assert len(server.paths()) == 1
    assert ends(tmp_path / "data")[flaky] == ("refused", "denied")


def test_a_data_set_that_is_moved_away_is_not_made_anew(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(300):
        (photos / f"{number}.jpg").write_bytes(photo(number))
    out = tmp_path / "data"

    class Mover(Watch):
        def done(self, task: Task, outcome: Outcome) -> None:
            if out.exists():
                out.rename(tmp_path / "moved")

    with pytest.raises(DatasetError, match="moved or removed"):
        figleaf.collect([f"neutral={photos}"], out, watch=Mover())
    assert not out.exists()
    (tmp_path / "moved").rename(out)
    assert collected(f"neutral={photos}", out).total.images == 300


def test_a_data_set_is_not_collected_into_itself(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.jpg").write_bytes(photo(1))
    collected(f"neutral={tmp_path / 'photos'}", tmp_path / "data")
    with pytest.raises(InputError, match="into itself"):
        collected(tmp_path / "data", tmp_path / "data")


def test_a_match_behind_a_redirect_names_who_has_it(tmp_path: Path) -> None:
    blocklist = tmp_path / "list.txt"
    blocklist.write_text(hashlib.md5(photo(7)).hexdigest())
    with MisbehavingServer({"/s.jpg": photo(7)}) as server:
        url = server.url("/redirect/1/s.jpg")
        collected(
            listed(tmp_path / "urls_neutral.txt", [url]), tmp_path / "data", blocklists=(blocklist,)
        )
        match = json.loads((tmp_path / "data/blocklist-matches.jsonl").read_text())
        assert (match["locator"], match["answered_by"]) == (url, server.url("/s.jpg"))


def test_one_text_is_not_taken_for_several_sources_or_reasons(tmp_path: Path) -> None:
    out = tmp_path / "data"
    with pytest.raises(InputError, match="list of sources"):
        figleaf.collect("neutral=photos", out)
    with pytest.raises(InputError, match="list of reasons"):
        figleaf.collect([], out, retry_reasons="gone")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'went' is not a valid Reason"):
        figleaf.collect([], out, retry_reasons=["went"])  # type: ignore[list-item]
    assert not out.exists()


def test_an_exemption_does_not_travel_with_the_images(tmp_path: Path) -> None:
    lifted = exemption(tmp_path / "exempt.toml", ["college"])
    (tmp_path / "1.jpg").write_bytes(photo(1))
    (tmp_path / "college.csv").write_text("path,label\n1.jpg,neutral\n")
    first, second = tmp_path / "first", tmp_path / "second"
    assert collected(tmp_path / "college.csv", first, exemption=lifted).total.images == 1
    assert collected(first, second).total.losses == {Reason.DENIED: 1}
