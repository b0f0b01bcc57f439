"""kill -9 at its worst moments: what was kept is used, and the bundle is that of a run in peace."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from figleaf.training.cache import FOLDER

from .samples import KINDS, data_set, described

KEPT = 256  # pictures between two flushes
IMAGES = 3 * KEPT


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures enough for three flushes."""
    each = IMAGES // 3 + 1
    return data_set(tmp_path_factory.mktemp("many"), dict.fromkeys(KINDS, each))


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return described(tmp_path_factory.mktemp("net"), channels=64)


@pytest.fixture(scope="module")
def expected(many: Path, net: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bundle of an undisturbed run."""
    root = tmp_path_factory.mktemp("undisturbed")
    folder = shutil.copytree(many, root / "data")
    finish(folder, root / "model", net)
    return files(root / "model")


def start(folder: Path, out: Path, net: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "figleaf", "train", folder, out, "--backbone", net, "--quiet"]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(folder: Path, out: Path, net: Path) -> None:
    process = start(folder, out, net)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()


def files(folder: Path) -> dict[str, bytes]:
    names = ("model.onnx", "card.json", "MODEL_CARD.md")
    return {name: (folder / name).read_bytes() for name in names}


def kept(folder: Path) -> int:
    """The pictures whose features are on disk."""
    return sum(path.stat().st_size // 32 for path in (folder / FOLDER).glob("*/hashes"))


def killed_when(process: subprocess.Popen[bytes], ripe: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not ripe():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_killed_while_it_computes_features(
    many: Path, net: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    """Twice, a flush further the second time."""
    folder = Path(shutil.copytree(many, tmp_path / "data"))
    for flushes in (1, 2):
        process = start(folder, tmp_path / "model", net)
        killed_when(process, lambda flushes=flushes: kept(folder) >= flushes * KEPT)  # type: ignore[misc]
        assert flushes * KEPT <= kept(folder) < IMAGES
        assert not (tmp_path / "model").exists()
    before = kept(folder)
    features = next((folder / FOLDER).glob("*/features"))
    first = features.read_bytes()[: before * 2 * 64]
    finish(folder, tmp_path / "model", net)
    assert features.read_bytes()[: len(first)] == first  # what was flushed is not computed anew
    assert kept(folder) == 3 * (IMAGES // 3 + 1)
    assert files(tmp_path / "model") == expected


def test_killed_while_it_fits_the_head_and_writes_the_bundle(
    many: Path, net: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(many, tmp_path / "data"))
    out = tmp_path / "model"
    total = 3 * (IMAGES // 3 + 1)
    process = start(folder, out, net)
    killed_when(process, lambda: kept(folder) == total)
    # The bundle is written in a folder of its own, and moved when it is whole.
    process = start(folder, out, net)
    killed_when(process, lambda: any(tmp_path.glob(".model.*.part")) or out.exists())
    if out.exists():  # it was quicker than we were
        assert files(out) == expected
        return
    finish(folder, out, net)
    assert files(out) == expected


def test_ctrl_c_ends_with_130_and_a_word(many: Path, net: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(many, tmp_path / "data"))
    process = start(folder, tmp_path / "model", net)
    until = time.monotonic() + 60
    while kept(folder) < KEPT and time.monotonic() < until:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == b""
    assert b"Traceback" not in errors
    assert errors.count(b"\n") == 1
    assert b"interrupted" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert kept(folder) >= KEPT
