"""examples/uploads/fastapi_app.py, in FastAPI."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from .expected import FORM, STATE, STATUS, check_kept, check_record, form, kept


@pytest.fixture(scope="module")
def example() -> Any:
    return importlib.import_module("fastapi_app")


@contextmanager
def application(example: Any, **settings: Any) -> Iterator[TestClient]:
    app = example.create_app(example.Settings(model="mobilenet_v2", **settings))
    with TestClient(app) as client:
        yield client


def post(client: TestClient, data: bytes) -> tuple[int, Any]:
    response = client.post("/photos", content=form(data), headers={"Content-Type": FORM})
    return response.status_code, response.json()


def test_the_policy_decides(
    example: Any, tmp_path: Path, photo: Path, policy: str | Path, decision: str
) -> None:
    with application(example, folder=tmp_path / "uploads", policy=policy) as client:
        status, said = post(client, photo.read_bytes())
    assert status == STATUS[decision]
    if decision == "block":
        assert said == {"detail": example.REFUSED}
        assert kept(tmp_path / "uploads") == []
        return
    path = check_kept(tmp_path / "uploads", STATE[decision], photo.read_bytes())
    check_record(path, photo.read_bytes(), decision)
    assert said == {"id": path.name, "state": STATE[decision]}


def test_what_is_no_picture_is_refused(example: Any, tmp_path: Path, broken: bytes) -> None:
    with application(example, folder=tmp_path, policy="permissive") as client:
        answers = [post(client, data) for data in (broken, b"<html>", b"")]
        missing = client.post("/photos", data={"other": "1"})
    refusal = (422, {"detail": "This file is not a picture that can be read."})
    assert answers == [refusal] * 3
    assert missing.status_code == 422
    assert kept(tmp_path) == []


def test_of_what_is_too_large_no_more_is_read(example: Any, tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield form(b"").removesuffix(b"\r\n--edge--\r\n")
        while True:
            taken += 2**20
            yield bytes(2**20)

    async def answer() -> httpx2.Response:
        # Not the TestClient, which would read the body to its end first.
        transport = httpx2.ASGITransport(example.create_app(example.Settings(tmp_path)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            body = endless()
            return await client.post("/photos", content=body, headers={"Content-Type": FORM})

    refusal = asyncio.run(asyncio.wait_for(answer(), 30))
    assert (refusal.status_code, refusal.json()) == (413, {"detail": "This file is too large."})
    assert taken < example.MAX_BYTES + 2 * 2**20


def test_nor_is_a_picture_kept_that_is_a_byte_too_long(
    example: Any, tmp_path: Path, photo: Path, served: str
) -> None:
    long = photo.read_bytes().ljust(example.MAX_BYTES + 1, b"\0")  # a server would take it
    with application(example, folder=tmp_path, url=served) as client:
        answers = [post(client, data) for data in (long, long[:-1])]
    assert answers[0] == (413, {"detail": "This file is too large."})
    assert answers[1][0] == 201
    check_kept(tmp_path, "public", long[:-1])


def test_the_server_can_judge(
    example: Any, tmp_path: Path, photo: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGLEAF_URL", served)
    monkeypatch.setenv("FIGLEAF_UPLOADS", str(tmp_path))
    with TestClient(example.create_app()) as client:
        status, _ = post(client, photo.read_bytes())
        refused, _ = post(client, b"<html>")
    assert (status, refused) == (201, 422)
    check_record(check_kept(tmp_path, "public", photo.read_bytes()), photo.read_bytes(), "allow")


def test_where_nobody_can_judge_nothing_is_let_in(
    example: Any, tmp_path: Path, photo: Path, unused_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    with application(example, folder=tmp_path, url=url) as client:
        status, said = post(client, photo.read_bytes())
    assert status == 503
    assert said == {"detail": "Uploads cannot be taken at the moment."}
    assert kept(tmp_path) == []


def test_the_loop_goes_on_while_a_picture_is_judged(
    example: Any, tmp_path: Path, photo: Path
) -> None:
    async def turns() -> int:
        turns = 0
        async with example.judging(example.Settings(tmp_path, "mobilenet_v2")) as judge:
            judging = asyncio.create_task(judge(photo.read_bytes()))
            while not judging.done():
                await asyncio.sleep(0)
                turns += 1
            assert judging.result().ok
        return turns

    assert asyncio.run(turns()) > 20  # 2, where the loop stands still
