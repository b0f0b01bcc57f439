"""uvicorn's HTTP protocol, with limits that it lacks on slow, endless and silent connections.

uvicorn waits for ever for the headers of a connection's first request and takes them in any length,
and any number of trailers after a body; it keeps a connection whose other side does not read its
answer; it reads on without end what it has answered already; and of requests that are sent before
the ones in front of them are answered it keeps any number. Here each of these has a limit. And a
request that offers another protocol, as Java's client does by default, keeps its body.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from figleaf.serve.problems import ALWAYS, Kind, ProblemError, overloaded
from figleaf.serve.rules import ServeRules

MAX_HEAD = 32_768
"""Bytes of a request's line and headers; beside its body, of trailers and whatever frames it."""
_MOST_AHEAD = 16
"""Requests that may be sent before those in front of them are answered."""
_LINGER = 5.0
"""Seconds in which the rest of an unwanted body is read, so that its sender sees the answer."""
_LINGER_BYTES = 2**26


Refused = Callable[[ProblemError, str], None]
"""Is told of a request that no route has seen, and of the id that its answer has."""


def limited_protocol(rules: ServeRules, refused: Refused) -> type[HttpToolsProtocol]:
    """The protocol, as a class that uvicorn makes for each connection."""

    class LimitedProtocol(_Limited):
        limits = rules
        tell = staticmethod(refused)

    return LimitedProtocol


class _Limited(HttpToolsProtocol):
    limits: ServeRules
    tell: Refused

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fruitless = 0  # bytes that were no body, nor made up for by one
        self._in_head = True
        self._in_message = False
        self._unwanted = 0
        self._answering: RequestResponseCycle | None = None
        self._deadlines: dict[str, asyncio.TimerHandle] = {}

    # Connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            self._refuse(overloaded("too many connections", close=True))
            return
        self._start("head", self.limits.header_timeout, self._late_head)

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self._deadlines):
            self._stop(name)
        # uvicorn tells the last request alone, which others may wait in front of.
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    # Heads

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._fruitless += len(data)
        # What begins the next request, or the body, may be in the same piece.
        if self._fruitless > MAX_HEAD + len(data):
            self._refuse(_too_long() if self._in_head else _out_of_proportion())
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(_no_http())

    def _decline(self, rest: bytes) -> None:
        """Read a request that offers another protocol as if it did not (RFC 9110, 7.8).

        httptools takes what follows such a head for the other protocol's: a body would be lost, or
        be read as a request. So the head is read anew, without the offer, by a fresh parser.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":  # which is an offer by itself
            self._refuse(_no_http())
            return
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's has
        self._fruitless = 0
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_message = True
        self._in_head = True
        self._start("head", self.limits.header_timeout, self._late_head)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # nobody asks for trailers
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():  # of what is left of a piece
            return
        if self.parser.should_upgrade():  # it comes again, see `_decline`
            return
        self._in_head = False
        self._fruitless = 0
        self._stop("head")
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD:
            self._refuse(_too_long())
        elif len(self.pipeline) >= _MOST_AHEAD:
            self.transport.close()
        else:
            super().on_headers_complete()

    def _late_head(self) -> None:
        if self._in_message:
            seconds = f"{self.limits.header_timeout:g} s"
            self._refuse(ProblemError(Kind.TIMEOUT, f"the headers did not come within {seconds}"))
        else:  # it never asked for anything
            self.transport.close()

    # Bodies that are not wanted any more, and answers that are not read

    def on_body(self, body: bytes) -> None:
        if self.transport.is_closing():
            return
        # Chunks of less than ten bytes are not made up for: each costs as much as one of thousands.
        self._fruitless = max(0, self._fruitless - len(body) - len(body) // 2)
        if self.cycle is not None and self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > _LINGER_BYTES:
                self.transport.abort()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message = False
        self._in_head = True  # the next one's, if there is one
        self._fruitless = self._unwanted = 0
        self._stop("linger")
        if self.cycle is not None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            # Closed as soon as its buffer is written, which the other side may prevent.
            self._start("write", self.limits.write_timeout, self.transport.abort)
        elif self._in_message:
            self._unset_keepalive_if_required()
            self._start("linger", _LINGER, self.transport.close)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start("write", self.limits.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop("write")
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._start("write", self.limits.write_timeout, self.transport.abort)

    # Answers of its own

    def _refuse(self, problem: ProblemError) -> None:
        """Answer without asking the application, and end the connection."""
        if self.transport.is_closing():
            return
        problem.close = True
        request_id = uuid.uuid4().hex
        self.tell(problem, request_id)
        if self._owes():
            self.transport.close()  # it would be taken for another's answer, or a part of it
            return
        body = problem.body(request_id=request_id)
        headers = {**problem.headers(), **ALWAYS, "x-request-id": request_id}
        lines = [STATUS_LINE[problem.kind.status]]
        lines += [f"{name}: {value}\r\n".encode() for name, value in headers.items()]
        lines += [b"content-length: %d\r\n\r\n" % len(body), body]
        self.transport.write(b"".join(lines))
        self.transport.close()
        self._start("write", self.limits.write_timeout, self.transport.abort)

    def _owes(self) -> bool:
        """Whether an answer has begun, or one is due to another request than what came last."""
        if self.pipeline:
            return True
        if self.cycle is None or self.cycle.response_complete:
            return False
        is_last = self._in_message and self.cycle.scope is self.scope
        return self.cycle.response_started or not is_last

    def _start(self, name: str, seconds: float, action: Any) -> None:
        self._stop(name)
        self._deadlines[name] = self.loop.call_later(seconds, action)

    def _stop(self, name: str) -> None:
        if deadline := self._deadlines.pop(name, None):
            deadline.cancel()


def _no_http() -> ProblemError:
    return ProblemError(Kind.BAD_REQUEST, "this is not HTTP as RFC 9112 has it")


def _too_long() -> ProblemError:
    return ProblemError(Kind.HEADERS_TOO_LARGE, f"over {MAX_HEAD:,} bytes")


def _out_of_proportion() -> ProblemError:
    return ProblemError(
        Kind.BAD_REQUEST, "chunks too small, or extensions or trailers too long, for the body"
    )
