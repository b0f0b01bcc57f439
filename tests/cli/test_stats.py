"""`figleaf stats`: tables, JSON, a page, and what goes wrong."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from ..report.datasets import CLASSES, HOSTILE, data_set
from .conftest import Shell

ROOT = Path(__file__).parents[2]
COLLECT = "figleaf collect neutral=. --out ../set --quiet >/dev/null; "


def written(done: object) -> str:
    return bytes(done.stdout).decode()  # type: ignore[attr-defined]  # of a finished process


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set(tmp_path_factory.mktemp("of-stats") / "set")


def test_the_tables_are_printed(shell: Shell, data: Path) -> None:
    done = shell(f"figleaf stats {data}")
    assert done.returncode == 0
    assert not done.stderr
    assert re.match("class +images +share +size +median size +set aside\n", written(done))
    assert re.search(r"^neutral +4 +33\.3% .* 96x64 +12$", written(done), re.MULTILINE)
    assert re.search(r"^in all +12 +100\.0% ", written(done), re.MULTILINE)
    assert re.search(r"^not_an_image +failed +1 +4\.0%", written(done), re.MULTILINE)
    assert HOSTILE.partition(" ")[0] in written(done)  # cells wrap


def test_korean_is_spoken(shell: Shell, data: Path) -> None:
    assert written(shell(f"figleaf stats {data} --language ko")).startswith("클래스")
    assert shell(f"figleaf stats {data} --language fr").returncode == 2


def test_what_could_steer_a_terminal_is_escaped(shell: Shell, tmp_path: Path) -> None:
    data_set(tmp_path / "set", ["\x1b[2Jred\u202e"], 1, aside=False)
    done = shell("figleaf stats ../set --html ../page.html")
    assert r"\x1b[2Jred\u202e" in written(done)
    assert b"\x1b" not in done.stdout
    page = (tmp_path / "page.html").read_text("utf-8")
    assert r"\x1b[2Jred\u202e" in page
    assert not re.search("[\x1b\u202e]", page)


def test_json_has_the_same_figures(shell: Shell, data: Path) -> None:
    found = json.loads(shell(f"figleaf stats {data} --json").stdout)
    assert [one["label"] for one in found["classes"]] == sorted(CLASSES)
    assert found["folder"] == str(data)
    assert sum(one["images"] for one in found["set_aside"]) == 12


def test_a_page_is_written_beside_the_tables(shell: Shell, data: Path, tmp_path: Path) -> None:
    done = shell(f"figleaf stats {data} --html ../page.html --samples 1 --language ko")
    assert done.returncode == 0
    assert done.stderr == b"../page.html: keep it as private as the data set\n"
    assert written(done).startswith("클래스")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert '<html lang="ko">' in page
    assert page.count("<button") == 3 + 9
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("figleaf stats nowhere", "nowhere: no data set here; figleaf collect makes one"),
        ("figleaf stats ''", "DIR is empty: name a data set's folder"),
        ("figleaf stats {} --html page", "page: give --html a name that ends in .html"),
        ("figleaf stats {} --html {}/figleaf.db", "figleaf.db: give --html a name that ends in"),
        ("figleaf stats {} --html gone/page.html", "give --html a file that can be written"),
    ],
)
def test_misuse_is_one_line(shell: Shell, data: Path, line: str, message: str) -> None:
    done = shell(line.format(*[shlex.quote(str(data))] * 2))
    assert done.returncode == 2
    assert not done.stdout
    (told,) = done.stderr.decode().splitlines()
    assert told.startswith("figleaf: ")
    assert message in told


WITHOUT = "import sys; sys.modules.update(matplotlib=None, jinja2=None); sys.argv[0] = 'figleaf'; "
MAIN = "from figleaf.cli import main; main()"


def test_only_the_page_needs_the_extra(shell: Shell, data: Path, tmp_path: Path) -> None:
    start = f"{sys.executable} -c {shlex.quote(WITHOUT + MAIN)} stats {data}"
    assert b"neutral" in shell(start).stdout
    done = shell(f"{start} --html ../page.html")
    assert done.returncode == 2
    assert not done.stdout
    needs = "figleaf: a page of statistics needs an extra: pip install 'figleaf[report]'\n"
    assert done.stderr.decode() == needs
    assert not (tmp_path / "page.html").exists()


def test_the_tables_of_the_documentation_are_what_is_printed(shell: Shell) -> None:
    page = (ROOT / "docs/stats.md").read_text("utf-8")
    command, shown = re.findall(r"```text\n\$ (figleaf stats .*?)\n(.*?)```", page, re.DOTALL)[0]
    done = shell(f"{COLLECT}cd ..; mv set my-data; {command}", COLUMNS="90")
    assert without_figures(written(done)) == without_figures(shown)


def without_figures(text: str) -> str:
    return re.sub(r" +", " ", re.sub(r"[\d.:-]+", "#", text))
