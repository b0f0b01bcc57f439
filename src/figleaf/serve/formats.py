"""The shapes that answers can take."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from figleaf.classify.prediction import Decision, Prediction, Schema
from figleaf.errors import Status
from figleaf.serve.engine import Result


class Format(StrEnum):
    """What `format` in a request's query can be."""

    FIGLEAF = "figleaf"
    NSFWJS = "nsfwjs"
    OPENAI_MODERATION = "openai-moderation"


_CATEGORY = "sexual"
"""The one of OpenAI's categories that is assessed. Above all `sexual/minors` is not, and is never
said to be false: figleaf knows nothing of age."""


_CRASHED = "the process that decoded it failed"
"""What a client is told of that; the text of an exception, or a signal, is for the log alone."""


def answer(results: Sequence[Result], shape: Format, request_id: str) -> dict[str, Any]:
    """The body of an answer, of plain JSON types.

    Args:
        results: of the request's images, in order; at least one.
        shape: which shape.
        request_id: what the log calls the request.
    """
    if shape is Format.NSFWJS:
        return {"results": [result.prediction.to_dict(Schema.NSFWJS) for result in results]}
    if shape is Format.OPENAI_MODERATION:
        return {
            "id": f"modr-{request_id}",
            "model": results[0].prediction.model,
            "results": [_moderation(result) for result in results],
        }
    return {"results": [described(result) for result in results]}


def described(result: Result) -> dict[str, Any]:
    """A result in figleaf's own shape: that of the command line, and the file's SHA-256."""
    said = {"sha256": result.sha256, **result.prediction.to_dict()}
    if result.prediction.status is Status.CRASHED:
        said["reason"] = _CRASHED
    return said


def _moderation(result: Result) -> dict[str, Any]:
    prediction = result.prediction
    flagged = prediction.decision in (Decision.REVIEW, Decision.BLOCK)
    assessed = _score(prediction)
    categories = {} if assessed is None else {_CATEGORY: flagged}
    return {
        "flagged": flagged,
        "categories": categories,
        "category_scores": {} if assessed is None else {_CATEGORY: assessed},
        "category_applied_input_types": {name: ["image"] for name in categories},
        "figleaf": described(result),
    }


def _score(prediction: Prediction) -> float | None:
    """The unsafe score; None where the image, or the model, has none: nothing was assessed."""
    return None if prediction.unsafe is None else round(prediction.unsafe, 6)
