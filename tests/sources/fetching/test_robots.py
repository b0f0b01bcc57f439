"""What hosts ask of robots."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.dataset.records import Reason
from figleaf.sources.fetching.robots import (
    ALLOW_ALL,
    LONGEST_DELAY,
    MAX_BYTES,
    RobotRules,
    RobotsCache,
    parse_robots,
    refusal,
)

from ..server import MisbehavingServer
from .clients import FakeTime, failure, fetch_all, fetch_one, loopback

SITE = "http://a.example"


def allows(robots: str, path: str) -> bool:
    return parse_robots(robots.encode()).allows(SITE + path)


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow:", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: figleaf\nDisallow: /x", False),
        ("User-agent: FigLeaf\nDisallow: /x", False),
        ("User-agent: otherbot\nDisallow: /", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: figleaf\nDisallow: /y", True),
        ("User-agent: *\nDisallow: /x\nAllow: /x/pictures", True),
        ("User-agent: *\nDisallow: /*.jpg$", False),
        ("User-agent: *\nDisallow: /*.png$", True),
        ("\ufeffUser-agent: *\nDisallow: /x", False),
        ("<!DOCTYPE html><title>Not found: nothing</title>", True),
    ],
)
def test_the_group_for_figleaf_and_the_longest_match_decide(robots: str, allowed: bool) -> None:
    assert allows(robots, "/x/pictures/1.jpg") is allowed


def test_what_is_beyond_the_limit_is_not_read() -> None:
    robots = "User-agent: *\nDisallow: /x\n" + "#" * MAX_BYTES + "\nDisallow: /y\n"
    assert not allows(robots, "/x")
    assert allows(robots, "/y")


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("2.5", 2.5), ("3600", LONGEST_DELAY), ("-1", 0.0), ("soon", 0.0), ("nan", 0.0)],
)
def test_a_crawl_delay_is_kept_to_within_reason(delay: str, seconds: float) -> None:
    robots = f"User-agent: *\nCrawl-delay: {delay}\nDisallow: /x\n"
    assert parse_robots(robots.encode()).delay == seconds


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_say_something(body: bytes) -> None:
    parse_robots(body).allows(SITE + "/a.jpg")


def test_a_pattern_made_to_take_long_does_not() -> None:
    robots = "User-agent: *\nDisallow: /" + "*a" * 200 + "*b$\n"
    assert allows(robots, "/" + "a" * 5000)


def lines(line: str, count: int) -> str:
    return "".join(f"{line % number}\n" for number in range(count))


@pytest.mark.parametrize(
    "robots",
    [
        "User-agent: *\n" + lines("Disallow: /*%d$", 27_000),
        "User-agent: *\n" + lines("Allow: /*%d", 6_000),
        "User-agent: *\nUser-agent: figleaf\n" + "Disallow: /$\n" * 6_000,
        lines("User-agent: %d", 10_000) + lines("Disallow: /%d", 10_000),
        lines("User-agent: a*%d\nSitemap: /", 5_000) + lines("Dissallow: /%d", 5_000),
        lines("User-agent: %d", 10_000) * 2,
    ],
    ids=["disallowed", "allowed", "the same", "robots", "odd robots", "robots again"],
)
def test_one_made_to_take_long_is_not_matched_and_allows_nothing(robots: str) -> None:
    started = time.process_time()
    assert not allows(robots, "/a.jpg")
    assert time.process_time() - started < 2  # it takes milliseconds; parsed, some take a minute


@pytest.mark.parametrize(
    "robots",
    [
        "User-agent: *\n" + lines("Disallow: /x/%d", 25_000),
        "User-agent: *\n" + lines("Disallow: /x/%d*.jpg$", 5_000),
        lines("User-agent: bot%d\nDisallow: /x/\n\n# * * *\n", 9_000),
        lines("User-agent: bot%d\nUser-agent: other\nDisallow: /\n", 5_000),
        lines("User-agent: bot%d", 80) + lines("Disallow: /x/%d", 1_000),
    ],
    ids=["rules", "patterns", "groups", "groups of two", "one group"],
)
def test_a_long_one_is_read(robots: str) -> None:
    assert len(robots) < MAX_BYTES
    assert allows(robots, "/a.jpg")
    assert not allows(robots + "\nUser-agent: figleaf\nDisallow: /a.jpg\n", "/a.jpg")


def test_the_cache_keeps_to_its_size() -> None:
    cache = RobotsCache(entries=2, characters=1000)
    for origin in "abc":
        cache.put(origin, ALLOW_ALL)
    assert [cache.get(origin) for origin in "abc"] == [None, ALLOW_ALL, ALLOW_ALL]
    cache.put("d", RobotRules(size=900))
    cache.put("d", RobotRules(size=500))
    cache.put("e", RobotRules(size=600))
    assert cache.get("d") is None
    assert cache.get("e") is not None


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        (["noai"], "noai"),
        (["index, NoImageAI"], "noimageai"),
        (["nofollow", "noindex"], "noindex"),
        (["none"], "none"),
        (["figleaf: noindex"], "noindex"),
        (["otherbot: noindex, noai"], None),
        (["otherbot: noindex, figleaf: noai"], "noai"),
        (["otherbot: nofollow", "noai"], "noai"),
        (["*: noai"], "noai"),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST, noai"], "noai"),
        (["max-image-preview: none"], None),
        (["all"], None),
        (["nofollow, noarchive"], None),
        ([""], None),
        ([], None),
    ],
)
def test_an_x_robots_tag_is_read_as_it_is_meant(tags: list[str], word: str | None) -> None:
    assert refusal(tags) == word


def test_robots_txt_is_read_once_and_kept_to() -> None:
    robots = "User-agent: figleaf\nDisallow: /private/\n"
    files = {"/a.jpg": b"a", "/private/b.jpg": b"b"}
    with MisbehavingServer(files, robots=robots) as server:
        urls = [server.url(path) for path in ["/a.jpg", "/private/b.jpg"] * 10]
        results = fetch_all(urls)
        assert [getattr(result, "reason", None) for result in results] == [None, Reason.ROBOTS] * 10
        assert server.paths(robots=True).count("/robots.txt") == 1
        assert server.paths() == ["/a.jpg"] * 10


def test_a_redirect_does_not_lead_around_robots_txt() -> None:
    robots = "User-agent: *\nDisallow: /private/\n"
    with MisbehavingServer({"/private/b.jpg": b"b"}, robots=robots) as server:
        assert failure(server.url("/redirect/1/private/b.jpg")).reason is Reason.ROBOTS
        assert "/private/b.jpg" not in server.paths()


@pytest.mark.parametrize("status", [401, 403, 404, 410, 418])
def test_without_a_robots_txt_all_is_allowed(status: int) -> None:
    with MisbehavingServer({"/a.jpg": b"a"}, robots=status) as server:
        assert fetch_one(server.url("/a.jpg")).body == b"a"


@pytest.mark.parametrize(
    ("status", "reason"), [(500, Reason.SERVER_ERROR), (429, Reason.RATE_LIMITED)]
)
def test_where_it_cannot_be_known_what_it_says_nothing_is_fetched(
    status: int, reason: Reason
) -> None:
    with MisbehavingServer({"/a.jpg": b"a"}, robots=status) as server:
        results = fetch_all([server.url("/a.jpg")] * 5, loopback(retries=2))
        for result in results:
            assert getattr(result, "reason", None) is reason
            assert "robots.txt: " in getattr(result, "detail", "")
        assert server.paths(robots=True) == ["/robots.txt"] * 3


def test_robots_txt_may_be_elsewhere() -> None:
    with MisbehavingServer({"/r": b"User-agent: *\nDisallow: /a"}) as server:

        async def moved(exchange: object) -> None:
            await exchange.answer(301, Location="/r")  # type: ignore[attr-defined]

        server.answers["/robots.txt"] = moved
        assert failure(server.url("/a.jpg")).reason is Reason.ROBOTS


def test_robots_txt_can_be_left_aside() -> None:
    with MisbehavingServer({"/a.jpg": b"a"}, robots="User-agent: *\nDisallow: /") as server:
        assert fetch_one(server.url("/a.jpg"), loopback(robots=False)).body == b"a"
        assert server.paths(robots=True) == ["/a.jpg"]


def test_a_crawl_delay_spaces_the_requests() -> None:
    time = FakeTime()
    robots = "User-agent: *\nCrawl-delay: 10\n"
    with MisbehavingServer({"/a.jpg": b"a"}, robots=robots) as server:
        fetch_all([server.url("/a.jpg")] * 4, clock=time.clock, sleep=time.sleep)
        assert server.most_at_once == 1
    assert sum(time.slept) >= 40 - 0.01


def test_x_robots_tag_is_honoured_unless_told_otherwise(server: MisbehavingServer) -> None:
    url = server.url("/tag/noindex/a.jpg")
    error = failure(url)
    assert (error.reason, error.http_status, error.bytes) == (Reason.NO_AI, 200, 0)
    assert fetch_one(url, loopback(no_ai=False)).http_status == 200
    assert fetch_one(server.url("/tag/otherbot%3A%20noai/a.jpg")).http_status == 200
