"""A worker runs nothing that lies about in the current folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import figleaf
from figleaf.images import inherit

from .workers import jpeg

pytestmark = pytest.mark.skipif(os.name != "posix", reason="isolation is POSIX only")

# What a worker imports: the standard library's, its dependencies, and what those look for.
NAMES = ("json", "socket", "numpy", "pickle", "resource", "defusedxml", "figleaf", "sitecustomize")
SOURCE = Path(__file__).parents[2] / "src"

CAREFUL = """
import sys
from figleaf.images import decode
from figleaf.images.isolate import IsolatedPool
{change}
with IsolatedPool(decode, workers=1, deadline=30) as isolated:
    print(isolated(open("upload.jpg", "rb").read()).width)
"""


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """A folder of uploads, some of which leave a marker when they are imported."""
    (tmp_path / "upload.jpg").write_bytes(jpeg())
    for name in NAMES:
        marker = tmp_path / f"{name}.ran"
        (tmp_path / f"{name}.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    return tmp_path


def run(*command: str, cwd: Path, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "change",
    [
        "",
        "sys.path.insert(0, '')",  # as -c, standard input and the prompt have it
        "sys.path.insert(0, '.')",
        "import os; sys.path.insert(0, os.getcwd())",  # as -m has it
        "sys.path.append('')",
        "import os; os.environ['PYTHONPATH'] = ''",
        "import os; os.environ['PYTHONPATH'] = ':/nowhere'",
    ],
)
def test_a_worker_runs_no_upload(uploads: Path, change: str) -> None:
    program = CAREFUL.format(change=change)
    assert run(sys.executable, "-P", "-c", program, cwd=uploads) == "64\n"
    assert not list(uploads.glob("*.ran"))


def test_the_command_runs_no_upload(uploads: Path) -> None:
    command = Path(sysconfig.get_path("scripts")) / "figleaf"
    if not command.exists():
        pytest.skip("figleaf is not installed here")
    run(str(command), "classify", "--deadline", "30", "upload.jpg", cwd=uploads)
    assert not list(uploads.glob("*.ran"))


def test_a_function_of_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def length(data): return len(data)\n")
    (tmp_path / "json.py").write_text("raise SystemExit('json.py of the current folder')\n")
    program = (
        "from figleaf.images.isolate import IsolatedPool\n"
        "import sys; sys.path.insert(0, ''); import mine\n"
        "with IsolatedPool(mine.length, workers=1, deadline=30) as isolated:\n"
        "    print(isolated(b'four'))\n"
    )
    assert run(sys.executable, "-P", "-c", program, cwd=tmp_path) == "4\n"


def test_figleaf_in_the_current_folder() -> None:
    program = (
        "import sys; sys.path.insert(0, '')\n"
        "from figleaf.images import decode\n"
        "from figleaf.images.isolate import IsolatedPool\n"
        "IsolatedPool(decode, workers=1, deadline=30).close()\n"
    )
    run(sys.executable, "-P", "-c", program, cwd=SOURCE)


@pytest.mark.parametrize("entry", ["", ".", "LINK", "CURRENT"])
def test_the_current_folder_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    current, link = tmp_path / "current", tmp_path / "link"
    current.mkdir()
    link.symlink_to(current)
    monkeypatch.chdir(current)
    entry = {"LINK": str(link), "CURRENT": str(current)}.get(entry, entry)
    monkeypatch.setattr(sys, "path", [entry, "/elsewhere", "relative"])
    relative = str(current / "relative")
    assert inherit.import_path(set()) == ["/elsewhere", relative]
    assert inherit.import_path({None, str(current)}) == ["/elsewhere", relative, str(current)]


def test_standing_in_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sysconfig.get_path("stdlib"))
    assert sysconfig.get_path("stdlib") in inherit.import_path(set())


def test_standing_in_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "path", ["", "/elsewhere"])
    assert inherit.import_path(set()) == ["/elsewhere"]


def test_homes_of_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_init").mkdir()
    (tmp_path / "no_init" / "functions.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("no_init.functions")
    assert inherit.home("no_init.functions") == str(tmp_path)
    assert inherit.home("figleaf") == inherit.home("figleaf.images.decode")
    assert inherit.home("figleaf") == str(Path(figleaf.__file__).parents[1])
    assert [inherit.home(name) for name in ("sys", "no_such_module", None)] == [None] * 3
