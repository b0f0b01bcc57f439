"""What an operator meets: probes, an end that comes too soon, a reload that goes wrong."""

import asyncio
import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PosixPath
from typing import Any

import httpx2
import pytest

from figleaf.errors import ModelNotFoundError
from figleaf.serve.app import create_app
from figleaf.serve.server import running
from figleaf.serve.service import Service, Surroundings

from . import slow
from .conftest import rules_for


def own_threads() -> set[threading.Thread]:
    """Those that figleaf has started, and that have not ended."""
    return {one for one in threading.enumerate() if one.name.startswith("figleaf")}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/models", "/openapi.json"])
def test_what_can_be_got_has_a_head(client: httpx2.Client, path: str) -> None:
    response = client.head(path)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0
    assert set(client.delete(path).headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_what_is_not_done_in_time_is_told_so() -> None:
    log = io.BytesIO()
    rules = rules_for(drain_timeout=0.5, decode_deadline=60.0)
    with ThreadPoolExecutor(1) as thread:
        with running(rules, Surroundings(log=log, decode=slow.misbehave)) as server:
            files = {"file": slow.HANG}
            asked = thread.submit(httpx2.post, server.url + "/v1/classify", files=files, timeout=60)
            until = time.monotonic() + 60
            while not server.service.slots.held and time.monotonic() < until:
                time.sleep(0.02)
            began = time.monotonic()
        # Not what the decoder would take: it is killed.
        assert time.monotonic() - began < 30
        response = asked.result(60)
    assert response.status_code == 503
    assert response.json()["type"] == "urn:figleaf:problem:not-ready"
    assert "retry-after" in response.headers
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [503]
    assert lines[-1]["event"] == "stopped"
    assert "error" not in {line["event"] for line in lines}


class _Failing(PosixPath):
    """A file that once it is `broken` cannot be read in a way that nobody foresaw."""

    broken = False

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if self.broken:
            raise RuntimeError("unforeseen")
        return super().open(*args, **kwargs)


def test_a_reload_that_fails_in_an_unforeseen_way_changes_nothing(tmp_path: Path) -> None:
    keys = _Failing(tmp_path / "keys.toml")
    keys.write_text(f'[keys.website]\nsha256 = "{"0" * 64}"\n')
    log = io.BytesIO()
    service = Service(rules_for(keys=keys), Surroundings(log=log))

    async def reload_twice() -> tuple[bool, bool]:
        _Failing.broken = True
        failed = await service.reload()
        _Failing.broken = False
        again = await service.reload()
        await service.stop()
        return failed, again

    service.open()
    before = service.catalogue
    assert asyncio.run(reload_twice()) == (False, True)
    assert service.catalogue.models == before.models
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    outcomes = [line["outcome"] for line in lines if line["event"] == "reload"]
    assert outcomes == ["failed", "ok"]
    assert "Traceback" in next(line["error"] for line in lines if line["event"] == "error")


def test_an_app_that_is_not_started_has_no_thread() -> None:
    before = own_threads()
    create_app(rules_for())
    assert own_threads() <= before


def test_a_server_that_cannot_load_its_model_leaves_no_thread(tmp_path: Path) -> None:
    service = Service(rules_for(models=(tmp_path / "none",)), Surroundings())
    before = own_threads()
    with pytest.raises(ModelNotFoundError):
        service.open()
    assert own_threads() <= before
