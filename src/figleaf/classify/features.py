"""Pooled features of a stream of pictures, on all cores, for whatever is built upon them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.decoding import decoder_for, prepared_for
from figleaf.classify.source import Reader, Source
from figleaf.classify.stream import chunked, ordered_map
from figleaf.errors import ImageError, ModelError
from figleaf.images import Limits
from figleaf.models.model import Model, Prepared

_BATCH = 16
_AHEAD = 2

Feature = NDArray[np.float32] | ImageError
"""The features of one picture, float32 of shape (width,); or why there are none."""


class FeatureExtractor:
    """Gives the features of pictures. Thread-safe; a context manager.

    Args:
        model: one that has features.
        limits: how many bytes and pixels are too many for one input.
        scaled: decode large JPEGs at a fraction of their size, faster and not quite the same.
        at_least: the height and width that is enough then; by default that of the model's inputs.

    Raises:
        ModelError: the model has no features.
    """

    def __init__(
        self,
        model: Model,
        *,
        limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
        scaled: bool = False,
        at_least: tuple[int, int] | None = None,
    ) -> None:
        if not model.card.features:
            raise ModelError(f"{model.card.name} has no features")
        self.model = model
        decoder = decoder_for(model, limits, scaled=scaled, at_least=at_least)
        self._reader = Reader(decoder, limits, model.card.background)
        self._threads = ThreadPoolExecutor(model.streams, thread_name_prefix="figleaf")

    def stream(self, sources: Iterable[Source]) -> Iterator[Feature]:
        """The features of each input, in order, in constant memory."""
        streams = self.model.streams
        results: Iterator[list[Feature]] = ordered_map(
            lambda batch: self._threads.submit(self._batch, batch),
            chunked(sources, _BATCH, streams),
            _AHEAD * streams,
        )
        return chain.from_iterable(results)

    def _batch(self, sources: list[Source]) -> list[Feature]:
        prepared = [self._prepared(source) for source in sources]
        pictures = [one for one in prepared if not isinstance(one, ImageError)]
        rows = iter(self.model.run(pictures, features=True).features if pictures else ())
        return [one if isinstance(one, ImageError) else next(rows) for one in prepared]

    def _prepared(self, source: Source) -> Prepared | ImageError:
        try:
            return prepared_for(self.model, self._reader, source)
        except ImageError as error:
            return error

    def close(self) -> None:
        """Stop the threads; idempotent."""
        self._threads.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
