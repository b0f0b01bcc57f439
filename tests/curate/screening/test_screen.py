"""Screening whole data sets: what is doubted, how it is ranked, and what becomes of it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import figleaf
from figleaf.curate.restore import restore
from figleaf.curate.screening.doubts import DoubtKind
from figleaf.curate.screening.rules import ScreenRules
from figleaf.curate.screening.screen import ScreenReport, screen
from figleaf.curate.watch import Watch
from figleaf.dataset.labelling import set_label
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, ModelError
from figleaf.models.bundle import find_bundle

from ...dataset.samples import NOON, one
from ..splitting.samples import change, collect, ids_of, on_a_full_disk, set_aside, sha256
from .conftest import PICTURES
from .samples import TAG, say, scores

SMALL = ScreenRules(model="mobilenet_v2")
ASIDE = ScreenRules(model="mobilenet_v2", quarantine=True)
SURE = {
    "banner": ("porn", scores(neutral=0.995)),
    "meme": ("hentai", scores(drawings=0.97, neutral=0.02)),
    "planted": ("neutral", scores(porn=0.985)),
    "mixed": ("sexy", scores(porn=0.96)),
    "photo": ("neutral", scores(neutral=0.9)),
    "scene": ("porn", scores(porn=0.6)),
    "comic": ("comics", scores(porn=0.99)),
    "broken": ("porn", None),
}
"""Name -> class, and what the model says."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images without files, which the model has seen."""
    folder = tmp_path / "data"
    collect(folder, {name: label for name, (label, _) in SURE.items()})
    say(folder, {name: said for name, (label, said) in SURE.items() if label != "comics"})
    return folder


def named(folder: Path, found: ScreenReport) -> list[str]:
    by_hash = {sha256(name).hex(): name for name in ids_of(folder)}
    return [by_hash[doubted.sha256] for doubted in found.doubted]


def aside(folder: Path) -> set[str]:
    """What is set aside as screened."""
    by_hash = {sha256(name).hex(): name for name in ids_of(folder)}
    with figleaf.Dataset(folder) as data:
        rows = data.filter(quarantined=True)
        return {by_hash[row.sha256] for row in rows if row.quarantine == "screened"}


def listed(folder: Path) -> list[tuple[str, str, str]]:
    """The list for review: name, who doubts and why; the most doubtful first."""
    by_hash = {sha256(name): name for name in ids_of(folder)}
    with Ledger(folder) as ledger:
        rows = ledger.read(
            "SELECT sha256, who, kind FROM doubts JOIN images ON id = image_id ORDER BY doubt DESC"
        )
    return [(by_hash[digest], who, kind) for digest, who, kind in rows]


def test_doubts_are_ranked_and_listed_for_review(folder: Path) -> None:
    found = screen(folder, rules=SMALL)
    assert named(folder, found) == ["banner", "planted", "meme", "mixed"]
    first = found.doubted[0]
    assert (first.label, first.kind, first.detail) == (
        *("porn", DoubtKind.SAFE_AMONG_UNSAFE, "unsafe 0.004"),
    )
    assert first.doubt == pytest.approx(0.99625)
    assert Path(first.path).name == f"{first.sha256}.jpg"
    assert found.counts == {
        ("porn", "safe_among_unsafe"): 1,
        ("hentai", "safe_among_unsafe"): 1,
        ("neutral", "unsafe_among_safe"): 1,
        ("sexy", "other_class"): 1,
    }
    assert listed(folder) == [
        ("banner", "screen", "safe_among_unsafe"),
        ("planted", "screen", "unsafe_among_safe"),
        ("meme", "screen", "safe_among_unsafe"),
        ("mixed", "screen", "other_class"),
    ]
    assert (found.model, found.images, found.scored, found.unreadable) == (TAG, 7, 0, 1)
    assert found.not_screened == {"comics": 1}
    assert (found.set_aside, found.brought_back) == (0, 0)
    assert aside(folder) == set()


def test_a_class_of_ones_own_is_screened_as_another(folder: Path) -> None:
    say(folder, {"comic": SURE["comic"][1]})
    found = screen(folder, rules=ScreenRules(model="mobilenet_v2", same={"comics": "drawings"}))
    assert named(folder, found)[1] == "comic"
    assert found.doubted[1].label == "comics"
    assert found.counts["comics", DoubtKind.UNSAFE_AMONG_SAFE] == 1
    assert found.not_screened == {}


def test_equal_doubts_are_in_the_order_of_hashes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    names = [f"{number}.jpg" for number in range(30)]
    collect(folder, dict.fromkeys(names, "porn"))
    say(folder, dict.fromkeys(names, scores(neutral=1.0)))
    found = screen(folder, rules=SMALL)
    assert named(folder, found) == sorted(names, key=sha256)
    few = screen(folder, rules=ScreenRules(model="mobilenet_v2", limit=7))
    assert named(folder, few) == sorted(names, key=sha256)[:7]
    assert few.counts["porn", DoubtKind.SAFE_AMONG_UNSAFE] == 30
    assert len(listed(folder)) == 7


def test_limits_of_ones_own(folder: Path) -> None:
    strict = ScreenRules(model="mobilenet_v2", safe_below=0, unsafe_above=1, other_above=0.95)
    assert named(folder, screen(folder, rules=strict)) == ["mixed"]
    lax = ScreenRules(model="mobilenet_v2", safe_below=0.8)
    assert "scene" in named(folder, screen(folder, rules=lax))
    assert named(folder, screen(folder, rules=SMALL))[-1] == "mixed"


# Quarantine.


def test_what_is_doubted_is_set_aside_and_comes_back(folder: Path) -> None:
    found = screen(folder, rules=ASIDE)
    assert (found.set_aside, found.brought_back) == (4, 0)
    assert aside(folder) == {"banner", "planted", "meme", "mixed"}
    with figleaf.Dataset(folder) as data:
        whys = {row.why for row in data.filter(quarantined=True)}
    assert "safe_among_unsafe: unsafe 0.004" in whys
    again = screen(folder, rules=ASIDE)
    assert (again.set_aside, again.brought_back, again.images) == (0, 0, 7)
    assert named(folder, again) == named(folder, found)
    few = ScreenRules(model="mobilenet_v2", quarantine=True, limit=2)
    fewer = screen(folder, rules=few)
    assert (fewer.set_aside, fewer.brought_back) == (0, 2)
    assert aside(folder) == {"banner", "planted"}
    with Ledger(folder) as ledger:
        last = "SELECT before, after, who, why FROM quarantines ORDER BY id DESC LIMIT 1"
        assert one(ledger, last) == (
            *("screened", None, "screen", "not among the most doubtful any more"),
        )


def test_a_list_for_review_moves_nothing(folder: Path) -> None:
    screen(folder, rules=ASIDE)
    found = screen(folder, rules=ScreenRules(model="mobilenet_v2", limit=1))
    assert (found.set_aside, found.brought_back) == (0, 0)
    assert len(aside(folder)) == 4


def test_other_reasons_are_none_of_its_business(folder: Path) -> None:
    set_aside(folder, ["banner"], "duplicate")
    found = screen(folder, rules=ASIDE)
    assert named(folder, found) == ["planted", "meme", "mixed"]
    with Ledger(folder) as ledger:
        query = "SELECT quarantine FROM images WHERE sha256 = ?"
        assert one(ledger, query, sha256("banner")) == "duplicate"


def test_what_cannot_be_read_now_stays_aside(folder: Path) -> None:
    set_aside(folder, ["broken"], "screened")
    assert screen(folder, rules=ASIDE).brought_back == 0
    assert "broken" in aside(folder)


def test_what_a_person_has_brought_back_is_doubted_no_more(folder: Path) -> None:
    screen(folder, rules=ASIDE)
    restore(folder, [sha256("banner").hex()], who="kim")
    for rules in (SMALL, ASIDE):
        assert named(folder, screen(folder, rules=rules)) == ["planted", "meme", "mixed"]
    assert "banner" not in aside(folder)
    restore(folder, reasons=["screened"], who="kim")
    assert screen(folder, rules=ASIDE).doubted == []
    assert aside(folder) == set()


def test_what_a_person_has_labelled_is_doubted_no_more(folder: Path) -> None:
    ids = ids_of(folder)
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        for name, label in (("planted", "neutral"), ("meme", "drawings")):
            set_label(db, ids[name], label, who="kim", why="looked", at=NOON)
    assert named(folder, screen(folder, rules=SMALL)) == ["banner", "mixed"]


def test_a_tool_that_labels_or_brings_back_has_not_looked(folder: Path) -> None:
    set_aside(folder, ["banner"], "screened")
    set_aside(folder, ["banner"], None)
    change(
        folder,
        "INSERT INTO labels (image_id, before, after, who, why, at)"
        " SELECT id, label, 'sexy', 'clean', '', 0 FROM images WHERE sha256 = ?",
        sha256("meme"),
    )
    assert named(folder, screen(folder, rules=SMALL))[:3] == ["banner", "planted", "meme"]


# A model that really looks.


def test_photos_among_the_unsafe_are_found(real: Path) -> None:
    phases: list[tuple[str, int]] = []
    watch = Watch(lambda phase, images: phases.append((phase, images)))
    rules = ScreenRules(model="mobilenet_v2", safe_below=0.5)
    found = screen(real, rules=rules, watch=watch)
    assert (found.images, found.scored, found.unreadable) == (6, 6, 0)
    assert {(one.label, one.kind) for one in found.doubted} >= {("porn", "safe_among_unsafe")}
    for doubted in found.doubted:
        assert Path(doubted.path).is_file()
    degrees = [doubted.doubt for doubted in found.doubted]
    assert degrees == sorted(degrees, reverse=True)
    assert phases[0] == ("scoring", 6)
    again = screen(real, rules=rules)
    assert (again.scored, again.doubted) == (0, found.doubted)


def test_two_models_have_their_own_say(real: Path) -> None:
    first = screen(real, rules=SMALL)
    two = ScreenRules(model="resnet50_thin", safe_below=0.5)
    second = screen(real, rules=two)
    assert (first.scored, second.scored) == (6, 6)
    assert {one.kind for one in second.doubted} <= {*DoubtKind} - {DoubtKind.OTHER_CLASS}
    assert any(one.kind is DoubtKind.SAFE_AMONG_UNSAFE for one in second.doubted)
    with Ledger(real) as ledger:
        assert one(ledger, "SELECT count(*), count(DISTINCT model) FROM scores") == (12, 2)
    assert screen(real, rules=SMALL).scored == 0


def test_fast_scores_are_kept_apart(real: Path) -> None:
    screen(real, rules=SMALL)
    found = screen(real, rules=ScreenRules(model="mobilenet_v2", fast=True))
    assert found.scored == 6
    assert found.model.endswith(" scaled")


def test_the_run_says_what_was_asked(folder: Path) -> None:
    screen(folder, rules=ASIDE)
    with Ledger(folder) as ledger:
        query = "SELECT arguments, hashes, outcome FROM runs WHERE command = 'screen'"
        arguments, hashes, outcome = one(ledger, query)
    assert json.loads(arguments) == ASIDE.as_dict()
    assert set(json.loads(hashes)) == {"model.onnx"}
    assert outcome == "done"


def test_a_model_that_knows_no_class_of_ours_is_refused(folder: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(find_bundle("mobilenet_v2"), tmp_path / "birds"))
    card = json.loads((bundle / "card.json").read_text())
    card |= {"name": "birds", "labels": ["owl", "neutral", "tit", "jay", "wren"]}
    (bundle / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match=r"birds cannot screen: of its classes \(owl, neutral"):
        screen(folder, rules=ScreenRules(model=bundle))
    with Ledger(folder) as ledger:
        assert ledger.read("SELECT 1 FROM runs WHERE command = 'screen'") == []


def test_there_has_to_be_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set here"):
        screen(tmp_path / "none", rules=SMALL)
    assert not (tmp_path / "none").exists()


def test_a_data_set_without_images(tmp_path: Path) -> None:
    collect(tmp_path / "data", {})
    found = screen(tmp_path / "data", rules=ASIDE)
    assert (found.images, found.doubted, found.not_screened) == (0, [], {})


def test_a_full_disk_is_told_in_words(many: Path) -> None:
    call = "screen(sys.argv[1], rules=figleaf.ScreenRules(model='mobilenet_v2'))"
    said = on_a_full_disk(many, call)
    assert said.startswith(f"DatasetError {many}: disk I/O error; nothing is lost")


# Interrupted.


def test_after_ctrl_c_the_same_command_goes_on(many: Path) -> None:
    command = [sys.executable, "-m", "figleaf", "screen", str(many), "--model", "mobilenet_v2"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    query = "SELECT count(*) FROM scores"
    with Ledger(many) as ledger:
        deadline = time.monotonic() + 60
        while not one(ledger, query) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        kept = one(ledger, query)
    assert process.returncode == 130
    assert said.splitlines()[-1] == (
        "figleaf: interrupted; what was done is kept, the same command goes on"
    )
    assert 64 <= kept < PICTURES
    with Ledger(many) as ledger:
        assert one(ledger, "SELECT outcome FROM runs WHERE command = 'screen'") == "interrupted"
        assert ledger.read("SELECT 1 FROM doubts") == []
    found = screen(many, rules=SMALL)
    assert (found.images, found.scored) == (PICTURES, PICTURES - kept)
