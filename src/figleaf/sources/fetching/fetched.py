"""What a fetch is asked to keep to, and what comes of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from figleaf._version import __version__
from figleaf.dataset.records import Reason
from figleaf.errors import FigleafError, InputError

ROBOT = "figleaf"
"""The product token: what robots.txt and X-Robots-Tag may call this program."""

_MEBI = 2**20


@dataclass(frozen=True, slots=True)
class FetchRules:
    """How to fetch.

    Attributes:
        in_flight: requests at once, over all hosts.
        per_host: requests at once to one host: a scheme, name and port.
        per_host_rate: requests a second to one host; None for as many as `per_host` allows.
        deadline: seconds for one attempt at one file: connecting, headers, body, redirects. What
            figleaf makes it wait for (its turn, memory, the host's rate, the name's look-up) does
            not count.
        connect_timeout: seconds for one connection, TLS included, and for one look-up of a name.
        max_bytes: of one file, decompressed.
        retries: how often a failure that may pass is tried again.
        backoff: seconds before the first retry, doubled for each one after it and at most 60; the
            wait is drawn evenly from zero to that (full jitter).
        longest_retry_after: seconds that a host may make its tasks wait with Retry-After. Where it
            asks for more they fail at once, and can be tried again another day.
        max_redirects: for one file.
        memory: bytes of bodies held at once, from their arrival until they were handled. One body
            may exceed it, so that there is always one that goes on. A connection whose body waits
            for it has up to some 400 KB more in its buffer.
        robots: whether robots.txt is fetched and kept to.
        no_ai: whether an X-Robots-Tag of noai, noimageai, noindex or none refuses the file.
        allow_loopback: whether 127.0.0.0/8 and ::1 may be fetched from; no other address that is
            not public ever is.
        contact: an address or page for the host's people, added to the user agent.
        user_agent: what to send in place of figleaf's own; None for that.

    Raises:
        InputError: a value is of the wrong type or out of range.
    """

    in_flight: int = 1000
    per_host: int = 8
    per_host_rate: float | None = None
    deadline: float = 60.0
    connect_timeout: float = 15.0
    max_bytes: int = 64 * _MEBI
    retries: int = 3
    backoff: float = 1.0
    longest_retry_after: float = 300.0
    max_redirects: int = 8
    memory: int = 256 * _MEBI
    robots: bool = True
    no_ai: bool = True
    allow_loopback: bool = False
    contact: str = ""
    user_agent: str | None = None

    def __post_init__(self) -> None:
        for name in ("in_flight", "per_host", "max_bytes", "memory"):
            _check_whole(name, getattr(self, name), least=1)
        for name in ("retries", "max_redirects"):
            _check_whole(name, getattr(self, name), least=0)
        for name in ("deadline", "connect_timeout"):
            _check_number(name, getattr(self, name), above=0.0)
        for name in ("backoff", "longest_retry_after"):
            _check_number(name, getattr(self, name), above=-math.ulp(0.0))
        if self.per_host_rate is not None:
            _check_number("per_host_rate", self.per_host_rate, above=0.0)
        for name in ("contact", "user_agent"):
            _check_header(name, getattr(self, name))

    @property
    def agent(self) -> str:
        """The User-Agent header."""
        if self.user_agent is not None:
            return self.user_agent
        contact = f"; {self.contact}" if self.contact else ""
        return f"{ROBOT}/{__version__} (collects images for a classifier{contact})"


def _check_whole(name: str, value: object, least: int) -> None:
    if type(value) is not int or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")


def _check_number(name: str, value: object, above: float) -> None:
    if type(value) not in (int, float) or not above < value < math.inf:  # type: ignore[operator]
        limit = "zero or more" if above < 0 else f"above {above:g}"
        raise InputError(f"{name} must be a finite number, {limit}, not {value!r}")


def _check_header(name: str, value: object) -> None:
    if value is None and name == "user_agent":
        return
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise InputError(f"{name} must be printable ASCII, as a header is, not {value!r}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that came whole.

    Attributes:
        url: as it was asked for.
        final_url: the one that answered, after redirects.
        body: the file's bytes, never none.
        http_status: 200.
        content_type: the header as it came; None without one. Nothing relies on it.
        attempts: requests that were made, redirects not counted.
    """

    url: str
    final_url: str
    body: bytes = field(repr=False)
    http_status: int
    content_type: str | None
    attempts: int


class FetchError(FigleafError):
    """A file that could not be had, or was not wanted.

    Attributes:
        reason: the kind of failure, or the rule that refused it.
        detail: one line for people.
        http_status: of the last answer; None without one.
        attempts: requests that were made, redirects not counted.
        bytes: of the body that were received in the last attempt.
        retry_after: seconds that the host asked to be left alone for; None where it did not.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        http_status: int | None = None,
        attempts: int = 0,
        received: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.http_status = http_status
        self.attempts = attempts
        self.bytes = received
        self.retry_after = retry_after

    def again(self, *, attempts: int, prefix: str = "") -> "FetchError":
        """The same failure, for another task that it befell."""
        return FetchError(
            self.reason,
            prefix + self.detail,
            http_status=self.http_status,
            attempts=attempts,
            received=self.bytes if not prefix else 0,
            retry_after=self.retry_after,
        )


_STATUSES: Mapping[int, Reason] = MappingProxyType(
    {
        401: Reason.FORBIDDEN,
        402: Reason.FORBIDDEN,
        403: Reason.FORBIDDEN,
        404: Reason.GONE,
        410: Reason.GONE,
        429: Reason.RATE_LIMITED,
        451: Reason.FORBIDDEN,
    }
)


def reason_for(http_status: int) -> Reason:
    """The reason that goes with an HTTP status other than 200."""
    if 500 <= http_status <= 599:
        return Reason.SERVER_ERROR
    return _STATUSES.get(http_status, Reason.HTTP_STATUS)
