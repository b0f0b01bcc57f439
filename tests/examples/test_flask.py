"""examples/uploads/flask_app.py, in Flask."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .expected import FORM, STATE, STATUS, check_kept, check_record, form, kept


@pytest.fixture(scope="module")
def example() -> Any:
    return importlib.import_module("flask_app")


@contextmanager
def application(example: Any, **settings: Any) -> Iterator[Any]:
    app = example.create_app(example.Settings(model="mobilenet_v2", **settings))
    with app.extensions["figleaf"]:
        yield app.test_client()


def post(client: Any, data: bytes) -> Any:
    response = client.post("/photos", data=form(data), content_type=FORM)
    return response.status_code, response.get_json()


def test_the_policy_decides(
    example: Any, tmp_path: Path, photo: Path, policy: str | Path, decision: str
) -> None:
    with application(example, folder=tmp_path / "uploads", policy=policy) as client:
        status, said = post(client, photo.read_bytes())
    assert status == STATUS[decision]
    if decision == "block":
        assert said == {"error": example.REFUSED}
        assert kept(tmp_path / "uploads") == []
        return
    path = check_kept(tmp_path / "uploads", STATE[decision], photo.read_bytes())
    check_record(path, photo.read_bytes(), decision)
    assert said == {"id": path.name, "state": STATE[decision]}


def test_what_is_no_picture_is_refused(example: Any, tmp_path: Path, broken: bytes) -> None:
    with application(example, folder=tmp_path, policy="permissive") as client:
        answers = [post(client, data) for data in (broken, b"<html>", b"")]
        missing = client.post("/photos", data={"other": "1"})
    refusal = (422, {"error": "This file is not a picture that can be read."})
    assert answers == [refusal] * 3
    assert missing.status_code == 400
    assert kept(tmp_path) == []


def test_what_is_too_large_is_not_read(example: Any, tmp_path: Path) -> None:
    with application(example, folder=tmp_path) as client:
        status, _ = post(client, bytes(example.MAX_BYTES + example.FORM_OVERHEAD))
    assert status == 413


def test_nor_is_a_picture_kept_that_is_a_byte_too_long(
    example: Any, tmp_path: Path, photo: Path, served: str
) -> None:
    long = photo.read_bytes().ljust(example.MAX_BYTES + 1, b"\0")  # a server would take it
    with application(example, folder=tmp_path, url=served) as client:
        answers = [post(client, data) for data in (long, long[:-1])]
    assert answers[0] == (413, {"error": "This file is too large."})
    assert answers[1][0] == 201
    check_kept(tmp_path, "public", long[:-1])


def test_the_server_can_judge(
    example: Any, tmp_path: Path, photo: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGLEAF_URL", served)
    monkeypatch.setenv("FIGLEAF_UPLOADS", str(tmp_path))
    app = example.create_app()
    with app.extensions["figleaf"]:
        status, _ = post(app.test_client(), photo.read_bytes())
        refused, _ = post(app.test_client(), b"<html>")
    assert (status, refused) == (201, 422)
    check_record(check_kept(tmp_path, "public", photo.read_bytes()), photo.read_bytes(), "allow")


def test_where_nobody_can_judge_nothing_is_let_in(
    example: Any, tmp_path: Path, photo: Path, unused_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    with application(example, folder=tmp_path, url=url) as client:
        status, said = post(client, photo.read_bytes())
    assert status == 503
    assert said == {"error": "Uploads cannot be taken at the moment."}
    assert kept(tmp_path) == []


def test_the_page_has_a_form(example: Any, tmp_path: Path) -> None:
    with application(example, folder=tmp_path) as client:
        assert b"name=photo" in client.get("/").data
