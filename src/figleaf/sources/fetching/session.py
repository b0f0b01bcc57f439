"""The aiohttp session that requests go through, which connects to permitted addresses alone.

An address is checked three times: when a name is looked up (`names`), on the very address that a
socket is about to be connected to (`TCPConnector`'s `socket_factory`), which covers addresses in
place of names and whatever lies between the look-up and the connection, and on the peer of the
connection, new or kept alive, before a request is written to it.
"""

import socket
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from figleaf.errors import InputError
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.fetching.guard import Guard, NotPublicError
from figleaf.sources.fetching.names import Names

_KEPT_ALIVE = 5.0
"""Seconds that an idle connection is kept: hosts come and go by the thousand."""
_OTHER_FILES = 200

ACCEPT = "image/*,video/*;q=0.8,*/*;q=0.5"


def open_session(rules: FetchRules, guard: Guard, names: Names) -> aiohttp.ClientSession:
    """A session: no cookies, no proxies or credentials from the environment, no decompression.

    Its deadlines are the caller's affair, but for the one on connecting. The process's limit on
    open files is raised as far as its connections need it.

    Raises:
        InputError: that limit cannot be raised far enough.
    """
    _allow_connections(rules.in_flight)
    connector = aiohttp.TCPConnector(
        resolver=_Resolver(names),
        use_dns_cache=False,  # `names` has one
        socket_factory=_socket_factory(guard),
        limit=0,  # the hosts' queues say how many
        keepalive_timeout=_KEPT_ALIVE,
    )
    return aiohttp.ClientSession(
        connector=connector,
        request_class=_guarded_request(guard),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": rules.agent, "Accept": ACCEPT, "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=rules.connect_timeout),
        auto_decompress=False,
        trust_env=False,
    )


def _allow_connections(in_flight: int) -> None:
    """Make sure of a file descriptor for each request and for the connections that are kept."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    most = sys.maxsize if hard == unlimited else hard
    if most < 2 * in_flight + _OTHER_FILES:
        raise InputError(
            f"{in_flight:,} requests in flight need {2 * in_flight + _OTHER_FILES:,} open files, "
            f"the limit is {most:,}: lower in_flight or raise `ulimit -n`"
        )
    wanted = min(8 * in_flight + _OTHER_FILES, most)
    if soft not in (-1, unlimited) and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _socket_factory(guard: Guard) -> Callable[[Any], socket.socket]:
    def open_socket(addr_info: Any) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        guard.check(address[0])
        return socket.socket(family, kind, protocol)

    return open_socket


def _guarded_request(guard: Guard) -> type[aiohttp.ClientRequest]:
    class GuardedRequest(aiohttp.ClientRequest):
        async def send(self, conn: Any) -> aiohttp.ClientResponse:
            peer = conn.transport.get_extra_info("peername") if conn.transport else None
            if peer is not None:
                guard.check(peer[0])
            return await super().send(conn)

    return GuardedRequest


class _Resolver(AbstractResolver):
    """Gives aiohttp what `names` knows."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._names.look_up(host)
        ]

    async def close(self) -> None:
        """Nothing of its own to close."""


def not_public(error: BaseException) -> NotPublicError | None:
    """The refusal behind an error of aiohttp's, if that is what it was."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NotPublicError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
