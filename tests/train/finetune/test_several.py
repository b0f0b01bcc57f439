"""Several processes under torchrun train one net, as one process with larger batches would."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from figleaf.train.finetune.finetune import finetune
from figleaf.train.finetune.tuned import Finetuned

from .tiny import QUICK, TinyNet, examples

ROOT = Path(__file__).parents[3]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def run_two(folder: Path, rules: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = [str(folder / "work"), str(folder / "out.npz"), json.dumps(rules)]
    done = subprocess.run(
        [*TORCHRUN, "-m", "tests.train.finetune.run", *arguments, str(folder / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = []
    for rank in range(2):
        with np.load(folder / f"{rank}-out.npz") as arrays:
            results.append(dict(arrays))
    return results


def run_one(folder: Path, rules: dict[str, Any]) -> tuple[TinyNet, Finetuned]:
    net = TinyNet()
    train = examples(folder / "data" / "a", 60, seed=1)
    validation = examples(folder / "data" / "b", 30, seed=2)
    work = folder / "alone"
    return net, finetune(net, 3, train, validation, replace(QUICK, **rules), work=work)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("several")


def test_two_are_as_one_with_twice_the_batch(folder: Path) -> None:
    rules: dict[str, Any] = {"epochs": 6, "mixup": 0.3, "patience": 2, "rate": 0.1}
    net, alone = run_one(folder, rules | {"batch": 8})
    first, second = run_two(folder, rules | {"batch": 4})
    assert len(alone.epochs) < 7  # stopped early, as the others must be
    np.testing.assert_array_equal(first["losses"], second["losses"])
    losses = [epoch.validation_loss for epoch in alone.epochs]
    np.testing.assert_allclose(first["losses"], losses, rtol=1e-3)
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        np.testing.assert_allclose(first[name], tensor.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


def test_the_first_alone_writes(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "work").iterdir())
    assert names == ["checkpoint.pt", "log.csv"]
    assert len((folder / "work" / "log.csv").read_text("utf-8").splitlines()) < 8
