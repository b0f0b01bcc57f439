"""uvicorn's HTTP protocol, with limits that it lacks on slow, endless and silent connections.

uvicorn waits for ever for the headers of a connection's first request and takes them in any length;
it keeps a connection whose other side does not read its answer; and it reads on without end what it
has answered already. Here each of these has a limit.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from figleaf.serve.problems import Kind, ProblemError, overloaded
from figleaf.serve.rules import ServeRules

MAX_HEAD = 32_768
"""Bytes of a request's line and headers."""
_LINGER = 2.0
"""Seconds in which the rest of an unwanted body is read, so that its sender sees the answer."""
_LINGER_BYTES = 2**20
_WRITE_TIMEOUT = 30.0
"""Seconds that an answer may wait for its reader."""


def limited_protocol(rules: ServeRules) -> type[HttpToolsProtocol]:
    """The protocol, as a class that uvicorn makes for each connection."""

    class LimitedProtocol(_Limited):
        limits = rules

    return LimitedProtocol


class _Limited(HttpToolsProtocol):
    limits: ServeRules

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head = 0  # bytes since the end of the last head
        self._in_head = True
        self._in_message = False
        self._unwanted = 0
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
        super().connection_lost(exc)

    # Heads

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head += len(data)
            # What begins the next request, or the body, may be in the same piece.
            if self._head > MAX_HEAD + len(data):
                self._refuse(ProblemError(Kind.HEADERS_TOO_LARGE, f"over {MAX_HEAD:,} bytes"))
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_message = True
        self._in_head = True
        self._head = 0
        self._start("head", self.limits.header_timeout, self._late_head)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop("head")
        if sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._refuse(ProblemError(Kind.HEADERS_TOO_LARGE, f"over {MAX_HEAD:,} bytes"))
            return
        super().on_headers_complete()

    def _late_head(self) -> None:
        if self._in_message:
            seconds = f"{self.limits.header_timeout:g} s"
            self._refuse(ProblemError(Kind.TIMEOUT, f"the headers did not come within {seconds}"))
        else:  # it never asked for anything
            self.transport.close()

    # Bodies that are not wanted any more, and answers that are not read

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None and self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > _LINGER_BYTES:
                self.transport.abort()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message = False
        self._in_head = True  # the next one's, if there is one
        self._head = self._unwanted = 0
        self._stop("linger")
        if self.cycle is not None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            # Closed as soon as its buffer is written, which the other side may prevent.
            self._start("write", _WRITE_TIMEOUT, self.transport.abort)
        elif self._in_message:
            self._unset_keepalive_if_required()
            self._start("linger", _LINGER, self.transport.close)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start("write", _WRITE_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop("write")
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._start("write", _WRITE_TIMEOUT, self.transport.abort)

    # Answers of its own

    def send_400_response(self, msg: str) -> None:
        self._refuse(ProblemError(Kind.BAD_REQUEST, "this is not HTTP as RFC 9112 has it"))

    def _refuse(self, problem: ProblemError) -> None:
        """Answer without asking the application, and end the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started:
            self.transport.close()  # an answer is under way: another one in it would be garbage
            return
        problem.close = True
        body = problem.body()
        lines = [STATUS_LINE[problem.kind.status]]
        lines += [f"{name}: {value}\r\n".encode() for name, value in problem.headers().items()]
        lines += [b"content-length: %d\r\n\r\n" % len(body), body]
        self.transport.write(b"".join(lines))
        self.transport.close()
        self._start("write", _WRITE_TIMEOUT, self.transport.abort)

    def _start(self, name: str, seconds: float, action: Any) -> None:
        self._stop(name)
        self._deadlines[name] = self.loop.call_later(seconds, action)

    def _stop(self, name: str) -> None:
        if deadline := self._deadlines.pop(name, None):
            deadline.cancel()
