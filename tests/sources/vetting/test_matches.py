import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figleaf.classify.lists.hashlists import HashKind
from figleaf.classify.lists.known import Match
from figleaf.errors import DatasetError
from figleaf.sources.vetting.matches import MATCHES_FILE, MatchFile

MATCH = Match(HashKind.MD5, "0f" * 16, "mine.txt")
PICTURE = Match(HashKind.PDQ, "5c" * 32, "pictures.csv", 17)
URL = "https://example.test/a.jpg"
NOON = 1_767_268_800.0


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / MATCHES_FILE).read_text().splitlines()]


def mode(folder: Path) -> int:
    return stat.S_IMODE((folder / MATCHES_FILE).stat().st_mode)


SETUP = """
import resource, signal, sys
from pathlib import Path
from figleaf.errors import DatasetError
from figleaf.classify.lists.known import Match
from figleaf.classify.lists.hashlists import HashKind
from figleaf.sources.vetting.matches import MatchFile

match = Match(HashKind.MD5, "0f" * 16, "mine.txt")
"""


def run(script: str) -> str:
    """What a script prints in an interpreter of its own."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_match_is_written_down(tmp_path: Path) -> None:
    matches = MatchFile(tmp_path)
    assert matches.add(URL, MATCH, NOON)
    assert matches.add("/shards/0.tar::\udcff.jpg", PICTURE, NOON + 0.7)
    assert len(matches) == 2
    assert lines(tmp_path) == [
        {
            "locator": URL,
            "at": "2026-01-01T12:00:00+00:00",
            "list": "mine.txt",
            "kind": "md5",
            "hash": "0f" * 16,
            "distance": 0,
        },
        {
            "locator": "/shards/0.tar::\udcff.jpg",
            "at": "2026-01-01T12:00:00+00:00",
            "list": "pictures.csv",
            "kind": "pdq",
            "hash": "5c" * 32,
            "distance": 17,
        },
    ]


def test_it_is_written_once_before_and_after_a_restart(tmp_path: Path) -> None:
    for new in (True, False):
        matches = MatchFile(tmp_path)
        assert matches.add(URL, MATCH, NOON) == new
        assert not matches.add(URL, MATCH, NOON + 60)
        assert matches.add(URL, PICTURE, NOON) == new
        assert len(matches) == 2
    assert [line["kind"] for line in lines(tmp_path)] == ["md5", "pdq"]


def test_there_is_no_file_without_a_match(tmp_path: Path) -> None:
    matches = MatchFile(tmp_path)
    assert len(matches) == 0
    assert not list(tmp_path.iterdir())


# Who can read it.


@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    matches = MatchFile(tmp_path)
    matches.add(URL, MATCH, NOON)
    assert mode(tmp_path) == 0o600


def test_a_umask_that_takes_all_leaves_it_readable_to_the_owner(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        matches = MatchFile(tmp_path)
        matches.add(URL, MATCH, NOON)
    finally:
        os.umask(before)
    assert mode(tmp_path) == 0o600


def test_it_is_made_with_its_mode_and_never_wider(tmp_path: Path) -> None:
    """As the system calls have it: created exclusively, followed by no wider mode."""
    script = SETUP + (
        "calls = ('open', 'os.chmod')\n"
        "sys.addaudithook(lambda event, args: event in calls and print(event, *args))\n"
        f"MatchFile(Path({str(tmp_path)!r})).add('x', match, 0.0)\n"
    )
    printed = run(script)
    opened, *further = [line for line in printed.splitlines() if MATCHES_FILE in line]
    flags = int(opened.split()[-1])
    assert flags & os.O_CREAT
    assert flags & os.O_EXCL
    assert flags & os.O_NOFOLLOW
    assert not further
    assert [line.split()[2] for line in printed.splitlines() if "os.chmod" in line] == ["384"]


@pytest.mark.parametrize("wide", [0o644, 0o666, 0o640, 0o777])
def test_wider_permissions_are_taken_back(wide: int, tmp_path: Path) -> None:
    (tmp_path / MATCHES_FILE).touch()
    (tmp_path / MATCHES_FILE).chmod(wide)
    MatchFile(tmp_path)
    assert mode(tmp_path) == 0o600


def test_links_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    target.chmod(0o644)
    path = tmp_path / MATCHES_FILE
    makings: list[tuple[Callable[[Path], None], Path, str]] = [
        (path.symlink_to, target, "symbolic link"),
        (path.symlink_to, tmp_path / "nowhere", "symbolic link"),
        (path.hardlink_to, target, "hard link"),
    ]
    for make, to, complaint in makings:
        make(to)
        with pytest.raises(DatasetError, match=complaint):
            MatchFile(tmp_path)
        path.unlink()
    assert target.read_text() == "mine"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert not (tmp_path / "nowhere").exists()


def test_a_link_that_comes_later_is_refused_too(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.touch()
    matches = MatchFile(tmp_path)
    (tmp_path / MATCHES_FILE).symlink_to(target)
    with pytest.raises(DatasetError, match="symbolic link"):
        matches.add(URL, MATCH, NOON)
    assert target.read_bytes() == b""


def test_a_pipe_and_a_folder_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MATCHES_FILE)
    with pytest.raises(DatasetError, match="not a regular file"):
        MatchFile(tmp_path)
    (tmp_path / MATCHES_FILE).unlink()
    (tmp_path / MATCHES_FILE).mkdir()
    with pytest.raises(DatasetError, match="cannot be read"):
        MatchFile(tmp_path)


def test_it_does_not_show_what_it_holds(tmp_path: Path) -> None:
    matches = MatchFile(tmp_path)
    matches.add(URL, MATCH, NOON)
    assert URL not in repr(matches)


# Killed in the middle, or the disk full.


def test_a_line_that_was_cut_short_is_ended_and_its_match_written_again(tmp_path: Path) -> None:
    matches = MatchFile(tmp_path)
    matches.add(URL, MATCH, NOON)
    matches.add("https://example.test/b.jpg", MATCH, NOON)
    path = tmp_path / MATCHES_FILE
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole) + 1):
        path.write_bytes(whole[:cut])
        matches = MatchFile(tmp_path)
        complete = cut >= len(whole) - 1
        assert len(matches) == (2 if complete else 1)
        assert matches.add("https://example.test/b.jpg", MATCH, NOON) != complete
        kept = path.read_bytes()
        assert kept.startswith(whole[:cut]), "nothing is taken away"
        assert kept.splitlines()[-1] == whole.splitlines()[1]
        matches.add(URL, PICTURE, NOON)
        assert path.read_bytes().splitlines()[-2] == whole.splitlines()[1]
        assert json.loads(path.read_bytes().splitlines()[-1])["kind"] == "pdq"


@given(rubbish=st.binary(max_size=200))
def test_what_is_no_record_does_no_harm(
    rubbish: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / MATCHES_FILE).write_bytes(rubbish)
    matches = MatchFile(folder)
    assert matches.add(URL, MATCH, NOON)
    assert not matches.add(URL, MATCH, NOON)
    kept = (folder / MATCHES_FILE).read_bytes()
    assert kept.startswith(rubbish)
    assert json.loads(kept.split(b"\n")[-2])["locator"] == URL


def test_a_full_disk_is_an_error_that_leaves_whole_lines(tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk's."""
    script = SETUP + (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        f"matches = MatchFile(Path({str(tmp_path)!r}))\n"
        "try:\n"
        "    for n in range(9): matches.add(str(n), match, 0.0)\n"
        "except DatasetError as error: print(len(matches), error)\n"
    )
    printed = run(script)
    assert printed.startswith("3 ")
    assert "cannot be read or written" in printed
    assert [line["locator"] for line in lines(tmp_path)] == ["0", "1", "2"]
    matches = MatchFile(tmp_path)
    assert matches.add("3", MATCH, NOON)
    assert len(lines(tmp_path)) == 4
