"""Uploads to a FastAPI application: a picture is judged before anything of it is kept.

    pip install figleaf fastapi python-multipart uvicorn
    uvicorn --factory fastapi_app:create_app
    curl -F photo=@photo.jpg http://127.0.0.1:8000/photos

The model runs in this process. With FIGLEAF_URL (and FIGLEAF_KEY) it is `figleaf serve` that is
asked: pip install 'figleaf[client]'. Uploads go to ./uploads, or to FIGLEAF_UPLOADS.
"""

import hashlib
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import figleaf
from figleaf.errors import ServerError

MAX_BYTES = 10 * 2**20
FORM_OVERHEAD = 2**16  # boundaries and headers around the file

REFUSED = "This picture cannot be accepted."
"""The same words whatever the score: more would help those who look for the threshold."""

Judge = Callable[[bytes], Awaitable[figleaf.Prediction]]


@dataclass(frozen=True)
class Settings:
    """Where uploads are kept, and who judges them."""

    folder: Path = Path("uploads")
    model: str = "inception_v3"
    policy: str | Path | None = None
    url: str | None = None
    key: str | None = None

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            folder=Path(os.environ.get("FIGLEAF_UPLOADS", "uploads")),
            url=os.environ.get("FIGLEAF_URL"),
            key=os.environ.get("FIGLEAF_KEY"),
        )


@asynccontextmanager
async def judging(settings: Settings) -> AsyncIterator[Judge]:
    """Who judges pictures, for as long as the application runs; neither way blocks its loop."""
    if settings.url is not None:
        from figleaf.client import AsyncClient, ClientRules  # an extra, which not everybody needs

        # Somebody is waiting for an answer: better "later" than a page that hangs.
        rules = ClientRules(timeout=10, patience=5)
        async with AsyncClient(settings.url, key=settings.key, rules=rules) as client:
            yield client.classify
        return
    classifier = figleaf.load(
        settings.model,
        policy=settings.policy,
        # Anybody may upload: a file that crashes a C decoder, or keeps it busy, must not take this
        # process along. With a deadline, decoding happens in processes that can be killed.
        deadline=5.0,
        # What a small file unpacks to is checked against its header, before there is memory for it.
        limits=figleaf.Limits(max_bytes=MAX_BYTES, max_pixels=50_000_000),
    )

    async def judge(data: bytes) -> figleaf.Prediction:
        # Work for a processor: on the loop, all other requests would stand still meanwhile.
        return await run_in_threadpool(classifier.classify, data)

    with classifier:
        yield judge


class CappedBody:
    """Refuses bodies over a size while they come: Starlette would take one of any size to disk."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            # Counted, not read off Content-Length: a chunked body has none.
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise HTTPException(413, "This file is too large.")
            return message

        await self._app(scope, counted, send)


def judge_of(request: Request) -> Judge:
    judge: Judge = request.state.judge
    return judge


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; the model is loaded when it starts."""
    settings = settings or Settings.from_environment()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with judging(settings) as judge:
            yield {"judge": judge}

    app = FastAPI(title="Uploads", lifespan=lifespan)
    app.add_middleware(CappedBody, most=MAX_BYTES + FORM_OVERHEAD)

    @app.post("/photos", status_code=201)
    async def upload(
        photo: UploadFile, response: Response, judge: Annotated[Judge, Depends(judge_of)]
    ) -> dict[str, str]:
        # Read once: what is judged is what is kept. The name and type that the browser sent are
        # the uploader's words; the format is told by the bytes.
        data = await photo.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise HTTPException(413, "This file is too large.")
        try:
            prediction = await judge(data)
        except ServerError as error:
            # Nobody could look at it, so it is not let in.
            logging.getLogger(__name__).error("uploads cannot be judged: %s", error)
            raise HTTPException(503, "Uploads cannot be taken at the moment.") from None
        if not prediction.ok:
            raise HTTPException(422, "This file is not a picture that can be read.")
        if prediction.decision == "block":
            raise HTTPException(422, REFUSED)
        # A policy without a rule for the model decides nothing: a person does.
        state = "public" if prediction.decision == "allow" else "review"
        response.status_code = 201 if state == "public" else 202
        name = await run_in_threadpool(keep, settings.folder / state, data, prediction)
        return {"id": name, "state": state}

    return app


def keep(folder: Path, data: bytes, prediction: figleaf.Prediction) -> str:
    """Store a picture under a name of our own, and beside it why it is there.

    With model, policy and score on record, an appeal can be answered, and all that an older model
    let in can be judged again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = uuid4().hex
    verdict = prediction.to_dict() | {"input": name, "sha256": hashlib.sha256(data).hexdigest()}
    (folder / f"{name}.json").write_text(json.dumps(verdict), "utf-8")
    (folder / name).write_bytes(data)
    return name
