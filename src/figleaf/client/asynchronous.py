"""The client for code on an event loop."""

import asyncio
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import httpx2

from figleaf.classify.prediction import Prediction
from figleaf.client.answers import (
    Failure,
    Reply,
    models_in,
    policies_in,
    predictions_in,
    says_ready,
)
from figleaf.client.calls import MODELS, READY, Batch, Call, Packer, Wish, classify_call, smaller
from figleaf.client.offer import ServedModel, ServedPolicy
from figleaf.client.rules import ClientRules
from figleaf.client.session import Place
from figleaf.client.sources import ClientSource, Upload, read_upload, several
from figleaf.client.tries import Surroundings, Tries
from figleaf.errors import InputError, ServerError


class AsyncClient:
    """What `Client` is, for an event loop: files are read off it, and several requests go at once.

    async with AsyncClient("http://127.0.0.1:8000") as client:
        print((await client.classify("photo.jpg")).decision)
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        rules: ClientRules = ClientRules(),  # noqa: B008  # frozen
        transport: httpx2.AsyncBaseTransport | None = None,
        around: Surroundings = Surroundings(),  # noqa: B008  # frozen
    ) -> None:
        """See `Client`."""
        self._place = Place(url, key)
        self._rules = rules
        self._around = around
        self._session = self._place.session(httpx2.AsyncClient, rules, transport)

    async def classify(
        self,
        source: ClientSource,
        *,
        model: str | None = None,
        policy: str | None = None,
        top_k: int | None = None,
    ) -> Prediction:
        """Classify one input. See `Client.classify`.

        A file object is read on another thread.

        Raises:
            ServerError, InputError: see there.
        """
        wish = Wish(model, policy, top_k)
        return (await self._answers((await self._read(source),), wish))[0]

    async def classify_many(
        self,
        sources: Iterable[ClientSource],
        *,
        model: str | None = None,
        policy: str | None = None,
        top_k: int | None = None,
    ) -> list[Prediction]:
        """Classify several inputs, `rules.at_once` requests at a time; results in their order.

        Raises:
            ServerError, InputError: see `Client.classify_many`; what is under way is cancelled.
        """
        wish, packer = Wish(model, policy, top_k), Packer(self._rules)
        requests = _InOrder(self._rules.at_once)
        try:
            for source in several(sources):
                for batch in packer.add(await self._read(source)):
                    await requests.room()
                    requests.add(asyncio.create_task(self._answers(batch, wish)))
            for batch in packer.rest():
                await requests.room()
                requests.add(asyncio.create_task(self._answers(batch, wish)))
            return await requests.results()
        finally:
            await requests.cancel()

    async def models(self) -> list[ServedModel]:
        """The models that the server has. See `Client.models`."""
        return models_in(await self._ask(MODELS))

    async def policies(self) -> list[ServedPolicy]:
        """The policies that the server has. See `Client.policies`."""
        return policies_in(await self._ask(MODELS))

    async def ready(self) -> bool:
        """Whether the server is there and takes work; asked once, without a retry."""
        return says_ready(await self._attempt(READY))

    async def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        await self._session.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _read(self, source: ClientSource) -> Upload:
        return await asyncio.to_thread(read_upload, source, self._rules.limits)

    async def _answers(self, batch: Batch, wish: Wish) -> list[Prediction]:
        try:
            return predictions_in(await self._ask(classify_call(batch, wish)), batch)
        except ServerError as refusal:
            parts = smaller(batch, refusal)
        return [one for part in parts for one in await self._answers(part, wish)]

    async def _ask(self, call: Call) -> Reply:
        tries = Tries(self._rules, self._around)
        while isinstance(outcome := await self._attempt(call), Failure):
            await self._around.pause(tries.wait_after(outcome))
        return outcome

    async def _attempt(self, call: Call) -> Reply | Failure:
        if self._session.is_closed:
            raise InputError("the client is closed: make another")
        try:
            response = await self._session.request(call.method, call.path, **call.arguments)
        except httpx2.RequestError as error:
            return self._place.lost(error, self._rules)
        return self._place.outcome(response)


class _InOrder:
    """Tasks of which a few run at once, and whose results are kept in the order of their start."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: deque[asyncio.Task[list[Prediction]]] = deque()
        self._results: list[Prediction] = []

    async def room(self) -> None:
        """Wait until another one may run."""
        while len(self._running) >= self._at_once:
            await self._collect()

    def add(self, task: asyncio.Task[list[Prediction]]) -> None:
        """Take a task that has begun."""
        self._running.append(task)

    async def results(self) -> list[Prediction]:
        """All of them, when the last task is done."""
        while self._running:
            await self._collect()
        return self._results

    async def cancel(self) -> None:
        """End what still runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _collect(self) -> None:
        # Left in the queue until it is done: where this is cancelled, it is too.
        self._results += await self._running[0]
        self._running.popleft()
