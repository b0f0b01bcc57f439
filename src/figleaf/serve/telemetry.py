"""Around every request: an id, the headers of every answer, a count, a line in the log; and what
nobody foresaw, which becomes a problem that tells nothing.
"""

import asyncio
import re
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from figleaf.serve.bodies import GoneError
from figleaf.serve.problems import ALWAYS, Kind, ProblemError
from figleaf.serve.service import Service

ROUTES = ("/v1/classify", "/v1/models", "/healthz", "/readyz", "/metrics", "/openapi.json")
ROUTE = "figleaf.route"
"""What a scope is given by whoever answers a path that is not in `ROUTES`, if it has a name."""
KEY = "figleaf.key"
"""What a scope is given by whoever lets a request in: the name of its API key."""
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SILENT = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; their answers are counted and not written down."""

GONE = 499
"""What the log says of a request whose client did not wait, as nginx does."""


class Telemetry:
    """ASGI middleware; the outermost.

    Args:
        app: what answers.
        service: where counts and lines go.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = scope["request_id"] = _request_id(scope)
        status = GONE
        extra = [
            (b"x-request-id", request_id.encode()),
            *((name.encode(), value.encode()) for name, value in ALWAYS.items()),
        ]

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = message.get("headers", ())
                named = {name for name, _ in own}
                message["headers"] = [*own, *(one for one in extra if one[0] not in named)]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except GoneError:
            pass
        except asyncio.CancelledError:
            # The time to finish what was accepted is up; uvicorn would answer in plain text.
            if status != GONE:
                raise
            detail = "the server ends, and this was not done in time"
            problem = ProblemError(Kind.NOT_READY, detail, retry_after=1, close=True)
            await send_problem(problem, scope, answer)
        except Exception as error:  # noqa: BLE001  # whatever it is, its text stays here
            self._service.log.error("unforeseen", error, request=request_id)
            if status == GONE:
                problem = ProblemError(Kind.INTERNAL, "it is in the server's log under this id")
                await send_problem(problem, scope, answer)
        finally:
            self._count(scope, status, began)

    def _count(self, scope: Scope, status: int, began: float) -> None:
        path, method = scope["path"], scope["method"]
        route = path if path in ROUTES else scope.get(ROUTE, "other")
        seconds = self._service.metrics.request(route, method, status, began)
        if path in _SILENT:
            return
        self._service.log.write(
            "request",
            request=scope["request_id"],
            key=scope.get(KEY),
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
        )


async def send_problem(problem: ProblemError, scope: Scope, send: Send) -> None:
    """Answer a request with a problem."""
    body = problem.body(scope["path"], scope["request_id"])
    headers = [(name.encode(), value.encode()) for name, value in problem.headers().items()]
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _request_id(scope: Scope) -> str:
    """The client's, where it sent a harmless one, so that its log and ours can be joined."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            text: str = value.decode()
            return text
    return uuid.uuid4().hex
