"""Images out of a multipart form (RFC 7578), as it streams in, in memory alone.

Frameworks put larger parts into files; this server keeps no image. python-multipart finds where
parts begin and end; what counts as an image, and how much is too much, is said here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from figleaf.serve.problems import Kind, ProblemError, too_large
from figleaf.serve.upload import Upload, printable_name

FIELDS = frozenset({"file", "files", "image", "images"})
"""What a part without a file's name may be called and be an image all the same."""

_MAX_HEADERS = 16
_MAX_HEADER = 4096

_QUIET = logging.Logger(__name__, logging.CRITICAL)
"""python-multipart warns of what clients send, which is theirs to know."""


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    # Not a list of pieces: of bytes that look like boundaries each is a piece of its own.
    data: bytearray = field(default_factory=bytearray)
    name: str = ""


class MultipartImages:
    """A parser that is fed a body piece by piece.

    Args:
        content_type: the request's header, with the boundary.
        max_images: in one body.
        max_bytes: of one image.

    Raises:
        ProblemError: the header has no usable boundary.
    """

    def __init__(self, content_type: str, max_images: int, max_bytes: int) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise ProblemError(Kind.BAD_REQUEST, "multipart/form-data without a boundary")
        self._max_images = max_images
        self._max_bytes = max_bytes
        self._uploads: list[Upload] = []
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._to(self._header[0]),
                    "on_header_value": self._to(self._header[1]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._take,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
                max_header_count=_MAX_HEADERS,
                max_header_size=_MAX_HEADER,
            )
        except FormParserError:
            raise ProblemError(Kind.BAD_REQUEST, "a boundary that no form has") from None
        self._parser.logger = _QUIET

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            ProblemError: it is no multipart, has too many parts, or one that is too large.
        """
        try:
            self._parser.write(piece)
        except FormParserError:
            raise ProblemError(
                Kind.BAD_REQUEST, "this is not multipart/form-data as RFC 7578 has it"
            ) from None

    def finish(self) -> list[Upload]:
        """The images, once the body has come to its end.

        Raises:
            ProblemError: it ended within a part.
        """
        if not self._ended:
            raise ProblemError(Kind.BAD_REQUEST, "the form ends before its last boundary")
        return self._uploads

    @staticmethod
    def _to(buffer: bytearray) -> Callable[[bytes, int, int], None]:
        def take(data: bytes, start: int, end: int) -> None:
            buffer.extend(data[start:end])

        return take

    def _begin(self) -> None:
        if len(self._uploads) >= self._max_images:
            raise too_large(f"over {self._max_images} images: send them in several requests")
        self._part = _Part()

    def _end_header(self) -> None:
        name, value = self._header
        self._part.headers[bytes(name).lower()] = bytes(value)
        name.clear()
        value.clear()

    def _end_headers(self) -> None:
        kind, options = parse_options_header(self._part.headers.get(b"content-disposition", b""))
        field_name = options.get(b"name", b"").decode("utf-8", "replace")
        file_name = options.get(b"filename")
        if kind != b"form-data" or (file_name is None and field_name not in FIELDS):
            raise ProblemError(
                Kind.INVALID,
                "a part that is no file: images are files, or parts called file, files, image or "
                "images; everything else goes into the query",
            )
        self._part.name = printable_name(file_name or field_name)

    def _take(self, data: bytes, start: int, end: int) -> None:
        if len(self._part.data) + end - start > self._max_bytes:
            raise too_large(f"an image of over {self._max_bytes:,} bytes")
        self._part.data += data[start:end]

    def _end_part(self) -> None:
        self._uploads.append(Upload(self._part.name, bytes(self._part.data)))
        self._part = _Part()

    def _end(self) -> None:
        self._ended = True
