"""Reads an HTTP/1.1 answer as far as the load generator needs it (RFC 9112)."""

from dataclasses import dataclass

_HEADER_END = b"\r\n\r\n"


@dataclass(slots=True)
class Answer:
    """What a server said. `closes`: the connection ends with it."""

    status: int
    body: bytes
    closes: bool
    has_retry_after: bool


def read_answer(received: bytes) -> Answer | None:
    """The answer, once it is there whole.

    Raises:
        ValueError: it has no Content-Length, which every server that is measured here gives.
    """
    header, end, body = received.partition(_HEADER_END)
    if not end:
        return None
    status, *lines = header.lower().split(b"\r\n")
    fields = dict(line.split(b": ", 1) for line in lines)
    if b"content-length" not in fields:
        raise ValueError(f"an answer without a Content-Length: {header!r}")
    if len(body) < int(fields[b"content-length"]):
        return None
    closes = fields.get(b"connection", b"") == b"close"
    return Answer(int(status.split(b" ", 2)[1]), body, closes, b"retry-after" in fields)
