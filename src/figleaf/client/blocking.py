"""The client for ordinary code."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

import httpx2

from figleaf.classify.prediction import Prediction
from figleaf.client.answers import (
    Failure,
    Reply,
    models_in,
    policies_in,
    predictions_in,
    says_ready,
)
from figleaf.client.calls import MODELS, READY, Batch, Call, Packer, Wish, classify_call, smaller
from figleaf.client.offer import ServedModel, ServedPolicy
from figleaf.client.rules import ClientRules
from figleaf.client.session import Place
from figleaf.client.sources import ClientSource, read_upload, several
from figleaf.client.tries import Surroundings, Tries
from figleaf.errors import InputError, ServerError


class Client:
    """Asks a server for predictions. Thread-safe; a context manager, which keeps connections open.

    An input that cannot be read, here or there, is a prediction whose `status` says why. What else
    goes wrong raises `ServerError`, after the retries that `rules` allow.

        with Client("http://127.0.0.1:8000", key="...") as client:
            print(client.classify("photo.jpg").decision)
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        rules: ClientRules = ClientRules(),  # noqa: B008  # frozen
        transport: httpx2.BaseTransport | None = None,
        around: Surroundings = Surroundings(),  # noqa: B008  # frozen
    ) -> None:
        """Nothing is sent yet.

        Args:
            url: of the server; with a path, where a proxy has it below one.
            key: one that the server was started with (`--keys`).
            rules: limits, patience, how much goes into one request.
            transport: what carries the requests, httpx2's own by default, which heeds HTTP_PROXY,
                NO_PROXY and SSL_CERT_FILE: one with another proxy or certificate, or a
                `MockTransport`.
            around: clock, sleep and random numbers.

        Raises:
            InputError: `url` or `key` cannot be used, or what the environment names.
        """
        self._place = Place(url, key)
        self._rules = rules
        self._around = around
        self._session = self._place.session(httpx2.Client, rules, transport)

    def classify(
        self,
        source: ClientSource,
        *,
        model: str | None = None,
        policy: str | None = None,
        top_k: int | None = None,
    ) -> Prediction:
        """Classify one input.

        Args:
            source: a path, a file's bytes, a binary file object, a Pillow image or uint8 array
                (sent as PNG; what is transparent lies over white), or a `Url` for the server to
                fetch.
            model: one that the server has; its first by default.
            policy: likewise.
            top_k: how many classes `scores` holds; all by default.

        Raises:
            ServerError: the server refused, or could not be asked.
            InputError: a source of another type, dtype or shape, or `top_k` below 1.
        """
        upload = read_upload(source, self._rules.limits)
        return self._answers((upload,), Wish(model, policy, top_k))[0]

    def classify_many(
        self,
        sources: Iterable[ClientSource],
        *,
        model: str | None = None,
        policy: str | None = None,
        top_k: int | None = None,
    ) -> list[Prediction]:
        """Classify several inputs, in as few requests as `rules` allow. See `classify`.

        They are read as they are needed: those of one request are in memory at a time.

        Raises:
            ServerError: as `classify`; what was answered before is lost.
        """
        wish, packer = Wish(model, policy, top_k), Packer(self._rules)
        results: list[Prediction] = []
        for source in several(sources):
            for batch in packer.add(read_upload(source, self._rules.limits)):
                results += self._answers(batch, wish)
        for batch in packer.rest():
            results += self._answers(batch, wish)
        return results

    def models(self) -> list[ServedModel]:
        """The models that the server has, the default one marked.

        Raises:
            ServerError: the server refused, or could not be asked.
        """
        return models_in(self._ask(MODELS))

    def policies(self) -> list[ServedPolicy]:
        """The policies that the server has, the default one marked.

        Raises:
            ServerError: the server refused, or could not be asked.
        """
        return policies_in(self._ask(MODELS))

    def ready(self) -> bool:
        """Whether the server is there and takes work; asked once, without a retry."""
        return says_ready(self._attempt(READY))

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _answers(self, batch: Batch, wish: Wish) -> list[Prediction]:
        try:
            return predictions_in(self._ask(classify_call(batch, wish)), batch)
        except ServerError as refusal:
            parts = smaller(batch, refusal)
        return [one for part in parts for one in self._answers(part, wish)]

    def _ask(self, call: Call) -> Reply:
        tries = Tries(self._rules, self._around)
        while isinstance(outcome := self._attempt(call), Failure):
            self._around.sleep(tries.wait_after(outcome))
        return outcome

    def _attempt(self, call: Call) -> Reply | Failure:
        if self._session.is_closed:
            raise InputError("the client is closed: make another")
        try:
            response = self._session.request(call.method, call.path, **call.arguments)
        except httpx2.RequestError as error:
            return self._place.lost(error, self._rules)
        return self._place.outcome(response)
