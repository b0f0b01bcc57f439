"""Uploads to a Flask application: a picture is judged before anything of it is kept.

    pip install figleaf flask
    flask --app flask_app run
    curl -F photo=@photo.jpg http://127.0.0.1:5000/photos

The model runs in this process. With FIGLEAF_URL (and FIGLEAF_KEY) it is `figleaf serve` that is
asked: pip install 'figleaf[client]'. Uploads go to ./uploads, or to FIGLEAF_UPLOADS.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

import figleaf
from figleaf.errors import ServerError

if TYPE_CHECKING:
    from figleaf.client import Client

MAX_BYTES = 10 * 2**20
FORM_OVERHEAD = 2**16  # boundaries and headers around the file

REFUSED = "This picture cannot be accepted."
"""The same words whatever the score: more would help those who look for the threshold."""


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


def open_judge(settings: Settings) -> "figleaf.Classifier | Client":
    """Both have `classify`, and give the same predictions.

    One for each worker process, made after the fork: threads and connections do not survive one.
    """
    if settings.url is not None:
        from figleaf.client import (
            Client,
            ClientRules,
        )  # an extra, which the other way can do without

        # Somebody is waiting for an answer: better "later" than a worker that hangs.
        return Client(settings.url, key=settings.key, rules=ClientRules(timeout=10, patience=5))
    return figleaf.load(
        settings.model,
        policy=settings.policy,
        # Anybody may upload: a file that crashes a C decoder, or keeps it busy, must not take this
        # process along. With a deadline, decoding happens in processes that can be killed.
        deadline=5.0,
        # What a small file unpacks to is checked against its header, before there is memory for it.
        limits=figleaf.Limits(max_bytes=MAX_BYTES, max_pixels=50_000_000),
    )


def create_app(settings: Settings | None = None) -> Flask:
    """The application; `flask run` finds it by its name."""
    settings = settings or Settings.from_environment()
    app = Flask(__name__)
    # First of all: how much is read. Werkzeug answers 413 before the file is on the disk.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES + FORM_OVERHEAD
    judge = app.extensions["figleaf"] = open_judge(settings)

    @app.get("/")
    def form() -> str:
        return (
            "<!doctype html><title>Upload</title>"
            "<form method=post action=/photos enctype=multipart/form-data>"
            "<input type=file name=photo accept=image/*><button>Upload</button></form>"
        )

    @app.post("/photos")
    def upload() -> tuple[Response, int]:
        file = request.files.get("photo")
        if file is None:
            abort(400, "There is no file called photo.")
        # Read once: what is judged is what is kept. The name and type that the browser sent are
        # the uploader's words; the format is told by the bytes.
        data = file.stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            abort(413, "This file is too large.")
        try:
            prediction = judge.classify(data)
        except ServerError:
            # Nobody could look at it, so it is not let in.
            app.logger.exception("uploads cannot be judged")
            abort(503, "Uploads cannot be taken at the moment.")
        if not prediction.ok:
            abort(422, "This file is not a picture that can be read.")
        if prediction.decision == "block":
            abort(422, REFUSED)
        # A policy without a rule for the model decides nothing: a person does.
        state = "public" if prediction.decision == "allow" else "review"
        name = keep(settings.folder / state, data, prediction)
        return jsonify(id=name, state=state), 201 if state == "public" else 202

    @app.errorhandler(HTTPException)
    def as_json(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

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
