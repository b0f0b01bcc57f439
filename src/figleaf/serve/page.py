"""The page at /: files that are known by name, and no other; no folder is ever looked into.

It lies around the routes, not among them: what it does not know goes on to them as if it were not
there, and the OpenAPI document is about the API alone.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from figleaf.errors import PageError
from figleaf.serve.bodies import GoneError, gone
from figleaf.serve.page_site import PageSite
from figleaf.serve.problems import Kind, ProblemError
from figleaf.serve.service import Service
from figleaf.serve.telemetry import ROUTE, send_problem
from figleaf.web.files import PIECE, SiteFile
from figleaf.web.headers import HEADERS

_REFUSED = re.compile(r";\s*q=0(\.0*)?\s*$")


class _CutError(PageError):
    """A file that changed while it was sent: the connection ends, which tells the client."""


class Page:
    """ASGI middleware that answers GET and HEAD of the page's files.

    Args:
        app: what answers everything else.
        service: whose models the page has.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._site = PageSite(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            file = await self._find(scope)
            if file is not None:
                await self._answer(file, scope, receive, send)
                return
        except ProblemError as problem:
            await send_problem(problem, scope, send)
            return
        await self._app(scope, receive, send)

    async def _find(self, scope: Scope) -> SiteFile | None:
        name = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/")
        if not _may_be_ours(name):
            return None
        try:
            files = await self._site.files(self._service.catalogue)
        except ProblemError:
            if scope["method"] in ("GET", "HEAD"):
                raise
            return None
        return files.get(name or "index.html")

    async def _answer(self, file: SiteFile, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = "page"
        if scope["method"] not in ("GET", "HEAD"):
            raise ProblemError(Kind.METHOD_NOT_ALLOWED, "the page is read: GET or HEAD")
        asked = Headers(scope=scope)
        try:
            packed = await self._site.packed(file) if _takes_gzip(asked) else None
            headers = _headers(file, packed)
            if _has_it(asked.get("if-none-match"), file):
                await _send(304, headers, send)
                return
            headers["content-length"] = str(file.size if packed is None else len(packed))
            if scope["method"] == "HEAD":
                await _send(200, headers, send)
                return
            pieces = _pieces(file) if packed is None else _sliced(packed)
            async with _leaving(receive) as leaving, aclosing(pieces):
                await _send(200, headers, send, pieces, leaving)
        except PageError as error:
            self._site.forget()
            self._service.log.write("page", outcome="changed", detail=str(error))
            if isinstance(error, _CutError):
                raise GoneError from error
            detail = "a file of the page has changed meanwhile; ask again"
            raise ProblemError(Kind.NOT_READY, detail, retry_after=1) from error


def _may_be_ours(name: str) -> bool:
    """Whether it is worth finding out: the machines that ask for these wait for no page."""
    return not name.startswith("v1/") and name not in ("healthz", "readyz", "metrics")


def _headers(file: SiteFile, packed: bytes | None) -> dict[str, str]:
    return {
        **HEADERS,
        "content-type": file.media_type,
        # Kept, and asked about each time: there are no stale mixtures of two versions.
        "cache-control": "no-cache",
        "etag": _etag(file, packed=packed is not None),
        "vary": "accept-encoding",
        **({"content-encoding": "gzip"} if packed is not None else {}),
    }


def _etag(file: SiteFile, *, packed: bool) -> str:
    return f'"{file.sha256[:32]}{"-gzip" if packed else ""}"'


def _has_it(known: str | None, file: SiteFile) -> bool:
    """Whether a client's `If-None-Match` names the file, compressed or not."""
    if known is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return bool(tags & {"*", _etag(file, packed=False), _etag(file, packed=True)})


def _takes_gzip(asked: Headers) -> bool:
    for offer in asked.get("accept-encoding", "").lower().split(","):
        name = offer.partition(";")[0].strip()
        if name == "gzip" and not _REFUSED.search(offer):
            return True
    return False


async def _send(
    status: int,
    headers: Mapping[str, str],
    send: Send,
    pieces: AsyncIterator[bytes] | None = None,
    leaving: "asyncio.Task[None] | None" = None,
) -> None:
    """Answer; the first piece is read before anything is sent, since it may not be there.

    Raises:
        GoneError: the client went away; sending alone would not tell.
        PageError: the file has changed, and nothing was sent; a `_CutError` where something was.
    """
    first = None if pieces is None else await anext(pieces, None)
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": named})
    if pieces is not None and first is not None:
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            async for piece in pieces:
                if leaving is not None and leaving.done():
                    raise GoneError
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except PageError as error:
            raise _CutError(str(error)) from error
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def _leaving(receive: Receive) -> "AsyncIterator[asyncio.Task[None]]":
    """A task that is done when the client has gone away."""
    task = asyncio.create_task(gone(receive))
    try:
        yield task
    finally:
        task.cancel()


async def _pieces(file: SiteFile) -> AsyncGenerator[bytes, None]:
    """A file's bytes, read on threads where it lies on a disk."""
    pieces = file.pieces()
    if isinstance(file.source, bytes):
        for piece in pieces:
            yield piece
        return
    while piece := await asyncio.to_thread(_next, pieces):
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes:
    return next(pieces, b"")


async def _sliced(data: bytes) -> AsyncGenerator[bytes, None]:
    """What is sent in small pieces has as much time for each as the connection's limit gives."""
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
