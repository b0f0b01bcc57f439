"""A web server on the loopback interface that misbehaves on purpose.

It runs in a thread with an event loop of its own, so that tests of every kind can use it::

    with MisbehavingServer(files={"/a.jpg": data}) as server:
        server.url("/a.jpg")

Besides the files it answers:

=============================  =====================================================================
/status/404/...                that status
/flaky/500/2/PATH              that status twice, then the file /PATH
/limited/7/2/PATH              429 with Retry-After: 7 twice, then the file /PATH (7: any text)
/away/7/2/PATH                 503 likewise
/drip, /endless                a body a byte at a time; one without an end
/short, /long                  fewer bytes than announced, or more
/reset                         the connection is reset in the middle of the body
/redirect/3/PATH               three redirects, then the file /PATH
/loop, /to?LOCATION            redirects to itself; redirects to whatever is given
/page.jpg, /placeholder/...    HTML; always the same small picture
/gzip/PATH, /bomb              the file compressed, unasked; 100 MB of zeros, compressed
/garbage, /huge-headers        no HTTP; a header of a megabyte
/hang, /empty                  no answer at all; no body
/tag/VALUE/PATH                the file /PATH with X-Robots-Tag: VALUE
=============================  =====================================================================
"""

import asyncio
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import unquote

PLACEHOLDER = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b"
)
"""A GIF of one white pixel."""

_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


@dataclass(frozen=True)
class Request:
    """One request as it came, `headers` in lower case."""

    path: str
    headers: Mapping[str, str]


@dataclass
class Exchange:
    """One request and the connection that its answer goes to."""

    request: Request
    writer: asyncio.StreamWriter
    keep_alive: bool = True

    async def answer(
        self, status: int = 200, body: bytes = b"", length: int | None = None, **headers: str
    ) -> None:
        """Send an answer. `length` is what Content-Length says, where it lies."""
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body) if length is None else length}", "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1") + body)
        await self.writer.drain()

    async def end(self) -> None:
        """Close the connection after what was sent."""
        self.keep_alive = False

    def reset(self) -> None:
        """Reset the connection: the other side gets an error where it reads."""
        self.keep_alive = False
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Answer = Callable[[Exchange], Awaitable[None]]


class MisbehavingServer:
    """The server, between `with` and its end.

    Args:
        files: by path, "/a.jpg".
        robots: what /robots.txt says; a status to answer it with; 404 by default.
        answers: by path, what else it is to do there.
        latency: seconds before each answer.
        hosts: loopback addresses to listen on, all on one port.
    """

    def __init__(
        self,
        files: Mapping[str, bytes] | None = None,
        *,
        robots: str | int = 404,
        answers: Mapping[str, Answer] | None = None,
        latency: float = 0.0,
        hosts: tuple[str, ...] = ("127.0.0.1",),
    ) -> None:
        self.files = dict(files or {})
        self.robots = robots
        self.answers = dict(answers or {})
        self.latency = latency
        self.hosts = hosts
        self.port = 0
        self.requests: list[Request] = []
        """In the order of their arrival."""
        self.connections = 0
        self.at_once = 0
        """Requests that are being answered."""
        self.most_at_once = 0
        self._seen: Counter[str] = Counter()
        self._open: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="misbehaving server", daemon=True)

    def url(self, path: str, host: str | None = None) -> str:
        """The URL of a path."""
        return f"http://{host or self.hosts[0]}:{self.port}{path}"

    def paths(self, *, robots: bool = False) -> list[str]:
        """Of the requests so far, in order; those for robots.txt only if asked for."""
        found = [request.path for request in list(self.requests)]
        return [path for path in found if robots or path != "/robots.txt"]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the server does not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the server does not stop"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        servers = []
        for host in self.hosts:
            server = await asyncio.start_server(self._accept, host, self.port, backlog=1024)
            self.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        self._ready.set()
        await self._stop.wait()
        # A connection that was accepted just now would be left open by a server that is closed.
        await asyncio.sleep(0.02)
        for server in servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await asyncio.sleep(0.01)  # until the transports have closed their sockets

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._talk(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                exchange = Exchange(_parse(head), writer)
                self.requests.append(exchange.request)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self._answer(exchange)
                finally:
                    self.at_once -= 1
                if not exchange.keep_alive:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        except asyncio.CancelledError:
            writer.transport.abort()  # whatever it has not sent yet
            raise
        finally:
            writer.close()

    async def _answer(self, exchange: Exchange) -> None:
        if self.latency:
            await asyncio.sleep(self.latency)
        path = exchange.request.path
        if path in self.answers:
            await self.answers[path](exchange)
        elif path in self.files:
            await exchange.answer(200, self.files[path], Content_Type="image/jpeg")
        elif path == "/robots.txt":
            await self._answer_robots(exchange)
        else:
            name, _, rest = path[1:].partition("/")
            name = name.partition("?")[0]
            misdeed = getattr(self, f"_do_{name.replace('-', '_').replace('.', '_')}", None)
            if misdeed is None:
                await exchange.answer(404, b"nothing here")
            else:
                await misdeed(exchange, rest)

    async def _answer_robots(self, exchange: Exchange) -> None:
        if isinstance(self.robots, int):
            await exchange.answer(self.robots)
        else:
            await exchange.answer(200, self.robots.encode(), Content_Type="text/plain")

    async def _then_file(self, exchange: Exchange, path: str, times: str) -> bool:
        """Whether the time of misbehaving is over; if so the file was sent."""
        self._seen[exchange.request.path] += 1
        if self._seen[exchange.request.path] <= int(times):
            return False
        await exchange.answer(200, self.files["/" + path.partition("?")[0]])
        return True

    async def _do_status(self, exchange: Exchange, rest: str) -> None:
        status = int(rest.split("/")[0])
        await exchange.answer(status, b"" if status in (204, 304) else b"no picture")

    async def _do_flaky(self, exchange: Exchange, rest: str) -> None:
        status, times, path = rest.split("/", 2)
        if not await self._then_file(exchange, path, times):
            await exchange.answer(int(status), b"not now")

    async def _do_limited(self, exchange: Exchange, rest: str, status: int = 429) -> None:
        wait, times, path = rest.split("/", 2)
        if not await self._then_file(exchange, path, times):
            await exchange.answer(status, b"later", Retry_After=unquote(wait))

    async def _do_away(self, exchange: Exchange, rest: str) -> None:
        await self._do_limited(exchange, rest, status=503)

    async def _do_drip(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200, length=10_000)
        for _ in range(10_000):
            exchange.writer.write(b"x")
            await exchange.writer.drain()
            await asyncio.sleep(0.05)

    async def _do_endless(self, exchange: Exchange, rest: str) -> None:
        exchange.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            exchange.writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await exchange.writer.drain()

    async def _do_short(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200, b"x" * 1000, length=2000)
        await exchange.end()

    async def _do_long(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200, b"x" * 2000, length=1000)
        await exchange.end()

    async def _do_reset(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200, b"x" * 1000, length=2000)
        await asyncio.sleep(0.05)
        exchange.reset()

    async def _do_redirect(self, exchange: Exchange, rest: str) -> None:
        left, path = rest.split("/", 1)
        to = f"/{path}" if int(left) <= 1 else f"/redirect/{int(left) - 1}/{path}"
        await exchange.answer(302, b"moved", Location=to)

    async def _do_loop(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(301, Location="/loop")

    async def _do_to(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(302, Location=unquote(exchange.request.path.partition("?")[2]))

    async def _do_page_jpg(self, exchange: Exchange, rest: str) -> None:
        page = b"<!DOCTYPE html><html><title>Not here any more</title></html>"
        await exchange.answer(200, page, Content_Type="text/html")

    async def _do_placeholder(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200, PLACEHOLDER, Content_Type="image/gif")

    async def _do_gzip(self, exchange: Exchange, rest: str) -> None:
        body = _gzip(self.files[f"/{rest}"])
        await exchange.answer(200, body, Content_Encoding="gzip")

    async def _do_bomb(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200, _gzip(bytes(100 * 10**6)), Content_Encoding="gzip")

    async def _do_garbage(self, exchange: Exchange, rest: str) -> None:
        exchange.writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
        await exchange.end()

    async def _do_huge_headers(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200, b"x", X_Padding="x" * 10**6)

    async def _do_hang(self, exchange: Exchange, rest: str) -> None:
        await asyncio.sleep(3600)

    async def _do_empty(self, exchange: Exchange, rest: str) -> None:
        await exchange.answer(200)

    async def _do_tag(self, exchange: Exchange, rest: str) -> None:
        value, _, path = rest.partition("/")
        await exchange.answer(200, self.files[f"/{path}"], X_Robots_Tag=unquote(value))


def _parse(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return Request(first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs})


def _gzip(data: bytes) -> bytes:
    compress = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    return compress.compress(data) + compress.flush()
