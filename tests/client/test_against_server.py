"""Both clients against the real server, over a real socket."""

import asyncio
import io
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import figleaf
from figleaf.classify.prediction import Prediction
from figleaf.client import AsyncClient, Client, ClientRules, ClientSource, ServerError, Url
from figleaf.client.tries import Surroundings
from figleaf.errors import Status
from figleaf.images import Limits
from figleaf.serve.keys import new_key
from figleaf.serve.rules import ServeRules
from figleaf.serve.server import Running, running

ONCE = ClientRules(retries=0)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(ServeRules(models=("mobilenet_v2",), port=0)) as found:
        yield found


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with Client(server.url) as found:
        yield found


def test_predictions_are_those_of_a_classifier_here(
    client: Client, classifier: figleaf.Classifier, photo: Path, pictures: Path, tmp_path: Path
) -> None:
    with Image.open(photo) as image:
        image.load()
    sources: list[Any] = [
        photo,
        str(pictures / "rocket.jpg"),
        photo.read_bytes(),
        image,
        tmp_path / "gone.jpg",
        tmp_path,
        b"",
        b"<html>",
        photo.read_bytes()[:1000],
    ]
    here, there = classifier.classify_many(sources), client.classify_many(sources)
    for one, other in zip(here, there, strict=True):
        assert same(one, other), (one, other)


def same(one: Prediction, other: Prediction) -> bool:
    """But for the digits that an answer leaves out, or that a batch's size moves."""
    close = all(abs(one.scores[name] - other.scores[name]) < 2e-6 for name in one.scores)
    words = ("input", "status", "label", "decision", "policy", "model", "precision", "reason")
    return close and all(getattr(one, name) == getattr(other, name) for name in words)


def test_the_wish_is_heard(client: Client, photo: Path) -> None:
    prediction = client.classify(photo, model="mobilenet_v2", policy="strict", top_k=2)
    assert prediction.policy == "strict@1"
    assert len(prediction.scores) == 2


def test_what_the_server_does_not_have(client: Client, photo: Path) -> None:
    with pytest.raises(ServerError, match="no such model here; there are mobilenet_v2") as raised:
        client.classify(photo, model="no_such_model")
    assert (raised.value.status, raised.value.problem) == (422, "invalid")
    assert raised.value.request_id


def test_models_policies_and_readiness(client: Client) -> None:
    (model,) = client.models()
    assert (model.tag, model.precision, model.default) == ("mobilenet_v2@1", "f32", True)
    assert model.labels == ("drawings", "hentai", "neutral", "porn", "sexy")
    assert {"strict", "balanced"} <= {policy.name for policy in client.policies()}
    assert [policy.name for policy in client.policies() if policy.default] == ["balanced"]
    assert client.ready()


def test_a_server_that_fetches_nothing_says_so(client: Client) -> None:
    with pytest.raises(ServerError) as raised:
        client.classify(Url("https://example.org/a.jpg"))
    assert (raised.value.status, raised.value.problem) == (422, "invalid")


def test_many_at_once(server: Running, pictures: Path) -> None:
    names = ["rocket.jpg", "coffee.png", "chelsea.png"] * 12
    rules = ClientRules(images_per_request=5, at_once=3)

    async def main() -> list[Prediction]:
        async with AsyncClient(server.url, rules=rules) as client:
            return await client.classify_many(str(pictures / name) for name in names)

    predictions = asyncio.run(main())
    assert [Path(p.input).name for p in predictions] == names
    assert all(p.ok for p in predictions)


def test_more_than_the_server_takes_is_split_and_one_that_is_too_large_a_status(
    photo: Path, pictures: Path
) -> None:
    small = (pictures / "rocket.jpg").read_bytes()
    most = len(small) + 1000
    limits = Limits(max_bytes=most)
    rules = ServeRules(
        models=("mobilenet_v2",), port=0, limits=limits, max_body=2 * most, memory=64 * most
    )
    sources: list[ClientSource] = [small, small, photo.read_bytes(), small, bytes(20 * 2**20)]
    with running(rules) as server, Client(server.url) as client:
        predictions = client.classify_many(sources)
    statuses = [p.status for p in predictions]
    large = Status.TOO_MANY_BYTES
    assert statuses == [Status.OK, Status.OK, large, Status.OK, large]


def test_a_busy_server_is_waited_for(photo: Path) -> None:
    """It has room for one image, and four clients at once."""
    waits: list[float] = []

    def shortly(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(0.02)

    def work(url: str) -> list[Prediction]:
        rules = ClientRules(retries=1000, images_per_request=1)
        with Client(url, rules=rules, around=Surroundings(sleep=shortly)) as client:
            return client.classify_many([photo] * 3)

    rules = ServeRules(models=("mobilenet_v2",), port=0, max_queue=1)
    with running(rules) as server, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(work, [server.url] * 4))
    assert [[p.ok for p in predictions] for predictions in found] == [[True] * 3] * 4
    assert waits
    assert min(waits) >= 1  # what Retry-After said


def test_keys_and_their_rate(photo: Path, tmp_path: Path) -> None:
    key, digest = new_key()
    file = tmp_path / "keys.toml"
    file.write_text(f'[keys.me]\nsha256 = "{digest}"\nrate = 0.01\nburst = 1\n', "utf-8")
    with running(ServeRules(models=("mobilenet_v2",), port=0, keys=file)) as server:
        with Client(server.url) as client:
            assert client.ready()
            with pytest.raises(ServerError, match="key=") as raised:
                client.classify(photo)
        assert (raised.value.status, raised.value.problem) == (401, "unauthorized")
        with Client(server.url, key=key) as client:
            assert len(client.classify_many([photo, photo])) == 2  # one over what is left
            with pytest.raises(ServerError) as raised:  # at once: its turn is beyond `patience`
                client.classify(photo)
    assert (raised.value.status, raised.value.problem) == (429, "rate-limited")
    assert raised.value.retry_after
    assert raised.value.retry_after > 60


def test_a_server_that_is_gone(photo: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(url, rules=ONCE) as client:
            assert not client.ready()
            with pytest.raises(ServerError, match="does `figleaf serve` run there") as raised:
                client.classify(photo)
    assert raised.value.status is None


def test_an_answer_that_is_cut_off_is_asked_for_again(photo: Path) -> None:
    """By a server that announces more than it sends."""
    asked = 0
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            nonlocal asked
            while asked < 2:
                connection, _ = listener.accept()
                with connection:
                    asked += 1
                    sent = b""
                    while not sent.endswith(b"--\r\n"):  # else closing would reset it
                        sent += connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        rules = ClientRules(retries=1, backoff=0)
        with Client(url, rules=rules) as client, pytest.raises(ServerError, match="whole"):
            client.classify(io.BytesIO(b"a"))
        thread.join()
    assert asked == 2
