"""The routes: what is asked over HTTP, and what is answered."""

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive

from figleaf._version import __version__
from figleaf.errors import Status
from figleaf.serve import schema
from figleaf.serve.bodies import GoneError, Head, gone, read_uploads
from figleaf.serve.engine import Result
from figleaf.serve.formats import Format, answer
from figleaf.serve.hosted import Catalogue, Choice, HostedModel
from figleaf.serve.keys import Key
from figleaf.serve.metrics import CONTENT_TYPE
from figleaf.serve.page import Page
from figleaf.serve.problems import MEDIA_TYPE, Kind, ProblemError
from figleaf.serve.rules import ServeRules
from figleaf.serve.service import Service, Surroundings
from figleaf.serve.telemetry import KEY, Telemetry
from figleaf.serve.upload import Upload

_LONGEST_NAME = 200


def create_app(
    rules: ServeRules | None = None, surroundings: Surroundings | None = None
) -> FastAPI:
    """An ASGI application; its models are loaded when it starts.

    Raises:
        FigleafError: on starting, what the rules name cannot be had.
    """
    return app_for(Service(rules or ServeRules(), surroundings or Surroundings()))


def app_for(service: Service) -> FastAPI:
    """The application of a service, which it opens unless that was done, and closes."""
    app = FastAPI(
        title="figleaf",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            ProblemError: _on_problem,
            HTTPException: _on_http,
            RequestValidationError: _on_invalid,
        },
    )
    app.state.service = service
    app.include_router(_about)
    app.include_router(_v1, dependencies=_security(service.rules))
    if service.rules.page:
        app.add_middleware(Page, service=service)
    if service.rules.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.rules.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "x-api-key", "content-type", "x-request-id"],
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(Telemetry, service=service)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    if not service.ready:
        await asyncio.to_thread(service.open)
    await service.start()
    tasks = [asyncio.create_task(service.watch())] if service.rules.reload is not None else []
    _reload_on_hangup(service)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await service.stop()


def _reload_on_hangup(service: Service) -> None:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGHUP"):
        return
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[bool]] = set()  # a loop keeps no task alive by itself

    def reload() -> None:
        task = loop.create_task(service.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)


# Problems


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    body = error.body(request.url.path, request.scope.get("request_id"))
    return Response(body, error.kind.status, error.headers())


_OF_STATUS = {404: Kind.NOT_FOUND, 405: Kind.METHOD_NOT_ALLOWED}


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _OF_STATUS.get(error.status_code, Kind.BAD_REQUEST)
    detail = "/openapi.json says what can be asked for"
    response = await _on_problem(request, ProblemError(kind, detail))
    response.headers.update(error.headers or {})
    if response.headers.get("allow") == "GET":  # of the first route; the second is for HEAD
        response.headers["allow"] = "GET, HEAD"
    return response


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(map(str, one["loc"]))[:_LONGEST_NAME], "what": one["msg"]}
        for one in error.errors()
    ]
    problem = ProblemError(Kind.INVALID, "the query cannot be used", more={"errors": errors})
    return await _on_problem(request, problem)


def _problems(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for the OpenAPI document."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        example = json.loads(ProblemError(kind, "...").body("/v1/classify", "4f1c"))
        described = found.setdefault(
            kind.status, {"description": kind.title, "model": schema.Problem, "content": {}}
        )
        described["content"][MEDIA_TYPE] = {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": example,
        }
    return found


def _security(rules: ServeRules) -> list[Any]:
    """For the OpenAPI document: who checks is `Gate`."""
    if rules.keys is None:
        return []
    return [
        Depends(HTTPBearer(auto_error=False, scheme_name="bearer")),
        Depends(APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header")),
    ]


# Routes. FastAPI's GET has no HEAD, which RFC 9110 (9.1) asks for, and some balancers send.

_about = APIRouter()
_v1 = APIRouter(prefix="/v1")


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


@_about.head("/healthz", include_in_schema=False)
@_about.get("/healthz", response_model=schema.State)
async def healthz() -> Response:
    """Whether the process lives."""
    return _json({"status": "ok"})


@_about.head("/readyz", include_in_schema=False)
@_about.get("/readyz", response_model=schema.State, responses=_problems(Kind.NOT_READY))
async def readyz(request: Request) -> Response:
    """Whether new requests should be sent here."""
    if not _service(request).ready:
        raise ProblemError(Kind.NOT_READY, "it is starting, or about to end", retry_after=1)
    return _json({"status": "ready"})


@_about.head("/metrics", include_in_schema=False)
@_about.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    return Response(_service(request).metrics.text(), media_type=CONTENT_TYPE)


@_v1.head("/models", include_in_schema=False)
@_v1.get(
    "/models",
    response_model=schema.Catalogue,
    responses=_problems(Kind.UNAUTHORIZED, Kind.RATE_LIMITED, Kind.NOT_READY),
)
async def models(request: Request) -> Response:
    """The models and policies that requests may name."""
    catalogue = _service(request).catalogue
    _admitted(catalogue, request)
    return _json(_described(catalogue))


@_v1.post(
    "/classify",
    response_model=schema.Results | schema.NsfwjsResults | schema.Moderation,
    openapi_extra={"requestBody": schema.REQUEST_BODY},
    responses={
        200: {"content": {"application/json": {"examples": schema.ANSWER_EXAMPLES}}},
        **_problems(
            Kind.BAD_REQUEST,
            Kind.UNAUTHORIZED,
            Kind.TIMEOUT,
            Kind.TOO_LARGE,
            Kind.UNSUPPORTED_MEDIA_TYPE,
            Kind.INVALID,
            Kind.RATE_LIMITED,
            Kind.INTERNAL,
            Kind.CRASHED,
            Kind.OVERLOADED,
        ),
    },
)
async def classify(
    request: Request,
    model: Annotated[
        str | None, Query(max_length=_LONGEST_NAME, description="One of /v1/models.")
    ] = None,
    policy: Annotated[
        str | None, Query(max_length=_LONGEST_NAME, description="One of /v1/models.")
    ] = None,
    top_k: Annotated[int | None, Query(ge=1, description="Classes to give of each image.")] = None,
    shape: Annotated[
        Format, Query(alias="format", description="The shape of the answer.")
    ] = Format.FIGLEAF,
) -> Response:
    """Classify images.

    The body is one image, a form with several, or JSON. An image that cannot be read is a result
    with a status that says why, and with the decision that the policy has for such images.
    """
    service = _service(request)
    catalogue = service.catalogue
    key = _admitted(catalogue, request)
    choice = catalogue.choose(model, policy)
    service.slots.check()
    request_id = request.scope["request_id"]
    with choice.hosted.in_use(), service.budget.hold() as hold:
        uploads = await read_uploads(request.receive, _head(request), hold, service.rules)
        service.slots.check(len(uploads))  # again, since what is refused should not be charged
        catalogue.gate.charge(key, len(uploads))
        if any(upload.url is not None for upload in uploads):
            uploads = await service.fetch(uploads, hold, request_id)
        results = await _answered(service, uploads, choice, catalogue, request.receive)
    service.write_images(results, request_id, key)
    if all(result.prediction.status is Status.CRASHED for result in results):
        detail = "the process that decoded the image died; send it again, once"
        raise ProblemError(Kind.CRASHED, detail)
    shown = [_top(result, top_k) for result in results]
    return _json(answer(shown, shape, request_id))


def _admitted(catalogue: Catalogue, request: Request) -> Key | None:
    """The key that a request may be answered for; the log learns whose it is."""
    key = catalogue.gate.key_of(request.headers)
    request.scope[KEY] = key.name if key else None
    catalogue.gate.check_rate(key)
    return key


def _top(result: Result, top_k: int | None) -> Result:
    if top_k is None:
        return result
    return Result(result.prediction.top(top_k), result.sha256, result.seconds)


def _head(request: Request) -> Head:
    length = request.headers.get("content-length")
    return Head(
        request.headers.get("content-type", ""),
        int(length) if length is not None and length.isdecimal() else None,
        request.headers.get("content-encoding", ""),
    )


async def _answered(
    service: Service,
    uploads: list[Upload],
    choice: Choice,
    catalogue: Catalogue,
    receive: Receive,
) -> list[Result]:
    """The results, unless the client goes away before there are any."""
    service.slots.take(len(uploads))
    try:
        working = asyncio.create_task(service.classify(uploads, choice, catalogue))
        leaving = asyncio.create_task(gone(receive))
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise GoneError
            return working.result()
        finally:
            for task in (working, leaving):
                task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await working
    finally:
        service.slots.give_back(len(uploads))


def _described(catalogue: Catalogue) -> dict[str, Any]:
    hosted = list(catalogue.models.values())
    return {
        "models": [_model(one, default=one is hosted[0]) for one in hosted],
        "policies": [
            {
                "name": policy.name,
                "version": policy.version,
                "tag": policy.tag,
                "description": policy.description,
                "default": policy.name == (catalogue.default_policy or hosted[0].policy.name),
            }
            for policy in catalogue.policies.values()
        ],
    }


def _model(hosted: HostedModel, *, default: bool) -> dict[str, Any]:
    card = hosted.card
    return {
        "name": card.name,
        "version": card.version,
        "tag": card.tag,
        "labels": list(card.labels),
        "precision": str(hosted.model.precision),
        "default": default,
        "description": card.description,
        "license": card.license,
    }


def _json(value: Any) -> Response:
    return Response(json.dumps(value).encode(), media_type="application/json")


_DESCRIPTION = """\
Images to verdicts, on your own machine: scores by a model, a decision by a policy. No image is
kept. Errors are problem details (RFC 9457). figleaf does not detect child sexual abuse material,
and no score of it says anything about age.
"""
