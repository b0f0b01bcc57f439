"""`figleaf quickstart`: what it refuses, and what it says at the end."""

from pathlib import Path

import pytest

from figleaf.cli import quickstart as command
from figleaf.pipeline.run import RunReport
from figleaf.practice.listing import Recipe, listed
from figleaf.practice.quickstart import DEFAULT_OUT, Quickstart
from figleaf.practice.truth import Surprise

from .conftest import Shell


def _found(out: Path, *, surprised: int = 0) -> Quickstart:
    run = out / "practice"
    report = RunReport(
        run, run / "data", run / "models" / "practice", run / "report.html", run / "run.json", ()
    )
    listing = listed(Recipe({"porn": 8}))
    wrong = tuple(Surprise(one, "in use", "lost: gone") for one in listing.entries[:surprised])
    return Quickstart(report, listing, wrong, mislabelled=16, looked_at=32, found=15)


def test_the_end_says_where_the_report_is_and_what_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.show(_found(tmp_path))
    shown = capsys.readouterr()
    assert "report.html" in shown.out
    assert (tmp_path / "practice" / "report.html").as_uri() in shown.err
    assert "all 8 URLs came to the end that was planted" in shown.err
    assert "16 wrong labels; 15 of them are among the 32 that the audit doubts" in shown.err
    assert "marbles stand in for porn" in shown.err
    assert "figleaf run" in shown.err


def test_what_came_out_otherwise_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.show(_found(tmp_path, surprised=7))
    shown = capsys.readouterr().err
    assert "7 of 8 URLs came to another end" in shown
    assert shown.count("in use was planted, lost: gone came of it") == 5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("figleaf quickstart ''", "OUT is empty"),
        ("figleaf quickstart .", "no quickstart's; name a new folder"),
        ("figleaf quickstart rocket.jpg", "no quickstart's; name a new folder"),
        ("mkdir q && echo '{}' > q/practice.json && figleaf quickstart q", "not as it was written"),
        ("figleaf quickstart q --lang fr", "fr"),
        ("figleaf quickstart q --seed -1", "seed"),
    ],
)
def test_what_it_refuses(shell: Shell, folder: Path, line: str, message: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    done = shell(f"cp sub/rocket.jpg . && {line}")
    assert done.returncode == 2
    assert message in " ".join(done.stderr.decode().split())
    assert sorted({path.name for path in folder.iterdir()} - {"rocket.jpg", "q"}) == before


def test_the_default_folder_is_the_librarys() -> None:
    assert command.DEFAULT_OUT == DEFAULT_OUT
