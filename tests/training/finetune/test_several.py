"""Several processes under torchrun train one net, as one process with larger batches would."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from figleaf.training.finetune.finetune import finetune
from figleaf.training.finetune.tuned import Finetuned

from .tiny import QUICK, TinyNet, examples

ROOT = Path(__file__).parents[3]
RULES: dict[str, Any] = {"epochs": 6, "mixup": 0.3, "patience": 2, "rate": 0.1}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def start_two(folder: Path, work: str, rules: dict[str, Any]) -> subprocess.Popen[str]:
    arguments = [str(folder / work), str(folder / f"{work}.npz"), json.dumps(rules)]
    return subprocess.Popen(
        [*TORCHRUN, "-m", "tests.training.finetune.run", *arguments, str(folder / "data")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def results(folder: Path, work: str) -> list[dict[str, Any]]:
    """What each of the two has at the end."""
    found = []
    for rank in range(2):
        with np.load(folder / f"{rank}-{work}.npz") as arrays:
            found.append(dict(arrays))
    return found


def run_one(folder: Path, rules: dict[str, Any]) -> tuple[TinyNet, Finetuned]:
    net = TinyNet()
    train = examples(folder / "data" / "a", 60, seed=1)
    validation = examples(folder / "data" / "b", 30, seed=2)
    work = folder / "alone"
    return net, finetune(net, 3, train, validation, replace(QUICK, **rules), work=work)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("several")


@pytest.fixture(scope="module")
def two(folder: Path) -> list[dict[str, Any]]:
    """What two processes come to undisturbed, in the folder `work`."""
    process = start_two(folder, "work", RULES | {"batch": 4})
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return results(folder, "work")


def test_two_are_as_one_with_twice_the_batch(folder: Path, two: list[dict[str, Any]]) -> None:
    net, alone = run_one(folder, RULES | {"batch": 8})
    first, second = two
    assert len(alone.epochs) < 7  # stopped early, as the others must be
    np.testing.assert_array_equal(first["losses"], second["losses"])
    losses = [epoch.validation_loss for epoch in alone.epochs]
    np.testing.assert_allclose(first["losses"], losses, rtol=1e-3)
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        np.testing.assert_allclose(first[name], tensor.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.usefixtures("two")
def test_the_first_alone_writes(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "work").iterdir())
    assert names == ["checkpoint.pt", "log.csv"]
    assert len((folder / "work" / "log.csv").read_text("utf-8").splitlines()) < 8


def test_ctrl_c_ends_both_after_a_checkpoint(folder: Path, two: list[dict[str, Any]]) -> None:
    rules = RULES | {"batch": 4}
    process = start_two(folder, "stopped", rules | {"pause": 0.05, "checkpoint_seconds": 1e6})
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("phase epoch 2"):
            break
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert "Connection closed by peer" not in errors

    rest = start_two(folder, "stopped", rules)
    output, errors = rest.communicate(timeout=240)
    assert rest.returncode == 0, errors
    assert output.startswith("phase epoch 2")
    for got, expected in zip(results(folder, "stopped"), two, strict=True):
        for name, array in expected.items():
            np.testing.assert_array_equal(got[name], array, err_msg=name)
