import contextlib
import functools
import gc
import io
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import BundleError, FigleafError, ImageError, InputError, Status
from figleaf.images import Limits, Picture, decode
from figleaf.images.isolate import IsolatedPool
from figleaf.images.wire import Channel, WireError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="isolation is POSIX only")

SOURCE = Path(__file__).parents[2] / "src"
Obey = Callable[[bytes], Any]


@pytest.fixture
def obey(monkeypatch: pytest.MonkeyPatch) -> Obey:
    """A function that does what the bytes say; workers get our sys.path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    function: Obey = __import__("misbehaviour").obey
    return function


@pytest.fixture
def pool(obey: Obey) -> Iterator[IsolatedPool[Any]]:
    with IsolatedPool(obey, workers=1, deadline=1.0) as isolated:
        yield isolated


def status_of(pool: IsolatedPool[Any], request: str) -> tuple[Status, str]:
    with pytest.raises(ImageError) as caught:
        pool(request.encode())
    return caught.value.status, caught.value.reason


def gone(pid: int, seconds: float = 5.0) -> bool:
    """Whether a process ends within some seconds; a zombie has not ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def gone_or_unreaped(pid: int, seconds: float = 5.0) -> bool:
    """As above, for a process whose parent is gone: some containers have no init that reaps."""
    until = time.monotonic() + seconds
    stat = Path(f"/proc/{pid}/stat")
    while time.monotonic() < until:
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    with io.BytesIO() as stream:
        Image.effect_noise(size, 50).convert("RGB").save(stream, "JPEG")
        return stream.getvalue()


# What comes back


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


# Misbehaviour


@pytest.mark.parametrize("request_", ["sleep 100", "hang_in_c"])
def test_a_hang(pool: IsolatedPool[Any], request_: str) -> None:
    worker = pool(b"pid")
    started = time.monotonic()
    status, reason = status_of(pool, request_)
    assert 0.9 < time.monotonic() - started < 3
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
    with IsolatedPool(obey, workers=3, deadline=0.7) as isolated:
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


# Start and end


def test_nothing_is_left_behind(obey: Obey) -> None:
    files = _open_files()
    with IsolatedPool(obey, workers=3, deadline=0.5) as isolated:
        pids = {isolated(b"pid") for _ in range(20)}
        for request in ("sleep 100", "abort"):
            status_of(isolated, request)
        pids.add(isolated(b"pid"))
    assert all(gone(pid, 0.1) for pid in pids), "killed and reaped when close returns"
    gc.collect()
    assert _open_files() == files


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_close_ends_running_and_waiting_calls(obey: Obey) -> None:
    isolated = IsolatedPool(obey, workers=1, deadline=60)
    caught: list[BaseException] = []

    def call() -> None:
        try:
            isolated(b"sleep 50")
        except FigleafError as error:
            caught.append(error)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    isolated.close()
    for thread in threads:
        thread.join(5)
    assert [type(error) for error in caught] == [InputError] * 3
    assert all("closed" in str(error) for error in caught)
    isolated.close()
    with pytest.raises(InputError, match="closed"):
        isolated(b"echo")


def test_a_pool_that_is_dropped(obey: Obey) -> None:
    isolated = IsolatedPool(obey, workers=2, deadline=5)
    pid = isolated(b"pid")
    del isolated
    gc.collect()
    assert gone(pid)


def test_a_worker_that_is_killed_from_outside(pool: IsolatedPool[Any]) -> None:
    os.kill(pool(b"pid"), signal.SIGKILL)
    status, reason = status_of(pool, "echo lost")
    assert status is Status.CRASHED
    assert "SIGKILL" in reason
    assert pool(b"echo on") == "on"


def test_ctrl_c_is_for_the_parent(pool: IsolatedPool[Any]) -> None:
    pid = pool(b"pid")
    os.kill(pid, signal.SIGINT)
    assert pool(b"pid") == pid


SCRIPT = """
import sys, threading
from figleaf.images.isolate import IsolatedPool
sys.path.insert(0, {here!r})
import misbehaviour
pool = IsolatedPool(misbehaviour.obey, workers=2, deadline={deadline})
print(pool(b"pid"), flush=True)
print(pool(b"pid"), flush=True)
"""


def script(ending: str, deadline: float = 5.0) -> "subprocess.Popen[str]":
    """A program on standard input, with no __main__ guard, that leaves its pool open."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert process.stdin is not None
    process.stdin.write(SCRIPT.format(here=str(Path(__file__).parent), deadline=deadline) + ending)
    process.stdin.close()
    process.stdin = None
    return process


def first_lines(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(2)]


def test_a_program_that_ends_leaves_no_workers() -> None:
    with script("") as process:
        pids = first_lines(process)
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(10) == 0
    assert all(gone_or_unreaped(pid) for pid in pids)


def test_a_program_that_is_killed_leaves_no_workers() -> None:
    with script("import time; time.sleep(100)") as process:
        pids = first_lines(process)
        process.kill()
    assert all(gone_or_unreaped(pid) for pid in pids)


def test_a_hung_worker_does_not_outlive_a_killed_program() -> None:
    with script("pool(b'hang_in_c')", deadline=0.5) as process:
        assert all(gone_or_unreaped(pid) for pid in first_lines(process)[:1]) or process.poll()
    # And one whose parent dies before the deadline: its own alarm ends it.
    with script("threading.Thread(target=pool, args=(b'hang_in_c',)).start()", 1.0) as process:
        pids = first_lines(process)
        time.sleep(0.3)
        process.kill()
    assert all(gone_or_unreaped(pid, 12) for pid in pids)


def test_functions_that_workers_cannot_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def local(data: bytes) -> int:
        return len(data)

    with pytest.raises(InputError, match="cannot be sent"):
        IsolatedPool(local, workers=1, deadline=1)
    (tmp_path / "only_here.py").write_text("import os\nowner = os.getpid()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "only_here.py").write_text(
        f"import os\nassert os.getpid() == {os.getpid()}\ndef f(data): return 1\n"
    )
    function = __import__("only_here").f
    with pytest.raises(InputError, match="AssertionError"):
        IsolatedPool(function, workers=1, deadline=1)


def test_functions_of_the_script_itself() -> None:
    program = (
        "from figleaf.images.isolate import IsolatedPool\n"
        "def mine(data): return 1\n"
        "IsolatedPool(mine, workers=1, deadline=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "InputError: mine is defined in the script" in done.stderr


@pytest.mark.parametrize(
    "bad", [{"workers": 0}, {"deadline": 0}, {"deadline": -1}, {"max_memory": 0}]
)
def test_bad_numbers(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="above zero"):
        IsolatedPool(decode, **{"workers": 1, "deadline": 1, **bad})


# What a worker that was taken over may send


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b'{"array": ["|O8", [1]]}',
        b'{"array": ["<f8", [-1]]}',
        b'{"array": ["<f8", [1000000, 1000000]]}',
        b'{"array": ["<f8,<f8", [1]]}',
        b'{"array": [5, [1]]}',
        b'{"array": ["<f8", ["a"]]}',
        b'{"array": []}',
        b'{"bytes": -1}',
        b'{"bytes": 1e3}',
        b'{"bytes": 99999999999}',
        b'{"bytes": "x"}',
        b'{"dict": []}',
        b'{"list": 5}',
        b'{"pickle": "gASV"}',
        b'{"list": [], "tuple": []}',
        b"{}",
        b'{"picture": [["<f4", [0, 0, 3]], "png", 1, 1]}',
        b'{"picture": [["|u1", [0, 3]], "png", 1, 1]}',
        b'{"picture": [["|u1", [0, 0, 3]], 5, 1, 1]}',
        b'{"picture": [["|u1", [0, 0, 3]], "png", "1", 1]}',
        b"[" * 100_000,
        b'{"list": [' * 10_000,
        b"\xff\xfe",
    ],
)
def test_lies_on_the_wire(header: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(
            target=_send_quietly, args=(theirs, len(header).to_bytes(8, "big") + header)
        )
        sender.start()
        with pytest.raises(WireError):
            Channel(ours).receive(until=time.monotonic() + 5)
        sender.join()


def _send_quietly(connection: socket.socket, message: bytes) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(message)


def test_a_header_that_claims_to_be_huge() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x7f" * 8)
        with pytest.raises(WireError, match="header"):
            Channel(ours).receive(until=time.monotonic() + 5)


def test_a_slow_sender_meets_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall((50).to_bytes(8, "big") + b'{"byt')
        with pytest.raises(TimeoutError):
            Channel(ours).receive(until=time.monotonic() + 0.2)
