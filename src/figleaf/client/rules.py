"""What a client keeps to."""

import math
from dataclasses import dataclass, field

from figleaf.errors import InputError
from figleaf.images import Limits

_MEBI = 2**20
_SERVERS = Limits(max_bytes=32 * _MEBI, max_pixels=2**26)


@dataclass(frozen=True, slots=True)
class ClientRules:
    """How a server is asked.

    Attributes:
        timeout: seconds that the server may stay silent, while it takes a request or answers one.
        connect_timeout: seconds for a connection, TLS included.
        retries: how often a request is made again after a failure that may pass: the server has
            too much to do (503, 429), a proxy cannot reach it (502, 504), it refuses connections
            or closes one. After a 500 it is made once more.
        patience: seconds after the first attempt in which another one may begin. Where the server
            asks to be left alone for longer, there is none.
        backoff: seconds before the first retry, doubled for each one after it and at most 8; the
            wait is drawn evenly from zero to that (full jitter) and added to what the server asks
            for with Retry-After.
        images_per_request, bytes_per_request: at which a request is full. An image that has more
            bytes goes alone.
        at_once: requests that `AsyncClient.classify_many` has under way. Of the images no more
            than those of these requests and of one more are held in memory.
        limits: how many bytes, and for Pillow images and arrays pixels, are too many. Such an
            image is not sent. By default those that a server has by default.

    Raises:
        InputError: a value is of the wrong type or out of range.
    """

    timeout: float = 30.0
    connect_timeout: float = 5.0
    retries: int = 4
    patience: float = 60.0
    backoff: float = 0.25
    images_per_request: int = 16
    bytes_per_request: int = 16 * _MEBI
    at_once: int = 4
    limits: Limits = field(default=_SERVERS)

    def __post_init__(self) -> None:
        for name in ("images_per_request", "bytes_per_request", "at_once"):
            _check_whole(name, getattr(self, name), least=1)
        _check_whole("retries", self.retries, least=0)
        for name in ("timeout", "connect_timeout"):
            _check_seconds(name, getattr(self, name))
        for name in ("patience", "backoff"):
            _check_seconds(name, getattr(self, name), zero=True)


def _check_whole(name: str, value: object, least: int) -> None:
    if type(value) is not int or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")


def _check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    if type(value) not in (int, float) or not 0 <= value < math.inf or not (value or zero):  # type: ignore[operator]
        limit = "zero or more" if zero else "above zero"
        raise InputError(f"{name} must be a finite number of seconds, {limit}, not {value!r}")
