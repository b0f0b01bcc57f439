"""A run that is killed anywhere and done again ends as if it was not: nothing lost or doubled."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from figleaf.actions.act import act
from figleaf.actions.journal import NAME
from figleaf.actions.rules import Action, Kind

from .acting import contents, make, verdicts
from .killing import FILES

ROOT = Path(__file__).parents[2]
SCRIPT = [sys.executable, "-m", "tests.actions.killing"]
KILLED = -signal.SIGKILL
MANY, MOST = 300, 75


def expected(kind: Kind, folder: Path, tmp_path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What a run that nobody kills leaves: where files were, and where they go."""
    place = tmp_path / "expected"
    list(act(verdicts(folder), [Action(kind, place)]))
    return contents(folder), contents(place)


def parts(place: Path) -> list[str]:
    """Hidden files beside the journal: what is half made."""
    return [path.name for path in place.rglob(".*") if path.name != NAME]


def pending(place: Path) -> set[int]:
    """What the journal says was begun and not ended."""
    lines = [json.loads(line) for line in (place / NAME).read_text().splitlines()]
    begun = [line["begin"] for line in lines if "begin" in line]
    ended = [line["end"] for line in lines if "end" in line]
    assert len(begun) == len(set(begun))
    return set(begun) - set(ended)


@pytest.fixture(params=["here", "/dev/shm"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on the same file system as the pictures, or on another."""
    if request.param == "here":
        yield tmp_path / "elsewhere"
        return
    if not Path(request.param).is_mount():
        pytest.skip("needs another file system at /dev/shm")
    with TemporaryDirectory(dir=request.param) as folder:
        yield Path(folder)


@pytest.mark.parametrize("kind", Kind)
def test_a_kill_before_any_touch_of_the_disk(kind: Kind, tmp_path: Path, elsewhere: Path) -> None:
    left, placed = expected(kind, make(tmp_path / "model", FILES), tmp_path)
    every = sorted([*left.values(), *placed.values()])
    folder, place = tmp_path / "photos", elsewhere / "sorted"
    done = subprocess.run(
        [*SCRIPT, kind, folder, place, "each"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
        timeout=120,
    )
    *killed, ended = map(int, done.stdout.split())
    assert (set(killed), ended) == ({KILLED}, 0)
    assert len(killed) > 5 * FILES, "each file has several points at which it was killed"
    for touch in range(1, len(killed) + 1):
        here, there = Path(f"{folder}-{touch}"), Path(f"{place}-{touch}")
        if kind is Kind.MOVE:  # whatever the next run is asked for, no file is in both places
            list(act([], [Action(kind, there)]))
            assert sorted([*contents(here).values(), *contents(there).values()]) == every, touch
        list(act(verdicts(here), [Action(kind, there)]))
        assert (contents(here), contents(there)) == (left, placed), touch
        assert parts(there) == [], touch
        assert pending(there) == set(), touch


@pytest.mark.parametrize("kind", Kind)
def test_kills_from_outside_at_any_moment(kind: Kind, tmp_path: Path) -> None:
    left, placed = expected(kind, make(tmp_path / "model", MANY), tmp_path)
    folder, place = make(tmp_path / "photos", MANY), tmp_path / "sorted"
    chance = random.Random(str(kind))
    kills = 0
    for _ in range(100):
        started = len(contents(place)) if place.exists() else 0
        # It waits at MOST more, so that it cannot be too fast to be killed.
        process = subprocess.Popen([*SCRIPT, kind, folder, place, str(MOST)], cwd=ROOT)
        # Once it is at work: at so many more files.
        until = started + chance.randint(1, MOST)
        while process.poll() is None and len(contents(place)) < until:
            time.sleep(0.001)
        process.kill()
        if process.wait() == 0:
            break
        kills += 1
    assert kills > 2
    assert (contents(folder), contents(place)) == (left, placed)
    assert parts(place) == []
    assert pending(place) == set()
