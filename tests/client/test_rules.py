"""What a client is made from: the address, the key, the rules; and what it imports."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

import figleaf.client
from figleaf.client import AsyncClient, Client, ClientRules, Url
from figleaf.errors import InputError


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://a.test",
        "http://",
        "http://[::1",
        "http://a.test:port",
        "http://a.test:99999",
        "http://a..test",
        f"http://{'a' * 64}.test",
        "http://\u2100.test",
        "http://_é.test",
        "http://\ud800.test",
        "http://a.test/?model=m",
        "http://a.test/#here",
        "http://me:pass@a.test",
        "http://a.test/\r\nX: y",
    ],
)
def test_a_url_that_cannot_be_a_servers(url: str) -> None:
    with pytest.raises(InputError, match="URL"):
        Client(url)


@pytest.mark.parametrize("url", ["http://a.test/nsfw", "http://a.test/nsfw/"])
def test_a_server_below_a_path(url: str) -> None:
    asked: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json={"models": []})

    with Client(url, transport=httpx2.MockTransport(handler)) as client:
        assert client.models() == []
    assert asked == ["http://a.test/nsfw/v1/models"]


@pytest.mark.parametrize("key", ["", "a b", "schlüssel", "a\nb"])
def test_a_key_that_no_header_can_hold(key: str) -> None:
    with pytest.raises(InputError, match="printable ASCII"):
        Client("http://a.test", key=key)


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "ftp://proxy.test"), ("SSL_CERT_FILE", "no-such-file.pem")],
)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_environment_that_cannot_be_used(
    kind: type[Client | AsyncClient], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=name):
        kind("http://a.test")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 0),
        ("timeout", float("inf")),
        ("timeout", "1"),
        ("connect_timeout", -1),
        ("patience", float("nan")),
        ("retries", -1),
        ("retries", True),
        ("at_once", 0),
        ("images_per_request", 1.5),
        ("bytes_per_request", 0),
    ],
)
def test_rules_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name):
        ClientRules(**{name: value})


@pytest.mark.parametrize("zero", ["patience", "backoff", "retries"])
def test_rules_that_may_be_nothing(zero: str) -> None:
    assert getattr(ClientRules(**{zero: 0}), zero) == 0  # type: ignore[arg-type]  # whole or not


@pytest.mark.parametrize("url", ["photo.jpg", "file:///etc/passwd", "http:///a", 7])
def test_a_url_that_is_none(url: Any) -> None:
    with pytest.raises(InputError, match="http or https URL"):
        Url(url)


@pytest.mark.parametrize(
    "wish",
    [{"top_k": 0}, {"top_k": True}, {"model": ""}, {"model": "\ud800"}, {"policy": 7}],
)
def test_a_wish_that_is_none(wish: Any) -> None:
    with Client("http://a.test") as client, pytest.raises(InputError, match=next(iter(wish))):
        client.classify(b"a", **wish)


def test_the_public_names_are_pinned() -> None:
    assert figleaf.client.__all__ == [
        "AsyncClient",
        "Client",
        "ClientRules",
        "ClientSource",
        "ServedModel",
        "ServedPolicy",
        "ServerError",
        "Url",
    ]


def test_without_httpx2_the_extra_is_named() -> None:
    code = "import sys; sys.modules['httpx2'] = None\nimport figleaf.client"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("pip install 'figleaf[client]'")


def test_a_client_loads_no_model_runtime() -> None:
    code = "import sys, figleaf.client; print(*{'openvino', 'onnx', 'fastapi'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", figleaf.client.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "client.md").read_text("utf-8")
    assert re.search(rf"^\| .*`{name}\b.*`.* \|", page, re.MULTILINE)
