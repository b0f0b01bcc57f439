"""Look names up: once for all who ask, with a memory, and never more at a time than is polite."""

import asyncio
import socket
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from figleaf.sources.fetching.guard import Guard

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""A name's addresses, as text. Raises `socket.gaierror` where there are none."""

_AT_ONCE = 64
_REMEMBERED = 20_000
_SECONDS = 300.0
"""How long an answer is good for. getaddrinfo does not tell the one that the zone's owner set."""


async def resolve_with_system(name: str) -> list[str]:
    """Ask the system's resolver, in a thread of its own.

    A daemon thread, since getaddrinfo may take half a minute and cannot be interrupted: neither
    Ctrl-C nor the end of the program waits for it.

    Raises:
        socket.gaierror: the name does not exist, or cannot be looked up.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[str]] = loop.create_future()

    def settle(result: list[str] | OSError) -> None:
        if future.done():  # cancelled
            return
        if isinstance(result, OSError):
            future.set_exception(result)
        else:
            future.set_result(result)

    def look_up() -> None:
        result: list[str] | OSError
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            result = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        except OSError as error:
            result = error
        except UnicodeError:  # from the codec for names
            result = socket.gaierror(socket.EAI_NONAME, "not a name that can be looked up")
        with suppress(RuntimeError):  # the loop was closed in the meantime
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=look_up, name=f"resolve {name}", daemon=True).start()
    return await future


@dataclass(slots=True)
class _Answer:
    addresses: list[str]
    error: OSError | None
    until: float


class Names:
    """The addresses of names, those alone that may be connected to.

    Args:
        resolve: looks one name up.
        guard: which addresses are permitted. Applied to every answer.
        timeout: seconds for one look-up, from when its turn has come.
        clock: seconds, rising.
    """

    def __init__(
        self, resolve: Resolve, guard: Guard, *, timeout: float, clock: Callable[[], float]
    ) -> None:
        self._resolve = resolve
        self._guard = guard
        self._timeout = timeout
        self._clock = clock
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._asked: dict[str, asyncio.Task[_Answer]] = {}

    def known(self, name: str) -> list[str] | None:
        """The addresses that `look_up` found not long ago; None where it would have to ask.

        Raises:
            OSError: as `look_up`.
        """
        answer = self._answers.get(name)
        if answer is None or answer.until < self._clock():
            return None
        if answer.error is not None:
            raise answer.error
        return answer.addresses

    async def look_up(self, name: str) -> list[str]:
        """The permitted addresses of a name.

        Raises:
            socket.gaierror: it does not exist, or cannot be looked up.
            NotPublicError: it has addresses, none of which is permitted.
        """
        if (addresses := self.known(name)) is not None:
            return addresses
        task = self._asked.get(name)
        if task is None:
            task = self._asked[name] = asyncio.create_task(self._ask(name))
            task.add_done_callback(lambda _: self._asked.pop(name, None))
        answer = await asyncio.shield(task)  # others wait for it too
        if answer.error is not None:
            raise answer.error
        return answer.addresses

    async def close(self) -> None:
        """Stop the look-ups that are under way."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, name: str) -> _Answer:
        addresses: list[str] = []
        error: OSError | None = None
        try:
            async with self._turns, asyncio.timeout(self._timeout):
                found = await self._resolve(name)
            addresses = self._guard.permitted(name, found)
            if not addresses:
                error = socket.gaierror(socket.EAI_NONAME, "no addresses")
        except TimeoutError:
            text = f"no answer within {self._timeout:g} s"
            error = socket.gaierror(socket.EAI_AGAIN, text)
        except OSError as failure:
            error = failure
        answer = _Answer(addresses, error, self._clock() + _SECONDS)
        if not isinstance(error, socket.gaierror) or error.errno == socket.EAI_NONAME:
            self._remember(name, answer)
        return answer

    def _remember(self, name: str, answer: _Answer) -> None:
        self._answers[name] = answer
        self._answers.move_to_end(name)
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
