"""A blocklist that comes after the images: what is there already is compared with it."""

import hashlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import figleaf
from figleaf.classify.lists.known import load_hashes
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Reason
from figleaf.dataset.status import DatasetStatus
from figleaf.errors import ImageError
from figleaf.images import decode
from figleaf.images.limits import Limits
from figleaf.images.phash import pdq
from figleaf.sources.examine import examine
from figleaf.sources.recheck import COMMAND, Rechecked, is_due, recheck
from figleaf.sources.rules import CollectRules, FrameRule
from figleaf.sources.vetting.matches import MATCHES_FILE

from .collecting import collected, ends, files_of, photo

SECRET, OTHER = photo(7, side=256), photo(8, side=256)
KINDS = ("md5", "sha1", "sha256", "pdq")


class Examiner:
    """The real one, in this process; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, data: bytes) -> dict[str, Any]:
        self.asked += 1
        return examine(data, limits=Limits(), frames=FrameRule(), with_pdq=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two pictures of the class "neutral"."""
    folder = tmp_path / "photos" / "neutral"
    folder.mkdir(parents=True)
    (folder / "secret.jpg").write_bytes(SECRET)
    (folder / "other.jpg").write_bytes(OTHER)
    return folder.parent


@pytest.fixture
def out(source: Path, tmp_path: Path) -> Path:
    """A data set of both, collected without a blocklist."""
    figleaf.collect([source], tmp_path / "data", rules=CollectRules(workers=1))
    return tmp_path / "data"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as opened:
        yield opened


def listing(path: Path, kind: str, data: bytes = SECRET) -> Path:
    """A list with the hash of one picture."""
    is_pdq = kind == "pdq"
    hashed = pdq(decode(data).pixels).hex if is_pdq else hashlib.new(kind, data).hexdigest()
    path.write_text(f"{kind}\n{hashed}\n")
    return path


def go_on(out: Path, *blocklists: Path) -> DatasetStatus:
    return figleaf.collect([], out, rules=CollectRules(workers=1, blocklists=blocklists))


def runs(out: Path) -> list[str]:
    with Ledger(out) as ledger:
        return [command for (command,) in ledger.read("SELECT command FROM runs ORDER BY id")]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_new_list_has_is_set_aside_and_withheld(
    source: Path, out: Path, tmp_path: Path, kind: str
) -> None:
    before = files_of(out)
    status = go_on(out, listing(tmp_path / "list.csv", kind))
    assert status.total.images == 1
    assert status.total.losses == {Reason.BLOCKLISTED: 1}
    with Dataset(out) as data:
        assert [row.sha256 for row in data] == [hashlib.sha256(OTHER).hexdigest()]
        (aside,) = data.filter(quarantined=True)
    assert aside.quarantine == "blocklisted"
    # Neither the row nor the file goes; where it came from stands in the matches alone.
    assert aside.sha256 == hashlib.sha256(SECRET).hexdigest()
    assert files_of(out) == before
    secret = str((source / "neutral" / "secret.jpg").absolute())
    lines = (out / MATCHES_FILE).read_text().splitlines()
    assert [json.loads(line)["locator"] for line in lines] == [secret, str(aside.path.absolute())]
    rest = [path for path in out.rglob("*") if path.is_file() and path.name != MATCHES_FILE]
    assert not any(b"secret.jpg" in path.read_bytes() for path in rest)
    assert ends(out)[str((source / "neutral" / "other.jpg").absolute())] == ("fetched", None)


def test_the_same_list_is_not_compared_again_and_another_one_is(out: Path, tmp_path: Path) -> None:
    first = listing(tmp_path / "first.csv", "md5", OTHER)
    go_on(out, first)
    go_on(out, first)
    assert runs(out) == ["collect", COMMAND, "collect", "collect"]
    go_on(out, first, listing(tmp_path / "second.csv", "sha1"))
    assert runs(out)[4:] == [COMMAND, "collect"]
    with Dataset(out) as data:
        assert [row.quarantine for row in data.filter(quarantined=True)] == ["blocklisted"] * 2


def test_a_data_set_that_began_with_the_list_is_not_compared_with_it(
    source: Path, tmp_path: Path
) -> None:
    rules = CollectRules(workers=1, blocklists=(listing(tmp_path / "list.csv", "sha256"),))
    for _ in range(2):
        figleaf.collect([source], tmp_path / "data", rules=rules)
    assert runs(tmp_path / "data") == ["collect", "collect"]


def test_a_picture_is_hashed_once(out: Path, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    examiner = Examiner()
    blocklist = load_hashes([listing(tmp_path / "list.csv", "pdq")])
    with Ledger(out, write=True) as ledger:
        assert is_due(ledger, blocklist)
        found = recheck(ledger, blocklist, examiner, threads, ahead=2)
        assert found == Rechecked(images=2, matched=1)
        assert examiner.asked == 2
        assert recheck(ledger, blocklist, examiner, threads, ahead=2) == Rechecked(images=1)
        assert examiner.asked == 3  # its hash is in the ledger, but its file may hold others
        ledger.connection.execute(
            "INSERT INTO examinations (image_id, status, detail, has_others, at)"
            " SELECT id, 'ok', '', 0, 0 FROM images"
        )
        assert recheck(ledger, blocklist, examiner, threads, ahead=2) == Rechecked(images=1)
        assert examiner.asked == 3


def test_no_picture_is_decoded_for_a_list_without_pdq_hashes(
    out: Path, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    examiner = Examiner()
    blocklist = load_hashes([listing(tmp_path / "list.csv", "sha1")])
    with Ledger(out, write=True) as ledger:
        assert recheck(ledger, blocklist, examiner, threads, ahead=2).matched == 1
    assert examiner.asked == 0


def test_what_was_interrupted_is_done_again(
    out: Path, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    blocklist = load_hashes([listing(tmp_path / "list.csv", "pdq")])

    def stopped(data: bytes) -> dict[str, Any]:
        raise KeyboardInterrupt

    with Ledger(out, write=True) as ledger:
        hashes = {"blocklist": blocklist.sha256}
        with pytest.raises(KeyboardInterrupt), ledger.run(COMMAND, {}, hashes):
            recheck(ledger, blocklist, stopped, threads, ahead=2)
        assert is_due(ledger, blocklist)
        with ledger.run(COMMAND, {}, hashes):
            assert recheck(ledger, blocklist, Examiner(), threads, ahead=2).matched == 1
        assert not is_due(ledger, blocklist)


def test_a_list_that_was_used_in_between_and_cut_short_counts(out: Path, tmp_path: Path) -> None:
    first = load_hashes([listing(tmp_path / "first.csv", "md5")])
    second = load_hashes([listing(tmp_path / "second.csv", "md5", OTHER)])
    with Ledger(out, write=True) as ledger:
        with ledger.run("collect", {}, {"blocklist": first.sha256}):
            pass
        assert not is_due(ledger, first)
        run = ledger.run("collect", {}, {"blocklist": second.sha256})
        with pytest.raises(KeyboardInterrupt), run:
            raise KeyboardInterrupt
        assert is_due(ledger, first)
        with ledger.run("export", {}, {}):  # adds no image
            pass
        assert is_due(ledger, first)


def test_what_cannot_be_compared_is_set_aside_until_it_can(
    out: Path, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    blocklist = load_hashes([listing(tmp_path / "list.csv", "pdq")])

    def broken(data: bytes) -> dict[str, Any]:
        raise ImageError(figleaf.Status.CRASHED, "the decoder died")

    with Ledger(out, write=True) as ledger, Dataset(out) as data:
        found = recheck(ledger, blocklist, broken, threads, ahead=2)
        assert found == Rechecked(images=2, unchecked=2)
        assert [row.quarantine for row in data.filter(quarantined=True)] == ["unchecked"] * 2
        recheck(ledger, blocklist, Examiner(), threads, ahead=2)
        assert [row.quarantine for row in data.filter(quarantined=True)] == ["blocklisted"]
        assert len(data) == 1


def test_a_missing_file_is_told_by_its_sha256(
    out: Path, tmp_path: Path, threads: ThreadPoolExecutor
) -> None:
    lists = [listing(tmp_path / f"{kind}.csv", kind) for kind in ("sha256", "md5")]
    for path in files_of(out):
        (out / path).unlink()
    with Ledger(out, write=True) as ledger:
        found = recheck(ledger, load_hashes(lists), Examiner(), threads, ahead=2)
    assert found == Rechecked(images=2, matched=1, unchecked=1)


def test_frames_are_told_by_their_own_hashes(tmp_path: Path) -> None:
    pytest.importorskip("av")
    shown = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    shown[0].save(buffer, "GIF", save_all=True, append_images=shown[1:], duration=2_000)
    folder = tmp_path / "photos" / "neutral"
    folder.mkdir(parents=True)
    (folder / "moving.gif").write_bytes(buffer.getvalue())
    out = tmp_path / "data"
    figleaf.collect([folder.parent], out, rules=CollectRules(workers=1))
    assert len(Dataset(out)) == 3
    # The list has one frame by its own hash; the others are of the same moving picture.
    with Dataset(out) as data:
        frame = next(iter(data)).path.read_bytes()
    go_on(out, listing(tmp_path / "frame.csv", "sha256", frame))
    with Dataset(out) as data:
        assert len(data) == 0
        assert len(data.filter(quarantined=True)) == 3
    assert set(ends(out).values()) == {("refused", "blocklisted")}


@pytest.mark.parametrize("is_cleaned", [False, True])
def test_the_further_pictures_of_a_file_are_looked_at_too(tmp_path: Path, is_cleaned: bool) -> None:
    first, second = (Image.open(io.BytesIO(photo(seed, side=256))) for seed in (1, 2))
    (tmp_path / "photos").mkdir()
    path = tmp_path / "photos/two.tif"
    first.save(path, save_all=True, append_images=[second])
    out = tmp_path / "data"
    collected(f"neutral={path.parent}", out)
    assert len(Dataset(out)) == 1
    if is_cleaned:  # which keeps the hash of the first picture
        figleaf.clean(out, workers=1)
    buffer = io.BytesIO()
    second.save(buffer, "PNG")
    blocklist = tmp_path / "list.csv"
    blocklist.write_text(f"pdq\n{pdq(decode(buffer.getvalue()).pixels).hex}\n")
    collected(f"neutral={path.parent}", out, blocklists=(blocklist,))
    assert [row.quarantine for row in Dataset(out).filter(quarantined=True)] == ["blocklisted"]
