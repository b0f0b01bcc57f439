"""Real pictures as a net's input, and a graph's answers to them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.models.card import Input
from figleaf.models.preprocess import prepare
from figleaf.models.runtime import Precision, RuntimeName, compile_graph

NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")


def batch(folder: Path, spec: Input) -> NDArray[np.float32]:
    """Four photos: float32 RGB in 0..255 of shape (4, *spec.size, 3)."""
    pictures = [np.asarray(Image.open(folder / name).convert("RGB")) for name in NAMES]
    return np.stack([prepare(pixels, spec) for pixels in pictures])


def features(
    graph: bytes, pictures: NDArray[np.float32], runtime: RuntimeName
) -> NDArray[np.float32]:
    """What a graph says of them in f32, of shape (4, width)."""
    compiled = compile_graph(graph, runtime=runtime, precision=Precision.F32, streams=1)
    return compiled.infer({"image": pictures}, ["features"])["features"]
