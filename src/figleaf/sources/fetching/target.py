"""A URL as it is requested: checked, and with nothing in it that a header cannot carry."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from figleaf.dataset.records import Reason
from figleaf.sources.fetching.fetched import FetchError
from figleaf.sources.fetching.guard import Guard, parse_literal

_LONGEST = 16_384
"""Characters. Servers take 8,000 or so."""

_PORTS = {"http": 80, "https": 443}

_OTHER_PROTOCOLS = (
    "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 "
    "113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 "
    "548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 "
    "6566 6665 6666 6667 6668 6669 6679 6697 10080"
)
"""Ports whose services must not take a request for one of their own: "port blocking" of the WHATWG
Fetch standard."""
_BAD_PORTS = frozenset(map(int, _OTHER_PROTOCOLS.split()))

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*")
_KEPT = "%/:?#[]@!$&'()*+,;=~-._|"
"""What stays as it is in a path or query: what is there may be part of a signature."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes.

    Attributes:
        url: absolute, ASCII, without credentials and fragment.
        origin: its scheme, host and port, such as "https://example.com:443".
    """

    url: str
    origin: str


def parse_target(text: str, guard: Guard, base: str | None = None) -> Target:
    """Check a URL and put it into the form that is sent.

    Spaces and letters beyond ASCII are quoted, names written in IDNA, addresses in their usual
    spelling, the fragment and spaces around it dropped. Nothing else changes.

    Args:
        text: a URL from a list, or the Location of a redirect.
        guard: says whether an address in place of a name may be connected to.
        base: what a relative `text` is relative to.

    Raises:
        FetchError: BAD_URL, or NOT_PUBLIC where its host is an address that is not permitted.
    """
    text = text.strip(" \t\r\n\f")
    if len(text) > _LONGEST:
        raise FetchError(Reason.BAD_URL, f"over {_LONGEST:,} characters")
    if _CONTROLS.search(text):
        raise FetchError(Reason.BAD_URL, "control characters")
    try:
        return _target(urlsplit(urljoin(base, text) if base else text), guard)
    except ValueError as error:  # IDNA errors, lone surrogates and ports included
        raise FetchError(Reason.BAD_URL, str(error)) from None


def _target(parts: SplitResult, guard: Guard) -> Target:
    if parts.scheme not in _PORTS:
        raise ValueError(f"not http or https but {parts.scheme[:20]!r}")
    if "@" in parts.netloc:
        raise ValueError("has credentials")
    if "\\" in parts.netloc:  # some clients read it as a slash, and so another host
        raise ValueError("a backslash in its host")
    host = _host(parts.hostname or "", guard)
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    if port in _BAD_PORTS:
        raise ValueError(f"port {port} belongs to another protocol")
    authority = host if port == _PORTS[parts.scheme] else f"{host}:{port}"
    path = quote(_without_dots(parts.path) or "/", _KEPT)
    query = f"?{quote(parts.query, _KEPT)}" if parts.query else ""
    return Target(f"{parts.scheme}://{authority}{path}{query}", f"{parts.scheme}://{host}:{port}")


def _without_dots(path: str) -> str:
    """The path with "." and ".." resolved (RFC 3986, 5.2.4), as robots.txt needs it."""
    if "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    tail = "/" if path.endswith(("/.", "/..")) and kept else ""
    return "/" + "/".join(kept) + tail


def _host(host: str, guard: Guard) -> str:
    name = _ascii(host)
    address = parse_literal(name)
    if address is None:
        if len(name) > 253 or not _NAME.fullmatch(name):
            raise ValueError(f"{host[:60]!r} is not a host's name")
        return name
    if not guard.admits(address):
        raise FetchError(Reason.NOT_PUBLIC, f"{address} is not on the public internet")
    return f"[{address}]" if address.version == 6 else str(address)


@lru_cache(maxsize=4096)
def _ascii(host: str) -> str:
    """A name in lower case, in IDNA (UTS 46) where it is not ASCII, without its final dot."""
    if not host.isascii():
        import idna

        host = idna.encode(host, uts46=True).decode()
    return host.lower().removesuffix(".")
