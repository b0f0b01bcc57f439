"""Which addresses may be connected to: those of the public internet.

A list of URLs is somebody else's input. Without this, a line of it, a redirect or a name server
could make figleaf read from the network that it runs in. The ranges are those of IANA's registries
of special-purpose addresses (RFC 6890 and its updates).
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV4_SPECIAL = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared: carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast included
    )
)
_IPV6_GLOBAL = ipaddress.IPv6Network("2000::/3")
"""Everything that is assigned for the public internet; the rest is special or unassigned."""
_IPV6_SPECIAL = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo (embeds IPv4), benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, deprecated: embeds IPv4
        "3fff::/20",  # documentation
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""How a network of IPv6 alone reaches public IPv4 hosts (RFC 6052)."""


class NotPublicError(OSError):
    """An address that is not on the public internet. An OSError, as failing to connect is."""


@lru_cache(maxsize=8192)
def is_public(address: str | IPAddress) -> bool:
    """Whether an address is one of the public internet.

    Of an IPv6 address that stands for an IPv4 one (IPv4-mapped, NAT64) that one counts; those of
    6to4 and Teredo are not public.

    Args:
        address: an address, or its canonical text. Text that is none is not public.
    """
    parsed = _embedded(_parsed(address))
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _IPV4_SPECIAL)
    if isinstance(parsed, ipaddress.IPv6Address):
        return parsed in _IPV6_GLOBAL and not any(parsed in net for net in _IPV6_SPECIAL)
    return False


@lru_cache(maxsize=8192)
def is_loopback(address: str | IPAddress) -> bool:
    """Whether an address is this machine's own: 127.0.0.0/8, ::1, or the former mapped."""
    parsed = _embedded(_parsed(address))
    return parsed is not None and parsed.is_loopback


def _parsed(address: str | IPAddress) -> IPAddress | None:
    if not isinstance(address, str):
        return address
    try:
        # A zone ("fe80::1%eth0") only ever belongs to a local address.
        return None if "%" in address else ipaddress.ip_address(address)
    except ValueError:
        return None


def _embedded(address: IPAddress | None) -> IPAddress | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


class Guard:
    """Says which addresses may be connected to.

    Args:
        allow_loopback: also this machine's own; nothing else that is not public.
    """

    def __init__(self, *, allow_loopback: bool = False) -> None:
        self._allow_loopback = allow_loopback

    def admits(self, address: str | IPAddress) -> bool:
        """Whether `address` may be connected to."""
        return is_public(address) or (self._allow_loopback and is_loopback(address))

    def check(self, address: str | IPAddress) -> None:
        """Let a permitted address pass.

        Raises:
            NotPublicError: it is not permitted.
        """
        if not self.admits(address):
            raise NotPublicError(f"{address} is not on the public internet")

    def permitted(self, host: str, addresses: Iterable[str]) -> list[str]:
        """Those of a name's addresses that are permitted, in their order.

        Raises:
            NotPublicError: there are addresses, but none is permitted.
        """
        found = list(addresses)
        kept = [address for address in found if self.admits(address)]
        if found and not kept:
            raise NotPublicError(f"{host} is {found[0]}, which is not on the public internet")
        return kept


_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def parse_literal(host: str) -> IPAddress | None:
    """The address that a URL's host is, if it is one and not a name.

    IPv4 in all the spellings that C libraries and browsers take: "127.0.0.1", "127.1",
    "2130706433", "0x7f000001", "0177.0.0.1" (WHATWG URL, "IPv4 parser"). IPv6 without brackets.

    Raises:
        ValueError: it ends like an IPv4 address but is none, such as "1.2.3.256" or "1.2.3.4.5".
    """
    if ":" in host:
        if "%" in host:
            raise ValueError(f"{host!r} has a zone, which only local addresses have")
        return ipaddress.IPv6Address(host)
    parts = host.split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f"{host!r} is neither a name nor an address")
    *first, last = (_number(part) for part in parts)
    if any(part > 255 for part in first) or last >= 256 ** (4 - len(first)):
        raise ValueError(f"{host!r} is beyond the range of addresses")
    value = last
    for position, part in enumerate(first):
        value += part << (8 * (3 - position))
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    if part[0] == "0" and part != "0":
        return int(part, 8)
    return int(part)
