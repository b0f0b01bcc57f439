"""What strangers may have put where the command looks."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from figleaf.cli.app import app
from figleaf.errors import BundleError
from figleaf.models.bundle import find_bundle

SMALL = ["--model", "mobilenet_v2"]
ODD = "\x1b[31m\x9b2J\u202e[/markup][red]:smile:\n"
Shell = Callable[..., subprocess.CompletedProcess[bytes]]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


def statuses(*words: object) -> dict[str, str]:
    result = run("classify", *words, "-f", "jsonl", *SMALL)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return {os.path.basename(record["input"]): record["status"] for record in found}  # noqa: PTH119


def harmless(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[..., Path]:
    """Makes a bundle of mobilenet_v2 with other things in its card."""

    def make(**changes: Any) -> Path:
        folder = tmp_path / "bundle"
        shutil.copytree(find_bundle("mobilenet_v2"), folder)
        card = json.loads((folder / "card.json").read_text("utf-8"))
        (folder / "card.json").write_text(json.dumps(card | changes), "utf-8")
        return folder

    return make


def test_a_card_cannot_steer_the_terminal(bundle: Callable[..., Path]) -> None:
    alarms = [{"pictures": ODD, "count": 3, "unsafe_over": {ODD: 0.5}}]
    folder = bundle(description=ODD, license=ODD, false_alarms=alarms)
    result = run("models", folder)
    assert result.exit_code == 0
    assert harmless(result.stdout)
    assert "[/markup][red]:smile:\\n" in result.stdout
    assert json.loads(run("models", folder, "--json").stdout)[0]["license"] == ODD


def test_a_bundle_without_its_graph(bundle: Callable[..., Path]) -> None:
    folder = bundle()
    (folder / "model.onnx").unlink()
    result = run("models", folder)
    assert isinstance(result.exception, BundleError)
    assert "model.onnx: No such file" in str(result.exception)


def test_a_policy_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    odd = json.dumps("\x1b[31m[/markup]")
    path.write_text(
        f'format = 1\nname = {odd}\nversion = 1\ndescription = ""\nunreadable = "review"\n'
        f'[sums.unsafe]\nclasses = [{odd}, "porn"]\nblock = 0.5\n[sums.{odd}]\nclasses = ["sexy"]\n'
        "block = 0.5\n"
    )
    result = run("policies", path)
    assert result.exit_code == 0
    assert harmless(result.stdout)
    assert harmless(result.stderr)


def test_an_error_stays_one_line_that_cannot_steer_the_terminal(shell: Shell) -> None:
    done = shell("figleaf classify . --list $'no\\e[31m\\nlist' $small")
    assert done.returncode == 2
    assert done.stderr.startswith(b"figleaf: no\\x1b[31m\\nlist: No such file")
    assert len(done.stderr.splitlines()) == 1


def test_links_in_circles(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "gone").symlink_to("nowhere")
    expected = {
        "astronaut.png": "ok",
        "coffee.png": "ok",
        "gone": "not_found",
        "rocket.jpg": "ok",
        "self": "unreadable",
    }
    assert statuses(folder, "-r") == expected
    assert statuses(folder / "**") == expected


@pytest.fixture
def deep(folder: Path) -> Iterator[Path]:
    """A folder 1,100 levels deep, with a photo at its end."""
    start = os.open(".", os.O_RDONLY)
    photo = (folder / "coffee.png").read_bytes()
    os.chdir(folder)
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    Path("end.png").write_bytes(photo)
    os.fchdir(start)
    os.close(start)
    yield folder
    # shutil.rmtree, and so pytest, would go as deep in calls.
    subprocess.run(["rm", "-r", str(folder / "d")], check=True)


def test_a_deep_tree(deep: Path) -> None:
    expected = {"astronaut.png": "ok", "coffee.png": "ok", "rocket.jpg": "ok", "end.png": "ok"}
    assert statuses(deep, "-r") == expected
    assert statuses(deep / "**") == expected


def test_a_pipe_among_the_inputs_does_not_hang(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    expected = {"astronaut.png": "ok", "coffee.png": "ok", "pipe.png": "unreadable"}
    assert statuses(folder) == expected
    assert statuses(folder / "*.png") == expected
    assert statuses(folder / "pipe.png") == {"pipe.png": "unreadable"}


NAMES = ["-x.png", "--help.png", "a b.png", "*.png", "[z].png", "~", "é\n'\".png", "\x1b[2J"]


@pytest.mark.parametrize("name", NAMES)
def test_unusual_names(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / "coffee.png").read_bytes())
    assert statuses(folder / name)[name] == "ok"
    assert statuses(folder)[name] == "ok"
    assert harmless(run("classify", folder, *SMALL).stdout)


def test_a_name_that_begins_with_a_dash_comes_after_two(shell: Shell) -> None:
    assert shell("cp coffee.png -- -x.png; figleaf classify $small -- -x.png").returncode == 0
