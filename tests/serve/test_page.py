"""The page at /: its files, their headers, who may have the models, and what is not there."""

import asyncio
import gzip
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

from figleaf.errors import PageError
from figleaf.models.bundle import ZOO
from figleaf.serve.app import app_for
from figleaf.serve.keys import new_key
from figleaf.serve.server import Running, running
from figleaf.serve.service import Service, Surroundings
from figleaf.web.assets import Assets
from figleaf.web.headers import HEADERS

from ..web.standin import NAMES, WASM, standin
from .attacks.wire import ask
from .conftest import MODEL, rules_for

PLAIN = {"accept-encoding": "identity"}
WASM_NAME = "/ort/ort-wasm-simd-threaded.wasm"


class Lines:
    """A log that is kept."""

    def __init__(self) -> None:
        self.text = b""

    def write(self, data: bytes) -> int:
        self.text += data
        return len(data)

    def flush(self) -> None:
        pass


def with_page(assets: Assets, log: IO[bytes] | None = None) -> Surroundings:
    return Surroundings(log=log, assets=lambda: assets)


def without_page() -> Assets:
    raise PageError("figleaf was installed without its page")


@pytest.fixture(scope="module")
def paged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    assets = standin(tmp_path_factory.mktemp("page") / "assets")
    rules = rules_for(models=(MODEL, "resnet50_thin"), cors_origins=("https://app.example",))
    with running(rules, with_page(assets)) as started:
        yield started


@pytest.fixture
def asking(paged: Running) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=paged.url, timeout=30) as opened:
        yield opened


def index_of(client: httpx2.Client) -> dict[str, Any]:
    index: dict[str, Any] = client.get("/models/index.json").json()
    return index


# Files


def test_every_file_of_the_index_is_there_with_all_headers(asking: httpx2.Client) -> None:
    index = index_of(asking)
    assert set(index["files"]) == NAMES
    models = [model["url"] + name for model in index["models"] for name in ("card.json",)]
    for name in ("", *index["files"], *models, "models/index.json"):
        response = asking.get(f"/{name}")
        assert response.status_code == 200, name
        for header, value in HEADERS.items():
            assert response.headers.get_list(header) == [value], (name, header)
        assert response.headers.get_list("cache-control") == ["no-cache"]
        assert response.headers["x-request-id"]
    assert asking.get("/").content == asking.get("/index.html").content
    assert asking.get(WASM_NAME).headers["content-type"] == "application/wasm"


def test_the_bundle_comes_byte_for_byte(asking: httpx2.Client) -> None:
    (first, _) = index_of(asking)["models"]
    for name in ("card.json", "model.onnx"):
        for coding in ("gzip", "identity"):
            response = asking.get(f"/{first['url']}{name}", headers={"accept-encoding": coding})
            assert response.content == (ZOO / MODEL / name).read_bytes()
    assert hashlib.sha256(response.content).hexdigest() == first["sha256"]
    assert len(response.content) == first["bytes"]


def test_the_index_names_the_server(asking: httpx2.Client, photo: Path) -> None:
    index = index_of(asking)
    response = asking.post(f"/{index['server']}", files={"file": photo.read_bytes()})
    assert response.json()["results"][0]["status"] == "ok"
    assert [model["name"] for model in index["models"]] == [MODEL, "resnet50_thin"]


@pytest.mark.parametrize(
    ("offer", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("identity", False), ("gzip;q=0", False)],
)
def test_what_gets_smaller_is_compressed_for_who_takes_it(
    paged: Running, offer: str, packed: bool
) -> None:
    headers = {"accept-encoding": offer}
    with httpx2.stream("GET", paged.url + WASM_NAME, headers=headers) as response:
        raw = b"".join(response.iter_raw())
        assert (response.headers.get("content-encoding") == "gzip") == packed
        assert int(response.headers["content-length"]) == len(raw)
        assert response.headers["vary"].startswith("accept-encoding")
    assert (gzip.decompress(raw) if packed else raw) == WASM
    assert (len(raw) < len(WASM)) == packed


def test_what_one_has_is_not_sent_again(asking: httpx2.Client) -> None:
    plain = asking.get(WASM_NAME, headers={"accept-encoding": "identity"}).headers["etag"]
    packed = asking.get(WASM_NAME).headers["etag"]
    assert plain != packed
    for known in (plain, packed, f'"other", W/{plain}', "*"):
        response = asking.get(WASM_NAME, headers={"if-none-match": known})
        assert response.status_code == 304, known
        assert response.content == b""
        assert response.headers["etag"] in (plain, packed)
    assert asking.get(WASM_NAME, headers={"if-none-match": '"other"'}).status_code == 200


def test_head_has_the_headers_alone(asking: httpx2.Client) -> None:
    for path in ("/", WASM_NAME):
        got, head = asking.get(path), asking.head(path)
        assert head.status_code == 200
        assert head.content == b""
        for name in ("content-length", "content-type", "etag"):
            assert head.headers[name] == got.headers[name]


def test_many_at_once(paged: Running) -> None:
    found: list[bool] = []

    def get() -> None:
        found.append(httpx2.get(paged.url + WASM_NAME).content == WASM)

    threads = [threading.Thread(target=get) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [True] * 16


def test_who_goes_away_is_not_sent_the_rest(tmp_path: Path) -> None:
    assets, sent = standin(tmp_path / "assets"), 0
    with (assets.runtime / "ort-wasm-simd-threaded.wasm").open("wb") as file:
        file.truncate(2**24)
    events = [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return events.pop(0)

    async def send(message: Any) -> None:
        nonlocal sent
        sent += len(message.get("body", b""))

    service = Service(rules_for(), with_page(assets))
    service.open()
    scope = {"type": "http", "method": "GET", "path": WASM_NAME, "headers": []}

    async def ask() -> None:
        await app_for(service)(scope, receive, send)
        await service.stop()

    asyncio.run(ask())
    assert 0 < sent < 2**20


def test_a_file_that_is_cut_short_while_it_is_sent_ends_the_connection(tmp_path: Path) -> None:
    assets, log = standin(tmp_path / "assets"), Lines()
    wasm = assets.runtime / "ort-wasm-simd-threaded.wasm"
    with wasm.open("wb") as file:
        file.truncate(2**26)
    with running(rules_for(), with_page(assets, log)) as server:  # type: ignore[arg-type]
        httpx2.get(server.url + "/page.js")
        with httpx2.stream("GET", server.url + WASM_NAME, headers=PLAIN) as response:
            pieces = response.iter_raw()
            next(pieces)
            os.truncate(wasm, 2**16)
            with pytest.raises(httpx2.RemoteProtocolError):
                list(pieces)
    assert b"cut short" in log.text
    assert b"Traceback" not in log.text


# What is not there


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/figleaf/../../app.py",
        "/figleaf",
        "/figleaf/",
        "/ort/",
        "/models/",
        "/models/mobilenet_v2/",
        "/models/mobilenet_v2/../../../bundle.py",
        "/notes.md",
        "/.hidden.js",
        "/figleaf/index.d.ts",
        "//etc/passwd",
        "/index.html/",
        "/page.js%00",
        "/PAGE.JS",
        "/v1/",
        "/v1/page.js",
    ],
)
def test_what_has_no_name_in_the_site_is_not_there(paged: Running, path: str) -> None:
    # As it stands: a client that puts paths in order would ask for another.
    answer = ask(paged.url, f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_page_is_read_only(asking: httpx2.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        response = asking.request(method, "/page.js")
        assert response.status_code == 405
        assert response.headers["content-type"] == "application/problem+json"
    assert asking.post("/nothing").status_code == 404


def test_the_api_is_as_before(asking: httpx2.Client) -> None:
    assert asking.get("/v1/classify").status_code == 405
    assert asking.get("/healthz").headers["cache-control"] == "no-store"
    assert "/" not in asking.get("/openapi.json").json()["paths"]
    assert "content-security-policy" not in asking.get("/v1/models").headers


def test_an_origin_that_may_read_answers_may_read_models(asking: httpx2.Client) -> None:
    for origin, allowed in (("https://app.example", True), ("https://other.example", False)):
        response = asking.get("/models/mobilenet_v2/card.json", headers={"origin": origin})
        assert ("access-control-allow-origin" in response.headers) == allowed


def test_without_the_page(tmp_path: Path) -> None:
    surroundings = with_page(standin(tmp_path / "assets"))
    with running(rules_for(page=False), surroundings) as server:
        for path in ("/", "/index.html", "/models/index.json", "/models/mobilenet_v2/model.onnx"):
            assert httpx2.get(server.url + path).status_code == 404


def test_it_is_counted_as_the_page(asking: httpx2.Client) -> None:
    asking.get("/page.js")
    asking.get("/no-page")
    figures = asking.get("/metrics").text
    assert 'figleaf_requests_total{method="GET",route="page",status="200"}' in figures
    assert "page.js" not in figures


# Whose models


def own(folder: Path, **changes: str) -> Path:
    shutil.copytree(ZOO / MODEL, folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "name": "own", **changes}))
    return folder


def test_with_keys_ones_own_models_are_not_given_out(tmp_path: Path) -> None:
    key, digest = new_key()
    (tmp_path / "keys.toml").write_text(f'[keys.a]\nsha256 = "{digest}"\n')
    bundle = own(tmp_path / "bundle")
    rules = rules_for(models=(bundle, MODEL), keys=tmp_path / "keys.toml")
    with (
        running(rules, with_page(standin(tmp_path / "assets"))) as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        assert [model["name"] for model in index_of(client)["models"]] == [MODEL]
        assert client.get("/").status_code == 200
        assert client.get("/models/own/model.onnx").status_code == 404
        assert client.get("/v1/models").status_code == 401
        known = client.get("/v1/models", headers={"x-api-key": key}).json()
        assert [model["name"] for model in known["models"]] == ["own", MODEL]


def test_with_keys_and_only_ones_own_models_the_page_asks_the_server(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text(f'[keys.a]\nsha256 = "{new_key()[1]}"\n')
    rules = rules_for(models=(own(tmp_path / "bundle"),), keys=tmp_path / "keys.toml")
    with (
        running(rules, with_page(standin(tmp_path / "assets"))) as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        assert "fallback.js" in client.get("/").text
        assert index_of(client)["reason"] == "private"
        assert client.get("/fallback.js").status_code == 200
        assert client.get(WASM_NAME).status_code == 404


def test_where_the_page_is_not_installed_there_is_a_small_one() -> None:
    log = Lines()
    surroundings = Surroundings(log=log, assets=without_page)  # type: ignore[arg-type]
    with (
        running(rules_for(), surroundings) as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        assert "fallback.js" in client.get("/").text
        index = index_of(client)
        assert index["reason"] == "assets"
        for name in index["files"]:
            response = client.get(f"/{name}")
            assert response.headers["content-security-policy"]
    lines = [json.loads(line) for line in log.text.splitlines()]
    (line,) = (line for line in lines if line["event"] == "page")
    assert line["detail"] == "figleaf was installed without its page"


# Changes


def test_a_reload_brings_the_new_model_and_the_new_page(tmp_path: Path) -> None:
    bundle = own(tmp_path / "bundle", version="1")
    assets = standin(tmp_path / "assets")
    rules = rules_for(models=(bundle,), reload=0.05)
    with (
        running(rules, with_page(assets)) as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        before = index_of(client)
        assert before["models"][0]["tag"] == "own@1"
        (assets.page / "page.js").write_text("export const words = 2;")
        shutil.rmtree(bundle)
        own(tmp_path / "new", version="2").rename(bundle)
        until = time.monotonic() + 30
        while (after := index_of(client)) == before and time.monotonic() < until:
            time.sleep(0.05)
        assert after["models"][0]["tag"] == "own@2"
        assert after["build"] != before["build"]
        assert client.get("/page.js").text == "export const words = 2;"


def test_a_file_that_has_changed_is_not_sent_under_its_old_hash(tmp_path: Path) -> None:
    assets = standin(tmp_path / "assets")
    with (
        running(rules_for(), with_page(assets)) as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        before = client.get("/ort/LICENSE")
        (assets.runtime / "LICENSE").write_text("another licence, longer")
        (changed,) = (client.get("/ort/LICENSE", headers={"accept-encoding": "identity"}),)
        assert changed.status_code == 503
        assert changed.headers["retry-after"] == "1"
        after = client.get("/ort/LICENSE")
        assert after.text == "another licence, longer"
        assert after.headers["etag"] != before.headers["etag"]
