import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import figleaf
from figleaf.auditing.audit import undo
from figleaf.auditing.rules import AuditRules
from figleaf.curate.splitting.rules import SplitChanges
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, InputError
from figleaf.evaluation.rules import EvaluateRules
from figleaf.pipeline.rules import RunRules, StageName
from figleaf.pipeline.run import RunReport, RunWatch, StageRun, run
from figleaf.training.class_weights import ClassWeights

from ..sources.collecting import collected, photo
from ..training.samples import KINDS, described, source

LATER = (StageName.TRAIN, StageName.AUDIT, StageName.EVALUATE, StageName.REPORT)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> RunRules:
    net = str(described(tmp_path_factory.mktemp("net")))
    return RunRules(
        screen=None,
        train=figleaf.TrainRules(backbone=net),
        evaluate=EvaluateRules(repeats=20),
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = source(tmp_path_factory.mktemp("photos") / "photos", dict.fromkeys(KINDS, 30))
    (folder / "neutral" / "broken.jpg").write_bytes(photo(1)[:200])
    return folder


@pytest.fixture(scope="module")
def made(photos: Path, rules: RunRules, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is done."""
    out = tmp_path_factory.mktemp("made") / "run"
    run([photos], out, rules=rules)
    return out


@pytest.fixture
def done(made: Path, tmp_path: Path) -> Path:
    """The same in a folder of its own."""
    return shutil.copytree(made, tmp_path / "run")


def skipped(found: RunReport) -> list[StageName]:
    return [one.name for one in found.stages if one.skipped]


def worked(found: RunReport) -> Sequence[StageName]:
    return [one.name for one in found.stages if not one.skipped]


def test_from_pictures_to_a_model_and_a_report(made: Path) -> None:
    record = json.loads((made / "run.json").read_text("utf-8"))
    assert list(record["stages"]) == [
        *("collect", "clean", "split", "train", "audit", "evaluate", "report")
    ]
    collect = record["stages"]["collect"]["figures"]
    assert (collect["images"], collect["named"]) == (90, 91)
    assert collect["lost"] == {"truncated": 1}
    split = record["stages"]["split"]["figures"]["parts"]
    assert sum(split.values()) == record["stages"]["clean"]["figures"]["kept"]
    assert record["seeds"] == {"split": 0, "train": 0, "audit": 0, "evaluate": 0}
    assert record["versions"]["figleaf"] == figleaf.__version__
    page = (made / "report" / "report.html").read_text("utf-8")
    accuracy = record["stages"]["evaluate"]["figures"]["accuracy"]["value"]
    assert f"{accuracy:.1%}" in page
    with figleaf.load(made / "models" / "run") as classifier:
        assert classifier.classify(photo(3)).label in KINDS


def test_nothing_is_done_twice(done: Path, photos: Path, rules: RunRules) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*.html")}
    found = run([photos], done, rules=rules)
    assert worked(found) == []
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*.html")} == before
    assert found.figures["collect"]["images"] == 90


def test_other_rules_are_followed_from_their_stage_on(
    done: Path, photos: Path, rules: RunRules
) -> None:
    found = run([photos], done, rules=_with(rules, language="ko"))
    assert worked(found) == [StageName.REPORT]
    weighted = figleaf.TrainRules(
        backbone=rules.train.backbone, class_weights=ClassWeights.BALANCED
    )
    found = run([photos], done, rules=_with(rules, train=weighted))
    assert worked(found) == [StageName.TRAIN, StageName.EVALUATE, StageName.REPORT]
    found = run([photos], done, rules=_with(rules, train=weighted, split=SplitChanges(seed=1)))
    assert worked(found) == [StageName.SPLIT, *LATER]


def _with(rules: RunRules, **values: object) -> RunRules:
    return replace(rules, **values)  # type: ignore[arg-type]  # fields of any type


def test_more_pictures_are_taken_in(done: Path, photos: Path, rules: RunRules) -> None:
    more = shutil.copytree(photos, done.parent / "photos")
    found = run([photos, source(more, {"neutral": 4}, start=500)], done, rules=rules)
    assert skipped(found) == []
    assert found.figures["collect"]["images"] == 94


def test_a_source_that_is_not_named_any_more_is_told(
    done: Path, photos: Path, rules: RunRules
) -> None:
    more = source(done.parent / "more", {"neutral": 4}, start=500)
    assert run([photos, more], done, rules=rules).figures["collect"]["before"] == []
    found = run([photos], done, rules=rules)
    assert found.figures["collect"]["before"] == ["more"]
    assert found.figures["collect"]["images"] == 94
    assert "more" in (done / "report" / "report.md").read_text("utf-8")


def test_from_another_folder_it_is_the_same_run(
    done: Path, photos: Path, rules: RunRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Path(rules.train.backbone)
    for folder in (net.parent, photos):
        monkeypatch.chdir(folder)
        backbone = os.path.relpath(net)
        train = replace(rules.train, backbone=backbone)
        found = run(
            [os.path.relpath(photos)], os.path.relpath(done), rules=_with(rules, train=train)
        )
        assert worked(found) == []


def test_a_folder_under_another_name_keeps_its_model(
    done: Path, photos: Path, rules: RunRules
) -> None:
    found = run([photos], done.rename(done.parent / "renamed"), rules=rules)
    assert worked(found) == [StageName.REPORT]
    assert found.model == done.parent / "renamed" / "models" / "run"
    assert "renamed" in found.page.read_text("utf-8")


def test_files_that_are_only_touched_change_nothing(
    done: Path, photos: Path, rules: RunRules
) -> None:
    touched = next((photos / "neutral").glob("*.jpg"))
    was = touched.stat()
    touched.touch()
    try:
        found = run([photos], done, rules=rules)
    finally:
        os.utime(touched, ns=(was.st_atime_ns, was.st_mtime_ns))
    # Its time stands in the report.
    assert worked(found) == [StageName.COLLECT, StageName.REPORT]


@pytest.mark.parametrize(
    ("lost", "again"),
    [
        ("report/report.md", ["report"]),
        ("evaluation/scores.npz", ["evaluate", "report"]),
        ("audit.json", ["audit", "report"]),
        ("models", ["train", "report"]),
        ("models/run/model.onnx", ["train", "report"]),
        ("run.json", ["collect", "clean", "split", "train", "audit", "evaluate", "report"]),
        ("data", ["collect", "clean", "split", "train", "audit", "evaluate", "report"]),
    ],
)
def test_what_is_lost_is_made_again(
    done: Path, photos: Path, rules: RunRules, lost: str, again: list[str]
) -> None:
    place = done / lost
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    found = run([photos], done, rules=rules)
    # A model that is the same again is not measured again; the training's times are in the report.
    assert worked(found) == again
    assert place.exists()


def test_a_persons_word_counts(done: Path, photos: Path, rules: RunRules) -> None:
    with figleaf.Dataset(done / "data") as data:
        image = next(row.sha256 for row in data if row.label == "neutral")
    figleaf.restore(done / "data", [image], label="dots & lines", who="somebody")
    found = run([photos], done, rules=rules)
    assert StageName.COLLECT in skipped(found)
    assert set(LATER) <= set(worked(found))


def test_a_data_set_is_worked_on_where_it_is(photos: Path, rules: RunRules, tmp_path: Path) -> None:
    collected(photos, tmp_path / "data")
    found = run([tmp_path / "data"], tmp_path / "run", rules=rules)
    assert found.data == tmp_path / "data"
    assert not (tmp_path / "run" / "data").exists()
    assert found.figures["collect"]["images"] == 90
    assert worked(run([tmp_path / "data"], tmp_path / "run", rules=rules)) == []


def test_a_run_may_move_away_from_its_data_set(
    photos: Path, rules: RunRules, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    collected(photos, data)
    run([data], tmp_path / "run", rules=rules)
    (tmp_path / "deep").mkdir()
    moved = (tmp_path / "run").rename(tmp_path / "deep" / "run")
    found = run([data], moved, rules=rules)
    assert worked(found) == [StageName.REPORT]
    assert "../../../data/images" in found.page.read_text("utf-8")


def test_a_split_that_was_there_is_kept(photos: Path, rules: RunRules, tmp_path: Path) -> None:
    data = tmp_path / "data"
    collected(photos, data)
    figleaf.clean(data, workers=1)
    figleaf.split(data, rules=figleaf.SplitRules(test=0.3, seed=4))
    found = run([data], tmp_path / "run", rules=rules)
    assert found.figures["split"]["parts"]["test"] == 27
    assert json.loads(found.record.read_text())["seeds"]["split"] == 4
    with pytest.raises(InputError, match=r"figleaf split .* --anew"):
        run([data], tmp_path / "run", rules=_with(rules, split=SplitChanges(seed=1)))


def test_a_split_of_its_own_is_what_the_rules_say(
    done: Path, photos: Path, rules: RunRules
) -> None:
    parts = run([photos], done, rules=rules).figures["split"]["parts"]
    run([photos], done, rules=_with(rules, split=SplitChanges(test=0.4)))
    found = run([photos], done, rules=rules)
    assert found.figures["split"]["parts"] == parts
    # As where it was killed before it could note that it had split.
    forget(done, StageName.SPLIT)
    run([photos], done, rules=_with(rules, split=SplitChanges(seed=3)))


def forget(done: Path, *stages: StageName) -> None:
    """Take stages out of the record."""
    record = json.loads((done / "run.json").read_text("utf-8"))
    for stage in stages:
        del record["stages"][stage]
    (done / "run.json").write_text(json.dumps(record), "utf-8")


def test_screening_by_hand_counts_where_a_run_has_none(
    done: Path, photos: Path, rules: RunRules
) -> None:
    by_hand = figleaf.ScreenRules(model="efficientnet_lite0", quarantine=True, unlike_below=-1.0)
    assert figleaf.screen(done / "data", rules=by_hand).set_aside
    assert set(LATER) <= set(worked(run([photos], done, rules=rules)))
    assert worked(run([photos], done, rules=rules)) == []


def test_screening_lists_what_is_unlike_its_class(
    done: Path, photos: Path, rules: RunRules
) -> None:
    screen = figleaf.ScreenRules(model="efficientnet_lite0")
    found = run([photos], done, rules=_with(rules, screen=screen))
    assert worked(found)[0] is StageName.SCREEN
    assert found.figures["screen"]["images"] == 90


def test_what_the_audit_relabels_is_trained_on(done: Path, photos: Path, rules: RunRules) -> None:
    audit = AuditRules(apply=0.5)
    applying = _with(rules, audit=audit)
    found = run([photos], done, rules=applying)
    assert [one.name for one in found.stages][3:5] == [StageName.AUDIT, StageName.TRAIN]
    with Ledger(done / "data") as ledger:
        ((events,),) = ledger.read("SELECT count(*) FROM labels WHERE who = 'audit'")
    assert events == found.figures["audit"]["relabelled"] > 0
    assert worked(run([photos], done, rules=applying)) == []
    # Those labels stand until they are taken back.
    again = run([photos], done, rules=rules)
    assert StageName.TRAIN in skipped(again)
    undo(done / "data")
    assert StageName.TRAIN in worked(run([photos], done, rules=rules))


def test_relabelling_that_was_killed_before_its_end_comes_to_the_same(
    done: Path, photos: Path, rules: RunRules
) -> None:
    applying = _with(rules, audit=AuditRules(apply=0.5))
    before = run([photos], done, rules=applying).figures
    forget(done, *LATER)
    after = run([photos], done, rules=applying).figures
    assert after["audit"] == before["audit"]
    assert after["train"]["bundle"] == before["train"]["bundle"]


def test_who_watches_is_told(done: Path, photos: Path, rules: RunRules) -> None:
    begun: list[StageName] = []
    ended: list[StageRun] = []
    run([photos], done, rules=rules, watch=RunWatch(begins=begun.append, ends=ended.append))
    assert begun == [one.name for one in ended] == list(rules.order)


def test_the_same_run_elsewhere_gives_the_same_model(
    made: Path, photos: Path, rules: RunRules, tmp_path: Path
) -> None:
    run([photos], tmp_path / "run", rules=rules)
    cards = [out / "models" / "run" / "card.json" for out in (made, tmp_path / "run")]
    assert cards[0].read_bytes() == cards[1].read_bytes()
    audits = [
        untimed((out / "audit.json").read_text("utf-8"), out) for out in (made, tmp_path / "run")
    ]
    assert audits[0] == audits[1]


def untimed(text: str, out: Path) -> str:
    """Without what differs from run to run: where it lies, and how long it took."""
    return re.sub(r"\d+\.\d+ ?s\b", "", text.replace(str(out), ""))


def test_nothing_to_learn_from_says_so(rules: RunRules, tmp_path: Path) -> None:
    (tmp_path / "photos" / "neutral").mkdir(parents=True)
    (tmp_path / "photos" / "neutral" / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match="none gave an image"):
        run([tmp_path / "photos"], tmp_path / "run", rules=rules)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["stages"] == {}


def test_what_cannot_be_run_is_refused_before_anything_is_written(
    rules: RunRules, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="nothing to run"):
        run([], tmp_path / "run", rules=rules)
    with pytest.raises(InputError, match="give a list of sources"):
        run("photos", tmp_path / "run", rules=rules)
    with pytest.raises(figleaf.FigleafError, match="gone"):
        run([tmp_path / "gone"], tmp_path / "run", rules=rules)
    inside = source(tmp_path / "photos", {"neutral": 2}) / "run"
    with pytest.raises(InputError, match="lies in the source"):
        run([tmp_path / "photos"], inside, rules=rules)
    with pytest.raises(InputError, match="is no name of a model"):
        run([tmp_path / "photos"], tmp_path / "run", rules=_with(rules, name="a/b"))
    with pytest.raises(InputError, match="comes with figleaf"):
        run([tmp_path / "photos"], tmp_path / "resnet50_thin", rules=rules)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert not inside.exists()


def test_a_run_without_a_test_part_ends_before_the_training(
    rules: RunRules, tmp_path: Path
) -> None:
    few = source(tmp_path / "photos", {"neutral": 3, "drawings": 3})
    with pytest.raises(DatasetError, match="none is in the test part"):
        run([few], tmp_path / "run", rules=rules)
    assert not (tmp_path / "run" / "models").exists()
    with pytest.raises(InputError, match="test=0"):
        RunRules(split=SplitChanges(test=0))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"format": 1, "stages": {"clean": null}}',
        '{"format": 1, "stages": {"x": {}}}',
    ],
)
def test_a_damaged_record_is_named(done: Path, photos: Path, rules: RunRules, text: str) -> None:
    (done / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: not the record of a run"):
        run([photos], done, rules=rules)


def test_a_note_stands_in_the_report_and_in_the_models_cards(
    done: Path, photos: Path, rules: RunRules
) -> None:
    found = run([photos], done, rules=_with(rules, note="practice"))
    assert StageName.TRAIN in worked(found)
    card = json.loads((found.model / "card.json").read_text("utf-8"))
    said = "none is unsafe"
    assert said in card["description"]
    assert said in (found.model / "MODEL_CARD.md").read_text("utf-8")
    assert said in found.page.read_text("utf-8")
    # The cards are in English, the report in its language.
    found = run([photos], done, rules=_with(rules, note="practice", language="ko"))
    assert worked(found) == [StageName.REPORT]
    assert said not in found.page.read_text("utf-8")
