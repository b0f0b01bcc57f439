"""One file from a server that misbehaves."""

import asyncio
import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable

import pytest

from figleaf.dataset.records import Reason
from figleaf.errors import InputError
from figleaf.sources.fetching.fetch import Fetcher, FetchError, FetchRules

from ..conftest import BODY
from ..server import PLACEHOLDER, Exchange, MisbehavingServer
from .clients import failure, fetch_all, fetch_one, loopback


def raw_deflate(data: bytes) -> bytes:
    """Without zlib's header, as some servers do it."""
    return zlib.compress(data, wbits=-15)


def test_a_file_comes_whole(server: MisbehavingServer) -> None:
    url = server.url("/a.jpg#part")
    fetched = fetch_one(url)
    assert fetched.body == BODY
    assert type(fetched.body) is bytes
    assert (fetched.url, fetched.final_url) == (url, server.url("/a.jpg"))
    assert (fetched.http_status, fetched.content_type, fetched.attempts) == (200, "image/jpeg", 1)


def test_the_request_is_honest_and_tells_nothing_else(server: MisbehavingServer) -> None:
    server.answers["/cookie"] = lambda exchange: exchange.answer(
        302, Set_Cookie="id=1; Path=/", Location="/a.jpg"
    )
    fetch_all([server.url("/cookie")] * 2, loopback(contact="ops@example.org"))
    for request in server.requests:
        assert request.headers.keys() == {"host", "user-agent", "accept", "accept-encoding"}
        agent = request.headers["user-agent"]
        assert agent.startswith("figleaf/")
        assert agent.endswith("(collects images for a classifier; ops@example.org)")
        assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("path", "reason", "status"),
    [
        ("/status/404/x.jpg", Reason.GONE, 404),
        ("/status/410/x.jpg", Reason.GONE, 410),
        ("/status/401/x.jpg", Reason.FORBIDDEN, 401),
        ("/status/403/x.jpg", Reason.FORBIDDEN, 403),
        ("/status/451/x.jpg", Reason.FORBIDDEN, 451),
        ("/status/418/x.jpg", Reason.HTTP_STATUS, 418),
        ("/status/204/x.jpg", Reason.HTTP_STATUS, 204),
        ("/status/304/x.jpg", Reason.HTTP_STATUS, 304),
        ("/status/302/x.jpg", Reason.HTTP_STATUS, 302),
        ("/empty", Reason.EMPTY, 200),
        ("/long", Reason.BAD_ANSWER, None),
        ("/garbage", Reason.BAD_ANSWER, None),
        ("/huge-headers", Reason.BAD_ANSWER, None),
        ("/loop", Reason.REDIRECTS, 301),
        ("/redirect/9/a.jpg", Reason.REDIRECTS, 302),
        ("/to?file:///etc/passwd", Reason.BAD_URL, 302),
        ("/to?http://user:secret@example.com/", Reason.BAD_URL, 302),
        ("/to?http://10.0.0.1/a.jpg", Reason.NOT_PUBLIC, 302),
        ("/to?//169.254.169.254/latest/meta-data/", Reason.NOT_PUBLIC, 302),
        ("/to?http://0x0a.1/a.jpg", Reason.NOT_PUBLIC, 302),
        ("/to?http://[::ffff:10.0.0.1]/", Reason.NOT_PUBLIC, 302),
    ],
)
def test_what_will_not_pass_is_asked_for_once(
    server: MisbehavingServer, path: str, reason: Reason, status: int | None
) -> None:
    error = failure(server.url(path))
    assert (error.reason, error.http_status, error.attempts) == (reason, status, 1)
    assert server.paths().count(path) == 1
    assert error.detail.isprintable()


@pytest.mark.parametrize(
    ("path", "reason", "status", "received"),
    [
        ("/short", Reason.DISCONNECTED, 200, 1000),
        ("/reset", Reason.DISCONNECTED, 200, 1000),
        ("/status/500", Reason.SERVER_ERROR, 500, 0),
        ("/status/520", Reason.SERVER_ERROR, 520, 0),
        ("/status/429", Reason.RATE_LIMITED, 429, 0),
    ],
)
def test_what_may_pass_is_tried_again(
    server: MisbehavingServer, path: str, reason: Reason, status: int, received: int
) -> None:
    error = failure(server.url(path), loopback(retries=2))
    assert (error.reason, error.http_status, error.bytes) == (reason, status, received)
    assert error.attempts == 3
    assert server.paths() == [path] * 3


@pytest.mark.parametrize(("path", "status"), [("/drip", 200), ("/hang", None)])
def test_the_deadline_is_for_the_whole_file(
    server: MisbehavingServer, path: str, status: int | None
) -> None:
    error = failure(server.url(path), loopback(deadline=0.3, retries=1))
    assert (error.reason, error.http_status, error.attempts) == (Reason.TIMEOUT, status, 2)


def test_the_deadline_goes_on_over_redirects(server: MisbehavingServer) -> None:
    server.latency = 0.15
    rules = loopback(deadline=0.5, retries=0, robots=False)
    assert failure(server.url("/redirect/6/a.jpg"), rules).reason is Reason.TIMEOUT


def test_the_limit_on_bytes_holds_while_they_come(server: MisbehavingServer) -> None:
    error = failure(server.url("/endless"), loopback(max_bytes=10**6))
    assert (error.reason, error.attempts) == (Reason.TOO_MANY_BYTES, 1)
    assert 10**6 < error.bytes < 2 * 10**6


def test_an_announcement_beyond_the_limit_is_believed(server: MisbehavingServer) -> None:
    error = failure(server.url("/a.jpg"), loopback(max_bytes=len(BODY) - 1))
    assert (error.reason, error.bytes) == (Reason.TOO_MANY_BYTES, 0)
    assert fetch_one(server.url("/a.jpg"), loopback(max_bytes=len(BODY))).body == BODY


def test_redirects_are_followed(server: MisbehavingServer) -> None:
    fetched = fetch_one(server.url("/redirect/8/a.jpg"))
    assert (fetched.body, fetched.attempts) == (BODY, 1)
    assert fetched.final_url == server.url("/a.jpg")


def test_a_redirect_leads_to_another_host() -> None:
    with MisbehavingServer({"/b.jpg": b"b"}, hosts=("127.0.0.1", "127.0.0.2")) as server:
        there = server.url("/b.jpg", "127.0.0.2")
        fetched = fetch_one(server.url(f"/to?{there}"))
        assert (fetched.final_url, fetched.attempts) == (there, 1)
        hosts = [request.headers["host"] for request in server.requests]
        assert len(hosts) == 4, "a robots.txt and a file on each"


def test_a_circle_over_two_hosts_ends() -> None:
    with MisbehavingServer(hosts=("127.0.0.1", "127.0.0.2")) as server:
        there, back = server.url("/2", "127.0.0.2"), server.url("/1")
        server.answers["/1"] = lambda exchange: exchange.answer(302, Location=there)
        server.answers["/2"] = lambda exchange: exchange.answer(302, Location=back)
        assert failure(server.url("/1")).reason is Reason.REDIRECTS


def test_the_caller_may_refuse_where_a_redirect_leads(server: MisbehavingServer) -> None:
    def refuse(url: str) -> FetchError | None:
        return FetchError(Reason.DENIED, "a denied word") if "bad" in url else None

    error = failure(server.url("/to?/bad.jpg"), refuse=refuse)
    assert (error.reason, error.detail) == (Reason.DENIED, "redirects to a denied word")
    assert "/bad.jpg" not in server.paths()


def test_what_is_no_picture_is_the_decoders_affair(server: MisbehavingServer) -> None:
    assert fetch_one(server.url("/page.jpg")).content_type == "text/html"
    assert fetch_one(server.url("/placeholder/1.jpg")).body == PLACEHOLDER


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("utf-8", bytes),
    ],
)
def test_a_compressed_answer_is_decompressed(
    server: MisbehavingServer, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    server.answers["/c"] = lambda exchange: exchange.answer(
        200, compress(BODY), Content_Encoding=coding
    )
    assert fetch_one(server.url("/c")).body == BODY


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        ("gzip", b"no gzip at all", Reason.BAD_ANSWER),
        ("deflate", b"\xff" * 50, Reason.BAD_ANSWER),
        ("br", b"x", Reason.BAD_ANSWER),
        ("gzip, gzip", b"x", Reason.BAD_ANSWER),
        ("gzip", gzip.compress(BODY)[:-20], Reason.DISCONNECTED),
        ("gzip", gzip.compress(b""), Reason.EMPTY),
    ],
)
def test_a_badly_compressed_answer_fails(
    server: MisbehavingServer, coding: str, body: bytes, reason: Reason
) -> None:
    server.answers["/c"] = lambda exchange: exchange.answer(200, body, Content_Encoding=coding)
    error = failure(server.url("/c"), loopback(retries=0))
    assert (error.reason, error.http_status) == (reason, 200)


def test_a_bomb_is_stopped_at_the_limit(server: MisbehavingServer) -> None:
    error = failure(server.url("/bomb"), loopback(max_bytes=10**6))
    assert error.reason is Reason.TOO_MANY_BYTES
    assert error.bytes < 2 * 10**6


def test_a_body_in_chunks_comes_whole(server: MisbehavingServer) -> None:
    async def answer(exchange: Exchange) -> None:
        exchange.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(BODY), 1000):
            piece = BODY[start : start + 1000]
            exchange.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await exchange.writer.drain()
        exchange.writer.write(b"0\r\n\r\n")

    server.answers["/chunks"] = answer
    assert fetch_one(server.url("/chunks")).body == BODY


def test_nobody_at_the_port_is_no_connection() -> None:
    with MisbehavingServer() as server:
        url = server.url("/a.jpg")
    error = failure(url, loopback(robots=False, retries=1))
    assert (error.reason, error.attempts, error.http_status) == (Reason.CONNECT, 2, None)
    assert "robots.txt: " in failure(url, loopback(retries=1)).detail


def test_no_tls_is_no_secure_connection() -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        closed.set()

    closed = asyncio.Event()

    async def main() -> FetchError:
        async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as plain:
            url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/"
            async with Fetcher(loopback(robots=False)) as fetcher:
                with pytest.raises(FetchError) as caught:
                    await fetcher.fetch(url)
            await closed.wait()
            await asyncio.sleep(0.01)
        return caught.value

    error = asyncio.run(main())
    assert (error.reason, error.attempts) == (Reason.TLS, 1)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1/"])
def test_by_default_not_even_loopback_is_connected_to(url: str) -> None:
    error = failure(url, FetchRules())
    assert (error.reason, error.attempts) == (Reason.NOT_PUBLIC, 0)


def test_a_bad_url_is_not_asked_for() -> None:
    assert failure("http://user@example.com/").reason is Reason.BAD_URL


def test_fetch_raises_what_went_wrong(server: MisbehavingServer) -> None:
    async def main() -> None:
        async with Fetcher(loopback()) as fetcher:
            assert (await fetcher.fetch(server.url("/a.jpg"))).body == BODY
            with pytest.raises(FetchError, match="gone: HTTP 404 Not Found"):
                await fetcher.fetch(server.url("/nothing.jpg"))
        with pytest.raises(InputError, match="async with"):
            await fetcher.fetch(server.url("/a.jpg"))

    asyncio.run(main())


@pytest.mark.parametrize(
    "rules",
    [
        {"in_flight": 0},
        {"per_host": True},
        {"per_host_rate": 0.0},
        {"deadline": float("nan")},
        {"connect_timeout": float("inf")},
        {"max_bytes": 1.5},
        {"retries": -1},
        {"backoff": -0.1},
        {"memory": "1 GB"},
        {"contact": "a\r\nX-Injected: 1"},
        {"user_agent": "\ud55c"},
    ],
)
def test_rules_that_make_no_sense_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(rules))):
        FetchRules(**rules)  # type: ignore[arg-type]


def test_the_user_agent_can_be_set() -> None:
    assert FetchRules(user_agent="mine/1.0").agent == "mine/1.0"


def test_the_rules_can_be_made_without_the_extra() -> None:
    code = "import sys; import figleaf.sources.fetching.fetch; print('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
