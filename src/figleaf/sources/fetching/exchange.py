"""One request and its answer."""

import asyncio
import email.utils
import errno
import socket
import ssl
import time
from dataclasses import dataclass, field

import aiohttp
from aiohttp import http_exceptions
from yarl import URL

from figleaf.dataset.records import Reason
from figleaf.errors import FigleafError
from figleaf.sources.fetching.budget import ByteBudget, Hold
from figleaf.sources.fetching.compression import decompressor
from figleaf.sources.fetching.fetched import FetchError, FetchRules, reason_for
from figleaf.sources.fetching.names import Names
from figleaf.sources.fetching.robots import refusal
from figleaf.sources.fetching.session import not_public
from figleaf.sources.fetching.target import Target

_STEP = 2**20
"""Bytes of memory that are asked for at a time: what most pictures need, asked for once."""
_SIP = 2**16
"""The same where the answer does not say how long it is; and what is read of an unwanted body to
keep its connection."""
_LONGEST_DETAIL = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class Attempt:
    """One attempt at a file, over its redirects.

    Attributes:
        left: seconds that are left of it.
        max_bytes: that its body may have.
        for_robots: whether it is for a robots.txt: of one that is too long the beginning is taken,
            and its X-Robots-Tag says nothing about it.
        hold: the memory that its body takes, once there is one. Whoever made the attempt releases.
        http_status: of the last answer; None without one.
        received: bytes of the body, decompressed.
    """

    left: float
    max_bytes: int
    for_robots: bool = False
    hold: Hold | None = None
    http_status: int | None = None
    received: int = 0

    def error(self, reason: Reason, detail: str, retry_after: float | None = None) -> FetchError:
        """A failure at this point."""
        return FetchError(
            reason,
            detail,
            http_status=self.http_status,
            received=self.received,
            retry_after=retry_after,
        )


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that says to ask elsewhere: `location` as it came."""

    location: str


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an answer of status 200, not empty, decompressed."""

    data: bytes = field(repr=False)
    content_type: str | None


class Exchange:
    """Makes requests.

    Args:
        session: as `open_session` makes it.
        names: where names are looked up before a request.
        budget: the memory for the bodies.
        rules: `no_ai` and `connect_timeout` of them.
    """

    def __init__(
        self, session: aiohttp.ClientSession, names: Names, budget: ByteBudget, rules: FetchRules
    ) -> None:
        self._session = session
        self._names = names
        self._budget = budget
        self._rules = rules

    async def get(self, target: Target, attempt: Attempt) -> Body | Redirect:
        """Ask for a file.

        Raises:
            FetchError: whatever comes in the way, and every status but 200 and redirects.
            FigleafError: this process has too many files open.
        """
        attempt.http_status = None
        attempt.received = 0
        url = URL(target.url, encoded=True)
        try:
            await self._look_up(url)
            return await self._within(url, attempt)
        except FetchError as error:
            error.http_status, error.bytes = attempt.http_status, attempt.received
            raise
        except (
            aiohttp.ClientError,
            http_exceptions.HttpProcessingError,
            OSError,  # TimeoutError too
            ValueError,
        ) as error:
            raise self._failure(error, attempt) from error

    async def _look_up(self, url: URL) -> None:
        # Before the clock starts: the look-up may have to wait for its turn.
        host = url.raw_host or ""
        is_name = not (":" in host or host[-1:].isdigit())
        if is_name and self._names.known(host) is None:
            await self._names.look_up(host)

    async def _within(self, url: URL, attempt: Attempt) -> Body | Redirect:
        clock = _Clock(attempt.left)
        try:
            async with clock.timer:
                response = await self._session.get(url, allow_redirects=False)
                try:
                    return await self._answer(response, attempt, clock)
                finally:
                    response.close()  # a connection whose body was read to its end lives on
        finally:
            attempt.left = clock.left()

    async def _answer(
        self, response: aiohttp.ClientResponse, attempt: Attempt, clock: "_Clock"
    ) -> Body | Redirect:
        attempt.http_status = response.status
        if response.status == 200:
            if not attempt.for_robots:
                self._check_headers(response, attempt)
            data = await self._read(response, attempt, clock)
            return Body(data, response.headers.get("Content-Type"))
        await _discard(response)
        location = response.headers.get("Location")
        if response.status in _REDIRECTS and location:
            return Redirect(location)
        detail = f"HTTP {response.status} {response.reason or ''}".rstrip()
        raise attempt.error(reason_for(response.status), detail, _retry_after(response))

    def _check_headers(self, response: aiohttp.ClientResponse, attempt: Attempt) -> None:
        tags = response.headers.getall("X-Robots-Tag", ())
        if self._rules.no_ai and tags and (word := refusal(tags)):
            raise attempt.error(Reason.NO_AI, f"X-Robots-Tag: {word}")
        if (response.content_length or 0) > attempt.max_bytes:
            raise self._too_large(attempt, f"{response.content_length:,} bytes are announced")

    async def _read(
        self, response: aiohttp.ClientResponse, attempt: Attempt, clock: "_Clock"
    ) -> bytes:
        hold = attempt.hold = self._budget.hold()
        await self._reserve(hold, min(response.content_length or 0, _STEP), clock)
        pieces = await self._read_pieces(response, attempt, hold, clock)
        if not pieces:
            raise attempt.error(Reason.EMPTY, "the answer has no body")
        hold.shrink(max(0, hold.size - attempt.received))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _read_pieces(
        self, response: aiohttp.ClientResponse, attempt: Attempt, hold: Hold, clock: "_Clock"
    ) -> list[bytes]:
        inflate = decompressor(response.headers.get("Content-Encoding"))
        announced = response.content_length or 0
        pieces: list[bytes] = []
        while data := await response.content.readany():
            for piece in (data,) if inflate is None else inflate.pieces(data):
                attempt.received += len(piece)
                if attempt.received > attempt.max_bytes:
                    if attempt.for_robots:
                        return pieces
                    raise self._too_large(attempt, "there is more")
                if attempt.received > hold.size:
                    step = min(max(announced - hold.size, _SIP), _STEP)
                    await self._reserve(hold, max(attempt.received - hold.size, step), clock)
                pieces.append(piece)
        if inflate is not None:
            inflate.finish()
        return pieces

    async def _reserve(self, hold: Hold, size: int, clock: "_Clock") -> None:
        if not hold.try_grow(size):
            clock.stop()
            await hold.grow(size)
            clock.go_on()

    def _too_large(self, attempt: Attempt, what: str) -> FetchError:
        limit = f"the limit is {attempt.max_bytes:,} bytes"
        return attempt.error(Reason.TOO_MANY_BYTES, f"{limit}, {what}")

    def _failure(self, error: Exception, attempt: Attempt) -> FetchError:
        """What an exception of the network's or aiohttp's comes down to."""
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            raise FigleafError(  # not this file's fault, nor its host's
                "no file descriptors are left: lower in_flight or raise `ulimit -n`"
            ) from error
        if refused := not_public(error):
            return attempt.error(Reason.NOT_PUBLIC, str(refused))
        reason = _reason(error)
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if reason is Reason.TIMEOUT:
            where = "its headers came" if attempt.http_status else "no answer"
            detail = f"not done before the deadline: {where}, {attempt.received:,} bytes of body"
        elif isinstance(error, aiohttp.ServerTimeoutError):
            detail = f"no connection within {self._rules.connect_timeout:g} s"
        return attempt.error(reason, " ".join(detail.split())[:_LONGEST_DETAIL])


_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (socket.gaierror, Reason.DNS),
    (aiohttp.ServerTimeoutError, Reason.CONNECT),  # that of the connection is the only one set
    (TimeoutError, Reason.TIMEOUT),
    (aiohttp.ClientConnectorDNSError, Reason.DNS),
    (aiohttp.ClientConnectorCertificateError, Reason.TLS),
    (aiohttp.ClientSSLError, Reason.TLS),
    (ssl.SSLError, Reason.TLS),
    (aiohttp.ClientConnectorError, Reason.CONNECT),
    (aiohttp.InvalidURL, Reason.BAD_URL),
    (aiohttp.ClientResponseError, Reason.BAD_ANSWER),
    (aiohttp.ClientPayloadError, Reason.DISCONNECTED),
    (aiohttp.ClientConnectionError, Reason.DISCONNECTED),
    (OSError, Reason.DISCONNECTED),
)
"""The first that fits; anything else is an answer that aiohttp cannot make sense of."""


def _reason(error: Exception) -> Reason:
    fitting = (reason for kind, reason in _REASONS if isinstance(error, kind))
    reason = next(fitting, Reason.BAD_ANSWER)
    if reason is Reason.DNS and _no_such_host(error):
        return Reason.NO_SUCH_HOST
    return reason


def _no_such_host(error: BaseException) -> bool:
    cause = getattr(error, "os_error", error)
    codes = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
    return isinstance(cause, socket.gaierror) and cause.errno in codes


async def _discard(response: aiohttp.ClientResponse) -> None:
    """Read a short body that nobody wants: its connection can be used again then."""
    if (response.content_length or _SIP) >= _SIP:
        return
    while await response.content.readany():
        pass


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds that the answer asks to wait (RFC 9110, 10.2.3); None where it does not."""
    text = response.headers.get("Retry-After", "").strip()
    if response.status not in (429, 503) or not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        when = email.utils.parsedate_to_datetime(text)
        return max(0.0, when.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


class _Clock:
    """An attempt's time, which stands still while figleaf makes it wait."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = max(seconds, 0.0)
        self._since: float | None = self._loop.time()
        self.timer = asyncio.timeout(self._left)

    def stop(self) -> None:
        self._left = self.left()
        self._since = None
        self.timer.reschedule(None)

    def go_on(self) -> None:
        self._since = self._loop.time()
        self.timer.reschedule(self._since + self._left)

    def left(self) -> float:
        spent = 0.0 if self._since is None else self._loop.time() - self._since
        return max(self._left - spent, 0.0)
