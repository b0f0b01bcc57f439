"""The two clients beside each other, against a server that is a function."""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from figleaf.classify.prediction import Decision, Prediction
from figleaf.client import (
    AsyncClient,
    Client,
    ClientRules,
    ClientSource,
    ServedPolicy,
    ServerError,
    Url,
)
from figleaf.client.tries import Surroundings
from figleaf.errors import InputError, Status
from figleaf.images import Limits
from figleaf.models.runtime import Precision

URL = "http://figleaf.test"
Handler = Callable[[httpx2.Request], httpx2.Response]


def result(**fields: Any) -> dict[str, Any]:
    entry = {
        "sha256": "ab" * 32,
        "input": "0",
        "status": "ok",
        "label": "neutral",
        "scores": {"neutral": 0.9, "porn": 0.1},
        "unsafe": 0.1,
        "decision": "allow",
        "reason": "unsafe 0.100 < 0.5",
        "policy": "balanced@1",
        "model": "mobilenet_v2@1",
        "precision": "f32",
    }
    return entry | fields


EMPTY = result(status="empty", label=None, scores={}, unsafe=None, decision="review", reason="no")


def files_of(request: httpx2.Request) -> list[bytes]:
    """The parts of a multipart request."""
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    message = message_from_bytes(head + request.content)
    return [bytes(part.get_payload(decode=True)) for part in message.get_payload()]  # type: ignore[union-attr]  # of a multipart message, a list of messages


def answer(request: httpx2.Request) -> httpx2.Response:
    """What a server would say: `label` is the data itself, so that an order shows."""
    if request.headers["content-type"] == "application/json":
        results = [result(input=image["url"]) for image in json.loads(request.content)["images"]]
    else:
        results = [
            result(label=data.decode("latin-1"), input=str(n)) if data else EMPTY
            for n, data in enumerate(files_of(request))
        ]
    return httpx2.Response(200, json={"results": results})


def problem(status: int, slug: str, **headers: str) -> httpx2.Response:
    body = {"type": f"urn:figleaf:problem:{slug}", "title": slug, "detail": "so it is"}
    sent = {"Content-Type": "application/problem+json", "X-Request-ID": "r-1"} | headers
    return httpx2.Response(status, content=json.dumps(body), headers=sent)


@dataclass
class World:
    """A clock that only waiting moves, and the waits."""

    now: float = 100.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    async def pause(self, seconds: float) -> None:
        self.sleep(seconds)

    @property
    def around(self) -> Surroundings:
        return Surroundings(lambda: self.now, self.sleep, self.pause, lambda: 0.5)


@dataclass
class Asking:
    """Either client, asked in the same way."""

    kind: str
    world: World = field(default_factory=World)
    requests: list[httpx2.Request] = field(default_factory=list)

    def many(
        self,
        sources: list[ClientSource],
        handler: Handler = answer,
        rules: ClientRules = ClientRules(),  # noqa: B008  # frozen
        **wish: Any,
    ) -> list[Prediction]:
        predictions: list[Prediction] = self._run("classify_many", handler, rules, sources, **wish)
        return predictions

    def one(
        self,
        source: ClientSource,
        handler: Handler = answer,
        rules: ClientRules = ClientRules(),  # noqa: B008  # frozen
        **wish: Any,
    ) -> Prediction:
        prediction: Prediction = self._run("classify", handler, rules, source, **wish)
        return prediction

    def call(self, verb: str, handler: Handler) -> Any:
        return self._run(verb, handler, ClientRules())

    def _run(self, verb: str, handler: Handler, rules: ClientRules, *args: Any, **wish: Any) -> Any:
        def seen(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            return handler(request)

        transport = httpx2.MockTransport(seen)
        settings: dict[str, Any] = {"transport": transport, "rules": rules, "key": "k"}
        settings["around"] = self.world.around
        if self.kind == "sync":
            with Client(URL, **settings) as client:
                return getattr(client, verb)(*args, **wish)

        async def main() -> Any:
            async with AsyncClient(URL, **settings) as client:
                return await getattr(client, verb)(*args, **wish)

        return asyncio.run(main())


@pytest.fixture(params=["sync", "async"])
def asking(request: pytest.FixtureRequest) -> Asking:
    return Asking(request.param)


# What is sent, and what comes back


def test_a_prediction_is_what_the_server_said(asking: Asking) -> None:
    assert asking.one(b"abc") == Prediction(
        input="<bytes>",
        status=Status.OK,
        label="abc",
        scores={"neutral": 0.9, "porn": 0.1},
        unsafe=0.1,
        decision=Decision.ALLOW,
        reason="unsafe 0.100 < 0.5",
        policy="balanced@1",
        model="mobilenet_v2@1",
        precision=Precision.F32,
    )


def test_a_request_has_the_key_the_wish_and_no_name_of_a_file(
    asking: Asking, tmp_path: Path
) -> None:
    path = tmp_path / 'sécrèt "한글"\n.jpg'
    path.write_bytes(b"data")
    prediction = asking.one(path, model="m", policy="p", top_k=2)
    (request,) = asking.requests
    assert prediction.input == str(path)
    assert prediction.label == "data"
    assert str(request.url) == f"{URL}/v1/classify?model=m&policy=p&top_k=2"
    assert request.headers["Authorization"] == "Bearer k"
    assert b"crt" not in request.content
    assert str(tmp_path).encode() not in request.content


def test_a_name_that_is_no_unicode_goes_through(asking: Asking, tmp_path: Path) -> None:
    path = f"{tmp_path}/\udcff.jpg"
    Path(path).write_bytes(b"data")
    assert asking.one(path).label == "data"


def test_all_kinds_of_sources(asking: Asking, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    sources: list[ClientSource] = [str(tmp_path / "a"), bytearray(b"2"), io.BytesIO(b"3")]
    assert [p.label for p in asking.many(sources)] == ["1", "2", "3"]


def test_an_image_and_an_array_arrive_with_all_their_pixels(asking: Asking) -> None:
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    turned = Image.fromarray(pixels)
    turned.getexif()[0x0112] = 3  # upside down
    see_through = np.zeros((1, 1, 4), np.uint8)
    predictions = asking.many([Image.fromarray(pixels), pixels, turned, see_through])
    arrived = [np.asarray(Image.open(io.BytesIO(data))) for data in files_of(asking.requests[0])]
    assert [p.input for p in predictions] == ["<image>", "<array>", "<image>", "<array>"]
    assert (arrived[0] == pixels).all()
    assert (arrived[1] == pixels).all()
    assert (arrived[2] == pixels[::-1, ::-1]).all()
    assert (arrived[3] == 255).all()


def test_a_url_is_sent_as_it_is(asking: Asking) -> None:
    prediction = asking.one(Url("https://example.org/a.jpg?b=c"))
    assert prediction.input == "https://example.org/a.jpg?b=c"
    assert json.loads(asking.requests[0].content) == {
        "images": [{"url": "https://example.org/a.jpg?b=c"}]
    }


def test_what_cannot_be_read_here_gets_the_decision_of_the_servers_policy(
    asking: Asking, tmp_path: Path
) -> None:
    found, empty, large = asking.many(
        [tmp_path / "gone.jpg", b"", b"12345"], rules=ClientRules(limits=Limits(max_bytes=4))
    )
    assert (found.status, found.reason) == (Status.NOT_FOUND, "no such file")
    assert (found.decision, found.policy) == (Decision.REVIEW, "balanced@1")
    assert (empty.status, large.status) == (Status.EMPTY, Status.TOO_MANY_BYTES)
    assert files_of(asking.requests[0]) == [b"", b"", b""]


# Many


def test_requests_are_filled_and_results_keep_their_order(asking: Asking) -> None:
    letters = [bytes([letter]) for letter in b"abcdefghijk"]
    rules = ClientRules(images_per_request=3, at_once=2)
    predictions = asking.many([*letters, Url("http://a.test/"), b"z"], rules=rules)
    labels = [p.label for p in predictions]
    assert labels == [*"abcdefghijk", "neutral", "z"]
    assert len(asking.requests) == 4 + 1 + 1


def test_requests_are_filled_up_to_so_many_bytes(asking: Asking) -> None:
    rules = ClientRules(bytes_per_request=10, at_once=1)
    asking.many([b"1" * 4, b"2" * 4, b"3" * 4, b"4" * 40, b"5"], rules=rules)
    sizes = [[len(data) for data in files_of(request)] for request in asking.requests]
    assert sizes == [[4, 4], [4], [40], [1]]


def test_nothing_is_asked_for_nothing(asking: Asking) -> None:
    assert asking.many([]) == []
    assert asking.requests == []


@pytest.mark.parametrize("one", ["photo.jpg", b"abc", Url("http://a.test/"), io.BytesIO()])
def test_one_is_not_taken_for_many(asking: Asking, one: Any) -> None:
    with pytest.raises(InputError, match="use `classify`"):
        asking.many(one)


def test_the_async_client_has_a_few_requests_under_way_and_no_more() -> None:
    under_way, most = 0, 0

    async def slow(request: httpx2.Request) -> httpx2.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return answer(request)

    async def main() -> list[Prediction]:
        rules = ClientRules(images_per_request=1, at_once=3)
        async with AsyncClient(URL, rules=rules, transport=httpx2.MockTransport(slow)) as client:
            return await client.classify_many([bytes([letter]) for letter in b"abcdefgh"])

    assert [p.label for p in asyncio.run(main())] == [*"abcdefgh"]
    assert most == 3


def test_a_failure_ends_what_is_under_way() -> None:
    ended = []
    waiting = asyncio.Semaphore(0)

    async def handler(request: httpx2.Request) -> httpx2.Response:
        if files_of(request) == [b"b"]:
            await waiting.acquire()
            await waiting.acquire()
            return problem(401, "unauthorized")
        waiting.release()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(files_of(request))
            raise
        raise AssertionError

    async def main() -> None:
        rules = ClientRules(images_per_request=1, at_once=3)
        transport = httpx2.MockTransport(handler)
        async with AsyncClient(URL, rules=rules, transport=transport) as client:
            await asyncio.wait_for(client.classify_many([b"b", b"c", b"d"]), 5)

    with pytest.raises(ServerError):
        asyncio.run(main())
    assert ended == [[b"c"], [b"d"]]


def at_most(size: int) -> Handler:
    """A server, or a proxy, that takes so many bytes of images in a request."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        if sum(map(len, files_of(request))) > size:
            return httpx2.Response(413, text="<h1>nginx</h1>")
        return answer(request)

    return handler


def test_requests_that_are_too_large_are_split(asking: Asking) -> None:
    predictions = asking.many([b"aa", b"bb", b"cc", b"dd", b"eeeee", b"f"], at_most(4))
    assert [p.label for p in predictions] == ["aa", "bb", "cc", "dd", None, "f"]
    assert predictions[4].status is Status.TOO_MANY_BYTES
    assert predictions[4].reason == "the server takes no request with an image of 5 bytes"
    assert predictions[4].decision is Decision.REVIEW


def test_where_nothing_is_small_enough_the_refusal_is_raised(asking: Asking) -> None:
    with pytest.raises(ServerError) as raised:
        asking.one(b"a", lambda _: problem(413, "too-large"))
    assert raised.value.problem == "too-large"
    assert len(asking.requests) == 2


# Trying again


def failing(times: int, failure: Callable[[], httpx2.Response]) -> Handler:
    left = iter(range(times))

    def handler(request: httpx2.Request) -> httpx2.Response:
        return answer(request) if next(left, None) is None else failure()

    return handler


def test_retry_after_is_kept_to(asking: Asking) -> None:
    busy = failing(2, lambda: problem(503, "overloaded", **{"Retry-After": "3"}))
    assert asking.one(b"a", busy).label == "a"
    assert asking.world.waits == [3 + 0.125, 3 + 0.25]  # half of a backoff that doubles


def test_the_body_is_sent_again_whole(asking: Asking) -> None:
    asking.one(io.BytesIO(b"whole"), failing(1, lambda: problem(429, "rate-limited")))
    assert [files_of(request) for request in asking.requests] == [[b"whole"], [b"whole"]]


def test_retries_end(asking: Asking) -> None:
    with pytest.raises(ServerError, match="503 Service Unavailable; so it is; ask again") as raised:
        asking.one(b"a", failing(9, lambda: problem(503, "overloaded")), ClientRules(retries=2))
    assert len(asking.requests) == 3
    assert (raised.value.status, raised.value.problem) == (503, "overloaded")
    assert raised.value.request_id == "r-1"


def test_patience_ends(asking: Asking) -> None:
    busy = failing(9, lambda: problem(503, "overloaded", **{"Retry-After": "30"}))
    with pytest.raises(ServerError) as raised:
        asking.one(b"a", busy, ClientRules(patience=60))
    assert raised.value.retry_after == 30
    assert len(asking.world.waits) == 1


def raises(error: type[httpx2.TransportError]) -> Callable[[], httpx2.Response]:
    def failure() -> httpx2.Response:
        raise error("oh")

    return failure


@pytest.mark.parametrize(
    "error",
    [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ReadError, httpx2.RemoteProtocolError],
)
def test_a_lost_connection_is_tried_again(
    asking: Asking, error: type[httpx2.TransportError]
) -> None:
    assert asking.one(b"a", failing(2, raises(error))).ok


def test_silence_is_not_tried_again(asking: Asking) -> None:
    with pytest.raises(ServerError, match=r"stayed silent for 30 s") as raised:
        asking.one(b"a", failing(1, raises(httpx2.ReadTimeout)))
    assert raised.value.status is None
    assert len(asking.requests) == 1


def test_a_server_that_failed_is_asked_once_more(asking: Asking) -> None:
    assert asking.one(b"a", failing(1, lambda: problem(500, "internal"))).ok
    with pytest.raises(ServerError, match="500 Internal Server Error"):
        asking.one(b"a", failing(2, lambda: problem(500, "internal")))
    assert len(asking.requests) == 2 + 2


@pytest.mark.parametrize(("status", "slug"), [(400, "bad-request"), (422, "invalid")])
def test_other_problems_are_not_tried_again(asking: Asking, status: int, slug: str) -> None:
    with pytest.raises(ServerError) as raised:
        asking.one(b"a", failing(1, lambda: problem(status, slug)))
    assert (raised.value.status, raised.value.problem) == (status, slug)
    assert len(asking.requests) == 1


# Answers that make no sense


def page(status: int, text: str = "<h1>nginx</h1>", kind: str = "text/html") -> httpx2.Response:
    return httpx2.Response(status, text=text, headers={"Content-Type": kind})


def test_the_page_of_a_proxy_is_not_shown(asking: Asking) -> None:
    with pytest.raises(ServerError, match="502 Bad Gateway; and not in the words of") as raised:
        asking.one(b"a", lambda _: page(502), ClientRules(retries=0))
    assert "nginx" not in str(raised.value)
    assert raised.value.problem is None


def test_a_redirect_is_not_followed(asking: Asking) -> None:
    headers = {"Location": "https://elsewhere.test/"}
    with pytest.raises(ServerError, match="redirect, which is not followed, to https://elsewh"):
        asking.one(b"a", lambda _: httpx2.Response(307, headers=headers))
    assert len(asking.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<h1>hello</h1>",
        '{"results": [',
        '{"results": []}',
        "[]",
        "null",
        "[" * 100_000,
        json.dumps({"results": [result(), result()]}),
        json.dumps({"results": ["ok"]}),
        json.dumps({"results": [result(status="fine")]}),
        json.dumps({"results": [result(decision="maybe")]}),
        json.dumps({"results": [result(scores=["neutral"])]}),
        json.dumps({"results": [result(scores={"neutral": "0.9"})]}),
        json.dumps({"results": [result(unsafe=float("nan"))]}),
        json.dumps({"results": [result(reason=None)]}),
        json.dumps({"results": [{"input": "a"}]}),
    ],
    ids=lambda body: body[-40:],
)
def test_an_answer_that_is_none_is_an_error(asking: Asking, body: str) -> None:
    with pytest.raises(ServerError, match="makes no sense"):
        asking.one(b"a", lambda _: page(200, body, "application/json"))


def test_what_the_server_says_cannot_draw_on_a_terminal(asking: Asking) -> None:
    body = json.dumps({"type": "about:blank", "detail": "\x1b[31mred\n" + "x" * 1000})
    with pytest.raises(ServerError) as raised:
        asking.one(b"a", lambda _: page(422, body, "application/problem+json; charset=utf-8"))
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


# The rest


MODELS = {
    "models": [
        {
            "name": "mobilenet_v2",
            "version": "1",
            "tag": "mobilenet_v2@1",
            "labels": ["neutral", "porn"],
            "precision": "f32",
            "default": True,
            "description": "small",
            "license": "MIT",
        }
    ],
    "policies": [
        {"name": "strict", "version": 1, "tag": "strict@1", "description": "", "default": False}
    ],
}


def test_models_and_policies(asking: Asking) -> None:
    (model,) = asking.call("models", lambda _: httpx2.Response(200, json=MODELS))
    assert (model.tag, model.labels, model.default) == ("mobilenet_v2@1", ("neutral", "porn"), True)
    policies = asking.call("policies", lambda _: httpx2.Response(200, json=MODELS))
    assert policies == [ServedPolicy("strict", "1", "strict@1", False, "")]


@pytest.mark.parametrize("body", [{}, [], {"models": [{}], "policies": [{}]}, {"models": 1}])
@pytest.mark.parametrize("verb", ["models", "policies"])
def test_models_that_are_none(asking: Asking, verb: str, body: Any) -> None:
    with pytest.raises(ServerError, match="makes no sense"):
        asking.call(verb, lambda _: httpx2.Response(200, json=body))


def test_ready(asking: Asking) -> None:
    assert asking.call("ready", lambda _: httpx2.Response(200, json={"status": "ready"})) is True
    assert asking.call("ready", lambda _: problem(503, "overloaded")) is False
    assert asking.call("ready", lambda _: raises(httpx2.ConnectError)()) is False
    assert asking.call("ready", lambda _: page(200)) is False
    assert len(asking.requests) == 4


def test_a_closed_client_says_so() -> None:
    client = Client(URL, transport=httpx2.MockTransport(answer))
    client.close()
    with pytest.raises(InputError, match="closed: make another"):
        client.classify(b"a")
