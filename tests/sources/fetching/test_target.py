"""What becomes of a URL before it is requested."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.dataset.records import Reason
from figleaf.sources.fetching.fetched import FetchError
from figleaf.sources.fetching.guard import Guard
from figleaf.sources.fetching.target import parse_target

GUARD = Guard()


def refusal(url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        parse_target(url, GUARD)
    return caught.value


@pytest.mark.parametrize(
    ("url", "requested"),
    [
        ("http://Example.COM", "http://example.com/"),
        ("HTTPS://example.com:443/a#part", "https://example.com/a"),
        (" http://example.com/a b.jpg \n", "http://example.com/a%20b.jpg"),
        ("http://example.com/\u00e4\ud55c.jpg", "http://example.com/%C3%A4%ED%95%9C.jpg"),
        ("http://example.com/%41%2f%zz?q=a+b%20c&d=<>", "http://example.com/%41%2f%zz?q=a+b%20c&d=%3C%3E"),
        ("http://b\u00fccher.example/x", "http://xn--bcher-kva.example/x"),
        ("http://\ud55c\uad6d.example/", "http://xn--3e0b707e.example/"),
        ("http://example.com./", "http://example.com/"),
        ("http://under_score.example.com:8080/", "http://under_score.example.com:8080/"),
        ("http://example.com/a/../b/./c/..", "http://example.com/b/"),
        ("http://example.com/../../x", "http://example.com/x"),
        ("http://example.com/a\\b", "http://example.com/a%5Cb"),
        ("http://134744072/x", "http://8.8.8.8/x"),
        ("http://[2606:4700:4700:0::1111]/", "http://[2606:4700:4700::1111]/"),
    ],
)  # fmt: skip
def test_a_url_is_put_into_the_form_that_is_sent(url: str, requested: str) -> None:
    assert parse_target(url, GUARD).url == requested


def test_the_origin_tells_hosts_apart() -> None:
    origins = {
        parse_target(url, GUARD).origin
        for url in ("http://a.example/1", "http://A.example:80/2", "https://a.example/3")
    }
    assert origins == {"http://a.example:80", "https://a.example:443"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a.jpg",
        "ftp://example.com/a.jpg",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http:///a.jpg",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://8.8.8.8\\@10.0.0.1/",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com:x/",
        "http://example.com:22/",
        "http://example.com:6667/",
        "http://example.com/a\x00b",
        "http://example.com/a\r\nX-Injected: 1",
        "http://example.com/a\tb",
        "http://example.com/\x85",
        "http://example.com/\ud800",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://256.1.1.1/",
        "http://1.2.3.4.5/",
        "http://a..b/",
        "http://-a.example/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://xn--a\u00e4.example/",
        "http://%31%32%37.0.0.1/",
        "http://example.com/" + "a" * 20_000,
    ],
)
def test_what_cannot_be_requested_is_refused(url: str) -> None:
    assert refusal(url).reason is Reason.BAD_URL


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.1",
        "127.0.0.1.",
        "\uff11\uff12\uff17.0.0.1",
        "\u2460\u2461\u2466.0.0.1",
        "127\u30020\u30020\u30021",
        "10.0.0.1",
        "169.254.169.254",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[2002:a00:1::]",
    ],
)
def test_an_address_that_is_not_public_is_refused_in_every_spelling(host: str) -> None:
    assert refusal(f"http://{host}/a.jpg").reason is Reason.NOT_PUBLIC


def test_a_redirect_may_be_relative() -> None:
    base = "https://a.example/x/y?z"
    for location, url in {
        "w.jpg": "https://a.example/x/w.jpg",
        "/w": "https://a.example/w",
        "//b.example/w": "https://b.example/w",
        "?q": "https://a.example/x/y?q",
        "http://c.example": "http://c.example/",
    }.items():
        assert parse_target(location, GUARD, base=base).url == url


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://a.example/"]))
def test_any_text_is_requested_as_plain_ascii_or_refused(text: str, start: str) -> None:
    try:
        url = parse_target(start + text, GUARD).url
    except FetchError:
        return
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url
    assert parse_target(url, GUARD).url == url
