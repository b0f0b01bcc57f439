"""A request's body to images, with a cap on everything while it streams in."""

import asyncio
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError
from starlette.types import Receive

from figleaf.serve.multipart import MultipartImages
from figleaf.serve.problems import Kind, ProblemError, overloaded, too_large
from figleaf.serve.rules import ServeRules
from figleaf.serve.schema import Base64Image, ImagesBody
from figleaf.serve.upload import BODY, Upload, printable_name
from figleaf.sources.fetching.budget import Hold

_WHITESPACE = b" \t\r\n"


class GoneError(Exception):
    """The client has closed the connection: nobody waits for an answer."""


async def gone(receive: Receive) -> None:
    """Wait until the client goes away; for when the whole body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's headers say of its body.

    Attributes:
        content_type: the header; empty without one.
        length: of the body in bytes; None where it is not said.
        coding: how the body is compressed (Content-Encoding); empty where it is not.
    """

    content_type: str
    length: int | None
    coding: str = ""

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.content_type.partition(";")[0].strip().lower()


class _Reader(Protocol):
    def feed(self, piece: bytes) -> None: ...

    def finish(self) -> list[Upload]: ...


async def read_uploads(receive: Receive, head: Head, hold: Hold, rules: ServeRules) -> list[Upload]:
    """Read a body, and give the images in it, at least one.

    Args:
        receive: the ASGI request's.
        head: its headers.
        hold: counts the bytes that are held.
        rules: the caps.

    Raises:
        ProblemError: it is of another type, damaged, too large or too slow, or there is no memory.
        GoneError: the client went away.
    """
    if head.length is not None and head.length > rules.max_body:
        raise too_large(f"a body of {head.length:,} bytes; the most is {rules.max_body:,}")
    reader = _reader(head, rules)
    try:
        async with asyncio.timeout(rules.body_timeout):
            async for piece in _pieces(receive, hold, rules.max_body):
                reader.feed(piece)
    except TimeoutError:
        detail = f"the body did not come within {rules.body_timeout:g} s"
        raise ProblemError(Kind.TIMEOUT, detail, close=True) from None
    uploads = await asyncio.to_thread(reader.finish) if head.kind == _JSON else reader.finish()
    if not uploads:
        raise ProblemError(Kind.INVALID, "no image in the request")
    return uploads


async def _pieces(receive: Receive, hold: Hold, most: int) -> AsyncIterator[bytes]:
    more, size = True, 0
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size > most:
            raise too_large(f"a body of over {most:,} bytes")
        if not hold.try_grow(len(piece)):
            raise overloaded("no memory is left for more images")
        if piece:
            yield piece


_JSON = "application/json"


def _reader(head: Head, rules: ServeRules) -> _Reader:
    if head.coding.strip().lower() not in ("", "identity"):  # else it would be read as it is
        raise ProblemError(Kind.UNSUPPORTED_MEDIA_TYPE, "send it without Content-Encoding")
    if head.kind == "multipart/form-data":
        return MultipartImages(head.content_type, rules.max_images, rules.limits.max_bytes)
    if head.kind == _JSON:
        return _JsonImages(rules)
    if head.kind == "application/octet-stream" or head.kind.startswith("image/"):
        return _OneImage(rules.limits.max_bytes)
    raise ProblemError(
        Kind.UNSUPPORTED_MEDIA_TYPE,
        "send multipart/form-data, application/json, application/octet-stream or image/*",
    )


class _OneImage:
    """A body that is an image."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._data = bytearray()

    def feed(self, piece: bytes) -> None:
        if len(self._data) + len(piece) > self._most:
            raise too_large(f"an image of over {self._most:,} bytes")
        self._data += piece

    def finish(self) -> list[Upload]:
        return [Upload(BODY, bytes(self._data))]


class _JsonImages:
    """A JSON object with images in base64, or with their URLs."""

    def __init__(self, rules: ServeRules) -> None:
        self._rules = rules
        self._data = bytearray()

    def feed(self, piece: bytes) -> None:
        self._data += piece

    def finish(self) -> list[Upload]:
        if self._has_more_than(self._rules.max_images):
            raise too_large(f"more JSON than {self._rules.max_images} images need")
        try:
            body = ImagesBody.model_validate_json(bytes(self._data))
        except ValidationError as error:
            raise _invalid(error) from None
        if len(body.images) > self._rules.max_images:
            raise too_large(f"over {self._rules.max_images} images: send them in several requests")
        return [self._upload(index, image) for index, image in enumerate(body.images)]

    def _has_more_than(self, images: int) -> bool:
        """Whether there are more values than that many images have, with a wide margin.

        A value of two bytes costs a validator a thousand times as much: 64 MB of them take minutes
        and gigabytes. Counting costs milliseconds, and in base64 there is nothing to count.
        """
        most = {b'"': 64, b"{": 16, b"[": 16, b",": 1024}
        return any(self._data.count(mark) > each * (images + 1) for mark, each in most.items())

    def _upload(self, index: int, image: Base64Image | object) -> Upload:
        if isinstance(image, Base64Image):
            name = printable_name(image.name or f"<image {index}>")
            return Upload(name, self._decoded(index, image.base64))
        if self._rules.fetch is None:
            raise ProblemError(
                Kind.INVALID, "this server fetches no URLs (figleaf serve --fetch-urls)"
            )
        return Upload(printable_name(image.name or image.url), b"", image.url)  # type: ignore[attr-defined]

    def _decoded(self, index: int, text: str) -> bytes:
        try:
            encoded = text.encode("ascii").translate(None, _WHITESPACE)
            data = binascii.a2b_base64(encoded, strict_mode=True)
        except ValueError:  # binascii's and the codec's
            detail = f"images.{index}.base64: this is not base64 as RFC 4648 has it"
            raise ProblemError(Kind.INVALID, detail) from None
        if len(data) > self._rules.limits.max_bytes:
            raise too_large(f"an image of over {self._rules.limits.max_bytes:,} bytes")
        return data


_MOST_ERRORS = 5


def _invalid(error: ValidationError) -> ProblemError:
    """What is wrong with a JSON body: where, and in pydantic's words for it."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return ProblemError(Kind.BAD_REQUEST, "the body is not JSON")
    errors = [
        {"where": ".".join(map(str, one["loc"]))[:200], "what": one["msg"]}
        for one in found[:_MOST_ERRORS]
    ]
    return ProblemError(
        Kind.INVALID, 'expected {"images": [{"base64": "..."}]}', more={"errors": errors}
    )
