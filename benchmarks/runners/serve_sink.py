"""A server that reads requests and answers them at once: what the load generator costs by itself.

    python -m benchmarks.runners.serve_sink --port 8000

It takes the length from the header, throws the body away, and always answers the same.
"""

import argparse
import asyncio
from collections.abc import Sequence

_HEADER_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_BODY = b'{"results": []}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY


class _Sink(asyncio.Protocol):
    def __init__(self) -> None:
        self._header = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._missing == 0:
            self._header += data
            header, end, body = self._header.partition(_HEADER_END)
            if not end:
                return
            length = header.lower().partition(_LENGTH)[2].partition(b"\r")[0]
            self._header, self._missing, data = b"", int(length or 0), body
        # A client that keeps its connection sends nothing more before it has its answer.
        self._missing -= len(data)
        if self._missing == 0:
            self._transport.write(_ANSWER)


async def serve(port: int) -> None:
    """Answer on the loopback interface until the process is ended."""
    server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args(arguments).port))


if __name__ == "__main__":
    main()
