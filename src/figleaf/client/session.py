"""Where a server is, and what goes wrong on the way to it, in httpx2's terms and in ours."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from figleaf._version import __version__
from figleaf.client.answers import AS_ALLOWED, NEVER, Failure, Reply, failure_of
from figleaf.client.rules import ClientRules
from figleaf.client.sources import is_web_address
from figleaf.errors import InputError, ServerError

Session = TypeVar("Session", httpx2.Client, httpx2.AsyncClient)


@dataclass(frozen=True, slots=True)
class Place:
    """A server's address, and the key to it.

    Attributes:
        url: as it was given; a path is that below which a proxy has the server.
        key: sent with every request; None for a server that asks for none.

    Raises:
        InputError: no http or https URL, or one with a name, query or fragment; or a key that no
            header can hold.
    """

    url: str
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.url, str) or not _can_be_asked(self.url):
            raise InputError(f"the server's URL is needed, as http://127.0.0.1:8000: {self.url!r}")
        parts = urlsplit(self.url)
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise InputError("the server's URL has no user, query or fragment; a key goes as key=")
        key = self.key
        if key is not None and not (key and key.isascii() and key.isprintable() and " " not in key):
            raise InputError("a key is printable ASCII without spaces")

    def settings(self, rules: ClientRules) -> dict[str, Any]:
        """The arguments of httpx2's clients."""
        headers = {"User-Agent": f"figleaf/{__version__}", "Accept": "application/json"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        return {
            "base_url": self.url,
            "headers": headers,
            # No limit on the wait for one of our own connections: it is the caller's own queue.
            "timeout": httpx2.Timeout(rules.timeout, connect=rules.connect_timeout, pool=None),
            # A redirect could send pictures and the key anywhere.
            "follow_redirects": False,
        }

    def session(self, make: Callable[..., Session], rules: ClientRules, transport: Any) -> Session:
        """One of httpx2's clients, which reads the environment.

        Raises:
            InputError: a proxy or certificate that is named there cannot be used.
        """
        try:
            return make(transport=transport, **self.settings(rules))
        except (ImportError, OSError, ValueError) as error:  # the first: of a SOCKS proxy
            raise InputError(
                "the environment names a proxy (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) or "
                f"certificates (SSL_CERT_FILE, SSL_CERT_DIR) that cannot be used: {error}"
            ) from None

    def outcome(self, response: httpx2.Response) -> Reply | Failure:
        """What an answer comes to."""
        reply = Reply(response.status_code, dict(response.headers), response.content)
        return failure_of(reply, self.url) or reply

    def lost(self, error: httpx2.RequestError, rules: ClientRules) -> Failure:
        """What an attempt without a whole answer comes to."""
        said, again = _told(error, rules)
        return Failure(ServerError(f"{self.url} {said}"), again)


def _can_be_asked(url: str) -> bool:
    if not is_web_address(url):
        return False
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL:  # it is stricter with names
        return False
    return True


def _told(error: httpx2.RequestError, rules: ClientRules) -> tuple[str, int]:
    """What happened, and how often it is worth trying again."""
    match error:
        case httpx2.ConnectTimeout():
            return f"let nobody in within {rules.connect_timeout:g} s (connect_timeout)", AS_ALLOWED
        case httpx2.TimeoutException():
            # Not again: it would have all the work twice, from one that cannot do it once.
            return f"stayed silent for {rules.timeout:g} s (timeout)", NEVER
        case httpx2.ConnectError():
            return f"cannot be reached ({error}): does `figleaf serve` run there?", AS_ALLOWED
        case httpx2.NetworkError() | httpx2.RemoteProtocolError():
            return f"ended the connection before its answer was whole ({error})", AS_ALLOWED
        case _:
            return f"cannot be asked: {type(error).__name__}: {error}", NEVER
