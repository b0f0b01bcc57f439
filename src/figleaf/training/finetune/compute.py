"""Where and in what numbers torch computes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils import deterministic

from figleaf.errors import ModelError
from figleaf.models.runtime import available_cores, has_bf16
from figleaf.training.finetune.rules import FinetuneRules

_TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and in what numbers torch computes.

    Attributes:
        device: a processor or a GPU.
        precision: "f32", "bf16" or "f16": of the products within the net. Weights, sums of
            gradients and the head are float32 in any case.
    """

    device: torch.device
    precision: str

    def mixed(self) -> torch.autocast:
        """A context in which torch computes products in that precision."""
        dtype = _TYPES[self.precision]
        return torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32)

    def exact(self) -> torch.autocast:
        """A context in which it does not."""
        return torch.autocast(self.device.type, enabled=False)

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps the gradients of f16 from vanishing (Micikevicius et al. 2018); else idle."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "f16")

    def tensor(self, array: NDArray[np.float32]) -> torch.Tensor:
        """An array, where it is needed."""
        return torch.from_numpy(array).to(self.device, non_blocking=True)


def compute_for(rules: FinetuneRules, local_rank: int = 0) -> Compute:
    """What the rules come to on this machine; each process of it has a GPU of its own.

    Raises:
        ModelError: a GPU or a precision is asked for that is not there.
    """
    on_gpu = rules.device == "cuda" or (rules.device == "auto" and torch.cuda.is_available())
    if not on_gpu:
        return Compute(torch.device("cpu"), _precision(rules, bf16=has_bf16, otherwise="f32"))
    if local_rank >= torch.cuda.device_count():
        raise ModelError(f"no GPU {local_rank}: torch sees {torch.cuda.device_count()}; use 'cpu'")
    precision = _precision(rules, bf16=torch.cuda.is_bf16_supported, otherwise="f16")
    return Compute(torch.device("cuda", local_rank), precision)


def _precision(rules: FinetuneRules, *, bf16: Callable[[], bool], otherwise: str) -> str:
    if rules.deterministic:
        return "f32"
    if rules.precision != "auto":
        return rules.precision
    return "bf16" if bf16() else otherwise


@contextmanager
def torch_set(rules: FinetuneRules, local_processes: int = 1) -> Iterator[int]:
    """Torch's global state as the rules have it; all of it is put back at the end.

    Yields:
        how many threads this process has.
    """
    before = (
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]  # a property of a module
        torch.get_rng_state(),
    )
    threads = rules.threads or max(1, available_cores() // local_processes)
    torch.set_num_threads(threads)
    if rules.deterministic:
        # cuBLAS asks for it (NVIDIA, "Results reproducibility"); read when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        # For debugging, and it costs time.
        deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a property of a module
    try:
        yield threads
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=before[2])
        deterministic.fill_uninitialized_memory = before[3]  # type: ignore[attr-defined]  # a property of a module
        torch.set_rng_state(before[4])
