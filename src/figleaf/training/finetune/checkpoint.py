"""Checkpoints: all that a run needs to go on as if nothing had happened.

There are no states of random generators among it: what is random is a function of the seed and of
the step (see batches).
"""

import json
import math
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import torch

from figleaf.dataset.durable import replacing
from figleaf.errors import InputError
from figleaf.training.finetune.tuned import Epoch

NAME = "checkpoint.pt"

_FORMAT = 1

State = dict[str, Any]


@dataclass(slots=True)
class Progress:
    """How far a run is.

    Attributes:
        epoch: the one that it is in, from 1 on.
        step: steps done in it.
        loss: summed over its steps.
        left_out: images of it that could not be read.
        epoch_seconds: that its steps took.
        seconds: of all the work.
        epochs: those that ended.
        best_epoch: the number of the best one.
        unreadable: training images that could not be read at the head's start.
        finished: whether there is nothing left to do.
    """

    epoch: int = 1
    step: int = 0
    loss: float = 0.0
    left_out: int = 0
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    unreadable: int = 0
    finished: bool = False

    def end_epoch(self, epoch: Epoch) -> bool:
        """Note an epoch, and begin the next; whether it was the best so far."""
        best = not self.epochs or epoch.validation_loss < self.best.validation_loss
        self.epochs.append(epoch)
        if best:
            self.best_epoch = epoch.number
        self.epoch, self.step = epoch.number + 1, 0
        self.loss, self.left_out, self.epoch_seconds = 0.0, 0, 0.0
        return best

    @property
    def best(self) -> Epoch:
        """The epoch with the lowest validation loss; the first of all, if none can be compared."""
        return next(epoch for epoch in self.epochs if epoch.number == self.best_epoch)

    @property
    def waited(self) -> int:
        """Epochs since the best one of those that trained the net.

        The head's start does not count: training often makes it worse before it makes it better.
        """
        losses = [epoch.validation_loss for epoch in self.epochs[1:]]
        known = [loss if math.isfinite(loss) else math.inf for loss in losses]
        return len(known) - 1 - known.index(min(known)) if known else 0

    def as_dict(self) -> State:
        """In JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `as_dict`."""
        return cls(**{**values, "epochs": [Epoch(**epoch) for epoch in values["epochs"]]})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a run between two steps.

    Attributes:
        progress: how far it is.
        states: of torch's parts, by name, in tensors and plain values.
    """

    progress: Progress
    states: Mapping[str, State]


def write_checkpoint(folder: Path, checkpoint: Checkpoint, setup: Mapping[str, Any]) -> None:
    """Write a checkpoint; under its name it is whole, or the one before it is.

    Args:
        folder: that holds it.
        checkpoint: the state.
        setup: what the run depends on, in JSON's types.

    Raises:
        OSError: a full disk, a folder that cannot be written.
    """
    content = {
        "format": _FORMAT,
        "setup": json.dumps(setup, sort_keys=True),
        "progress": checkpoint.progress.as_dict(),
        "states": dict(checkpoint.states),
    }
    with replacing(folder / NAME) as file:
        torch.save(content, file)


def read_checkpoint(folder: Path, setup: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint of a folder, if it has one.

    It is read as tensors and plain values: no code in it is run.

    Raises:
        InputError: it is damaged, or belongs to other rules or data.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise InputError(f"{path}: of another version of figleaf; {_WAY_OUT}")
        _check_setup(path, json.loads(content["setup"]), setup)
        return Checkpoint(Progress.from_dict(content["progress"]), content["states"])
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}); {_WAY_OUT}") from error


_DAMAGE = (pickle.UnpicklingError, RuntimeError, ValueError, LookupError, TypeError, EOFError)
_WAY_OUT = "give another folder, or start anew"


def _check_setup(path: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    other = [
        f"{name} is {ours.get(name)}, was {theirs.get(name)}"
        for name in sorted({*theirs, *ours})
        if theirs.get(name) != ours.get(name)
    ]
    if other:
        raise InputError(f"{path}: belongs to another run ({'; '.join(other)}): {_WAY_OUT}")
