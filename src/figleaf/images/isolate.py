"""Run a function on hostile bytes in processes that can be killed.

A C decoder cannot be interrupted, and when it crashes it takes its process along. So the function
runs in worker processes; one that misses its deadline or dies is replaced, and only its item is
lost. Fresh interpreters are started, never forks, and the caller's `__main__` is not run again, so
that it works from threads, scripts, notebooks and standard input alike.
"""

import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from figleaf import errors
from figleaf.errors import FigleafError, ImageError, InputError, Status
from figleaf.images.inherit import environment, home, import_path
from figleaf.images.wire import Channel, WireError

T = TypeVar("T")

_START_SECONDS = 60.0
"""How long a worker may take to start and import its function."""

_LONGEST_DEADLINE = 86_400.0
"""A day: what an alarm and a socket's timeout take everywhere. Longer is a mistake."""

# Nothing but the built-in sys is imported before the path is the one that the parent chose.
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from figleaf.images.worker import main; main()"


class IsolatedPool(Generic[T]):
    """A function of hostile bytes, applied in worker processes under a deadline.

    ::

        careful = functools.partial(decode, limits=Limits(max_pixels=2**25))
        with IsolatedPool(careful, workers=2, deadline=10) as isolated:
            picture = isolated(data)

    It can be called from many threads; each call blocks until a worker is free. The workers ignore
    Ctrl-C, end when this process does, and write nowhere: their standard output and error are
    closed off. They import nothing from the current folder, which may hold anybody's uploads, even
    where this process does, unless `function` or figleaf itself lies there. POSIX only.

    Args:
        function: importable by name (not from `__main__`), or a `functools.partial` of such. It
            takes bytes, or any value of the kinds that it may return: a `Picture`, NumPy arrays,
            bytes, JSON scalars, or lists, tuples and dicts of them. What a hostile file may have
            taken over is not trusted with pickles.
        workers: how many processes.
        deadline: seconds that one item may take, at most 86,400, its transfer both ways included,
            waiting for a free worker and the start of a new one not.
        max_memory: bytes of address space that a worker may take beyond what it starts with; None
            for no limit, and in figleaf the server alone sets one: it is for whoever makes a pool
            and knows what the function needs. Enforced on Linux. For `decode` count 16 bytes for
            each pixel that may come (`Limits.max_pixels` says what of) and 3 for each byte of a
            file.

    Raises:
        InputError: the function cannot be pickled or imported in a worker, or a bad number.
        FigleafError: workers cannot be started here.
    """

    def __init__(
        self,
        function: Callable[[Any], T],
        *,
        workers: int,
        deadline: float,
        max_memory: int | None = None,
    ) -> None:
        _check_numbers(workers, deadline, max_memory)
        if os.name != "posix" or not sys.executable:
            raise FigleafError("isolation needs a POSIX system and a Python executable")
        self._deadline = deadline
        self._setup = {
            "function": _pickled(function),
            "deadline": deadline,
            "max_memory": max_memory,
        }
        self._needed = {home(__name__), home(getattr(_named(function), "__module__", None))}
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._free: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        # At exit, and when the pool is dropped without being closed.
        self._finalizer = weakref.finalize(self, _bury_all, self._workers, self._owner)
        try:
            started = [self._start() for _ in range(workers)]
            for worker in started:
                worker.wait_until_ready()
                self._free.put(worker)
        except BaseException:
            self.close()
            raise

    def __call__(self, item: Any) -> T:
        """Apply the function to `item` in a worker.

        Raises:
            ImageError: TIMEOUT past the deadline; CRASHED when the worker died, ran out of memory,
                or the function raised something unforeseen; or what the function raised.
            FigleafError: what the function raised, or no worker can be started any more.
            InputError: the pool is closed, or was made in another process; the function returned
                what cannot cross the process border.
        """
        self._check_open()
        worker = self._free.get()
        try:
            self._check_open()
            if worker is None:
                worker = self._start()
            worker.wait_until_ready()
            reply = worker.ask(item, self._deadline)
        except ImageError:
            self._check_open()  # closed in the meantime: that, not the image, is what ended it
            raise
        finally:
            self._give_back(worker)
        result: T = _result(reply)
        return result

    def close(self) -> None:
        """Kill the workers, busy or not. Calls that wait or run raise InputError; idempotent."""
        if os.getpid() != self._owner:  # a fork of the owner: the workers are not ours
            return
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        self._drain()

    def _check_open(self) -> None:
        if self._closed:
            raise InputError("the isolated pool is closed")
        if os.getpid() != self._owner:
            raise InputError("the isolated pool belongs to another process; make one in this one")

    def _start(self) -> "_Worker":
        with self._lock:
            self._check_open()
            worker = _Worker(self._setup, import_path(self._needed))
            self._workers.add(worker)
            return worker

    def _give_back(self, worker: "_Worker | None") -> None:
        if worker is not None and not worker.alive:
            self._workers.discard(worker)
            try:
                # At once, so that it starts up while nobody waits for it.
                worker = self._start()
            except (FigleafError, OSError):
                worker = None  # the next caller tries again, and gets the error
        self._free.put(worker)
        if self._closed:
            self._drain()

    def _drain(self) -> None:
        """Bury the workers that nobody uses, and wake those who wait for one."""
        with suppress(queue.Empty):
            while True:
                worker = self._free.get_nowait()
                if worker is not None:
                    worker.bury()
                    self._workers.discard(worker)
        self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Worker:
    """One process and the channel to it, used by one thread at a time but for `kill`."""

    def __init__(self, setup: dict[str, Any], path: list[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    # -P: without it, -c puts the current folder in front of the path.
                    [sys.executable, "-P", "-c", _BOOT, *path],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment(),
                    # Its own group: the terminal's Ctrl-C does not reach it, and whatever it may
                    # start is killed with it.
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise FigleafError(f"cannot start an isolated worker: {error}") from None
        self._channel = Channel(ours)
        self._ready = False
        self.alive = True
        self._greet(setup)

    def _greet(self, setup: dict[str, Any]) -> None:
        try:
            self._channel.send(setup, until=time.monotonic() + _START_SECONDS)
        except OSError:
            self.bury()

    def wait_until_ready(self) -> None:
        """Wait for the function to be imported.

        Raises:
            InputError: the worker cannot import it.
            FigleafError: the worker does not start.
        """
        if self._ready:
            return
        try:
            answer = self._channel.receive(until=time.monotonic() + _START_SECONDS)
        except (EOFError, OSError, WireError):
            self.bury()
            raise FigleafError(f"an isolated worker did not start: {self._epitaph()}") from None
        if answer is not None:
            self.bury()
            raise InputError(f"an isolated worker cannot use the function: {answer}")
        self._ready = True

    def ask(self, item: Any, seconds: float) -> Any:
        """Send a request and wait for the answer; the worker is dead after any failure.

        Raises:
            ImageError: TIMEOUT or CRASHED.
        """
        until = time.monotonic() + seconds
        try:
            self._channel.send(item, until=until)
            reply = self._channel.receive(until=until)
            _check_reply(reply)
            return reply
        except TimeoutError:
            self.bury()
            reason = f"not done after {seconds:g} s; the worker was killed"
            raise ImageError(Status.TIMEOUT, reason) from None
        except (EOFError, OSError):
            self.bury()
            raise ImageError(Status.CRASHED, f"the worker died: {self._epitaph()}") from None
        except WireError as error:
            self.bury()
            raise ImageError(Status.CRASHED, f"the worker sent {error}") from None
        except BaseException:  # KeyboardInterrupt: an answer is still on its way
            self.bury()
            raise

    def kill(self) -> None:
        """End the process and whatever it started. Whoever uses the channel reads its end."""
        if self._process.returncode is None:
            # Of a process that is ending by itself this leaves the exit status as it is.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def bury(self) -> None:
        """Kill, and close the channel: only for whoever has the worker to itself."""
        self.alive = False
        self.kill()
        self._channel.close()

    def _epitaph(self) -> str:
        code = self._process.returncode
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return f"exit status {code}"


def _check_numbers(workers: int, deadline: float, max_memory: int | None) -> None:
    if workers < 1 or (max_memory is not None and max_memory < 1):
        raise InputError("workers and max_memory must be above zero")
    if not 0 < deadline <= _LONGEST_DEADLINE:  # nor is it for NaN
        raise InputError(
            f"deadline must be above zero and at most {_LONGEST_DEADLINE:,.0f} seconds, "
            f"not {deadline}"
        )


def _named(function: Callable[[Any], Any]) -> Any:
    """The function itself inside a `functools.partial`."""
    return getattr(function, "func", function)


def _pickled(function: Callable[[Any], Any]) -> bytes:
    inner = _named(function)
    name = getattr(inner, "__qualname__", repr(inner))
    if getattr(inner, "__module__", None) == "__main__":
        raise InputError(
            f"{name} is defined in the script that runs, which workers do not import; "
            "move it to a module of its own"
        )
    try:
        return pickle.dumps(function)
    except Exception as error:
        # Pickling calls the objects' own methods, which raise anything.
        raise InputError(f"{name} cannot be sent to a worker: {error}") from error


def _bury_all(workers: set[_Worker], owner: int) -> None:
    if os.getpid() != owner:  # a fork of the owner: the workers are not ours
        return
    for worker in list(workers):
        worker.bury()
    workers.clear()


_FAILURES = frozenset(Status) - {Status.OK}
_PLAIN_ERRORS = {
    name: getattr(errors, name)
    for name in ("InputError", "ModelError", "ModelNotFoundError", "BundleError", "PolicyError")
}


def _check_reply(reply: Any) -> None:
    """Raise WireError for what no honest worker sends."""
    match reply:
        case {"image_error": [str(status), str()]} if status in _FAILURES:
            return
        case {"result": _} | {"figleaf_error": [str(), str()]}:
            return
        case {"out_of_memory": True} | {"exception": str()}:
            return
    raise WireError("something else than an answer")


def _result(reply: Any) -> Any:
    """The function's result, or its error raised here."""
    match reply:
        case {"image_error": [status, reason]}:
            raise ImageError(Status(status), reason)
        case {"figleaf_error": [name, message]}:
            raise _PLAIN_ERRORS.get(name, FigleafError)(message)
        case {"out_of_memory": True}:
            raise ImageError(Status.CRASHED, "out of memory in the worker")
        case {"exception": message}:
            raise ImageError(Status.CRASHED, f"the worker raised {message}")
    return reply["result"]
