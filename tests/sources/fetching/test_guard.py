"""Which addresses are public, in every spelling."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.sources.fetching.guard import Guard, NotPublicError, is_public, parse_literal

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80f::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
)
NOT_PUBLIC = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:53aa:64c:0:ffff:f5ff:fffe",
    "2001:db8::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "example.com",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_ipv4_address_counts_the_same_when_it_is_embedded(
    address: ipaddress.IPv4Address,
) -> None:
    assert is_public(f"::ffff:{address}") == is_public(f"64:ff9b::{address}") == is_public(address)


@settings(deadline=None)
@given(st.ip_addresses(v=4) | st.ip_addresses(v=6, network="2000::/3"))
def test_what_the_standard_library_calls_private_is_not_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert not (is_public(address) and address.is_private)


@settings(deadline=None)
@given(st.ip_addresses(v=6))
def test_nothing_outside_the_assigned_range_is_public_but_what_embeds_ipv4(
    address: ipaddress.IPv6Address,
) -> None:
    inside = address in ipaddress.IPv6Network("2000::/3")
    embeds = address in ipaddress.IPv6Network("64:ff9b::/96") or address.ipv4_mapped is not None
    assert inside or embeds or not is_public(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_has_to_be_allowed(address: str) -> None:
    assert not Guard().admits(address)
    assert Guard(allow_loopback=True).admits(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "0.0.0.0", "169.254.169.254", "::", "fe80::1"])
def test_allowing_loopback_allows_nothing_else(address: str) -> None:
    with pytest.raises(NotPublicError, match="not on the public internet"):
        Guard(allow_loopback=True).check(address)


def test_of_a_names_addresses_the_permitted_ones_are_kept() -> None:
    assert Guard().permitted("x", ["10.0.0.1", "8.8.8.8", "::1"]) == ["8.8.8.8"]
    assert Guard().permitted("x", []) == []
    with pytest.raises(NotPublicError, match=r"x is 10\.0\.0\.1"):
        Guard().permitted("x", ["10.0.0.1", "::1"])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.1", "0177.0.0.1"],
)
def test_every_spelling_of_an_ipv4_address_is_read(host: str) -> None:
    assert parse_literal(host) == ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize("host", ["example.com", "1.example", "10.0.0.1.nip.io", "0xfeed.cafe", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert parse_literal(host) is None


@pytest.mark.parametrize("host", ["256.1.1.1", "1.2.3.4.5", "a.1", "4294967296", "08.1.1.1", "::g"])
def test_what_only_looks_like_an_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_literal(host)


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_spellings_agree(address: ipaddress.IPv4Address) -> None:
    value = int(address)
    first, rest = value >> 24, value & 0xFFFFFF
    for spelling in (str(address), str(value), hex(value), f"{first}.{rest}", f"0{first:o}.{rest}"):
        assert parse_literal(spelling) == address
