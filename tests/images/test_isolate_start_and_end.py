"""Workers start from any program, and none outlives it."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from figleaf.errors import FigleafError, InputError, Status
from figleaf.images import decode
from figleaf.images.isolate import IsolatedPool

from .workers import Obey, gone, gone_or_unreaped, status_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="isolation is POSIX only")

SOURCE = Path(__file__).parents[2] / "src"


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
    "bad",
    [
        {"workers": 0},
        {"deadline": 0},
        {"deadline": -1},
        {"deadline": float("inf")},
        {"deadline": float("nan")},
        {"deadline": 1e30},
        {"deadline": 86_401},
        {"max_memory": 0},
    ],
)
def test_bad_numbers(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="above zero"):
        IsolatedPool(decode, **{"workers": 1, "deadline": 1, **bad})


def test_the_longest_deadline(obey: Obey) -> None:
    with IsolatedPool(obey, workers=1, deadline=86_400) as isolated:
        assert isolated(b"echo on") == "on"
