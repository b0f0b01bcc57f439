"""What a server answers, read and checked: results, models, refusals."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from figleaf.classify.prediction import Decision, FrameScores, Prediction
from figleaf.client.calls import Batch
from figleaf.client.offer import ServedModel, ServedPolicy
from figleaf.client.sources import Upload
from figleaf.errors import ServerError, Status
from figleaf.models.runtime import Precision

NEVER, ONCE, AS_ALLOWED = 0, 1, sys.maxsize
"""How often it is worth asking again."""

# Once after a 500: that is what a decoder that died is answered with, which may have been killed
# for another image's sake.
_AGAIN: Mapping[int, int] = {
    429: AS_ALLOWED,
    500: ONCE,
    502: AS_ALLOWED,
    503: AS_ALLOWED,
    504: AS_ALLOWED,
}
_PROBLEMS = "urn:figleaf:problem:"
_LONGEST_DETAIL = 300

_HINTS: Mapping[int, str] = {
    401: "give the key as Client(url, key=...)",
    404: "give the URL that `figleaf serve` says it listens at",
    429: "ask less often, or raise ClientRules(patience=...)",
    503: "ask again later, or raise ClientRules(patience=...)",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; the names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt came to nothing, and how many more may come to something."""

    error: ServerError
    again: int


def failure_of(reply: Reply, url: str) -> Failure | None:
    """Why a request was not answered; None where it was (200)."""
    if reply.status == 200:
        return None
    problem = _problem(reply)
    parts = [f"{url} answered {reply.status} {_phrase(reply.status)}".rstrip()]
    if 300 <= reply.status < 400:
        target = _one_line(reply.headers.get("location", "nowhere"))
        parts.append(f"a redirect, which is not followed, to {target}")
    elif problem is None:
        parts.append(
            "and not in the words of `figleaf serve`: is another server, or a proxy, there?"
        )
    else:
        parts.append(_one_line(problem.get("detail") or problem.get("title") or ""))
    parts.append(_HINTS.get(reply.status, ""))
    error = ServerError(
        "; ".join(filter(None, parts)),
        status=reply.status,
        problem=_slug(problem),
        retry_after=_retry_after(reply),
        request_id=reply.headers.get("x-request-id"),
    )
    return Failure(error, _AGAIN.get(reply.status, NEVER))


def predictions_in(reply: Reply, batch: Batch) -> list[Prediction]:
    """The results for the inputs of a request, in their order, called as they are called here.

    Raises:
        ServerError: the answer is none to this request.
    """
    match _json_of(reply):
        case {"results": [*results]} if len(results) == len(batch):
            pairs = zip(batch, results, strict=True)
            return [_named(_prediction(entry, reply), upload) for upload, entry in pairs]
        case _:
            raise _nonsense(reply, f"no results for {len(batch)} images")


def models_in(reply: Reply) -> list[ServedModel]:
    """The models that a server has.

    Raises:
        ServerError: the answer does not name them.
    """
    return [_model(entry, reply) for entry in _entries(reply, "models")]


def policies_in(reply: Reply) -> list[ServedPolicy]:
    """The policies that a server has.

    Raises:
        ServerError: the answer does not name them.
    """
    return [_policy(entry, reply) for entry in _entries(reply, "policies")]


def says_ready(outcome: Reply | Failure) -> bool:
    """Whether an answer is that of a server that takes work, and not some page."""
    if isinstance(outcome, Failure):
        return False
    try:
        return bool(json.loads(outcome.body) == {"status": "ready"})
    except (ValueError, RecursionError):
        return False


def _named(prediction: Prediction, upload: Upload) -> Prediction:
    if upload.failure is None:
        return replace(prediction, input=upload.name)
    return replace(
        prediction,
        input=upload.name,
        status=upload.failure.status,
        label=None,
        scores={},
        unsafe=None,
        reason=upload.failure.reason,
        frames=(),
    )


def _prediction(entry: Any, reply: Reply) -> Prediction:
    try:
        return parse_prediction(entry)
    except (KeyError, TypeError, ValueError) as error:
        what = f"a result with {type(error).__name__}: {_one_line(error)}"
        raise _nonsense(reply, what) from None


def parse_prediction(entry: Any) -> Prediction:
    """What `Prediction.to_dict()` was made of; further fields are ignored.

    Raises:
        KeyError, TypeError, ValueError: a field is missing, of another type, or has no such value.
    """
    decision, unsafe, label = entry["decision"], entry["unsafe"], entry["label"]
    return Prediction(
        input=_text(entry["input"]),
        status=Status(entry["status"]),
        label=None if label is None else _text(label),
        scores=_scores(entry["scores"]),
        unsafe=None if unsafe is None else _probability(unsafe),
        decision=None if decision is None else Decision(decision),
        reason=_text(entry["reason"]),
        policy=_text(entry["policy"]),
        model=_text(entry["model"]),
        precision=Precision(entry["precision"]),
        frames=tuple(map(_frame, entry.get("frames") or ())),
    )


def _frame(entry: Any) -> FrameScores:
    unsafe, decision = entry["unsafe"], entry["decision"]
    seconds = entry["seconds"]
    if type(seconds) not in (int, float):
        raise TypeError(f"{seconds!r} is no time")
    return FrameScores(
        seconds=float(seconds),
        scores=_scores(entry["scores"]),
        unsafe=None if unsafe is None else _probability(unsafe),
        decision=None if decision is None else Decision(decision),
    )


def _scores(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} are no scores")
    return {name: _probability(probability) for name, probability in value.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _probability(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1.000001:  # a sum, rounded
        raise TypeError(f"{value!r} is no probability")
    return float(value)


def _entries(reply: Reply, name: str) -> list[Mapping[str, Any]]:
    match _json_of(reply):
        case {**fields} if isinstance(entries := fields.get(name), list):
            return entries
        case _:
            raise _nonsense(reply, f"no {name}")


def _model(entry: Any, reply: Reply) -> ServedModel:
    match entry:
        case {
            "name": str(name),
            "version": str() | int() as version,
            "tag": str(tag),
            "labels": [*labels],
            "precision": str(precision),
            "default": bool(default),
        }:
            description, licence = entry.get("description"), entry.get("license")
            return ServedModel(
                name=name,
                version=str(version),
                tag=tag,
                labels=tuple(map(str, labels)),
                precision=precision,
                default=default,
                description=str(description or ""),
                license=str(licence or ""),
            )
        case _:
            raise _nonsense(reply, "a model without its name, version, tag, labels or precision")


def _policy(entry: Any, reply: Reply) -> ServedPolicy:
    match entry:
        case {
            "name": str(name),
            "version": str() | int() as version,
            "tag": str(tag),
            "default": bool(default),
        }:
            description = str(entry.get("description") or "")
            return ServedPolicy(name, str(version), tag, default, description)
        case _:
            raise _nonsense(reply, "a policy without its name, version or tag")


def _json_of(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        raise _nonsense(reply, "no JSON") from None


def _nonsense(reply: Reply, what: str) -> ServerError:
    return ServerError(
        f"the server's answer makes no sense ({what}): is it `figleaf serve`, of this version?",
        status=reply.status,
        request_id=reply.headers.get("x-request-id"),
    )


def _problem(reply: Reply) -> Mapping[str, Any] | None:
    """The problem details of an answer (RFC 9457); None where it has none."""
    if reply.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return None
    try:
        problem = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return problem if isinstance(problem, dict) else None


def _slug(problem: Mapping[str, Any] | None) -> str | None:
    kind = (problem or {}).get("type")
    if not isinstance(kind, str) or not kind.startswith(_PROBLEMS):
        return None
    return kind.removeprefix(_PROBLEMS)


def _retry_after(reply: Reply) -> float | None:
    """Seconds; a date (RFC 9110, 10.2.3), which depends on two clocks, is as good as none."""
    text = reply.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _one_line(text: object) -> str:
    """What a server says, fit for a message: one line, no control characters, not endless."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return line[:_LONGEST_DETAIL]
