"""examples/uploads/django_app.py, in Django."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from .expected import FORM, STATE, STATUS, check_kept, check_verdict, form, kept


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module; Django's settings are this process's from then on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIGLEAF_UPLOADS", str(tmp_path_factory.mktemp("database")))
        module = importlib.import_module("django_app")
    module.create_table()
    yield module
    module.connection.close()


@contextmanager
def application(example: Any, folder: Path, **settings: Any) -> Iterator[Any]:
    from django.test import Client, override_settings

    example.Photo.objects.all().delete()
    wanted = {"FIGLEAF_MODEL": "mobilenet_v2"} | settings
    with override_settings(MEDIA_ROOT=folder, **wanted), example.judge():
        yield Client()
    example.judge.cache_clear()


def post(client: Any, data: bytes) -> tuple[int, Any]:
    response = client.post("/photos", data=form(data), content_type=FORM)
    return response.status_code, response.json()


def test_the_policy_decides(
    example: Any, tmp_path: Path, photo: Path, policy: str | Path, decision: str
) -> None:
    with application(example, tmp_path / "uploads", FIGLEAF_POLICY=policy) as client:
        status, said = post(client, photo.read_bytes())
    assert status == STATUS[decision]
    if decision == "block":
        assert said == {"error": example.REFUSED}
        assert kept(tmp_path / "uploads") == []
        assert not example.Photo.objects.exists()
        return
    path = check_kept(tmp_path / "uploads", STATE[decision], photo.read_bytes())
    row = example.Photo.objects.get()
    assert said == {"id": row.pk, "state": STATE[decision]}
    assert row.file.name == f"{row.state}/{path.name}"
    check_verdict(row.verdict, decision)


def test_what_is_no_picture_is_refused(example: Any, tmp_path: Path, broken: bytes) -> None:
    with application(example, tmp_path, FIGLEAF_POLICY="permissive") as client:
        answers = [post(client, data) for data in (broken, b"<html>", b"")]
        missing = client.post("/photos", data={"other": "1"})
    refusal = (422, {"error": "This file is not a picture that can be read."})
    assert answers == [refusal, refusal, (422, {"error": "The submitted file is empty."})]
    assert missing.status_code == 422
    assert client.get("/photos").status_code == 405
    assert kept(tmp_path) == []


def test_what_is_too_large_is_not_read(example: Any, tmp_path: Path) -> None:
    class Untouched(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError

    with application(example, tmp_path) as client:
        length = example.MAX_BYTES + example.FORM_OVERHEAD + 1
        answer = client.generic(
            "POST",
            "/photos",
            content_type=FORM,
            **{"CONTENT_LENGTH": str(length), "wsgi.input": Untouched()},
        )
    assert answer.status_code == 413


def test_a_file_over_the_limit_in_a_form_below_it_is_refused(example: Any, tmp_path: Path) -> None:
    with application(example, tmp_path) as client:
        status, said = post(client, bytes(example.MAX_BYTES + 1))
    assert (status, said) == (413, {"error": "This file is too large."})


def test_the_server_can_judge(example: Any, tmp_path: Path, photo: Path, served: str) -> None:
    with application(example, tmp_path, FIGLEAF_URL=served) as client:
        status, _ = post(client, photo.read_bytes())
        refused, _ = post(client, b"<html>")
    assert (status, refused) == (201, 422)
    check_kept(tmp_path, "public", photo.read_bytes())
    check_verdict(example.Photo.objects.get().verdict, "allow")


def test_where_nobody_can_judge_nothing_is_let_in(
    example: Any, tmp_path: Path, photo: Path, unused_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    with application(example, tmp_path, FIGLEAF_URL=url) as client:
        status, said = post(client, photo.read_bytes())
    assert status == 503
    assert said == {"error": "Uploads cannot be taken now."}
    assert kept(tmp_path) == []


def test_the_project_passes_djangos_own_checks(example: Any) -> None:
    from django.core.management import call_command

    call_command("check")
    assert example.Photo._meta.app_label == "uploads"
