"""Forms and JSON that are made to be expensive, or to be read in two ways."""

import base64
import json
import time
from pathlib import Path

import pytest

from .conftest import Victim
from .wire import FORM, form, part, post

JSON = "application/json"

FORMS = {
    # what is sent, and what is answered
    "a hundred thousand parts": (form(*[part(b"")] * 80_000), 413),
    "a part more than may be": (form(*[part()] * 9), 413),
    "a thousand headers": (form(part(more=b"X: y\r\n" * 1000)), 400),
    "a header of megabytes": (form(part(more=b"X: " + b"y" * 3_000_000 + b"\r\n")), 400),
    "a header's name without an end": (b"--BOUND\r\n" + b"y" * 3_000_000, 400),
    "a file's name of kilobytes": (form(part(file_name=b"a" * 5000)), 400),
    "no last boundary": (form(part(), end=b""), 400),
    "an end within a header": (b"--BOUND\r\nContent-Disp", 400),
    "nothing": (b"", 400),
    "no part": (form(), 422),
    "megabytes before the first part": (b"x" * 3_000_000 + form(part()), 400),
    "a part that is no file": (form(b'Content-Disposition: form-data; name="x"\r\n\r\nx'), 422),
    "a part without a header": (form(b"\r\nx"), 422),
    "another disposition": (form(b'Content-Disposition: attachment; filename="a"\r\n\r\nx'), 422),
    "an image over the limit": (form(part(bytes(2**22 + 1))), 413),
    "a body over the limit": (form(*[part(bytes(2**22))] * 3), 413),
    "megabytes after the last part": (form(part()) + b"x" * 3_000_000, 200),
    "almost boundaries": (form(part(b"\r\n--BOUN" * 400_000)), 200),
    "beginnings of boundaries": (form(part(b"\r\n-" * 1_000_000)), 200),
    "carriage returns": (form(part(b"\r" * 3_000_000)), 200),
    "boundaries within a line": (form(part(b"--BOUND\r\n--BOUND--x")), 200),
    "a form in the form": (
        form(part(b"--C\r\n\r\nx\r\n--C--", more=b"Content-Type: multipart/mixed; boundary=C\r\n")),
        200,
    ),
    "a coding that no client uses": (
        form(part(b"aGFsbG8=", more=b"Content-Transfer-Encoding: base64\r\n")),
        200,
    ),
}


@pytest.mark.parametrize("case", FORMS)
def test_forms(patient: Victim, case: str) -> None:
    body, status = FORMS[case]
    began = time.monotonic()
    answer = post(patient.url, body, FORM)
    assert time.monotonic() - began < 15.0
    assert answer.status == status, answer.body[:300]
    if status == 200:
        assert answer.statuses == ["not_an_image"]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "B" * 300,
        "multipart/form-data; boundary=" + "B" * 20_000,
        'multipart/form-data; boundary="' + '\\"' * 10_000,
        "multipart/form-data; " + "a=b; " * 5_000,
    ],
)
def test_boundaries_that_no_form_has(patient: Victim, content_type: str) -> None:
    assert post(patient.url, form(part()), content_type).status == 400


def images(*values: str) -> bytes:
    return b'{"images":[' + ",".join(values).encode() + b"]}"


BOMBS = {
    "brackets": b"[" * 4_000_000,
    "objects": b'{"images":' * 400_000,
    "brackets for an image": b'{"images":[{"base64":' + b"[" * 4_000_000,
    "a number of megabytes": b"9" * 4_000_000,
    "a number for an image": images('{"base64":' + "9" * 4_000_000 + "}"),
    "millions of objects": images(*["{}"] * 2_000_000),
    "millions of numbers": images(*["1"] * 4_000_000),
    "hundreds of thousands of images": images(*['{"base64":"AAAA"}'] * 400_000),
    "hundreds of thousands of keys": json.dumps(dict.fromkeys(map(str, range(500_000)))).encode(),
    "keys for an image": images(json.dumps(dict.fromkeys(map(str, range(500_000))))),
    "escapes": images('{"base64":"' + "\\u0041" * 1_000_000 + '"}'),
    "a key of megabytes": b'{"' + b"k" * 4_000_000 + b'":1}',
}


@pytest.mark.parametrize("case", BOMBS)
def test_json_bombs_are_refused_before_they_cost_anything(patient: Victim, case: str) -> None:
    began = time.monotonic()
    answer = post(patient.url, BOMBS[case], JSON)
    assert time.monotonic() - began < 15.0
    assert answer.status in (400, 413, 422) or case == "escapes"
    assert len(answer.body) < 2_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 422),
        (b'"images"', 422),
        (b'{"images":[]}', 422),
        (b'{"images":[{}]}', 422),
        (images('{"base64":NaN}'), 422),
        (images('{"base64":1e999}'), 422),
        (images('{"base64":null}'), 422),
        (images('{"base64":"AAAA","more":1}'), 422),
        (images('{"base64":"AAAA","url":"https://example.com/"}'), 422),
        (b'{"images":[{"base64":"AAAA"}],"more":1}', 422),
        (b'{"images":[{"base64":"AAAA"}],"images":[]}', 422),  # the last one counts
        (images('{"base64":"AAAA","name":"\\ud800"}'), 400),
        (images('{"base64":"\\udfff"}'), 400),
        (b'{"images":[{"base64":"AAAA","name":"\xff"}]}', 400),
        ('{"images":[{"base64":"AAAA"}]}'.encode("utf-16"), 400),
        (images('{"base64":"AAAA","name":"' + "n" * 5000 + '"}'), 422),
    ],
)
def test_json_that_is_not_as_it_should_be(patient: Victim, body: bytes, status: int) -> None:
    answer = post(patient.url, body, JSON)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "text",
    [
        "AAA",
        "AAA==",
        "=AAA",
        "AAA=AAAA",
        "AA=A",
        "-_-_",
        "data:image/png;base64,AAAA",
        "\uff21" * 4,
    ],
)
def test_base64_of_which_decoders_make_different_things_is_refused(
    patient: Victim, text: str
) -> None:
    assert post(patient.url, images(json.dumps({"base64": text})), JSON).status == 422


def test_lines_as_encoders_break_them_are_taken(patient: Victim, photo: Path) -> None:
    lines = base64.encodebytes(photo.read_bytes()).decode()
    assert post(patient.url, images(json.dumps({"base64": lines})), JSON).statuses == ["ok"]


@pytest.mark.parametrize(
    "query",
    [
        "top_k=0",
        "top_k=-1",
        "top_k=" + "9" * 5000,
        "top_k=NaN",
        "format=html",
        "model=../../etc/passwd",
        "model=%00",
        "model=" + "m" * 5000,
        "policy=/etc/passwd",
        "policy=%ff%fe",
        "policy=a&policy=b",
    ],
)
def test_queries_that_ask_for_what_is_not_there(patient: Victim, query: str) -> None:
    answer = post(patient.url, b"x", path=f"/v1/classify?{query}")
    assert answer.status == 422
    assert b"passwd" not in answer.body
    assert len(answer.body) < 2_000


def test_thousands_of_parameters(patient: Victim) -> None:
    assert post(patient.url, b"x", path="/v1/classify?" + "a=b&" * 7_000).status == 200


def test_types_that_are_no_images(patient: Victim) -> None:
    for content_type in (
        "",
        "text/plain",
        "text/html",
        "image",
        "application/x-www-form-urlencoded",
    ):
        assert post(patient.url, b"x", content_type).status == 415


def test_it_is_well_after_all_this(patient: Victim, photo: Path) -> None:
    assert patient.is_well(photo)
