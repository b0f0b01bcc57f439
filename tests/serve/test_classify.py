"""POST /v1/classify: what goes in, what comes out."""

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

import figleaf
from figleaf.serve.server import Running

PATH = "/v1/classify"


@pytest.fixture(scope="module")
def data(photo: Path) -> bytes:
    return photo.read_bytes()


@pytest.fixture
def expected(classifier: figleaf.Classifier, data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), **classifier.classify(data).to_dict()}


def results(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def test_a_raw_body(client: httpx2.Client, data: bytes, expected: dict[str, Any]) -> None:
    for kind in ("image/png", "application/octet-stream", "image/png; charset=binary"):
        response = client.post(PATH, content=data, headers={"content-type": kind})
        assert results(response) == [{**expected, "input": "<body>"}]


def test_a_form_of_many_files(client: httpx2.Client, data: bytes, expected: dict[str, Any]) -> None:
    files = [("files", ("a.png", data)), ("image", ("사진.png", data)), ("x", ("none.png", b"no"))]
    first, second, third = results(client.post(PATH, files=files))
    assert first == {**expected, "input": "a.png"}
    assert second == {**expected, "input": "사진.png"}
    assert (third["status"], third["decision"]) == ("not_an_image", "review")
    assert third["sha256"] == hashlib.sha256(b"no").hexdigest()


def test_json_with_base64(client: httpx2.Client, data: bytes, expected: dict[str, Any]) -> None:
    encoded = base64.b64encode(data).decode()
    lines = "\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76))
    images = [{"base64": encoded, "name": "a.png"}, {"base64": lines}]
    found = results(client.post(PATH, json={"images": images}))
    assert found == [{**expected, "input": "a.png"}, {**expected, "input": "<image 1>"}]


def test_the_query(client: httpx2.Client, data: bytes) -> None:
    query = {"model": "resnet50_thin", "policy": "strict", "top_k": "1"}
    (found,) = results(client.post(PATH, params=query, files={"file": data}))
    assert (found["model"], found["policy"]) == ("resnet50_thin@1", "strict@1")
    assert list(found["scores"]) == ["sfw"]
    (again,) = results(client.post(PATH, params={"model": found["model"]}, files={"file": data}))
    assert again["model"] == found["model"]


def test_the_shape_of_nsfwjs(
    client: httpx2.Client, data: bytes, classifier: figleaf.Classifier
) -> None:
    (found,) = results(client.post(PATH, params={"format": "nsfwjs"}, files={"file": data}))
    assert found["predictions"] == classifier.classify(data).to_dict("nsfwjs")["predictions"]


def test_the_shape_of_openai(client: httpx2.Client, data: bytes, expected: dict[str, Any]) -> None:
    files = [("file", ("a.png", data)), ("file", ("none.png", b"no"))]
    response = client.post(PATH, params={"format": "openai-moderation"}, files=files)
    good, bad = results(response)
    assert response.json()["model"] == "mobilenet_v2@1"
    assert good["flagged"] is False
    assert good["categories"] == {"sexual": False}
    assert good["category_scores"] == {"sexual": expected["unsafe"]}
    # What could not be looked at was not assessed, and goes to a person.
    assert (bad["flagged"], bad["categories"], bad["category_scores"]) == (True, {}, {})
    assert "minors" not in response.text


def test_every_answer_has_an_id_and_is_not_stored(client: httpx2.Client) -> None:
    for path in ("/healthz", "/nothing", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert len(headers["x-request-id"]) == 32
    given = client.get("/healthz", headers={"x-request-id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    made = client.get("/healthz", headers={"x-request-id": '{"injected": 1}'})
    assert made.headers["x-request-id"] != '{"injected": 1}'


def problem_of(response: httpx2.Response, status: int, slug: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:figleaf:problem:{slug}"
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "other"}, "there are mobilenet_v2, resnet50_thin"),
        ({"model": "/etc/passwd"}, "no such model"),
        ({"policy": "/etc/passwd"}, "there are strict, balanced, permissive"),
        ({"top_k": "0"}, "query.top_k"),
        ({"format": "xml"}, "query.format"),
    ],
)
def test_a_query_that_cannot_be_used(
    client: httpx2.Client, data: bytes, query: dict[str, str], words: str
) -> None:
    response = client.post(PATH, params=query, files={"file": data})
    assert words in json.dumps(problem_of(response, 422, "invalid"))


def test_bodies_that_cannot_be_used(client: httpx2.Client) -> None:
    problem_of(client.post(PATH), 415, "unsupported-media-type")
    text = client.post(PATH, content=b"a", headers={"content-type": "text/plain"})
    problem_of(text, 415, "unsupported-media-type")
    kinds = {"content-type": "image/png", "content-encoding": "gzip"}
    packed = client.post(PATH, content=gzip.compress(b"x"), headers=kinds)
    problem_of(packed, 415, "unsupported-media-type")
    as_json = {"content-type": "application/json"}
    problem_of(client.post(PATH, content=b"{", headers=as_json), 400, "bad-request")
    bodies: tuple[Any, ...] = (
        {},
        {"images": []},
        {"images": [{"base64": "a", "more": 1}]},
        [1],
        {"a": "b"},
    )
    for body in bodies:
        problem_of(client.post(PATH, json=body), 422, "invalid")
    problem = problem_of(client.post(PATH, json={"images": [{"base64": "%%"}]}), 422, "invalid")
    assert "images.0.base64" in problem["detail"]
    problem_of(client.post(PATH, json={"images": [{"url": "http://a/"}]}), 422, "invalid")
    problem_of(
        client.post(PATH, data={"comment": "hello"}, files={}), 415, "unsupported-media-type"
    )
    form = client.post(PATH, data={"comment": "hello"}, files={"file": b"a"})
    assert "no file" in problem_of(form, 422, "invalid")["detail"]


def test_what_is_not_there(client: httpx2.Client) -> None:
    problem_of(client.get("/v2"), 404, "not-found")
    wrong = client.get(PATH)
    problem_of(wrong, 405, "method-not-allowed")
    assert wrong.headers["allow"] == "POST"


def test_the_models_and_policies(client: httpx2.Client) -> None:
    catalogue = client.get("/v1/models").json()
    assert [(one["name"], one["default"]) for one in catalogue["models"]] == [
        ("mobilenet_v2", True),
        ("resnet50_thin", False),
    ]
    assert [one["name"] for one in catalogue["policies"] if one["default"]] == ["balanced"]


def test_health_readiness_and_figures(client: httpx2.Client, data: bytes) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post(PATH, files={"file": data})
    figures = client.get("/metrics").text
    assert 'figleaf_images_total{decision="allow",model="mobilenet_v2@1",status="ok"}' in figures
    assert "figleaf_queue_images 0.0" in figures
    assert "figleaf_held_bytes 0.0" in figures


def test_what_is_too_large(server: Running, client: httpx2.Client) -> None:
    rules = server.service.rules
    image = b"\0" * (rules.limits.max_bytes + 1)
    problem_of(client.post(PATH, files={"file": image}), 413, "too-large")
    raw = client.post(PATH, content=image, headers={"content-type": "image/png"})
    problem_of(raw, 413, "too-large")
    many = [("file", (f"{number}", b"a")) for number in range(rules.max_images + 1)]
    problem_of(client.post(PATH, files=many), 413, "too-large")
    body: Any = {"images": [{"base64": ""}] * (rules.max_images + 1)}
    problem_of(client.post(PATH, json=body), 413, "too-large")
    whole = b"\0" * (rules.max_body + 1)
    raw = client.post(PATH, content=whole, headers={"content-type": "image/png"})
    problem_of(raw, 413, "too-large")


def test_the_openapi_document_has_examples(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"][PATH]["post"]
    assert operation["requestBody"]["content"]["application/json"]["examples"]
    assert set(operation["responses"]["200"]["content"]["application/json"]["examples"]) == {
        "figleaf",
        "nsfwjs",
        "openai-moderation",
    }
    for status in ("400", "413", "415", "422", "429", "500", "503"):
        assert "application/problem+json" in operation["responses"][status]["content"]
