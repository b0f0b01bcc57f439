"""Fine-tuning as anybody would write it down: the loop that figleaf's is measured beside.

The same net, pictures and precision; a random head, AdamW at one rate that falls as a cosine,
crops and mirror images. No warm-up, no rates by layer, no averaging, no validation.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from figleaf.images import decode
from figleaf.models.card import Input, Resample
from figleaf.models.preprocess import prepare
from figleaf.training.examples import Examples
from figleaf.training.nets.net import Net

_FILTERS = {
    Resample.BILINEAR: Image.Resampling.BILINEAR,
    Resample.BICUBIC: Image.Resampling.BICUBIC,
}


@dataclass(frozen=True, slots=True)
class PlainRules:
    """How to train."""

    epochs: int = 10
    batch: int = 32
    rate: float = 1e-4
    weight_decay: float = 0.01
    bf16: bool = True
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Plain:
    """What came of it; `model` gives logits, of pictures as `prepare` gives them."""

    model: nn.Module = field(repr=False)
    losses: tuple[float, ...]
    seconds: float
    images_per_second: float


class Pictures(Dataset[tuple[NDArray[np.float32], int]]):
    """Each picture resized, cropped and mirrored at random, decoded each time anew."""

    def __init__(self, examples: Examples, spec: Input, seed: int) -> None:
        self._examples, self._spec = examples, spec
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, row: int) -> tuple[NDArray[np.float32], int]:
        spec = self._spec
        pixels = decode(self._examples.paths[row].read_bytes(), background=spec.background).pixels
        (height, width), (high, wide) = spec.size, spec.resize
        resized = Image.fromarray(pixels).resize((wide, high), _FILTERS[spec.resample])
        top = self._random.integers(0, high - height + 1)
        left = self._random.integers(0, wide - width + 1)
        crop = np.asarray(resized, np.float32)[top : top + height, left : left + width]
        if self._random.random() < 0.5:
            crop = crop[:, ::-1]
        return np.ascontiguousarray(crop), int(self._examples.labels[row])


def plain_finetune(
    net: Net, classes: int, train: Examples, rules: PlainRules, *, seed: int
) -> Plain:
    """Train a net, in place, and a head on it."""
    torch.manual_seed(seed)
    model = nn.Sequential(net, nn.Linear(net.width, classes))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs
    loader = DataLoader(Pictures(train, net.input, seed), rules.batch, shuffle=True, drop_last=True)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=rules.rate, weight_decay=rules.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, rules.epochs * len(loader))
    losses: list[float] = []
    begun = time.perf_counter()
    with _threads(rules.threads):
        for _ in range(rules.epochs):
            model.train()
            each = [_step(model, optimiser, schedule, batch, rules.bf16) for batch in loader]
            losses.append(float(np.mean(each)))
    seconds = time.perf_counter() - begun
    images = rules.epochs * len(loader) * rules.batch
    return Plain(model.eval(), tuple(losses), seconds, images / seconds)


def plain_accuracy(plain: Plain, spec: Input, test: Examples) -> float:
    """The share of pictures whose label is the model's first choice."""
    right = 0
    for path, label in zip(test.paths, test.labels, strict=True):
        pixels = decode(Path(path).read_bytes(), background=spec.background).pixels
        with torch.no_grad():
            logits = plain.model(torch.from_numpy(prepare(pixels, spec))[None])
        right += int(logits.argmax()) == label
    return right / len(test)


def _step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batch: list[Tensor],
    bf16: bool,
) -> float:
    pixels, labels = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = model(pixels)
    loss = functional.cross_entropy(logits.float(), labels)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own
    optimiser.step()
    schedule.step()
    return float(loss.detach())


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
