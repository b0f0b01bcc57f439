"""From the images of a request to their results: hash, lists, cache, decoding, model, verdict."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.lists import Listing, Lists
from figleaf.classify.looking import Looked, Recipe, parse_looked
from figleaf.classify.prediction import Prediction
from figleaf.classify.verdict import Scored, Verdicts
from figleaf.errors import ImageError, Status
from figleaf.images.isolate import IsolatedPool
from figleaf.models.runtime import available_cores
from figleaf.serve.batching import Batcher
from figleaf.serve.cache import Cache
from figleaf.serve.decoding import job_of, look_at, memory_for
from figleaf.serve.hosted import Choice
from figleaf.serve.metrics import Metrics
from figleaf.serve.rules import ServeRules
from figleaf.serve.upload import Upload

_HASHED_AT_ONCE = 2**18
"""Bytes that are hashed in the event loop, in a tenth of a millisecond; more in a thread."""

_FLEETING = frozenset({Status.TIMEOUT, Status.CRASHED})
"""Failures that say as much of the machine's day as of the image."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an image's content, whatever the policy and the lists.

    Attributes:
        looked: what it shows, without its pictures.
        scores: float32 of shape (pictures, classes); None where a list decided before the model.
    """

    looked: Looked
    scores: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Result:
    """What is said of one image.

    Attributes:
        prediction: the result.
        sha256: of the file, in hexadecimal; None where there was no file.
        seconds: from when the image was accepted.
    """

    prediction: Prediction
    sha256: str | None
    seconds: float


class Engine:
    """Classifies the images of many requests at once. A context manager.

    Args:
        rules: the limits of an image, how many processes, what is remembered.
        metrics: is told how long things take.
        decode: what workers do with a job (`decoding.job_of`), importable by name.

    Raises:
        FigleafError: workers cannot be started here.
    """

    def __init__(
        self,
        rules: ServeRules,
        metrics: Metrics,
        decode: Callable[..., dict[str, Any]] = look_at,
    ) -> None:
        self._metrics = metrics
        self._cache: Cache[Known | ImageError] = Cache(rules.cache)
        self._caches = rules.cache > 0
        workers = rules.workers or available_cores()
        self._resources = ExitStack()
        # A thread for each worker: it waits for it, and does nothing else. The threads are ended
        # last, when there are no workers any more that they would wait for.
        self._threads = self._resources.enter_context(
            ThreadPoolExecutor(workers, thread_name_prefix="figleaf decode")
        )
        self._pool = self._resources.enter_context(
            IsolatedPool(
                partial(decode, limits=rules.limits),
                workers=workers,
                deadline=rules.decode_deadline,
                max_memory=memory_for(rules.limits),
            )
        )

    async def classify(
        self, uploads: Sequence[Upload], choice: Choice, lists: Lists
    ) -> list[Result]:
        """A result for each image, in order.

        Raises:
            FigleafError: the model cannot be run, or no worker can be started.
        """
        if len(uploads) == 1:
            return [await self._one(uploads[0], choice, lists)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(one, choice, lists)) for one in uploads]
        return [task.result() for task in tasks]

    def close(self) -> None:
        """End the workers and threads; idempotent."""
        self._resources.close()

    async def _one(self, upload: Upload, choice: Choice, lists: Lists) -> Result:
        began = time.perf_counter()
        digest = None
        if upload.failure is not None:
            prediction = choice.verdicts.failure(upload.name, upload.failure)
        else:
            digest, listing = await _identified(upload.data, lists)
            if listing is not None:
                prediction = choice.verdicts.listed(upload.name, listing)
            else:
                prediction = await self._judged(upload, digest, choice, lists)
        self._metrics.image(prediction)
        seconds = time.perf_counter() - began
        return Result(prediction, digest.hex() if digest else None, seconds)

    async def _judged(
        self, upload: Upload, digest: bytes, choice: Choice, lists: Lists
    ) -> Prediction:
        recipe = choice.hosted.recipe(lists)
        key = (digest, choice.hosted.number, recipe.with_pdq, recipe.with_further)
        known = self._remembered(key)
        if known is None:
            known = await self._looked_at(upload.data, recipe, choice, lists)
            if not (isinstance(known, ImageError) and known.status in _FLEETING):
                self._cache.put(key, known)
        if isinstance(known, ImageError):
            return choice.verdicts.failure(upload.name, known)
        if listing := await _listing(known.looked, lists):
            return choice.verdicts.listed(upload.name, listing)
        if known.scores is None:  # the list that decided has been changed since
            self._cache.drop(key)
            return await self._judged(upload, digest, choice, lists)
        return _verdict(choice.verdicts, upload.name, known, known.scores, recipe)

    def _remembered(self, key: object) -> Known | ImageError | None:
        if not self._caches:
            return None
        known = self._cache.get(key)
        self._metrics.cache.labels("hit" if known else "miss").inc()
        return known

    async def _looked_at(
        self, data: bytes, recipe: Recipe, choice: Choice, lists: Lists
    ) -> Known | ImageError:
        """Decode an image, and run the model on it unless a PDQ hash of it is listed."""
        try:
            looked = await self._decoded(data, recipe, choice.hosted.batcher)
        except ImageError as error:
            # Its traceback holds the frames that it came through, and they the file: the cache
            # would keep it.
            return ImageError(error.status, error.reason)
        bare = replace(looked, pictures=())
        if await _listing(looked, lists):
            return Known(bare, None)
        futures = [choice.hosted.batcher.submit(picture) for picture in looked.pictures]
        rows = await asyncio.gather(*map(asyncio.wrap_future, futures))
        return Known(bare, np.stack(rows))

    async def _decoded(self, data: bytes, recipe: Recipe, batcher: Batcher) -> Looked:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._decode, data, recipe, batcher)

    def _decode(self, data: bytes, recipe: Recipe, batcher: Batcher) -> Looked:
        batcher.wait_for_room()
        began = time.perf_counter()
        try:
            return parse_looked(self._pool(job_of(data, recipe)), recipe)
        finally:
            self._metrics.stage_seconds.labels("decode").observe(time.perf_counter() - began)


def _verdict(
    verdicts: Verdicts, name: str, known: Known, scores: NDArray[np.float32], recipe: Recipe
) -> Prediction:
    seconds = known.looked.seconds
    if seconds is None or recipe.frames is None:
        return verdicts.verdict(name, scores[0])
    frames = [Scored(second, row) for second, row in zip(seconds, scores, strict=True)]
    return verdicts.verdict_of_frames(name, frames, recipe.frames, known.looked.unseen)


async def _identified(data: bytes, lists: Lists) -> tuple[bytes, Listing | None]:
    """A file's SHA-256, and what the lists say of its bytes."""
    if len(data) <= _HASHED_AT_ONCE:
        return _identify(data, lists)
    return await asyncio.to_thread(_identify, data, lists)


async def _listing(looked: Looked, lists: Lists) -> Listing | None:
    """What the lists say of an image's looks; for a film and long lists it takes milliseconds."""
    return await asyncio.to_thread(looked.listed, lists) if looked.hashes else None


def _identify(data: bytes, lists: Lists) -> tuple[bytes, Listing | None]:
    digest = hashlib.sha256(data).digest()
    return digest, lists.of_bytes(data, digest) if lists else None
