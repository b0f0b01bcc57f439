"""kill -9 and Ctrl-C at any moment: called again, a run comes to the same bits."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).parents[3]
RULES: dict[str, Any] = {"epochs": 3, "mixup": 0.2, "dropout": 0.2, "checkpoint_seconds": 0.0}


def start(folder: Path, work: str, **more: Any) -> subprocess.Popen[str]:
    arguments = [str(folder / work), str(folder / f"{work}.npz"), json.dumps(RULES | more)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.finetune.run", *arguments, str(folder / "data")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_lines(process: subprocess.Popen[str], phase: str, lines: int) -> None:
    """Read until a phase has begun, and so much of it is done."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"phase {phase}"):
            break
    for _ in range(lines):
        assert process.stdout.readline()


def result(folder: Path, work: str) -> dict[str, NDArray[Any]]:
    with np.load(folder / f"0-{work}.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the result of an undisturbed run."""
    folder = tmp_path_factory.mktemp("killed")
    process = start(folder, "undisturbed")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return folder


def assert_same(folder: Path, work: str) -> None:
    expected, got = result(folder, "undisturbed"), result(folder, work)
    assert expected.keys() == got.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array, err_msg=name, strict=True)
    assert rows(folder / work) == rows(folder / "undisturbed")


def rows(work: Path) -> list[list[str]]:
    """Of the log, without the times."""
    lines = (work / "log.csv").read_text("utf-8").splitlines()
    return [line.split(",")[:6] for line in lines]


MOMENTS = [("features", 2), ("epoch 1", 3), ("validation", 1), ("epoch 3", 5)]


@pytest.mark.parametrize("seconds", [0.0, 1e6])
def test_killed_again_and_again(folder: Path, seconds: float) -> None:
    """At every kind of moment, with checkpoints after each step and after each epoch alone."""
    work = f"killed {seconds}"
    for phase, lines in MOMENTS:
        process = start(folder, work, pause=0.02, checkpoint_seconds=seconds)
        await_lines(process, phase, lines)
        process.kill()
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    process = start(folder, work, checkpoint_seconds=seconds)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert_same(folder, work)


def test_ctrl_c_ends_after_a_checkpoint(folder: Path) -> None:
    process = start(folder, "interrupted", pause=0.02, checkpoint_seconds=1e6)
    await_lines(process, "epoch 2", 3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert errors.splitlines()[-1] == "KeyboardInterrupt"

    process = start(folder, "interrupted")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    begun = output.splitlines()
    assert begun[0].startswith("phase epoch 2")
    assert int(begun[1].removeprefix("done ")) > 3 * 8  # nothing is done twice
    assert_same(folder, "interrupted")
