"""The report of a run as files: complete in both languages, the same each time, and closed."""

import io
import re
import shlex
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.core import TyperGroup
from typer.main import get_command

from figleaf.cli.app import app
from figleaf.labels import Language
from figleaf.practice.pictures import STAND_INS
from figleaf.report.evaluation_plots import PLOTS
from figleaf.report.run_curves import calibration, precision_recall, roc
from figleaf.report.run_facts import PRACTICE, REHEARSAL, SKIPPED, RunFacts, StageTime
from figleaf.report.run_files import run_files
from figleaf.report.run_gallery import MOST, judged
from figleaf.report.run_markdown import plain, table_of
from figleaf.report.run_notes import notes
from figleaf.report.run_page import run_page
from figleaf.report.run_sections import note, sections
from figleaf.report.run_tables import definitions
from figleaf.report.run_verdict import findings, keys, steps
from figleaf.report.tables import Table
from figleaf.report.texts import LANGUAGES, Words
from figleaf.report.thumbnails import CELLS

from ..evaluation.fakes import evaluated, guesses
from .run_samples import evaluation, run_facts
from .test_html import attributes, check_page

HOSTILE = "<b>|옷`\u202e"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def facts(root: Path) -> RunFacts:
    return run_facts(root)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> RunFacts:
    """Classes of one's own, one of them with a name that no page should take for markup."""
    folder = tmp_path_factory.mktemp("own")
    return run_facts(folder, {"dots & lines": 12, "고양이 그림": 12}, name=HOSTILE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_may_do_nothing_else(facts: RunFacts, root: Path, language: Language) -> None:
    page = run_page(facts, Words(language), beside=root / "report")
    check_page(page)
    assert f'<html lang="{language}">' in page
    assert "my &lt;run&gt;" in page
    assert str(root) not in page
    assert len(page) < 3_000_000


def test_names_are_no_markup(own: RunFacts, tmp_path: Path) -> None:
    page = run_page(own, Words("en"), beside=tmp_path)
    check_page(page)
    assert "<b>|" not in page
    assert "\u202e" not in page
    assert "dots &amp; lines" in page
    text = dict(files_of(own, "ko", tmp_path))["report.md"].decode()
    assert "<b>" not in text
    assert "\u202e" not in text


def test_nothing_but_destroyed_pictures_is_in_the_page(facts: RunFacts, root: Path) -> None:
    page = run_page(facts, Words("en"), beside=root / "report")
    images = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert len(images) == page.count('<button type="button" class="frame"') > 30
    for data in images:
        assert max(Image.open(io.BytesIO(b64decode(data))).size) <= CELLS
    linked = [value for _, name, value in attributes(page) if name == "data-file"]
    assert len(linked) == len(images)
    assert all((root / "report" / one).resolve().is_file() for one in linked)


def test_the_same_facts_give_the_same_files(facts: RunFacts, root: Path) -> None:
    first, second = (list(files_of(facts, "ko", root / "report")) for _ in range(2))
    assert first == second
    names = [name for name, _ in first]
    assert names == ["report.html", "report.md", *(f"{name}.png" for name in PLOTS)]
    assert all(data.startswith(b"\x89PNG") for name, data in first if name.endswith(".png"))


def files_of(facts: RunFacts, language: Language, beside: Path) -> Iterator[tuple[str, bytes]]:
    return run_files(facts, Words(language), beside=beside)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_of_the_report_is_there(facts: RunFacts, root: Path, language: Language) -> None:
    words = Words(language)
    page = run_page(facts, words, beside=root / "report")
    keys_of = [section.key for section in sections(facts, words)]
    assert keys_of == [
        *("explorer", "quality", "pictures", "labels", "data", "training", "time"),
        *("origins", "limits"),
    ]
    for key in keys_of:
        assert f'<section id="{key}"' in page
        assert f'href="#{key}"' in page
    for key in ("surest", "correct", "suspects", "outliers"):
        assert f'id="g-{key}"' in page
    for title in ("matrix_title", "matrix_shares_title", "run_definitions", "run_stages"):
        assert f"<caption>{words(title)}</caption>" in page
    for section in sections(facts, words):
        assert section.source or section.key in ("origins", "limits")


def test_markdown_has_the_tables_and_the_plots(facts: RunFacts, root: Path) -> None:
    text = dict(files_of(facts, "en", root / "report"))["report.md"].decode()
    assert text.startswith("# my \\<run\\>: report of a run\n")
    for name in PLOTS:
        assert f"]({name}.png)" in text
    for section in sections(facts, Words("en")):
        assert f"\n## {section.title}\n" in text
    for line in text.splitlines():
        if line.startswith("| "):
            assert line.endswith(" |")
    assert str(root) not in text


def test_a_table_in_markdown() -> None:
    table = Table("t", ("a|b", ">n"), (("<x>", "1"), ("www.a.b", "2")))
    assert table_of(table).splitlines() == [
        r"| a\|b | n |",
        "| --- | --: |",
        r"| \<x\> | 1 |",
        "| www<!-- -->.a.b | 2 |",
    ]
    assert plain("*a* http://x") == r"\*a\* http<!-- -->://x"


def test_what_is_judged_is_in_the_order_of_the_hashes(facts: RunFacts) -> None:
    one = facts.evaluation
    found = judged(one)
    assert len(found.rows) == one.images - 1  # one could not be read
    hashes = [one.data.hashes[n] for n in found.rows]
    assert hashes == sorted(hashes)
    said = {one.sha256: one.right for one in one.answers()}
    assert all(said[one.data.hashes[n]] for n in found.correct)
    wrong = found.surest_wrong
    assert len(found.correct) + len(wrong) == len(found.rows)
    sure = np.nanmax(one.scored.probabilities[wrong], axis=1)
    assert (np.diff(sure) <= 0).all()


def test_where_classes_differ_safe_and_unsafe_are_judged() -> None:
    labels = ["neutral", "porn", "drawings", "sexy"]
    shares = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]]
    one = evaluated(labels, shares, ("sfw", "nsfw"))
    assert one.classes is None
    found = judged(one)
    assert found.right.tolist() == [True, True, False, False]
    assert list(found.surest_wrong) == [2, 3]


def test_a_gallery_is_bounded_and_the_kinds_share_no_picture(
    facts: RunFacts, root: Path, tmp_path: Path
) -> None:
    data = facts.evaluation.data
    # So many mistakes that the two galleries of them are full.
    many = evaluation(data.take(np.arange(len(data)).repeat(4)), sorted(set(data.labels)), seed=8)
    page = run_page(replace(facts, evaluation=many), Words("en"), beside=root / "report")
    found = re.findall(r'<h3 id="g-(\w+)">.*?<small>(\d+) / (\d+)</small>', page)
    counts = {key: (int(shown), int(every)) for key, shown, every in found}
    assert counts["surest"][0] == counts["wrong"][0] == counts["correct"][0] == MOST
    assert counts["surest"][1] == counts["wrong"][1] + MOST


def test_the_figures_come_first_with_their_intervals(facts: RunFacts) -> None:
    found = {key.name: key for key in keys(facts, Words("en"))}
    accuracy = facts.evaluation.classes.accuracy if facts.evaluation.classes else None
    assert accuracy is not None
    assert found["accuracy"].value == f"{100 * accuracy.value:.1f}%"
    low, high = found["accuracy"].interval.split("-")
    assert float(low) < 100 * accuracy.value < float(high)
    assert found["unsafe: ROC AUC"].interval
    assert found["labels likely wrong"].value == str(len(facts.doubtful))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_stands_out_is_told(facts: RunFacts, language: Language) -> None:
    told = "\n".join(findings(facts, Words(language)))
    assert "drawings" in told
    assert str(facts.audit.estimated) in told
    assert "0.610" in told
    assert "truncated 1" in told
    quiet = replace(facts, audit=replace(facts.audit, outliers=(), overlaps=(), settled=0))
    assert len(findings(quiet, Words(language))) == len(findings(facts, Words(language))) - 3


def typed(facts: RunFacts, root: Path) -> list[str]:
    """The commands that are proposed, in their order."""
    found = steps(facts, Words("en"), beside=root / "report")
    return [line for step in found for line in step.commands]


def test_what_to_do_next_fits_what_was_found(facts: RunFacts, own: RunFacts, root: Path) -> None:
    commands = typed(facts, root)
    first = facts.doubtful[0]
    assert f"figleaf restore data {first.sha256[:12]} --label {first.suggested}" in commands
    fit = "figleaf policy fit --safe SAFE_PICTURES --model models/my-model"
    assert f"{fit} --fpr .01 --fpr .001 -o my-policy.toml" in commands
    assert not any("--apply" in line for line in commands)  # all suspects are of test
    calm = replace(own, audit=replace(own.audit, suspects=()))
    use = "figleaf classify PICTURES --model models/my-model"
    # Nothing is unsafe among classes of one's own: evaluate has nothing to say of a policy.
    assert typed(calm, own.stats.folder.parent) == [f"{use} --policy my-policy.toml", use]


def of_train(facts: RunFacts) -> RunFacts:
    """The same with suspects that the audit may relabel."""
    every = tuple(replace(one, part="train") for one in facts.audit.suspects)
    return replace(facts, audit=replace(facts.audit, suspects=every))


def test_commands_compute_as_the_run_did(facts: RunFacts, root: Path) -> None:
    rules = {**facts.training["rules"], "backbone": "resnet50_thin", "fast": True}
    origin = facts.evaluation.origin
    scaled = replace(origin, model=replace(origin.model, scaled=True))
    fast = replace(
        of_train(facts),
        training={**facts.training, "rules": rules},
        evaluation=replace(facts.evaluation, origin=scaled),
    )
    commands = typed(fast, root)
    audit = "figleaf audit data --backbone resnet50_thin --fast"
    assert {audit, f"{audit} --apply 0.8", "figleaf audit data --undo"} < set(commands)
    models = [line for line in commands if "--model" in line]
    assert len(models) == 3
    assert all("--model models/my-model --fast" in line for line in models)
    told = [section.source for section in sections(fast, Words("en"))]
    assert sum("--fast gives the same" in one for one in told) == 4
    slow = [section.source for section in sections(facts, Words("en"))]
    assert not any("--fast" in one for one in slow)


def test_classes_that_no_policy_knows_are_not_called_safe(facts: RunFacts, own: RunFacts) -> None:
    words = Words("en")
    assert {row[2] for row in definitions(own, words).rows} == {"not named in it"}
    found = {row[0]: row[2] for row in definitions(facts, words).rows}
    assert (found["neutral"], found["porn"]) == ("safe", "unsafe")


@pytest.mark.parametrize("language", LANGUAGES)
def test_stand_ins_are_named(facts: RunFacts, language: Language) -> None:
    practice, words = replace(facts, note=PRACTICE), Words(language)
    assert all(f"({name})" in note(practice, words) for name in STAND_INS)
    assert definitions(practice, words).note.startswith(words("run_stand_ins"))
    assert words("run_stand_ins") not in definitions(facts, words).note


def test_what_to_type_is_there(facts: RunFacts, root: Path) -> None:
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    lines = typed(of_train(facts), root)
    assert len(lines) > 6
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "figleaf"
        found: Any = command
        while isinstance(found, TyperGroup):
            found = found.commands[words.pop(0)]
        options = {name for one in found.params for name in one.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_relabelled_images_are_in_doubt_no_more(facts: RunFacts) -> None:
    every = tuple(replace(one, relabelled=True) for one in facts.audit.suspects)
    done = replace(facts, audit=replace(facts.audit, suspects=every, standing=len(every)))
    assert done.doubtful == ()
    found = {key.name: key.value for key in keys(done, Words("en"))}
    assert found["labels likely wrong"] == "0"
    assert Words("en")("run_no_suspects") in {
        t for s in sections(done, Words("en")) for t in s.texts
    }
    assert f"no person: {len(every)}." in "".join(findings(done, Words("en")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_notes_are_those_of_the_evaluation(facts: RunFacts, language: Language) -> None:
    true, shares = guesses(5, 60)
    names = ("drawings", "hentai", "neutral", "porn", "sexy")
    some = [
        facts.evaluation,
        evaluated([names[n] for n in true], shares.tolist()),
        evaluated(["neutral"] * 60, shares.tolist()),
        evaluated(["porn"] * 60, shares.tolist(), parts=("train",) * 60),
        evaluated(["a", "b"] * 3, [[0.5, 0.5]] * 6, ("a", "b")),
        evaluated(["neutral", "mine"], [[0.5, 0.5]] * 2, ("sfw", "nsfw")),
    ]
    for one in some:
        assert len(notes(one, Words(language))) == len(one.notes)
    assert sum(len(one.notes) for one in some) > 10


def test_what_was_skipped_and_what_stands_in_is_said(facts: RunFacts, root: Path) -> None:
    words = Words("en")
    first = replace(facts.stages[0], outcome=SKIPPED)
    stages = (first, *facts.stages[1:], StageTime("a stage to come", "done", 1.0))
    page = run_page(replace(facts, stages=stages, note=REHEARSAL), words, beside=root / "report")
    assert "unchanged, skipped" in page
    assert "a stage to come" in page
    assert words("run_note_rehearsal") in page
    assert "3 h 30" not in page  # 86 images are no large job


def test_a_large_job_is_set_beside_the_reported_one(facts: RunFacts) -> None:
    timing = facts.training["timing"] | {"computed": 50_000, "features": 2_000.0}
    classes = {"neutral": {"train": 40_000, "test": 10_000}}
    large = replace(facts, training={**facts.training, "timing": timing, "classes": classes})
    told = "\n".join(text for one in sections(large, Words("en")) for text in one.texts)
    assert "3 h 30 min" in told
    assert "25.0 a second" in told


def test_of_many_classes_the_page_stays_small(facts: RunFacts, root: Path) -> None:
    data = facts.evaluation.data
    names = [f"class {n}" for n in range(159)]
    relabelled = replace(data, labels=tuple(names[n] for n in range(len(data))))
    many = evaluation(relabelled, names)
    page = run_page(replace(facts, evaluation=many), Words("en"), beside=root / "report")
    check_page(page)
    assert len(page) < 2_000_000
    assert Words("en")("matrix_title") not in page
    assert Words("en")("run_pairs") in page


def test_curves_are_short_and_closed() -> None:
    true, shares = guesses(5, 5_000)
    names = ("drawings", "hentai", "neutral", "porn", "sexy")
    one = evaluated([names[n] for n in true], shares.tolist())
    for plot in (roc(one, Words("ko")), precision_recall(one, Words("ko"))):
        assert len(plot.svg) < 25_000
        assert len(plot.legend) == 6
        assert "style" not in plot.svg
    last = re.findall(r'points="([^"]+)"', roc(one, Words("en")).svg)[-1].split()
    assert (last[0], last[-1]) == ("46.0,332.0", "366.0,12.0")  # from (0, 0) to (1, 1)
    assert calibration(one, Words("en")).svg.count("<circle") > 3
