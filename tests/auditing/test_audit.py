"""Auditing, end to end: what was planted is found, and corrections are events."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import figleaf
from figleaf.auditing.audit import FAR_FROM_ALL, WRONG_LABEL, audit, undo
from figleaf.auditing.report import AuditReport
from figleaf.auditing.rules import AuditRules
from figleaf.curate.stats import stats
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, InputError
from figleaf.training.material import read_material

from ..sources.collecting import collected
from .conftest import WRONG
from .samples import classes, data_set, names, parts, right, tinted, written


@pytest.fixture(scope="module")
def audited(
    made_data: Path, small: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, AuditReport]:
    """A data set, and what an audit said of it."""
    import shutil

    folder = Path(shutil.copytree(made_data, tmp_path_factory.mktemp("audited") / "data"))
    return folder, audit(folder, rules=AuditRules(backbone=small))


def labels(folder: Path) -> list[tuple[str, str | None, str | None]]:
    """Every label event that collecting did not write: who, from, to."""
    with Ledger(folder) as ledger:
        query = "SELECT who, before, after FROM labels WHERE who != 'collect' ORDER BY id"
        return ledger.read(query)


def test_planted_labels_are_the_first_suspects(audited: tuple[Path, AuditReport]) -> None:
    folder, found = audited
    known = names(folder)
    planted = [one for one in found.suspects if known[one.sha256].startswith("wrong")]
    assert len(planted) == WRONG
    assert {(one.label, one.suggested) for one in planted} == {("grün", "blau")}
    first = {known[one.sha256] for one in found.suspects[: WRONG + 2]}
    assert {name for name in first if name.startswith("wrong")} == {
        f"wrong{n}.jpg" for n in range(WRONG)
    }
    assert sum(one.listed for one in planted) >= WRONG // 2
    doubts = [one.doubt for one in found.suspects]
    assert doubts == sorted(doubts, reverse=True)
    for one in found.suspects:
        assert one.doubt == pytest.approx((1 - (one.given - one.chance)) / 2, abs=2e-6)
        assert Path(one.path).is_file()


def test_strangers_are_the_first_outliers(audited: tuple[Path, AuditReport]) -> None:
    folder, found = audited
    known = names(folder)
    assert {known[one.sha256] for one in found.outliers[:2]} == {"stranger0.jpg", "stranger1.jpg"}
    assert len(found.outliers) < 10
    assert found.outliers[0].distance >= found.outliers[1].distance > 3


def test_what_the_report_says_of_the_whole(audited: tuple[Path, AuditReport]) -> None:
    folder, found = audited
    placed = parts(folder)
    assert found.images == len(placed) == sum(map(sum, found.joint))
    assert found.classes == ("blau", "grün", "붉은")
    given = [sum(row[column] for row in found.joint) for column in range(3)]
    counts = [sum(label == one for label in classes(folder).values()) for one in found.classes]
    assert given == counts
    assert found.estimated == sum(given) - sum(found.joint[one][one] for one in range(3))
    assert (found.unreadable, found.left_out, found.applied, found.settled) == (0, 0, 0, 0)
    assert found.hardest
    assert {found.hardest.one, found.hardest.other} == {"blau", "grün"}
    assert found.overlaps == ()
    known = names(folder)
    told = [(one.sha256, one.part) for one in found.suspects]
    told += [(one.sha256, one.part) for one in found.outliers]
    assert told
    assert all(placed[known[sha256]] == part for sha256, part in told)
    assert AuditReport.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_doubts_wait_for_a_person_and_labels_stay(audited: tuple[Path, AuditReport]) -> None:
    folder, found = audited
    with Ledger(folder) as ledger:
        rows = ledger.read("SELECT who, kind, count(*) FROM doubts GROUP BY 1, 2 ORDER BY 1")
    assert rows == [
        ("audit", WRONG_LABEL, found.listed),
        ("outliers", FAR_FROM_ALL, len(found.outliers)),
    ]
    assert [(one.who, one.images) for one in stats(folder).doubts] == [
        ("audit", found.listed),
        ("outliers", len(found.outliers)),
    ]
    assert labels(folder) == []


def test_the_same_audit_gives_the_same_report(
    audited: tuple[Path, AuditReport], small: str
) -> None:
    folder, found = audited
    assert audit(folder, rules=AuditRules(backbone=small)) == found


def test_corrections_are_events_and_can_be_taken_back(data: Path, small: str) -> None:
    before = classes(data)
    found = audit(data, rules=AuditRules(backbone=small, apply=0.6))
    moved = [one for one in found.suspects if one.relabelled]
    known, after = names(data), classes(data)
    assert found.applied == len(moved) > 0
    assert all(one.doubt >= 0.6 and one.part != "test" for one in moved)
    expected = before | {known[one.sha256]: one.suggested for one in moved}
    assert after == expected
    assert len(labels(data)) == found.applied
    assert {who for who, _, _ in labels(data)} == {"audit"}
    assert found.standing == found.applied

    again = audit(data, rules=AuditRules(backbone=small))
    assert (again.applied, again.standing) == (0, found.applied)
    assert undo(data) == found.applied
    assert classes(data) == before
    assert undo(data) == 0
    assert len(labels(data)) == 2 * found.applied


def test_nothing_of_test_is_relabelled_and_its_suspects_are_told(data: Path, small: str) -> None:
    found = audit(data, rules=AuditRules(backbone=small, apply=0.5))
    of_test = [one for one in found.suspects if one.part == "test" and one.doubt > 0.5]
    assert of_test
    assert not any(one.relabelled for one in of_test)


def test_what_a_person_has_said_is_neither_doubted_nor_changed(data: Path, small: str) -> None:
    rules = AuditRules(backbone=small, apply=0.5)
    first = audit(data, rules=AuditRules(backbone=small))
    wrong = [one for one in first.suspects if one.part != "test"][:3]
    far = first.outliers[0].sha256
    figleaf.restore(data, [far], who="kim")  # right as it is
    for one in (wrong[0], wrong[2]):
        figleaf.restore(data, [one.sha256], label="grün", who="kim")
    figleaf.restore(data, [wrong[1].sha256], label="붉은", who="kim")
    found = audit(data, rules=rules)
    said = {far, *(one.sha256 for one in wrong)}
    assert not said & {one.sha256 for one in found.suspects}
    assert far not in {one.sha256 for one in found.outliers}
    assert found.settled >= 1
    known, after = names(data), classes(data)
    assert after[known[wrong[0].sha256]] == "grün"
    assert after[known[wrong[1].sha256]] == "붉은"
    undo(data)
    assert classes(data)[known[wrong[1].sha256]] == "붉은"


def test_a_person_after_an_audit_is_not_taken_back(data: Path, small: str) -> None:
    found = audit(data, rules=AuditRules(backbone=small, apply=0.6))
    moved = [one for one in found.suspects if one.relabelled]
    figleaf.restore(data, [moved[0].sha256], label="붉은", who="kim")
    assert undo(data) == len(moved) - 1
    assert classes(data)[names(data)[moved[0].sha256]] == "붉은"


def test_a_correction_stays_when_the_same_sources_are_collected_again(
    data: Path, small: str, made_data: Path
) -> None:
    audit(data, rules=AuditRules(backbone=small, apply=0.6))
    corrected = classes(data)
    collected(made_data.parent / "source", data)
    assert classes(data) == corrected


def test_a_new_word_of_the_lists_overrules_a_correction(tmp_path: Path, small: str) -> None:
    files = right(30) | {"grün/wrong.jpg": tinted("blau", 900)}
    folder = data_set(tmp_path, files, test=0.0)
    found = audit(folder, rules=AuditRules(backbone=small, apply=0.5))
    known = names(folder)
    assert "wrong.jpg" in {known[one.sha256] for one in found.suspects if one.relabelled}
    # Another source has it under a third class: its lists disagree by now.
    again = {"붉은/wrong.jpg": tinted("blau", 900)}
    collected(written(tmp_path / "other", again), folder)
    assert classes(folder)["wrong.jpg"] is None


def test_a_class_is_not_emptied(tmp_path: Path, small: str) -> None:
    """All of one class is another: by the model nothing would be left of it."""
    files = right(20) | {f"gelb/{n}.jpg": tinted("blau", 700 + n) for n in range(4)}
    folder = data_set(tmp_path, files, test=0.0)
    found = audit(folder, rules=AuditRules(backbone=small, apply=0.5))
    assert found.spared == ("gelb",)
    assert sum(label == "gelb" for label in classes(folder).values()) >= 4


def test_an_image_that_is_alone_in_its_class_is_not_judged(tmp_path: Path, small: str) -> None:
    files = right(15) | {"gelb/one.jpg": tinted("blau", 700)}
    folder = data_set(tmp_path, files, test=0.0)
    found = audit(folder, rules=AuditRules(backbone=small, apply=0.5))
    assert "one.jpg" not in {names(folder)[one.sha256] for one in found.suspects}
    assert classes(folder)["one.jpg"] == "gelb"
    assert found.joint[found.classes.index("gelb")][found.classes.index("gelb")] == 1


def test_images_without_a_file_are_counted(data: Path, small: str) -> None:
    with Ledger(data) as ledger:
        files = read_material(ledger).parts
    path = next(path for examples in files.values() for path in examples.paths)
    path.unlink()
    assert audit(data, rules=AuditRules(backbone=small)).unreadable == 1


def test_a_data_set_without_a_split_is_refused(tmp_path: Path) -> None:
    collected(written(tmp_path / "source", right(3)), tmp_path / "data")
    with pytest.raises(DatasetError, match="figleaf split"):
        audit(tmp_path / "data")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"folds": 1}, "folds must be in 2..100"),
        ({"apply": 0.4}, "apply must be a doubt in 0.5..1, not 0.4"),
        ({"apply": 1.1}, "apply must be a doubt"),
        ({"backbone": "auto"}, "name the one that it chose"),
        ({"backbone": ""}, "backbone is empty"),
        ({"class_weights": "some"}, "class_weights must be one of"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_rules_that_make_no_sense(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AuditRules(**values)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("seconds", [0.8, 1.4])
def test_killed_and_started_again(data: Path, small: str, seconds: float) -> None:
    """Whenever it is killed, labels and doubts are those of before or those of after."""
    before = classes(data)
    code = (
        "import sys, figleaf\n"
        "rules = figleaf.AuditRules(backbone=sys.argv[2], apply=0.6)\n"
        "print('ready', flush=True)\n"
        "figleaf.audit(sys.argv[1], rules=rules)\n"
    )
    words = [sys.executable, "-c", code, str(data), small]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    with Ledger(data) as ledger:
        ((doubts,),) = ledger.read("SELECT count(*) FROM doubts")
    assert (classes(data) == before) == (doubts == 0)
    undo(data)
    assert audit(data, rules=AuditRules(backbone=small, apply=0.6)).applied > 0
