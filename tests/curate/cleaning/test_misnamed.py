"""Types that are not what names say: files of the data set, and those that sources named."""

import tarfile
from pathlib import Path

import pytest

from figleaf.curate.cleaning.misnamed import (
    _extension,
    correct,
    count_misnamed,
    count_wrong,
)
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger

from ...sources.collecting import collected, files_of, listed
from ...sources.server import MisbehavingServer
from .dirty import cleaned, data_set, encoded, jpeg, name_of, path_of, photos, picture, reasons

COFFEE, CAT = "neutral/coffee.jpg", "neutral/cat.png"
FILES = {COFFEE: jpeg("coffee.png", 96, 96), CAT: encoded(picture("chelsea.png", 96, 96), "PNG")}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A JPEG and a PNG; the ledger takes the JPEG for a PNG, and so does its file's name."""
    found = data_set(tmp_path, FILES)
    path = path_of(found, COFFEE)
    path.rename(path.with_suffix(".png"))
    with Ledger(found, write=True) as ledger, ledger.transaction() as db:
        db.execute("UPDATE images SET format = 'png'")
    return found


def formats(out: Path) -> dict[str, tuple[str, str]]:
    """Name -> format in the ledger, and the ending of the file that is there."""
    with Dataset(out) as data:
        return {name_of(row.origins[0]): (row.format, row.path.suffix) for row in data}


def test_the_type_and_the_name_are_corrected(out: Path) -> None:
    report = cleaned(out)
    assert report.corrected == 1
    assert not report.drops
    assert formats(out) == {COFFEE: ("jpeg", ".jpg"), CAT: ("png", ".png")}
    with Dataset(out) as data:
        assert {str(row.path.relative_to(out)) for row in data} == files_of(out).keys()
    before = files_of(out)
    assert cleaned(out).corrected == 0
    assert files_of(out) == before


def test_a_dry_run_counts_and_renames_nothing(out: Path) -> None:
    before = files_of(out)
    assert cleaned(out, dry_run=True).corrected == 1
    assert files_of(out) == before
    assert formats(out)[COFFEE] == ("png", ".png")
    report = cleaned(out)
    assert (report.examined, report.corrected) == (0, 1)
    assert formats(out)[COFFEE] == ("jpeg", ".jpg")


def test_stopped_between_the_name_and_the_row(out: Path) -> None:
    """The next call takes up what was renamed and not yet noted."""
    cleaned(out, dry_run=True)
    path = path_of(out, COFFEE)
    path.rename(path.with_suffix(".jpg"))
    assert cleaned(out).corrected == 1
    assert formats(out)[COFFEE] == ("jpeg", ".jpg")
    assert reasons(out)[COFFEE] is None


def test_a_file_that_is_gone_meanwhile_stops_nothing(out: Path) -> None:
    cleaned(out, dry_run=True)
    path_of(out, COFFEE).unlink()
    assert cleaned(out).corrected == 1
    assert formats(out)[COFFEE] == ("jpeg", ".jpg")


def test_the_right_file_may_lie_there_already(out: Path) -> None:
    """As after the same bytes were collected again."""
    wrong = path_of(out, COFFEE)
    wrong.with_suffix(".jpg").write_bytes(wrong.read_bytes())
    cleaned(out)
    assert not wrong.exists()
    assert wrong.with_suffix(".jpg").read_bytes() == FILES[COFFEE]


def test_what_is_blocklisted_is_not_touched(out: Path) -> None:
    cleaned(out, dry_run=True)
    with Ledger(out, write=True) as ledger:
        with ledger.transaction() as db:
            db.execute("UPDATE images SET quarantine = 'blocklisted'")
        assert (count_wrong(ledger), correct(ledger)) == (0, 0)
    assert path_of(out, COFFEE).suffix == ".png"


@pytest.mark.parametrize(
    ("kind", "locator", "expected"),
    [
        ("url", "https://host.example/a/b.JPG?c=d.png#e.gif", "jpg"),
        ("url", "https://host.jpg", ""),
        ("url", "https://host.jpg/", ""),
        ("url", "https://host.example/a.b/c", ""),
        ("url", "https://host.example/c.tar.webp", "webp"),
        ("url", "nothing of the kind", ""),
        ("url", "http://[::1/a.png", "png"),
        ("file", "/photos.d/a b?.png", "png"),
        ("file", "/photos/.png", ""),
        ("file", "/photos/a.", ""),
        ("member", "/photos/shard.tar::0001.cls.Gif", "gif"),
        ("member", "/photos/shard.tar::0001", ""),
    ],
)
def test_what_the_extension_is(kind: str, locator: str, expected: str) -> None:
    assert _extension(kind, locator) == expected


def test_sources_that_call_a_file_what_it_is_not(tmp_path: Path) -> None:
    data = {name: jpeg(name, 96, 96) for name in ("coffee.png", "chelsea.png", "coins.png")}
    files = {
        "neutral/a.jpg": data["coffee.png"],
        "neutral/b.PNG": data["chelsea.png"],
        "neutral/c": data["coins.png"],
        "neutral/d.jfif": jpeg("camera.png", 96, 96),
        "neutral/e.webp": encoded(picture("moon.png", 96, 96), "PNG"),
    }
    folder = photos(tmp_path / "photos", files)
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        shard.add(folder / "neutral/a.jpg", "0001.gif")
    coffee, query = data["coffee.png"], "?size=1.png"
    served = {f"/x.gif{query}": coffee, f"/y.jpg{query}": coffee, f"/z{query}": coffee}
    out = tmp_path / "data"
    collected(folder, out)
    collected(f"neutral={tmp_path / 'shard.tar'}", out)
    with MisbehavingServer(served) as server:
        urls = list(map(server.url, served))
        collected(f"neutral={listed(tmp_path / 'urls.txt', urls)}", out)
    with Ledger(out) as ledger:
        found = count_misnamed(ledger)
    assert found == {("png", "jpeg"): 1, ("webp", "png"): 1, ("gif", "jpeg"): 2}
    assert cleaned(out).misnamed == found


def test_frames_are_not_called_anything_by_their_source(tmp_path: Path) -> None:
    """A GIF gives frames of another format: nobody lied."""
    pytest.importorskip("av")
    frames = [picture(name, 96, 96) for name in ("coffee.png", "chelsea.png")]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=2_000)
    out = data_set(tmp_path, {"neutral/moving.gif": moving})
    assert cleaned(out).misnamed == {}
    with Dataset(out) as data:
        assert {row.format for row in data} == {"jpeg"}
