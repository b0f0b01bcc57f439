"""`figleaf export web` as people run it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from figleaf.errors import PageError
from figleaf.web.assets import find_assets

COMMAND = [sys.executable, "-m", "figleaf", "export", "web"]


@pytest.fixture
def whole() -> None:
    try:
        find_assets()
    except PageError as error:
        pytest.skip(str(error))


def export(*words: object) -> tuple[int, str, str]:
    """The exit code, standard output and standard error."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.usefixtures("whole")
def test_the_models_and_how_it_is_hosted(tmp_path: Path) -> None:
    out = tmp_path / "my site"
    code, said, hints = export(out, "-m", "mobilenet_v2", "-m", "resnet50_thin", "-p", "strict")
    assert code == 0
    assert [line.split() for line in said.splitlines()] == [
        ["model", "size", "policy"],
        ["mobilenet_v2", "2.73", "MB", "strict"],
        ["resnet50_thin", "12.7", "MB", "strict"],
    ]
    assert "Cross-Origin-Embedder-Policy: require-corp" in hints
    assert f"-d '{out}'" in hints
    assert (out / "index.html").is_file()
    assert (out / "_headers").is_file()


@pytest.mark.usefixtures("whole")
def test_json_and_nothing_else(tmp_path: Path) -> None:
    code, said, hints = export(tmp_path / "site", "-m", "mobilenet_v2", "--json", "--quiet")
    assert (code, hints) == (0, "")
    made = json.loads(said)
    assert made["folder"] == str(tmp_path / "site")
    assert [model["name"] for model in made["models"]] == ["mobilenet_v2"]
    paths = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert made["files"] == len(paths)
    assert made["size"] == sum(path.stat().st_size for path in paths)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-m", "efficientnet_lite0"], "has no classes"),
        (["-m", "nothing"], "no model 'nothing'"),
        (["-p", "nothing"], "no policy 'nothing'"),
        (["-m", "mobilenet_v2", "-m", "mobilenet_v2"], "two models are called mobilenet_v2"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(
    tmp_path: Path, words: list[str], said: str
) -> None:
    code, out, hints = export(tmp_path / "site", *words)
    assert (code, out) == (2, "")
    assert hints.startswith("figleaf: ")
    assert said in hints
    assert hints.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_and_one_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    code, _, hints = export(tmp_path)
    assert code == 2
    assert "something in it" in hints
    assert export("")[0] == 2


@pytest.mark.usefixtures("whole")
def test_killed_it_leaves_nothing_under_the_name_and_begins_anew(tmp_path: Path) -> None:
    out = tmp_path / "site"
    for _ in range(3):
        process = subprocess.Popen(
            [*COMMAND, str(out), "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 20
        while not list(tmp_path.iterdir()) and time.monotonic() < until:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not out.exists():
            break
    if not out.exists():  # else it was faster than this test
        assert export(out, "-m", "mobilenet_v2", "--quiet")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
