"""One running server's parts, from when they are opened until they are closed."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

from figleaf._version import __version__
from figleaf.errors import FigleafError, ImageError, Status
from figleaf.serve.decoding import look_at
from figleaf.serve.engine import Engine, Result
from figleaf.serve.fetching import check_fetching, fetch_image
from figleaf.serve.hosted import Catalogue, Choice, changed_files, load_catalogue
from figleaf.serve.keys import Key
from figleaf.serve.logs import Log
from figleaf.serve.metrics import Metrics
from figleaf.serve.problems import Kind, ProblemError, overloaded
from figleaf.serve.queue import Slots
from figleaf.serve.rules import ServeRules
from figleaf.serve.upload import Upload
from figleaf.sources.fetching.budget import ByteBudget, Hold
from figleaf.sources.fetching.fetch import Fetcher
from figleaf.sources.fetching.names import Resolve, resolve_with_system
from figleaf.web.assets import Assets, find_assets

_FETCH_ROUNDS = 2
"""Deadlines of one URL in which all of a request's have to come: the fetcher makes those wait whose
host has others to answer, or has not answered before."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server has from outside, and tests replace.

    Attributes:
        log: where lines go, in binary; None for nowhere.
        resolve: looks up the names in URLs.
        decode: what workers do with an image; importable by name.
        assets: finds the page's files.
    """

    log: IO[bytes] | None = None
    resolve: Resolve = resolve_with_system
    decode: Callable[..., dict[str, Any]] = look_at
    assets: Callable[[], Assets] = find_assets


class Service:
    """What answers requests. `open` before the first one, `close` after the last.

    Attributes:
        rules: as they were given.
        metrics: what is counted.
        log: what is written down.
        slots: the room for images.
        budget: the memory for bodies.
        draining: whether it is about to end: no new clients should be sent.
        find_assets: finds the page's files.
    """

    def __init__(self, rules: ServeRules, surroundings: Surroundings) -> None:
        self.rules = rules
        self.metrics = Metrics()
        self.log = Log(surroundings.log, self.metrics.dropped_lines.inc)
        self.slots = Slots(rules.max_queue)
        self.budget = ByteBudget(rules.memory)
        self.draining = False
        self.metrics.queue.set_function(lambda: self.slots.held)
        self.metrics.memory.set_function(lambda: self.budget.held)
        self.find_assets = surroundings.assets
        self._surroundings = surroundings
        self._engine: Engine | None = None
        self._catalogue: Catalogue | None = None
        self._fetcher: Fetcher | None = None
        self._files = changed_files(rules)
        self._reloading = asyncio.Lock()

    def open(self) -> None:
        """Load the models and start the workers. Takes a second or two.

        Raises:
            FigleafError: something that the rules name cannot be had.
        """
        if self.rules.fetch is not None:
            check_fetching()
        self._catalogue = self._loaded()
        self._engine = Engine(self.rules, self.metrics, self._surroundings.decode)
        self.log.start()

    def _loaded(self, before: Catalogue | None = None) -> Catalogue:
        """Load a catalogue in a thread of its own, which ends.

        OpenVINO gives the thread that loads a model a stack for signals, and frees it with the
        model, after which the next signal to that thread ends the process.
        """
        with ThreadPoolExecutor(1) as thread:
            loading = thread.submit(load_catalogue, self.rules, self.metrics.batch, before)
            return loading.result()

    async def start(self) -> None:
        """Get ready to fetch, in the event loop that requests are answered in."""
        if self.rules.fetch is not None:
            fetcher = Fetcher(self.rules.fetch, resolve=self._surroundings.resolve)
            self._fetcher = await fetcher.__aenter__()

    async def stop(self) -> None:
        """Let go of all."""
        if self._fetcher is not None:
            await self._fetcher.__aexit__(None, None, None)
        if self._engine is not None:
            await asyncio.to_thread(self._engine.close)
        if self._catalogue is not None:
            self._catalogue.retire()
        self.log.write("stopped")
        await asyncio.to_thread(self.log.close)

    @property
    def catalogue(self) -> Catalogue:
        """The models and so on that requests get which begin now."""
        if self._catalogue is None:
            raise ProblemError(Kind.NOT_READY, "the models are being loaded", retry_after=1)
        return self._catalogue

    @property
    def ready(self) -> bool:
        """Whether new clients should be sent."""
        return self._catalogue is not None and self._engine is not None and not self.draining

    # Requests

    async def fetch(self, uploads: Sequence[Upload], hold: Hold, request_id: str) -> list[Upload]:
        """The same images, those that were URLs with their bytes or why there are none.

        Raises:
            ProblemError: OVERLOADED, there is no memory for them.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._fetched(one, hold, request_id)) for one in uploads]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _fetched(self, upload: Upload, hold: Hold, request_id: str) -> Upload:
        if upload.url is None or self._fetcher is None or self.rules.fetch is None:
            return upload
        seconds = _FETCH_ROUNDS * self.rules.fetch.deadline
        try:
            data = await fetch_image(self._fetcher, upload.url, seconds)
            if hold.size + len(data) > self.rules.max_body:
                detail = f"the request's files are over {self.rules.max_body:,} bytes together"
                raise ImageError(Status.TOO_MANY_BYTES, detail)
        except ImageError as error:
            outcome = str(error.__cause__ or "") or error.reason
            self.log.write("fetch", request=request_id, outcome=outcome)
            return Upload(upload.name, b"", upload.url, error)
        if not hold.try_grow(len(data)):
            raise overloaded("no memory is left for more images")
        return Upload(upload.name, data, upload.url)

    async def classify(
        self, uploads: Sequence[Upload], choice: Choice, catalogue: Catalogue
    ) -> list[Result]:
        """A result for each image.

        Raises:
            FigleafError: as `Engine.classify`.
        """
        assert self._engine is not None
        return await self._engine.classify(uploads, choice, catalogue.lists)

    def write_images(self, results: Sequence[Result], request_id: str, key: Key | None) -> None:
        """Add a line to the log for each image: neither its name nor where it came from."""
        for result in results:
            prediction = result.prediction
            said = prediction.to_dict()
            del said["input"]
            self.log.write(
                "image",
                request=request_id,
                key=key.name if key else None,
                sha256=result.sha256,
                **said,
                ms=round(result.seconds * 1000, 1),
            )

    def refused(self, problem: ProblemError, request_id: str) -> None:
        """Count a request that no route has seen, and add a line to the log."""
        status = problem.kind.status
        self.metrics.requests.labels("none", "none", str(status)).inc()
        self.log.write("refused", request=request_id, status=status, detail=problem.detail)

    # Reloading

    async def reload(self) -> bool:
        """Load anew what has changed; gives whether all of it could be. Requests go on."""
        async with self._reloading:
            old = self.catalogue
            self._files = await asyncio.to_thread(changed_files, self.rules)
            try:
                new = await asyncio.to_thread(self._loaded, old)
            except Exception as error:  # noqa: BLE001  # whatever it is, what was served goes on
                self.metrics.reloads.labels("failed").inc()
                if not isinstance(error, FigleafError):
                    self.log.error("reload", error)
                self.log.write("reload", outcome="failed", detail=str(error))
                return False
            self._catalogue = new
            old.retire()
        self.metrics.reloads.labels("ok").inc()
        self.log.write("reload", outcome="ok", models=[m.card.tag for m in new.models.values()])
        return True

    async def watch(self) -> None:
        """Reload whenever a file has changed, for ever."""
        assert self.rules.reload is not None
        while True:
            await asyncio.sleep(self.rules.reload)
            if await asyncio.to_thread(changed_files, self.rules) != self._files:
                await self.reload()

    def write_listening(self, url: str) -> None:
        """Add the line that says that requests are answered."""
        self.log.write(
            "listening",
            url=url,
            version=__version__,
            models=[hosted.card.tag for hosted in self.catalogue.models.values()],
        )
