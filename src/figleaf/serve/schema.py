"""The shapes of requests and answers, as the OpenAPI document shows them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

from figleaf.classify.prediction import Decision
from figleaf.errors import Status
from figleaf.models.runtime import Precision

_LONGEST_URL = 16_384
_STRICT = ConfigDict(extra="forbid")

Name = Annotated[str, Field(max_length=1024, description="What the result calls the image.")]


class Base64Image(BaseModel):
    """An image in the request itself."""

    model_config = _STRICT
    base64: Annotated[str, Field(description="The file's bytes (RFC 4648), no data: URL.")]
    name: Name | None = None


class UrlImage(BaseModel):
    """An image that the server fetches, where it was started with --fetch-urls."""

    model_config = _STRICT
    url: Annotated[str, Field(max_length=_LONGEST_URL, examples=["https://example.com/a.jpg"])]
    name: Name | None = None


class ImagesBody(BaseModel):
    """Images in JSON."""

    model_config = _STRICT
    # One error is enough: a body may have a million.
    images: Annotated[list[Base64Image | UrlImage], Field(min_length=1), FailFast()]


class Frame(BaseModel):
    """A frame of a moving picture."""

    seconds: float
    scores: dict[str, float]
    unsafe: float | None
    decision: Decision | None


class Result(BaseModel):
    """What figleaf says of one image; of one that could not be classified, why."""

    sha256: Annotated[str | None, Field(description="Of the file; null where there was none.")]
    input: str
    status: Status
    label: str | None
    scores: dict[str, float]
    unsafe: Annotated[float | None, Field(ge=0, le=1)]
    decision: Decision | None
    reason: str
    policy: str
    model: str
    precision: Precision
    frames: Annotated[
        list[Frame] | None, Field(description="Of a moving picture, those that were looked at.")
    ] = None


class Results(BaseModel):
    """One result for each image, in order."""

    results: list[Result]


class NsfwjsClass(BaseModel):
    """A class and its probability, as NSFW JS names them."""

    className: str  # noqa: N815  # NSFW JS's
    probability: float


class NsfwjsResult(BaseModel):
    """`predictions` is what NSFW JS's `classify` gives for the image."""

    input: str
    status: Status
    predictions: list[NsfwjsClass]


class NsfwjsResults(BaseModel):
    """One result for each image, in order."""

    results: list[NsfwjsResult]


class ModerationResult(BaseModel):
    """As OpenAI's moderation endpoint has it, with the one category that is assessed here."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]
    figleaf: Result


class Moderation(BaseModel):
    """What is not assessed is not there: above all `sexual/minors`, of which nothing is known."""

    id: str
    model: str
    results: list[ModerationResult]


class ModelInfo(BaseModel):
    """A model that this server has loaded."""

    name: str
    version: str
    tag: str
    labels: list[str]
    precision: Precision
    default: bool
    description: str
    license: str


class PolicyInfo(BaseModel):
    """A policy that may be asked for."""

    name: str
    version: int
    tag: str
    description: str
    default: bool


class Catalogue(BaseModel):
    """What may be named in a request."""

    models: list[ModelInfo]
    policies: list[PolicyInfo]


class State(BaseModel):
    """How the server is."""

    status: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    request_id: str | None = None


Json = dict[str, Any]

_IMAGE: Json = {"type": "string", "format": "binary"}
REQUEST_BODY: Json = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "additionalProperties": False,
                "properties": {"files": {"type": "array", "minItems": 1, "items": _IMAGE}},
            }
        },
        "application/octet-stream": {"schema": _IMAGE},
        "image/*": {"schema": _IMAGE},
        "application/json": {
            "schema": {"$ref": "#/components/schemas/ImagesBody"},
            "examples": {
                "base64": {
                    "summary": "A GIF of one pixel",
                    "value": {
                        "images": [
                            {
                                "base64": "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=",
                                "name": "pixel.gif",
                            }
                        ]
                    },
                },
                "url": {
                    "summary": "A picture on the web (figleaf serve --fetch-urls)",
                    "value": {"images": [{"url": "https://example.com/photo.jpg"}]},
                },
            },
        },
    },
}

_RESULT: Json = {
    "sha256": "8d1f7ab2b53ac0d3a3ea0fe7ad0f9f4a8e8a0a2a5bb6d8ad8cb4e61ce0e5a7f1",
    "input": "photo.jpg",
    "status": "ok",
    "label": "neutral",
    "scores": {
        "neutral": 0.909264,
        "drawings": 0.089473,
        "hentai": 0.00094,
        "porn": 0.000279,
        "sexy": 0.000043,
    },
    "unsafe": 0.001263,
    "decision": "allow",
    "reason": "unsafe 0.001 < 0.5",
    "policy": "balanced@1",
    "model": "inception_v3@1",
    "precision": "f32",
}
_UNREADABLE: Json = {
    **_RESULT,
    "input": "gone.jpg",
    "status": "not_an_image",
    "label": None,
    "scores": {},
    "unsafe": None,
    "decision": "review",
    "reason": "HTML, not an image",
}
ANSWER_EXAMPLES: Json = {
    "figleaf": {
        "summary": "format=figleaf: a picture, and a file that is none",
        "value": {"results": [_RESULT, _UNREADABLE]},
    },
    "nsfwjs": {
        "summary": "format=nsfwjs",
        "value": {
            "results": [
                {
                    "input": "photo.jpg",
                    "status": "ok",
                    "predictions": [
                        {"className": "Neutral", "probability": 0.909264},
                        {"className": "Drawing", "probability": 0.089473},
                    ],
                }
            ]
        },
    },
    "openai-moderation": {
        "summary": "format=openai-moderation",
        "value": {
            "id": "modr-5f0c6bf1b8f24d36",
            "model": "inception_v3@1",
            "results": [
                {
                    "flagged": False,
                    "categories": {"sexual": False},
                    "category_scores": {"sexual": 0.001263},
                    "category_applied_input_types": {"sexual": ["image"]},
                    "figleaf": _RESULT,
                }
            ],
        },
    },
}
