"""What a client is told where there is no answer: RFC 9457 problem details.

Nothing of an exception's text goes out: it may tell of paths, of the network, or of other people's
files. What was wrong in here is in the log, under the request's id.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MEDIA_TYPE = "application/problem+json"
_BASE = "urn:figleaf:problem:"

ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""Headers that every answer has."""


class Kind(Enum):
    """The kinds of problems: slug, HTTP status, title."""

    BAD_REQUEST = ("bad-request", 400, "The request cannot be understood")
    UNAUTHORIZED = ("unauthorized", 401, "A valid API key is needed")
    NOT_FOUND = ("not-found", 404, "There is nothing here")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "Not with this method")
    TIMEOUT = ("timeout", 408, "The request took too long to come")
    TOO_LARGE = ("too-large", 413, "The request is too large")
    UNSUPPORTED_MEDIA_TYPE = ("unsupported-media-type", 415, "A body of another type is expected")
    INVALID = ("invalid", 422, "The request asks for something that cannot be done")
    RATE_LIMITED = ("rate-limited", 429, "Too many images with this key")
    HEADERS_TOO_LARGE = ("headers-too-large", 431, "The request's headers are too large")
    INTERNAL = ("internal", 500, "The server failed")
    CRASHED = ("crashed", 500, "The image could not be decoded")
    OVERLOADED = ("overloaded", 503, "The server is busy")
    NOT_READY = ("not-ready", 503, "The server is not ready")

    @property
    def slug(self) -> str:
        """The last part of the problem's type."""
        return self.value[0]

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[1]

    @property
    def title(self) -> str:
        """The same for every problem of the kind."""
        return self.value[2]

    @property
    def type(self) -> str:
        """The problem's type, a URN."""
        return _BASE + self.slug


@dataclass(eq=False)  # an exception is hashed by identity
class ProblemError(Exception):
    """Ends a request with a problem.

    Attributes:
        kind: what went wrong.
        detail: what was wrong this time and what to do about it, in our own words.
        retry_after: whole seconds after which it is worth trying again.
        close: whether the connection ends with the answer, at once: a client that is still sending
            may see a reset in place of it. Without, the rest of a body is read for some seconds.
        more: further members of the object.
    """

    kind: Kind
    detail: str
    retry_after: int | None = None
    close: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """The answer's headers."""
        headers = {"content-type": MEDIA_TYPE}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        if self.kind is Kind.UNAUTHORIZED:
            headers["www-authenticate"] = 'Bearer realm="figleaf"'
        if self.close:
            headers["connection"] = "close"
        return headers

    def body(self, instance: str | None = None, request_id: str | None = None) -> bytes:
        """The answer's body, in JSON.

        Args:
            instance: the path that was asked for.
            request_id: what the log calls the request.
        """
        members: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        members |= {"instance": instance} if instance is not None else {}
        members |= {"request_id": request_id} if request_id is not None else {}
        return json.dumps({**members, **self.more}).encode()


def overloaded(detail: str, seconds: float = 1.0, *, close: bool = False) -> ProblemError:
    """The problem of a server that has no room, which says when there may be some."""
    return ProblemError(Kind.OVERLOADED, detail, retry_after=max(1, round(seconds)), close=close)


def too_large(detail: str) -> ProblemError:
    """The problem of a body that is more than the server takes; the rest of it is not kept."""
    return ProblemError(Kind.TOO_LARGE, detail)
