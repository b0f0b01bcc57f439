"""Bodies that come compressed although none was asked for, decompressed piece by piece."""

import zlib
from collections.abc import Iterator

from figleaf.dataset.records import Reason
from figleaf.sources.fetching.fetched import FetchError

_PIECE = 256 * 1024

_UNKNOWN = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})


class Decompressor:
    """Decompresses gzip or deflate (RFC 9110, 8.4.1), pieces of at most 256 KiB at a time.

    Args:
        coding: "gzip" or "deflate"; the latter with or without zlib's header, as servers do it.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | (16 if coding == "gzip" else 0))
        self._started = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` decompresses to; a caller that has enough just stops.

        Raises:
            FetchError: BAD_ANSWER, it is not compressed in this way.
        """
        while data and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as error:
                if self._started or self._coding != "deflate":
                    raise FetchError(Reason.BAD_ANSWER, f"not {self._coding}: {error}") from None
                self._started = True
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._started = True
            data = self._inflate.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> None:
        """Make sure that nothing is missing.

        Raises:
            FetchError: DISCONNECTED, the end is.
        """
        if not self._inflate.eof:
            raise FetchError(Reason.DISCONNECTED, f"the {self._coding} data ends early")


def decompressor(header: str | None) -> Decompressor | None:
    """What a Content-Encoding header asks for; None for nothing.

    Raises:
        FetchError: BAD_ANSWER, a coding that was not asked for and is not understood.
    """
    codings = [word.strip().lower() for word in (header or "").split(",")]
    real = [word for word in codings if word in ("gzip", "x-gzip", "deflate") or word in _UNKNOWN]
    if not real:  # "identity", or a word that is no coding, which browsers ignore too
        return None
    if len(real) > 1 or real[0] in _UNKNOWN:
        raise FetchError(Reason.BAD_ANSWER, f"encoded as {', '.join(real)}, unasked")
    return Decompressor(real[0].removeprefix("x-"))
