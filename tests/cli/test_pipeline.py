"""`figleaf run` and `figleaf init`, as they are typed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from figleaf.cli.app import app
from figleaf.cli.phases import Phases
from figleaf.cli.pipeline import Stages
from figleaf.pipeline.config import read_config
from figleaf.pipeline.rules import StageName
from figleaf.pipeline.run import StageRun

from ..training.samples import KINDS, described, source


def typed(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "figleaf", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, and with a run of them that is done."""
    folder = tmp_path_factory.mktemp("here")
    source(folder / "photos", dict.fromkeys(KINDS, 25))
    described(folder, "net")
    assert typed("init", "--source", "photos", "--out", "my run", cwd=folder).returncode == 0
    text = (folder / "figleaf.toml").read_text("utf-8")
    text = text.replace('"resnet50_thin+efficientnet_lite0"', '"net.toml"')
    text = text.replace("[audit]", '[audit]\nbackbone = "net.toml"').replace(
        "off = false", "off = true"
    )
    (folder / "figleaf.toml").write_text(text, "utf-8")
    done = typed("run", "figleaf.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stderr, "utf-8")
    (folder / "printed.txt").write_text(done.stdout, "utf-8")
    return folder


def test_a_line_for_each_stage_and_where_everything_is(here: Path) -> None:
    said = (here / "said.txt").read_text("utf-8")
    for name in StageName:
        assert (f"\n{name} " in f"\n{said}") == (name is not StageName.SCREEN), name
    assert "75 of 75 images in use" in said
    assert "report.html" in (here / "printed.txt").read_text("utf-8")
    assert (here / "my run" / "report" / "report.html").is_file()


def test_the_second_time_nothing_is_done(here: Path) -> None:
    done = typed("run", "figleaf.toml", "--json", "--quiet", cwd=here)
    assert done.returncode == 0
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert [stage["name"] for stage in found["stages"] if not stage["skipped"]] == []
    assert Path(found["page"]) == Path("my run", "report", "report.html")


def test_the_command_line_goes_before_the_file(here: Path) -> None:
    done = typed("run", "figleaf.toml", "--lang", "ko", "--json", cwd=here)
    assert done.returncode == 0
    worked = [one["name"] for one in json.loads(done.stdout)["stages"] if not one["skipped"]]
    assert worked == ["report"]
    assert '<html lang="ko">' in (here / "my run" / "report" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "photos"], "--out DIR says where the run is to be"),
        (["run", "gone.toml"], "figleaf init makes one"),
        (["run", "gone", "--out", "new"], "gone"),
        (["run", "photos", "--out", "photos"], "is no run's"),
        (["run", "photos", "--out", "new", "--apply", "0.2"], "--apply must be a doubt"),
        (["init", "figleaf.toml"], "--overwrite"),
        (["init", "figleaf.txt"], "ends in .toml"),
        (["init", "gone/figleaf.toml"], "there is no folder"),
        (["init", "new.toml", "--source", ""], "an empty name"),
    ],
)
def test_wrong_use_is_one_line(here: Path, arguments: list[str], message: str) -> None:
    done = typed(*arguments, cwd=here)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (here / "new").exists()


def test_a_file_to_start_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    found = CliRunner().invoke(app, ["init"])
    assert found.exit_code == 0
    config = read_config("figleaf.toml")
    assert config.sources == ("photos",)
    assert config.out == Path("my-run")


def test_what_is_typed_here_is_found_from_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "other", "conf"):
        (tmp_path / name).mkdir()
    typed = ["init", "conf/a.toml", "--source", "photos", "--source", "neutral=other"]
    assert CliRunner().invoke(app, [*typed, "--out", "run"]).exit_code == 0
    config = read_config("conf/a.toml")
    assert config.sources == ("conf/../photos", "neutral=conf/../other")
    assert config.out == Path("conf/../run")


def test_a_stage_that_is_skipped_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with Phases(shown=True) as phases:
        stages = Stages(phases, shown=True)
        stages.begins(StageName.SPLIT)
        figures = {"parts": {"train": 85, "validation": 0, "test": 15}, "left_out": 2}
        stages.ends(StageRun(StageName.SPLIT, True, 1.0, figures))
    line = capsys.readouterr().err.strip()
    assert line.split() == ["split", "skipped", "train", "85,", "test", "15;", "left", "out:", "2"]
