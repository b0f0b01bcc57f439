"""Lists before models, the cache, failures of workers, and the bounded queue, over HTTP."""

import asyncio
import gc
import hashlib
import io
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

import figleaf
from figleaf.errors import ImageError
from figleaf.images import decode
from figleaf.images.phash import pdq
from figleaf.serve.cache import Cache
from figleaf.serve.server import Running, running
from figleaf.serve.service import Surroundings

from . import slow
from .conftest import rules_for

PATH = "/v1/classify"


def ask(server: Running, *files: bytes, **query: str) -> httpx2.Response:
    return httpx2.post(
        server.url + PATH,
        params=query,
        files=[("file", (str(number), data)) for number, data in enumerate(files)],
        timeout=60,
    )


def answers(server: Running, *files: bytes) -> list[dict[str, Any]]:
    response = ask(server, *files)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def figure(server: Running, name: str) -> float:
    lines = httpx2.get(server.url + "/metrics", timeout=60).text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)


@pytest.fixture
def smaller(photo: Path, tmp_path: Path) -> bytes:
    """The same picture at half its size: other bytes, nearly the same PDQ hash."""
    image = Image.open(photo).convert("RGB")
    image.resize((image.width // 2, image.height // 2)).save(tmp_path / "smaller.png")
    return (tmp_path / "smaller.png").read_bytes()


def listed(folder: Path, name: str, data: bytes, kind: str = "sha256") -> Path:
    looks = kind == "pdq"
    digest = pdq(decode(data).pixels).hex if looks else hashlib.sha256(data).hexdigest()
    file = folder / name
    file.write_text(f"{kind}:{digest}\n")
    return file


def test_lists_come_before_the_model(tmp_path: Path, photo: Path, smaller: bytes) -> None:
    data = photo.read_bytes()
    block = listed(tmp_path, "blocked.txt", data, "pdq")
    broken = listed(tmp_path, "broken.txt", b"not a picture")
    allow = listed(tmp_path, "allowed.txt", smaller)
    rules = rules_for(block_lists=(block, broken), allow_lists=(allow,))
    with running(rules) as server:
        looks, exact, never_decoded = answers(server, data, smaller, b"not a picture")
        assert (looks["decision"], looks["reason"]) == ("block", "block list blocked.txt (pdq)")
        assert (looks["status"], looks["label"], looks["scores"]) == ("ok", None, {})
        # The exact hash overrules the looks: a correction that sticks.
        assert (exact["decision"], exact["reason"]) == ("allow", "allow list allowed.txt (sha256)")
        assert never_decoded["decision"] == "block"
        moderation = ask(server, data, format="openai-moderation").json()["results"][0]
        assert (moderation["flagged"], moderation["categories"]) == (True, {})
        assert ask(server, data, format="nsfwjs").json()["results"][0]["predictions"] == []
        assert figure(server, 'figleaf_listed_total{decision="block"}') == 4


def test_the_cache_gives_the_same_answers(photo: Path, smaller: bytes) -> None:
    data = photo.read_bytes()
    with running(rules_for(cache=8)) as server:
        first = answers(server, data, smaller, b"broken")
        assert answers(server, b"broken") == [{**first[2], "input": "0"}]
        assert answers(server, smaller) == [{**first[1], "input": "0"}]
        assert figure(server, 'figleaf_cache_total{outcome="hit"}') == 2


def test_the_cache_keeps_no_file_that_could_not_be_read() -> None:
    def kept(reason: str) -> list[ImageError]:
        gc.collect()
        # By type(): some libraries' objects warn where their __class__ is asked for.
        errors = [one for one in gc.get_objects() if issubclass(type(one), ImageError)]
        return [one for one in errors if one.reason == reason]

    with running(rules_for(cache=8)) as server:
        (found,) = answers(server, b"broken")
        assert kept(found["reason"])
        # The frames of a traceback have the file's bytes. A thread that decoded it may let go of
        # them a moment after the answer.
        wait_until(lambda: all(one.__traceback__ is None for one in kept(found["reason"])))
        assert kept(found["reason"])


def test_the_cache_forgets_what_was_not_asked_for_longest() -> None:
    cache: Cache[str] = Cache(2)
    for key in "abc":
        cache.put(key, key.upper())
        assert cache.get("a") == "A"
    assert [cache.get(key) for key in "abc"] == ["A", None, "C"]
    assert len(cache) == 2
    nothing: Cache[str] = Cache(0)
    nothing.put("a", "A")
    assert nothing.get("a") is None


def test_without_a_cache_nothing_is_remembered(server: Running, photo: Path) -> None:
    answers(server, photo.read_bytes(), photo.read_bytes())
    assert figure(server, "figleaf_cache_total") == 0


@pytest.fixture
def misbehaving() -> Any:
    # Time enough for a picture on a busy machine, and far less than what hangs would take.
    rules = rules_for(decode_deadline=3.0, workers=2, max_queue=4)
    with running(rules, Surroundings(decode=slow.misbehave)) as server:
        yield server


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


def test_a_decoder_that_hangs_is_killed_and_the_picture_goes_to_a_person(
    misbehaving: Running, photo: Path
) -> None:
    began = time.monotonic()
    hung, good = answers(misbehaving, slow.HANG, photo.read_bytes())
    assert time.monotonic() - began < 30
    assert (hung["status"], hung["decision"], hung["scores"]) == ("timeout", "review", {})
    assert good["status"] == "ok"
    assert answers(misbehaving, photo.read_bytes())[0]["status"] == "ok"


def test_a_worker_that_dies_is_a_problem_of_its_request_alone(photo: Path) -> None:
    log = io.BytesIO()
    with running(rules_for(workers=2), Surroundings(log=log, decode=slow.misbehave)) as server:
        response = ask(server, slow.DIE)
        assert response.status_code == 500
        problem = response.json()
        assert problem["type"] == "urn:figleaf:problem:crashed"
        died, good = answers(server, slow.DIE, photo.read_bytes())
    assert (died["status"], good["status"]) == ("crashed", "ok")
    # What exactly happened is the log's to say, of both.
    assert "SIGKILL" not in response.text + died["reason"]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    images = [line for line in lines if line["event"] == "image" and line["status"] == "crashed"]
    assert images[0]["request"] == problem["request_id"]
    assert ["SIGKILL" in line["reason"] for line in images] == [True, True]


def test_a_worker_that_lies_is_not_believed(photo: Path) -> None:
    with running(rules_for(), Surroundings(decode=slow.lie)) as server:
        assert ask(server, photo.read_bytes()).status_code == 500


def test_a_full_queue_says_when_to_come_again(misbehaving: Running, photo: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        accepted = [threads.submit(ask, misbehaving, slow.HANG) for _ in range(4)]
        wait_until(lambda: misbehaving.service.slots.held == 4)
        refused = ask(misbehaving, photo.read_bytes())
        assert [one.result().status_code for one in accepted] == [200] * 4
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["type"] == "urn:figleaf:problem:overloaded"
    assert figure(misbehaving, "figleaf_queue_images") == 0
    assert answers(misbehaving, photo.read_bytes())[0]["status"] == "ok"


def test_a_client_that_goes_away_is_not_worked_for(misbehaving: Running, photo: Path) -> None:
    data = slow.SLOW + photo.read_bytes()
    form = httpx2.Request("POST", misbehaving.url + PATH, files={"file": data})
    form.read()

    async def leave() -> None:
        host, port = misbehaving.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        lines = [f"{name}: {value}" for name, value in form.headers.items()]
        writer.write("\r\n".join([f"POST {PATH} HTTP/1.1", *lines, "", ""]).encode() + form.content)
        await writer.drain()
        while not misbehaving.service.slots.held:
            await asyncio.sleep(0.001)
        writer.close()

    async def leave_all() -> None:
        async with asyncio.timeout(30):
            await asyncio.gather(*(leave() for _ in range(4)))

    asyncio.run(leave_all())
    left = 'figleaf_requests_total{method="POST",route="/v1/classify",status="499"}'
    wait_until(lambda: figure(misbehaving, left) > 0)
    wait_until(lambda: figure(misbehaving, "figleaf_queue_images") == 0)
    assert answers(misbehaving, photo.read_bytes())[0]["status"] == "ok"


def test_nor_one_that_asked_several_things_at_once() -> None:
    small, log = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (64, 64), (90, 100, 200)).save(small, "PNG")
    data = slow.HANG + small.getvalue()
    head = b"POST %b HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\n" % PATH.encode()
    surroundings = Surroundings(log=log, decode=slow.misbehave)
    with running(rules_for(decode_deadline=60.0), surroundings) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as wire:
            wire.sendall(3 * (head + b"Content-Length: %d\r\n\r\n" % len(data) + data))
            wait_until(lambda: server.service.slots.held == 1)
        wait_until(lambda: b'"request",' in log.getvalue())
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [499]
    assert not {"error", "server"} & {line["event"] for line in lines}


def test_scores_are_those_of_the_library_whatever_the_load(
    classifier: figleaf.Classifier, pictures: Path
) -> None:
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
    files = [(pictures / name).read_bytes() for name in names] * 8
    with running(rules_for(threads=2, workers=2)) as server, ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda data: answers(server, data)[0]["scores"], files))
    for data, scores in zip(files, found, strict=True):
        expected = classifier.classify(data).to_dict()["scores"]
        assert scores == pytest.approx(expected, abs=1e-6)


def test_moving_pictures_are_looked_at_over_their_whole_length(
    classifier: figleaf.Classifier, pictures: Path, tmp_path: Path
) -> None:
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg") * 6
    frames = [Image.open(pictures / name).convert("RGB").resize((160, 120)) for name in names]
    film = tmp_path / "film.gif"
    frames[0].save(film, save_all=True, append_images=frames[1:], duration=1000)
    data = film.read_bytes()
    with running(rules_for(cache=4)) as server:
        first, again = answers(server, data)[0], answers(server, data)[0]
    expected = classifier.classify(data).to_dict()
    assert len(first["frames"]) == 16
    assert "(max of 16 frames)" in first["reason"]
    for found in (first, again):
        for name in ("label", "decision", "reason"):
            assert found[name] == expected[name]
        assert found["scores"] == pytest.approx(expected["scores"], abs=2e-6)
        times = [frame["seconds"] for frame in found["frames"]]
        assert times == [frame["seconds"] for frame in expected["frames"]]
    with running(rules_for(max_frames=3)) as server:
        assert len(answers(server, data)[0]["frames"]) == 3


def test_keys_are_asked_for(tmp_path: Path, photo: Path) -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[keys.website]\nsha256 = "{digest}"\nrate = 0.001\nburst = 2\n')
    log = tmp_path / "log"
    with log.open("wb") as file, running(rules_for(keys=keys), Surroundings(log=file)) as server:
        assert httpx2.get(server.url + "/healthz").status_code == 200
        assert httpx2.get(server.url + "/v1/models").status_code == 401
        assert ask(server, photo.read_bytes()).status_code == 401
        headers = {"authorization": "Bearer secret"}
        url, files = server.url + PATH, {"file": photo.read_bytes()}
        statuses = [
            httpx2.post(url, files=files, headers=headers, timeout=60).status_code for _ in range(3)
        ]
        assert statuses == [200, 200, 429]
        document = httpx2.get(server.url + "/openapi.json").json()
        assert document["components"]["securitySchemes"].keys() == {"bearer", "header"}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["key"] for line in lines if line["event"] == "image"] == ["website"] * 2
    asked = [line for line in lines if line.get("route") == "/v1/classify"]
    assert [(line["key"], line["status"]) for line in asked] == [
        (None, 401),
        ("website", 200),
        ("website", 200),
        ("website", 429),
    ]
    assert "secret" not in log.read_text()


def test_what_there_is_no_room_for_is_not_charged(tmp_path: Path, photo: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(
        f'[keys.any]\nsha256 = "{hashlib.sha256(b"any").hexdigest()}"\n'
        f'[keys.few]\nsha256 = "{hashlib.sha256(b"few").hexdigest()}"\nrate = 0.001\nburst = 2\n'
    )

    def post(server: Running, key: str, *files: bytes) -> int:
        named = [("file", (str(number), data)) for number, data in enumerate(files)]
        headers = {"x-api-key": key}
        return httpx2.post(server.url + PATH, files=named, headers=headers, timeout=60).status_code

    two = [photo.read_bytes()] * 2
    rules = rules_for(keys=keys, max_queue=2, decode_deadline=5.0)
    with (
        running(rules, Surroundings(decode=slow.misbehave)) as server,
        ThreadPoolExecutor(1) as thread,
    ):
        accepted = thread.submit(post, server, "any", slow.HANG)
        wait_until(lambda: server.service.slots.held == 1)
        assert [post(server, "few", *two) for _ in range(2)] == [503, 503]
        assert accepted.result() == 200
        assert [post(server, "few", *two) for _ in range(2)] == [200, 429]


def test_origins(photo: Path) -> None:
    with running(rules_for(cors_origins=("https://a.example",))) as server:
        headers = {"origin": "https://a.example", "access-control-request-method": "POST"}
        allowed = httpx2.options(server.url + PATH, headers=headers)
        assert allowed.headers["access-control-allow-origin"] == "https://a.example"
        other = httpx2.options(
            server.url + PATH, headers={**headers, "origin": "https://b.example"}
        )
        assert "access-control-allow-origin" not in other.headers


def test_no_origin_may_read_by_default(client: httpx2.Client) -> None:
    response = client.get("/healthz", headers={"origin": "https://a.example"})
    assert "access-control-allow-origin" not in response.headers
