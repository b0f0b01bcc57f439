"""Several processes that train one net, as torchrun starts them.

Each one has its own examples of a step; their gradients are summed, so that all take the same
step. The first one alone writes.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: its number, 0 for the first.
        count: how many there are.
        local_rank: its number on this machine.
        local_count: how many there are on this machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> None:
        """Put the sum over all processes in the place of a tensor."""
        if self.count > 1:
            distributed.all_reduce(tensor)

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes what the first one has."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.count > 1:
            distributed.barrier()

    def any(self, said: bool) -> bool:
        """Whether one of them says so. All must ask."""
        votes = torch.tensor([float(said)])
        if self.count > 1 and distributed.get_backend() == "nccl":
            votes = votes.cuda(self.local_rank)
        self.sum(votes)
        return bool(votes.item() > 0)


@contextmanager
def joined(*, gpu: bool) -> Iterator[Processes]:
    """The processes that torchrun started, or this one alone.

    Args:
        gpu: whether they compute on GPUs, where nccl connects them; elsewhere it is gloo.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    rank = int(os.environ["RANK"])
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    local_count = int(os.environ.get("LOCAL_WORLD_SIZE", str(count)))
    ours = not distributed.is_initialized()
    if ours:
        if gpu:
            torch.cuda.set_device(local_rank)
        distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Processes(rank, count, local_rank, local_count)
    finally:
        if ours:
            distributed.destroy_process_group()
