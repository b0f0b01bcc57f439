from pathlib import Path

import pytest

from figleaf.training.finetune.logs import Events, write_csv
from figleaf.training.finetune.tuned import Epoch

EPOCHS = [Epoch(n, 10 * n, 0.1, 1.0, 0.5, 0.75, 2.0, 40.0, 0) for n in range(3)]


def test_a_row_for_each_epoch_however_often_it_is_written(tmp_path: Path) -> None:
    write_csv(tmp_path, EPOCHS[:2])
    write_csv(tmp_path, EPOCHS)
    lines = (tmp_path / "log.csv").read_text("utf-8").splitlines()
    assert lines[0].startswith("epoch,step,rate,training_loss,validation_loss,accuracy,seconds,")
    assert len(lines[0].split(",")) == len(lines[1].split(","))
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "2"]
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def scalars(folder: Path, name: str) -> dict[int, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    return {event.step: event.value for event in found.Scalars(name)}


def test_tensorboard_shows_one_course_over_several_runs(tmp_path: Path) -> None:
    first = Events(tmp_path, wanted=True, step=0)
    for step in (1, 2, 3, 4):
        first.step(step, 1.0, 0.1)
    first.epoch(EPOCHS[1])
    first.close()
    again = Events(tmp_path, wanted=True, step=2)  # the last checkpoint was before step 3
    for step in (3, 4, 5):
        again.step(step, 2.0, 0.1)
    again.close()
    assert scalars(tmp_path, "training/loss") == {1: 1, 2: 1, 3: 2, 4: 2, 5: 2}


def test_epochs_are_there_too(tmp_path: Path) -> None:
    events = Events(tmp_path, wanted=True, step=0)
    events.epoch(EPOCHS[1])
    events.close()
    assert scalars(tmp_path, "validation/accuracy") == {10: pytest.approx(0.75)}


def test_not_wanted_nothing_is_written(tmp_path: Path) -> None:
    events = Events(tmp_path, wanted=False, step=0)
    events.step(1, 1.0, 0.1)
    events.epoch(EPOCHS[1])
    events.close()
    assert not list(tmp_path.iterdir())
