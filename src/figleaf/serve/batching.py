"""Pictures of many requests, run through a model together.

Threads, one for each stream of the model, take what has come in. One that finds fewer pictures
than the model takes at once waits for more, but never longer than a bound after the first of them
came: alone a picture is late by that at the most, and under load nobody waits, since more are there
already. A score does not depend on the company: in bf16 the model runs pictures one by one, and in
f32 a batch changes less than the digits that are given.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from figleaf.models.model import Model, Prepared

Scores = NDArray[np.float32]

MOST = 16
"""Pictures run at once, where the model would take any number."""
_AHEAD = 2
"""Batches for each thread of the model that may wait, before no more should be decoded."""


@dataclass(slots=True)
class _Item:
    picture: Prepared
    since: float
    future: "Future[Scores]" = field(default_factory=Future)


class Batcher:
    """Runs a model on pictures that come one by one, from any thread.

    Args:
        model: what is run; its streams say how many threads.
        wait: seconds that a picture waits for others at the most.
        observe: is told of each batch: how many pictures, the seconds that the first waited, and
            those that the model took.
        clock: seconds, rising.
    """

    def __init__(
        self,
        model: Model,
        *,
        wait: float,
        observe: Callable[[int, float, float], None] = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._most = min(model.most, MOST)
        self._wait = wait if self._most > 1 else 0.0
        self._observe = observe
        self._clock = clock
        self._items: deque[_Item] = deque()
        self._ahead = _AHEAD * self._most * model.streams
        lock = threading.Lock()
        self._changed = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._closed = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"figleaf model {number}", daemon=True)
            for number in range(model.streams)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, picture: Prepared) -> "Future[Scores]":
        """Run the model on a picture; cancelling the future spares that, until it begins.

        Returns:
            a future of the probabilities, float32 of shape (classes,).

        Raises:
            RuntimeError: the batcher is closed.
        """
        item = _Item(picture, self._clock())
        with self._changed:
            if self._closed:
                raise RuntimeError("the batcher is closed")
            self._items.append(item)
            self._changed.notify()
        return item.future

    def wait_for_room(self) -> None:
        """Wait while enough pictures wait: prepared ones take a megabyte each, files far less."""
        with self._room:
            self._room.wait_for(lambda: len(self._items) < self._ahead or self._closed)

    def close(self) -> None:
        """Let the threads end once they have finished what was submitted. Waits for nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._room.notify_all()

    def _serve(self) -> None:
        while batch := self._next():
            self._run(batch)

    def _next(self) -> list[_Item]:
        """The next batch; an empty one at the end."""
        with self._changed:
            while True:
                while not self._items and not self._closed:
                    self._changed.wait()
                if not self._items:
                    return []
                self._wait_for_more()
                count = min(len(self._items), self._most)
                batch = [self._items.popleft() for _ in range(count)]
                self._room.notify_all()
                # Those whose clients have gone are not worth the model's time.
                batch = [item for item in batch if item.future.set_running_or_notify_cancel()]
                if batch:
                    return batch

    def _wait_for_more(self) -> None:
        while self._items and len(self._items) < self._most and not self._closed:
            left = self._items[0].since + self._wait - self._clock()
            if left <= 0:
                return
            self._changed.wait(left)

    def _run(self, batch: list[_Item]) -> None:
        begun = self._clock()
        try:
            rows = self._model.run([item.picture for item in batch]).probabilities
        except Exception as error:  # noqa: BLE001  # it is theirs who wait, and the thread goes on
            for item in batch:
                item.future.set_exception(error)
            return
        for item, row in zip(batch, rows, strict=True):
            item.future.set_result(row)
        self._observe(len(batch), begun - batch[0].since, self._clock() - begun)
