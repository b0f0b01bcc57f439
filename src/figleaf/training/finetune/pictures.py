"""The pictures of examples, decoded, and held in memory as far as there is room."""

import math
import threading
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.source import Reader
from figleaf.errors import ImageError
from figleaf.images import Limits, decode
from figleaf.models.card import Input
from figleaf.models.preprocess import prepare
from figleaf.training.examples import Examples
from figleaf.training.known_file import KnownFile

_ROOM = 1.25
"""How much larger than the net's input a picture is held: random crops are parts of it."""


class Memory:
    """Arrays by name, up to so many bytes; what comes later is not held. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._held: dict[tuple[str, int], NDArray[np.uint8]] = {}
        self._lock = threading.Lock()

    def get(self, name: tuple[str, int]) -> NDArray[np.uint8] | None:
        """The array of that name, if it is held."""
        return self._held.get(name)

    def put(self, name: tuple[str, int], array: NDArray[np.uint8]) -> None:
        """Hold an array, if there is room."""
        with self._lock:
            if name not in self._held and array.nbytes <= self._left:
                self._left -= array.nbytes
                self._held[name] = array


class Pictures:
    """The pictures of some examples, for one net. Thread-safe.

    Decoded or from memory, a picture is the same: what is held is what was made of it. A file that
    is not what its hash says counts as one that cannot be read: its label is another picture's.

    Args:
        examples: whose; a picture is known by its place among them.
        spec: the net's input.
        memory: what holds pictures; it may hold those of others, too.
        part: what these are called there.
    """

    def __init__(self, examples: Examples, spec: Input, memory: Memory, part: str) -> None:
        self._examples = examples
        self._spec = spec
        self._memory = memory
        self._part = part
        self._short = math.ceil(_ROOM * max(spec.resize))
        limits, background = Limits(), spec.background
        whole = partial(decode, limits=limits, background=background)
        enough = partial(whole, at_least=(self._short, self._short))
        self._whole = Reader(whole, limits, background)
        self._enough = Reader(enough, limits, background)

    def __len__(self) -> int:
        return len(self._examples)

    def pixels(self, row: int) -> NDArray[np.uint8] | None:
        """A picture, no larger than random crops of it need: uint8 RGB of shape (h, w, 3).

        None where the file cannot be read any more, or was altered.
        """
        return self._held(f"{self._part} pixels", row, lambda: self._reduced(row))

    def prepared(self, row: int) -> NDArray[np.float32] | None:
        """A picture exactly as a model gets it: float32 RGB in 0..255 of shape (*size, 3).

        None where the file cannot be read any more, or was altered.
        """
        name = f"{self._part} prepared"
        held = self._memory.get((name, row))
        if held is not None:
            return held.astype(np.float32)
        try:
            made = prepare(self._whole.pixels(self._file(row)), self._spec)
        except (ImageError, MemoryError):
            return None
        whole = made.astype(np.uint8)
        if np.array_equal(whole, made):  # of Pillow's filters: a quarter of the memory
            self._memory.put((name, row), whole)
        return made

    def _file(self, row: int) -> KnownFile:
        return KnownFile(self._examples.paths[row], self._examples.hashes[row])

    def _held(
        self, name: str, row: int, make: Callable[[], NDArray[np.uint8]]
    ) -> NDArray[np.uint8] | None:
        held = self._memory.get((name, row))
        if held is not None:
            return held
        try:
            made = make()
        except (ImageError, MemoryError):
            return None
        self._memory.put((name, row), made)
        return made

    def _reduced(self, row: int) -> NDArray[np.uint8]:
        pixels = self._enough.pixels(self._file(row))
        height, width = pixels.shape[:2]
        if min(height, width) <= self._short:
            return pixels
        factor = self._short / min(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
