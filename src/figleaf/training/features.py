"""The features of a data set's pictures, from the cache or computed into it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.decoding import enough_for
from figleaf.classify.features import FeatureExtractor
from figleaf.errors import ImageError, ModelError
from figleaf.models.card import Card, Input
from figleaf.models.joined import JoinedRuntime
from figleaf.models.model import Model
from figleaf.models.runtime import (
    Precision,
    RuntimeName,
    available_cores,
    compile_graph,
    has_bf16,
)
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.cache import FeatureCache, Key
from figleaf.training.examples import Examples
from figleaf.training.known_file import known_files

_BATCH = 256  # pictures between two flushes to the disk: what a kill loses at most
_ROWS = 4096  # that are converted at a time


@dataclass(frozen=True, slots=True)
class Computing:
    """How features are computed.

    Attributes:
        precision: of the graphs.
        scaled: decode JPEGs at a fraction of their size.
        streams: threads, a core each.
    """

    precision: Precision
    scaled: bool
    streams: int


def computing(*, fast: bool) -> Computing:
    """Exact, or as fast as this processor can."""
    bf16 = fast and has_bf16()
    return Computing(Precision.BF16 if bf16 else Precision.F32, fast, available_cores())


def key_of(backbone: Backbone, all_of_them: Sequence[Backbone], how: Computing) -> Key:
    """What the features of a backbone depend on.

    Args:
        backbone: the one.
        all_of_them: those that the pictures are decoded for: scaled decoding goes by the largest.
        how: how they are computed.
    """
    decoding = "whole"
    if how.scaled:
        height, width = enough_for([one.input for one in all_of_them])
        decoding = f"scaled to {height}x{width}"
    spec = {key: value for key, value in asdict(backbone.input).items() if key != "name"}
    return Key(
        backbone.name,
        backbone.sha256,
        backbone.width,
        f"{spec}, {decoding}",
        str(how.precision),
        # By its metadata: whoever imports it otherwise than the runtime gets its telemetry as well.
        f"openvino {version('openvino')}",
    )


class Features:
    """The features of several backbones side by side, for any pictures of a data set.

    Args:
        folder: of the data set's caches.
        backbones: whose.
        how: how they are computed.
    """

    def __init__(self, folder: Path, backbones: Sequence[Backbone], how: Computing) -> None:
        self.backbones = backbones
        self.width = sum(one.width for one in backbones)
        self._how = how
        self._caches = [FeatureCache(folder, key_of(one, backbones, how)) for one in backbones]

    def missing(self, examples: Examples) -> NDArray[np.bool_]:
        """Which pictures some backbone has not seen."""
        return np.array(
            [any(one not in cache for cache in self._caches) for one in examples.hashes], bool
        )

    def compute(self, examples: Examples, done: Callable[[int], None]) -> int:
        """See that the features of all pictures are there.

        Args:
            examples: the pictures.
            done: is told how many of those that were missing are done.

        Returns:
            how many were computed; the others could not be read, or were there.
        """
        total = computed = 0
        enough = enough_for([one.input for one in self.backbones])
        for numbers, rows in self._by_need(examples):
            some = examples.take(np.array(rows, np.int64))
            with ExitStack() as stack:
                model = joined_model([self.backbones[number] for number in numbers], self._how)
                # As for all of them, though some have seen these pictures: their keys say so.
                scaled = self._how.scaled
                extractor = FeatureExtractor(model, scaled=scaled, at_least=enough)
                stream = stack.enter_context(extractor).stream(known_files(some))
                for hashes, found in _batches(some.hashes, stream):
                    self._keep(numbers, hashes, found)
                    computed += sum(not isinstance(one, ImageError) for one in found)
                    total += len(found)
                    done(total)
        return computed

    def _by_need(self, examples: Examples) -> Iterator[tuple[tuple[int, ...], list[int]]]:
        """Backbones that have not seen some pictures, and which pictures these are."""
        needs: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        known: set[bytes] = set()
        for row, sha256 in enumerate(examples.hashes):
            need = tuple(n for n, cache in enumerate(self._caches) if sha256 not in cache)
            if need and sha256 not in known:
                known.add(sha256)
                needs[need].append(row)
        yield from sorted(needs.items())

    def _keep(self, numbers: Sequence[int], hashes: Sequence[bytes], found: list[Any]) -> None:
        good = [n for n, one in enumerate(found) if not isinstance(one, ImageError)]
        if not good:
            return
        names, rows, left = [hashes[n] for n in good], np.stack([found[n] for n in good]), 0
        for number in numbers:
            width = self.backbones[number].width
            self._caches[number].append(names, rows[:, left : left + width])
            left += width

    def readable_of(self, examples: Examples) -> Examples:
        """The pictures that have features, after `compute`."""
        return examples.take(~self.missing(examples))

    def matrix(self, examples: Examples) -> NDArray[np.float32]:
        """Float32 of shape (pictures, width), of pictures that all have features."""
        found = np.empty((len(examples), self.width), np.float32)
        left = 0
        for cache in self._caches:
            rows, source, width = cache.rows(examples.hashes), cache.matrix(), cache.key.width
            for start in range(0, len(rows), _ROWS):
                part = slice(start, start + _ROWS)
                found[part, left : left + width] = source[rows[part]]
                if not np.isfinite(found[part, left : left + width]).all():
                    raise ModelError(f"{cache.key.backbone} gives features that are not finite")
            left += width
        return found


def joined_model(backbones: Sequence[Backbone], how: Computing) -> Model:
    """A model that gives the features of several backbones side by side."""
    names = input_names(backbones)
    parts = {
        name: (
            compile_graph(
                one.graph,
                runtime=RuntimeName.OPENVINO,
                precision=how.precision,
                streams=how.streams,
            ),
            one.input.name,
        )
        for name, one in zip(names, backbones, strict=True)
    }
    card = Card(
        name="+".join(one.name for one in backbones),
        version="1",
        description="",
        labels=(),
        features=sum(one.width for one in backbones),
        inputs=joined_inputs(backbones),
        sha256={},
        license="",
    )
    return Model(card, JoinedRuntime(parts), how.precision, how.streams)


def input_names(backbones: Sequence[Backbone]) -> list[str]:
    """What the inputs of a graph of these backbones are called: "image" where there is one."""
    if len(backbones) == 1:
        return ["image"]
    return [f"{one.name}/image" for one in backbones]


def joined_inputs(backbones: Sequence[Backbone]) -> tuple[Input, ...]:
    """The inputs of a graph of these backbones, as its card has them."""
    names = input_names(backbones)
    return tuple(replace(one.input, name=name) for name, one in zip(names, backbones, strict=True))


def _batches(
    hashes: Sequence[bytes], stream: Iterator[Any]
) -> Iterator[tuple[Sequence[bytes], list[Any]]]:
    start = 0
    while found := list(islice(stream, _BATCH)):
        yield hashes[start : start + len(found)], found
        start += len(found)
