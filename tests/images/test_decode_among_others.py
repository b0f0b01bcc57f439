"""What decoding leaves alone: other threads, their warnings, and memory."""

import io
import random
import threading
import time
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import ImageError
from figleaf.images import decode

from .samples import (
    FORMATS,
    outcome,
    sample,
    warning_tiff,
)


def test_pillow_warns_at_the_sample() -> None:
    with (
        pytest.warns(UserWarning, match="Truncated"),
        Image.open(io.BytesIO(warning_tiff())) as image,
    ):
        image.load()


def test_warnings_stay_inside() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode(warning_tiff())
        warnings.simplefilter("error", append=False)
        decode(warning_tiff())


def test_others_still_get_their_warnings() -> None:
    decode(warning_tiff())
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            decode(warning_tiff())

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(20):
            # The tests' own filter turns each warning into an error.
            with pytest.raises(UserWarning), Image.open(io.BytesIO(warning_tiff())) as image:
                image.load()
    finally:
        stop.set()
        thread.join()


def test_many_threads() -> None:
    files = [sample(kind) for kind in FORMATS] + [warning_tiff(), sample("png")[:500], b"<html>"]
    expected = [outcome(data) for data in files]
    failures: list[str] = []

    def work(seed: int) -> None:
        order = list(range(len(files)))
        random.Random(seed).shuffle(order)
        for index in order * 5:
            if not _same(outcome(files[index]), expected[index]):
                failures.append(str(index))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return bool(one == other)
    return bool(np.array_equal(one, other))


def test_nothing_is_kept() -> None:
    files = [sample("baseline"), sample("png"), sample("png")[:900], warning_tiff()]
    for data in files * 3:
        outcome(data)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for data in files * 50:
            outcome(data)
        assert tracemalloc.get_traced_memory()[0] - before < 200_000
    finally:
        tracemalloc.stop()


class _Watched(list[Any]):
    """A list of filters that notes whenever none of ours is in it."""

    gaps = 0

    def remove(self, entry: Any) -> None:
        super().remove(entry)
        self.gaps += not any("_PillowHere" in type(other[3]).__name__ for other in self)


def test_the_filter_is_there_while_it_moves_to_the_front(monkeypatch: pytest.MonkeyPatch) -> None:
    filters = _Watched(warnings.filters)
    monkeypatch.setattr(warnings, "filters", filters)
    length = len(filters)
    for _ in range(5):
        decode(sample("png"))
        filters.insert(0, ("error", None, Warning, None, 0))
    decode(sample("png"))
    assert filters.gaps == 0
    assert len(filters) <= length + 6, "old ones are taken away"


def test_filters_that_others_keep_adding() -> None:
    stop = threading.Event()
    failures: list[str] = []

    def work() -> None:
        while not stop.is_set():
            try:
                decode(warning_tiff())
            except ImageError as error:  # what a warning that got out becomes
                failures.append(error.reason)

    with warnings.catch_warnings():
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for index in range(300):
            warnings.filterwarnings("ignore", f"none like this {index}")
            time.sleep(0.001)
        stop.set()
        for thread in threads:
            thread.join()
        ours = [entry for entry in warnings.filters if "_PillowHere" in type(entry[3]).__name__]
        assert len(ours) == 1
    assert not failures
