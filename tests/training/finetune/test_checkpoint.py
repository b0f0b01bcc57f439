from pathlib import Path
from typing import Any

import pytest
import torch

from figleaf.errors import InputError
from figleaf.training.finetune.checkpoint import (
    NAME,
    Checkpoint,
    Progress,
    read_checkpoint,
    write_checkpoint,
)
from figleaf.training.finetune.tuned import Epoch

SETUP: dict[str, Any] = {"rate": 0.1, "images": "ab"}


def epoch(number: int, loss: float) -> Epoch:
    return Epoch(number, 7 * number, 0.1, 1.0, loss, 0.75, 2.0, 40.0, 0)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    progress = Progress(epoch=2, step=3, loss=1.25, epochs=[epoch(0, 0.5), epoch(1, 0.4)])
    weight = torch.arange(6.0).reshape(2, 3)
    states: dict[str, Any] = {"network": {"weight": weight}, "plain": {"a": [1, 2.5]}}
    write_checkpoint(tmp_path, Checkpoint(progress, states), SETUP)
    found = read_checkpoint(tmp_path, dict(SETUP))
    assert found is not None
    assert found.progress == progress
    assert torch.equal(found.states["network"]["weight"], weight)
    assert found.states["plain"] == {"a": [1, 2.5]}
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_folder_without_one(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path, SETUP) is None


def test_one_of_another_run_is_refused_and_says_why(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, Checkpoint(Progress(), {}), SETUP)
    with pytest.raises(InputError, match=r"rate is 0\.2, was 0\.1.*anew"):
        read_checkpoint(tmp_path, SETUP | {"rate": 0.2})


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "other"])
def test_a_damaged_one_is_refused(tmp_path: Path, damage: str) -> None:
    states = {"network": {"weight": torch.zeros(1000)}}
    write_checkpoint(tmp_path, Checkpoint(Progress(), states), SETUP)
    path = tmp_path / NAME
    whole = path.read_bytes()
    if damage == "other":
        torch.save([1, 2], path)
    else:
        parts = {"cut": whole[: len(whole) // 2], "noise": b"abc" * 99, "empty": b""}
        path.write_bytes(parts[damage])
    with pytest.raises(InputError, match=r"checkpoint\.pt: damaged"):
        read_checkpoint(tmp_path, SETUP)


class Hostile:
    """Would make a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_in_one_is_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    torch.save({"format": 1, "hostile": Hostile(made)}, tmp_path / NAME)
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(tmp_path, SETUP)
    assert not made.exists()


def test_one_that_could_not_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, Checkpoint(Progress(epoch=3), {}), SETUP)
    unwritable: dict[str, Any] = {"network": {"weight": (number for number in range(2))}}
    with pytest.raises(TypeError):
        write_checkpoint(tmp_path, Checkpoint(Progress(epoch=4), unwritable), SETUP)
    found = read_checkpoint(tmp_path, SETUP)
    assert found is not None
    assert found.progress.epoch == 3
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_the_best_epoch_is_that_of_the_lowest_loss() -> None:
    progress = Progress()
    told = [progress.end_epoch(epoch(n, loss)) for n, loss in enumerate([0.5, 0.3, 0.4, 0.2])]
    assert told == [True, True, False, True]
    assert progress.best_epoch == 3
    assert (progress.epoch, progress.step) == (4, 0)


@pytest.mark.parametrize(
    ("losses", "waited"),
    [
        ([0.1], 0),
        ([0.1, 0.5], 0),
        ([0.1, 0.5, 0.4, 0.3], 0),  # better each time, if not yet as good as the start
        ([0.1, 0.5, 0.2, 0.3, 0.2], 2),
        ([0.1, float("nan"), 0.4, float("nan")], 1),
    ],
)
def test_patience_counts_from_the_best_that_was_trained(losses: list[float], waited: int) -> None:
    progress = Progress()
    for number, loss in enumerate(losses):
        progress.end_epoch(epoch(number, loss))
    assert progress.waited == waited


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    progress = Progress()
    for number, loss in enumerate([0.5, float("nan"), 0.4]):
        progress.end_epoch(epoch(number, loss))
    assert progress.best_epoch == 2
