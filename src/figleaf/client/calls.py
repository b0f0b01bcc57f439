"""Requests, before anything is sent: what goes into one, and what is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from figleaf.client.rules import ClientRules
from figleaf.client.sources import Upload
from figleaf.errors import ImageError, InputError, ServerError, Status


@dataclass(frozen=True, slots=True)
class Wish:
    """What `classify` was asked for: the server's default model and policy, where None.

    Raises:
        InputError: `top_k` is not a whole number of at least 1, or a name is empty.
    """

    model: str | None = None
    policy: str | None = None
    top_k: int | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None and (type(self.top_k) is not int or self.top_k < 1):
            raise InputError(f"top_k must be a whole number of at least 1, not {self.top_k!r}")
        for what in ("model", "policy"):
            name = getattr(self, what)
            if name is not None and not (isinstance(name, str) and name and _can_be_sent(name)):
                raise InputError(f"{what} must be a name that the server knows, not {name!r}")

    @property
    def query(self) -> dict[str, str]:
        """As the URL's query has it."""
        given = {"model": self.model, "policy": self.policy, "top_k": self.top_k}
        return {name: str(value) for name, value in given.items() if value is not None}


def _can_be_sent(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


@dataclass(frozen=True, slots=True)
class Call:
    """One request, which can be made any number of times: classifying leaves no trace.

    Attributes:
        path: below the server's URL.
        arguments: of httpx2's `request`, besides.
    """

    method: str
    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)


MODELS = Call("GET", "v1/models")
READY = Call("GET", "readyz")

Batch = tuple[Upload, ...]
"""What one request asks for: URLs alone, or files alone."""


def classify_call(batch: Batch, wish: Wish) -> Call:
    """The request for some inputs.

    Files go by their number, not by their name: a path tells more than the server has to know, and
    not every name can be put into a header. The results are named here.
    """
    arguments: dict[str, Any] = {"params": wish.query}
    if batch[0].url is not None:
        arguments["json"] = {"images": [{"url": upload.url} for upload in batch]}
    else:
        arguments["files"] = [
            ("file", (str(number), upload.data, "application/octet-stream"))
            for number, upload in enumerate(batch)
        ]
    return Call("POST", "v1/classify", arguments)


def smaller(batch: Batch, refusal: ServerError) -> tuple[Batch, ...]:
    """What to ask for in place of requests that the server, or a proxy before it, finds too large.

    Halves; of one input, the same without its bytes, for whose status the refusal is the reason.

    Raises:
        ServerError: the refusal, where it is of another kind or nothing smaller can be asked for.
    """
    if refusal.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise refusal
    half = len(batch) // 2
    if half:
        return batch[:half], batch[half:]
    (upload,) = batch
    if not upload.data:
        raise refusal
    reason = f"the server takes no request with an image of {len(upload.data):,} bytes"
    failure = ImageError(Status.TOO_MANY_BYTES, reason)
    return ((replace(upload, data=b"", failure=failure),),)


class Packer:
    """Puts inputs into requests, in their order."""

    def __init__(self, rules: ClientRules) -> None:
        self._rules = rules
        self._open: list[Upload] = []
        self._bytes = 0

    def add(self, upload: Upload) -> list[Batch]:
        """Take one more: the requests that are full by that, none or one."""
        full = [] if self._takes(upload) else self.rest()
        self._open.append(upload)
        self._bytes += len(upload.data)
        return full

    def rest(self) -> list[Batch]:
        """What is left: none or one."""
        batches = [tuple(self._open)] if self._open else []
        self._open, self._bytes = [], 0
        return batches

    def _takes(self, upload: Upload) -> bool:
        if not self._open:
            return True
        same_kind = (upload.url is None) == (self._open[0].url is None)
        room = len(self._open) < self._rules.images_per_request
        return (
            same_kind and room and self._bytes + len(upload.data) <= self._rules.bytes_per_request
        )
