import glob
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figleaf.cli.patterns import matches
from figleaf.errors import InputError

FILES = (
    "a.jpg",
    "b.png",
    ".hidden.jpg",
    "a/1.jpg",
    "a/a/2.jpg",
    "a/b/3.png",
    "b/a/4.jpg",
    "b/.secret/5.jpg",
    "c[1]/6.jpg",
)
PATTERNS = (
    "*.jpg",
    "./*.jpg",
    "**",
    "**/*",
    "**/*.jpg",
    "a/**/*.jpg",
    "**/a/*.jpg",
    "**/a/**/*.jpg",
    "**/**/*.png",
    "*/*/?.jpg",
    "[ab]/*/[0-9].*",
    ".*",
    "b/.*/*",
    "*/.secret/*.jpg",
    "c[[]1]/*",
    "a//*.jpg",
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_links_it_matches_what_glob_matches(tree: Path, pattern: str) -> None:
    for start in ("", f"{tree}/"):
        expected = {Path(path) for path in glob.glob(start + pattern, recursive=True)}  # noqa: PTH207  # what is compared with
        found = [Path(path) for path in matches(start + pattern)]
        assert sorted(found) == sorted(path for path in expected if not path.is_dir())


def test_the_order_is_that_of_names_folder_by_folder(tree: Path) -> None:
    found = ["a/1.jpg", "a/a/2.jpg", "a.jpg", "b/a/4.jpg", "c[1]/6.jpg"]
    assert list(matches("**/*.jpg")) == found


@pytest.mark.parametrize("pattern", ["*.gif", "no/match/*.png", "a.jpg/*", "*/", "nul\0/*"])
def test_no_match_is_an_error(tree: Path, pattern: str) -> None:
    with pytest.raises(InputError, match="no file matches"):
        next(matches(pattern))


def test_any_depth_does_not_follow_links_to_folders(tree: Path) -> None:
    expected = list(matches("**/*.jpg"))
    (tree / "a" / "loop").symlink_to(tree)
    (tree / "self").symlink_to("self")
    assert list(matches("**/*.jpg")) == expected
    (tree / "z.jpg").symlink_to("a.jpg")
    assert list(matches("**/*.jpg")) == [*expected, "z.jpg"]
    # A single level is asked for by its name.
    assert list(matches("a/l*/a.jpg")) == ["a/loop/a.jpg"]


@pytest.fixture
def deep(tree: Path) -> Iterator[str]:
    """A file 1,100 folders down."""
    path = tree / "deep"
    path.mkdir()
    for _ in range(1100):
        path = path / "d"
        path.mkdir()
    (path / "x.jpg").touch()
    yield "deep/" + "d/" * 1100 + "x.jpg"
    # shutil.rmtree, and so pytest, would go as deep in calls.
    subprocess.run(["rm", "-r", str(tree / "deep")], check=True)


def test_folders_nested_deeper_than_calls_may_be(deep: str) -> None:
    assert list(matches("deep/**/*.jpg")) == [deep]


def test_matches_come_before_everything_was_listed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> Any:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    next(matches("**/*.jpg"))
    assert listed == [".", "a/"]
