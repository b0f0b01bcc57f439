"""Pictures drawn from a folder by chance."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from figleaf.classify.decoding import decoder_for, prepared_for
from figleaf.classify.source import Reader, read_bytes, walk
from figleaf.classify.stream import ordered_map
from figleaf.errors import ImageError
from figleaf.images import Limits
from figleaf.models.model import Model, Prepared


class Drawn:
    """Pictures of a folder in an order by chance, each once, prepared for a model.

    Attributes:
        files: how many there are to draw from.
        unreadable: how many files were no pictures, so far.
    """

    def __init__(self, model: Model, folder: str | Path, seed: int) -> None:
        limits = Limits()
        decoder = decoder_for(model, limits, scaled=False)
        self._model = model
        self._limits = limits
        self._reader = Reader(decoder, limits, model.card.background)
        paths = list(walk(folder))
        order = np.random.default_rng(seed).permutation(len(paths))
        self._paths = [paths[number] for number in order]
        self.files = len(paths)
        self._seen: dict[str, None] = {}
        self.unreadable = 0

    @property
    def hashes(self) -> list[str]:
        """The SHA-256 of the files that were given so far."""
        return list(self._seen)

    def pictures(self, threads: ThreadPoolExecutor) -> Iterator[Prepared]:
        """One after the other; copies of one that was given are left out."""
        ahead = 2 * self._model.streams
        results = ordered_map(lambda path: threads.submit(self._one, path), self._paths, ahead)
        for found in results:
            if found is None:
                self.unreadable += 1
                continue
            digest, picture = found
            if digest not in self._seen:
                self._seen[digest] = None
                yield picture

    def _one(self, path: str) -> tuple[str, Prepared] | None:
        try:
            data = read_bytes(path, self._limits)
            return hashlib.sha256(data).hexdigest(), prepared_for(self._model, self._reader, data)
        except ImageError:
            return None
