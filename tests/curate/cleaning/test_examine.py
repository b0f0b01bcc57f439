"""The files themselves: gone, altered, replaced after collecting; kill -9 and Ctrl-C on the way."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from figleaf.curate.cleaning.examine import Examination, count_waiting, examine_all
from figleaf.curate.cleaning.measure import measure, parse_measured
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, ImageError, Status
from figleaf.images.limits import Limits

from ...sources.collecting import files_of
from .dirty import (
    ASTRONAUT,
    aside,
    cleaned,
    data_set,
    dropped,
    encoded,
    events,
    jpeg,
    path_of,
    picture,
    reasons,
    table,
)

FILES = {f"neutral/{name}.jpg": jpeg(f"{name}.png", 96, 96) for name in ("chelsea", "coffee")}
COFFEE = "neutral/coffee.jpg"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures, collected and not yet cleaned."""
    return data_set(tmp_path_factory.mktemp("two"), FILES)


@pytest.fixture
def out(two: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return copied(two, tmp_path / "data")


def copied(original: Path, out: Path) -> Path:
    shutil.copytree(original, out)
    return out


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)


def replace(path: Path) -> None:
    path.write_bytes(jpeg(ASTRONAUT))


def enlarge(path: Path) -> None:
    """To a terabyte, sparse: to read it would end badly."""
    os.truncate(path, 2**40)


def by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def by_a_pipe(path: Path) -> None:
    """To open it would wait for ever."""
    path.unlink()
    os.mkfifo(path)


def by_a_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nothing")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (Path.unlink, "not_found: no such file"),
        (by_a_link_to_nothing, "not_found: no such file"),
        (truncate, "altered: its bytes are not those that were collected"),
        (empty, "altered: its bytes are not those that were collected"),
        (alter, "altered: its bytes are not those that were collected"),
        (replace, "altered: its bytes are not those that were collected"),
        (enlarge, "altered: its bytes are not those that were collected"),
        (by_a_folder, "unreadable: a folder, or one that cannot be listed"),
        (by_a_pipe, "unreadable: not a regular file"),
    ],
)
def test_a_file_that_is_not_what_was_collected_is_broken(
    out: Path, harm: Callable[[Path], None], why: str
) -> None:
    harm(path_of(out, COFFEE))
    report = cleaned(out)
    assert dropped(report, out) == {COFFEE: "broken"}
    assert [one.why for one in report.drops] == [why]
    assert not cleaned(out).newly


def test_with_the_rule_off_a_broken_file_stays_and_is_not_compared(out: Path) -> None:
    path_of(out, COFFEE).unlink()
    assert cleaned(out, off=["broken"]).kept == 2
    assert len(table(out, "clusters")) == 1


@pytest.mark.parametrize("harm", [Path.unlink, truncate, alter])
def test_a_file_that_is_put_back_is_in_use_again(out: Path, harm: Callable[[Path], None]) -> None:
    path = path_of(out, COFFEE)
    data = path.read_bytes()
    harm(path)
    cleaned(out)
    path.write_bytes(data)
    report = cleaned(out)
    assert (report.examined, report.brought_back) == (1, 1)
    assert not aside(out)


def test_what_was_measured_is_not_measured_again(out: Path) -> None:
    assert cleaned(out).examined == 2
    before = table(out, "examinations")
    assert cleaned(out, min_side=90).examined == 0
    assert table(out, "examinations") == before


def test_a_picture_that_was_damaged_before_it_came_is_broken(out: Path) -> None:
    """Collecting refuses it: here a ledger says that it did not."""
    path = path_of(out, COFFEE)
    damaged = path.read_bytes()[:-300]

    digest = hashlib.sha256(damaged).digest()
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        old = bytes.fromhex(path.stem)
        db.execute(
            "UPDATE images SET sha256 = ?, bytes = ? WHERE sha256 = ?", (digest, len(damaged), old)
        )
    target = out / "images" / digest.hex()[:2] / f"{digest.hex()}.jpg"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(damaged)
    (drop,) = cleaned(out).drops
    assert (drop.reason, drop.why.partition(":")[0]) == ("broken", "truncated")


# What a worker answers.


def answer(**changes: Any) -> dict[str, Any]:
    """An honest one, changed."""
    return measure(FILES[COFFEE], limits=Limits()) | changes


def test_an_honest_answer_is_believed() -> None:
    found = parse_measured(answer())
    assert (found.format, found.width, found.height) == ("jpeg", 96, 96)
    assert found.whole.quality >= 50


@pytest.mark.parametrize(
    "reply",
    [
        None,
        {},
        answer(format="../../etc/passwd"),
        answer(format="db"),
        answer(width=0),
        answer(height=2**70),
        answer(spread=float("nan")),
        answer(spread=-1.0),
        answer(whole=[bytes(31), bytes(32), 100]),
        answer(whole=[bytes(32), bytes(32), 101]),
        answer(whole=None),
        answer(inner=[bytes(32), bytes(32)]),
    ],
)
def test_a_worker_that_was_taken_over_is_not(reply: Any) -> None:
    with pytest.raises(ImageError) as caught:
        parse_measured(reply)
    assert caught.value.status is Status.CRASHED


def test_what_a_worker_could_not_do_is_tried_again(out: Path) -> None:
    def crashing(data: bytes) -> dict[str, Any]:
        raise ImageError(Status.CRASHED, "the decoder died")

    real = partial(measure, limits=Limits())
    with Ledger(out, write=True) as ledger, ThreadPoolExecutor(2) as threads:
        for function, left in ((crashing, 2), (real, 0)):
            examine_all(ledger, function, threads, ahead=2, done=lambda one: None)
            assert count_waiting(ledger) == left


def test_the_ledger_is_brought_in_line_with_what_was_measured(out: Path) -> None:
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        db.execute("UPDATE images SET width = 1, height = 1, pdq = NULL, pdq_quality = NULL")
    assert not cleaned(out).drops
    with Ledger(out) as ledger:
        rows = ledger.read("SELECT width, height, length(pdq), pdq_quality > 0 FROM images")
    assert rows == [(96, 96, 32, 1)] * 2


# Stopped on the way.

MANY = 150


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough pictures that it takes a while: a few look alike."""
    names = ("chelsea.png", "coffee.png", "rocket.jpg", ASTRONAUT)
    files = {}
    for number in range(MANY):
        quality = 60 + number // len(names) % 40
        label = "drawings" if number % 50 == 0 else "neutral"
        files[f"{label}/{number}.jpg"] = encoded(
            picture(names[number % 4], 320, 320), quality=quality, comment=str(number).encode()
        )
    return data_set(tmp_path_factory.mktemp("many"), files)


def start(out: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "figleaf", "clean", str(out), "-q", "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def state_of(out: Path) -> dict[str, Any]:
    """All that has to be the same however often it was stopped; times apart."""
    return {
        "reasons": reasons(out),
        "events": events(out),
        "clusters": table(out, "clusters"),
        "examinations": [row[:-1] for row in table(out, "examinations")],
        "files": files_of(out),
    }


def wait_for(out: Path, count: int) -> None:
    """Until so many were measured."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if len(table(out, "examinations")) >= count:
            return
        time.sleep(0.01)
    raise AssertionError("nothing was measured")


def run(out: Path) -> None:
    with start(out) as process:
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err[:9]) == (0, b"`figleaf ")


def test_killed_and_begun_again_comes_to_the_same_end(many: Path, tmp_path: Path) -> None:
    undisturbed = copied(many, tmp_path / "undisturbed")
    run(undisturbed)
    out = copied(many, tmp_path / "data")
    for count in (1, 100):
        with start(out) as process:
            wait_for(out, count)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert 0 < len(table(out, "examinations")) < MANY
        assert not aside(out)
    run(out)
    assert state_of(out) == state_of(undisturbed)
    assert len(table(out, "examinations")) == MANY


def test_ctrl_c_keeps_what_was_measured(many: Path, tmp_path: Path) -> None:
    out = copied(many, tmp_path / "data")
    process = start(out)
    wait_for(out, 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == b"figleaf: interrupted; what was done is kept, the same command goes on\n"
    kept = len(table(out, "examinations"))
    assert 0 < kept < MANY
    assert cleaned(out).examined == MANY - kept


def test_no_more_files_are_held_than_asked_for(out: Path) -> None:
    held: list[int] = []

    def counting(data: bytes) -> dict[str, Any]:
        held.append(len(data))
        return measure(data, limits=Limits())

    done: list[Examination] = []
    with Ledger(out, write=True) as ledger, ThreadPoolExecutor(1) as threads:
        examine_all(ledger, counting, threads, ahead=1, done=done.append)
    assert [one.status for one in done] == ["ok", "ok"]
    assert len(held) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "figleaf-test", str(disk)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs to mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_loses_nothing(two: Path, small_disk: Path) -> None:
    out = copied(two, small_disk / "data")
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    os.truncate(filler, filler.stat().st_size - 48 * 1024)  # enough to open the ledger
    with pytest.raises(DatasetError, match="the same command goes on"):
        cleaned(out)
    filler.unlink()
    assert cleaned(out).kept == 2
