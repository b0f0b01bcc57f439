"""A net that trains in a blink, and examples that it can learn."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from figleaf.models.card import Input, Resample
from figleaf.training.examples import Examples
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.nets.layers import GlobalAverage, Normalise, PaddedConv2d
from figleaf.training.nets.net import Facts, Net, parameters_of

SIDE = 24
SPEC = Input("image", (SIDE, SIDE), Resample.BILINEAR, (28, 28))
QUICK = FinetuneRules(
    epochs=3, batch=8, rate=3e-3, patience=0, precision="f32", threads=1, device="cpu"
)


class TinyNet(Net):
    """Two convolutions, 8 features."""

    def __init__(self, seed: int = 0, dropout: float = 0.0, norm: bool = False) -> None:
        super().__init__(Facts("tiny", SPEC, 8, "none", "none", {}))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.normalise = Normalise((127.5,) * 3, (127.5,) * 3)
            self.conv1 = PaddedConv2d(3, 8, 3, stride=2, pads=(1, 1, 1, 1))
            self.conv2 = PaddedConv2d(8, 8, 3, stride=2, pads=(1, 1, 1, 1))
        self.norm = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.pool = GlobalAverage()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.norm(self.conv1(self.normalise(x))))
        result: Tensor = self.pool(self.relu(self.conv2(self.dropout(y))))
        return result

    def stages(self) -> list[list[nn.Parameter]]:
        return [parameters_of([self.conv1, self.norm]), parameters_of([self.conv2])]


def examples(folder: Path, count: int, seed: int = 0, classes: int = 3) -> Examples:
    """Noisy stripes, whose direction is the class: upright, level, and aslant."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    paths, hashes = [], []
    for number, label in enumerate(labels):
        path = folder / f"{number:03}.png"
        data = io.BytesIO()
        Image.fromarray(_stripes(int(label), random)).save(data, "png")
        whole = path.with_suffix(f".{os.getpid()}")  # two processes may make the same one at once
        whole.write_bytes(data.getvalue())
        whole.replace(path)
        paths.append(path)
        hashes.append(hashlib.sha256(data.getvalue()).digest())
    return Examples(paths, hashes, labels.astype(np.int64), np.arange(count))


def _stripes(label: int, random: np.random.Generator) -> NDArray[np.uint8]:
    down, along = np.mgrid[:40, :40]
    position = [along, down, along + down][label] + random.uniform(0, 10)
    wave = 127 + 60 * np.sin(position * random.uniform(0.7, 1.0))
    noisy: NDArray[np.float64] = wave[..., None] + random.normal(0, 40, (40, 40, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def weights_of(net: nn.Module) -> dict[str, bytes]:
    """The bytes of every tensor of a module, by name."""
    return {name: tensor.numpy().tobytes() for name, tensor in net.state_dict().items()}
