"""What a network gives for pictures as they are, without random views: for the head's start and for
validation."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from figleaf.classify.stream import ordered_map
from figleaf.training.finetune.compute import Compute
from figleaf.training.finetune.pictures import Pictures
from figleaf.training.finetune.processes import Processes

_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does the work.

    Attributes:
        compute: where and in what numbers.
        processes: this one and the others.
        pool: threads that decode.
        threads: how many.
        stopped: whether this process was asked to stop.
    """

    compute: Compute
    processes: Processes
    pool: ThreadPoolExecutor
    threads: int
    stopped: Callable[[], bool]

    @property
    def ahead(self) -> int:
        """How many batches are made before they are needed."""
        return self.threads + _AHEAD

    def check(self) -> None:
        """End all processes if one of them was asked to. All must call it.

        Raises:
            KeyboardInterrupt: one was.
        """
        if self.processes.any(self.stopped()):
            raise KeyboardInterrupt


def outputs(
    apply: Callable[[Tensor], Tensor],
    pictures: Pictures,
    width: int,
    batch: int,
    crew: Crew,
    first: int = 0,
) -> Iterator[NDArray[np.float32]]:
    """The outputs of all pictures from one on, in order, some at a time; each process does a part.

    Args:
        apply: from float32 RGB of shape (batch, height, width, 3) to (batch, width).
        pictures: of which.
        width: of the outputs.
        batch: pictures at once in one process.
        crew: who does it.
        first: the picture to begin with.

    Yields:
        float32 of shape (up to batch * processes, width); NaN where a picture cannot be read.

    Raises:
        KeyboardInterrupt: a process was asked to stop.
    """
    processes = crew.processes
    starts = range(first, len(pictures), batch * processes.count)
    own = (
        range(
            min(start + processes.rank * batch, len(pictures)),
            min(start + (processes.rank + 1) * batch, len(pictures)),
        )
        for start in starts
    )
    made = ordered_map(lambda rows: crew.pool.submit(_prepared, pictures, rows), own, crew.ahead)
    for start, prepared in zip(starts, made, strict=True):
        crew.check()
        count = min(batch * processes.count, len(pictures) - start)
        whole = torch.zeros(count, width, device=crew.compute.device)
        at = processes.rank * batch
        whole[at : at + len(prepared)] = _applied(apply, prepared, width, crew.compute)
        processes.sum(whole)
        yield whole.cpu().numpy()


def _prepared(pictures: Pictures, rows: range) -> list[NDArray[np.float32] | None]:
    return [pictures.prepared(row) for row in rows]


@torch.no_grad()
def _applied(
    apply: Callable[[Tensor], Tensor],
    prepared: list[NDArray[np.float32] | None],
    width: int,
    compute: Compute,
) -> Tensor:
    result = torch.full((len(prepared), width), torch.nan, device=compute.device)
    there = [row for row, picture in enumerate(prepared) if picture is not None]
    if there:
        pixels = np.stack([picture for picture in prepared if picture is not None])
        result[there] = apply(compute.tensor(pixels)).float()
    return result
