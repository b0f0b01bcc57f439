"""What comes back from isolated workers, and what becomes of those that misbehave."""

import functools
import io
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import BundleError, ImageError, InputError, Status
from figleaf.images import Limits, Picture, decode
from figleaf.images.isolate import IsolatedPool

from .workers import Obey, gone, gone_or_unreaped, jpeg, status_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="isolation is POSIX only")


def test_results_are_those_of_the_function() -> None:
    careful = functools.partial(decode, limits=Limits(max_pixels=10_000), at_least=(8, 8))
    files = [jpeg(), jpeg((90, 100)), jpeg((200, 100)), jpeg()[:200], b"", b"<html>"]
    with IsolatedPool(careful, workers=2, deadline=10) as isolated:
        for data in files:
            assert _outcome(isolated, data) == _outcome(careful, data)
        assert not isolated(jpeg()).pixels.flags.writeable


def _outcome(function: Callable[[bytes], Picture], data: bytes) -> tuple[Any, ...]:
    try:
        picture = function(data)
    except ImageError as error:
        return error.status, error.reason
    shape = picture.pixels.shape
    return picture.format, picture.width, picture.height, shape, picture.pixels.tobytes()


def test_every_type_that_may_cross(pool: IsolatedPool[Any]) -> None:
    result = pool(b"assorted")
    assert result["scalars"] == [None, True, 7, 1.5, "é"]
    assert result["pair"] == (b"\x00\xff", b"")
    floats, empty, booleans = result["arrays"]
    np.testing.assert_array_equal(floats, [[2, 1, 0], [5, 4, 3]])
    assert floats.dtype == np.float32
    assert (empty.shape, empty.dtype) == ((0, 3), np.int64)
    assert booleans.tolist() == [True, False]
    assert (result["picture"].width, result["picture"].height) == (30, 20)
    assert (result["picture"].pixels == 9).all()


@pytest.mark.parametrize("request_", ["unsendable", "objects"])
def test_types_that_may_not(pool: IsolatedPool[Any], request_: str) -> None:
    with pytest.raises(InputError, match="cannot cross the process border"):
        pool(request_.encode())
    assert pool(b"echo on") == "on"


def test_errors_of_the_function(pool: IsolatedPool[Any]) -> None:
    worker = pool(b"pid")
    assert status_of(pool, "refuse half of it") == (Status.CORRUPT, "half of it")
    with pytest.raises(InputError, match="wrong number"):
        pool(b"misuse wrong number")
    with pytest.raises(BundleError, match="no card"):
        pool(b"bad_bundle no card")
    status, reason = status_of(pool, "stumble x")
    assert status is Status.CRASHED
    assert "KeyError" in reason
    assert pool(b"pid") == worker, "none of these costs the worker"


def test_output_of_the_function_goes_nowhere(
    pool: IsolatedPool[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    assert pool(b"chatter hello") == ""
    assert pool(b"echo on") == "on"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("request_", ["sleep 100", "hang_in_c"])
def test_a_hang(pool: IsolatedPool[Any], request_: str) -> None:
    worker = pool(b"pid")
    started = time.monotonic()
    status, reason = status_of(pool, request_)
    assert 0.9 < time.monotonic() - started < 60  # it would be 100 s, or for ever
    assert status is Status.TIMEOUT
    assert "1 s" in reason
    assert gone(worker)
    assert pool(b"pid") != worker


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("leave 0", "exit status 0"),
        ("leave 3", "exit status 3"),
        ("abort", "SIGABRT"),
        ("segfault", "SIGSEGV"),
    ],
)
def test_a_crash(pool: IsolatedPool[Any], request_: str, words: str) -> None:
    worker = pool(b"pid")
    status, reason = status_of(pool, request_)
    assert status is Status.CRASHED
    assert words in reason
    assert gone(worker)
    assert pool(b"echo on") == "on"


@pytest.mark.skipif(sys.platform != "linux", reason="enforced on Linux only")
def test_too_much_memory(obey: Obey) -> None:
    with IsolatedPool(obey, workers=1, deadline=10, max_memory=200 * 2**20) as isolated:
        assert isolated(b"allocate 100") == 100 * 2**20
        status, reason = status_of(isolated, "allocate 300")
        assert status is Status.CRASHED
        assert "memory" in reason
        assert isolated(b"allocate 100") == 100 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="enforced on Linux only")
def test_decoding_within_a_memory_limit() -> None:
    with IsolatedPool(decode, workers=1, deadline=30, max_memory=300 * 2**20) as isolated:
        for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF"):
            with io.BytesIO() as stream:
                Image.new("RGB", (1000, 1000)).save(stream, name)
                assert isolated(stream.getvalue()).width == 1000
        with io.BytesIO() as stream:
            Image.new("L", (11_000, 11_000)).save(stream, "PNG")
            with pytest.raises(ImageError) as caught:
                isolated(stream.getvalue())
        assert caught.value.status in (Status.TOO_MANY_PIXELS, Status.CRASHED)
        assert isolated(jpeg()).width == 64


def test_whatever_a_worker_started_is_killed_with_it(obey: Obey, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    with IsolatedPool(obey, workers=1, deadline=2.0) as isolated:
        assert status_of(isolated, f"child_and_hang {note}")[0] is Status.TIMEOUT
    for pid in note.read_text().split():
        assert gone_or_unreaped(int(pid))


def test_many_items_many_threads_some_hang(obey: Obey) -> None:
    requests = [f"echo {index}" for index in range(200)]
    for index, bad in {20: "sleep 100", 70: "hang_in_c", 90: "abort", 130: "leave 1"}.items():
        requests[index] = bad
    results: dict[int, Any] = {}

    def work(mine: list[int]) -> None:
        for index in mine:
            try:
                results[index] = isolated(requests[index].encode())
            except ImageError as error:
                results[index] = error.status

    order = list(range(200))
    random.Random(1).shuffle(order)
    with IsolatedPool(obey, workers=3, deadline=4) as isolated:
        threads = [threading.Thread(target=work, args=(order[n::4],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    expected: dict[int, Any] = {index: str(index) for index in range(200)}
    expected |= {20: Status.TIMEOUT, 70: Status.TIMEOUT, 90: Status.CRASHED, 130: Status.CRASHED}
    assert results == expected


def test_large_items_both_ways(pool: IsolatedPool[Any]) -> None:
    text = "x" * 900_000
    assert pool(b"echo " + text.encode()) == text
