"""The command as a process: its log, its signals, its end."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from figleaf.models.bundle import ZOO

FIGLEAF = Path(sys.executable).with_name("figleaf")


class Server:
    """`figleaf serve` as a process, and the lines that it wrote so far."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def wait_for(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = [line for line in self.lines if line["event"] == event]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{event} did not come; the last ones are {self.lines[-3:]}")

    @property
    def url(self) -> str:
        url: str = self.wait_for("listening")[0]["url"]
        return url

    def end(self) -> int:
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@contextmanager
def serving(*options: str | Path, model: str | Path = "mobilenet_v2") -> Iterator[Server]:
    command = [FIGLEAF, "serve", "--port", "0", "--model", model, "--workers", "1", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield Server(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def classify(url: str, photo: Path, **headers: str) -> httpx2.Response:
    files = {"file": ("secret name.png", photo.read_bytes())}
    return httpx2.post(url + "/v1/classify", files=files, headers=headers, timeout=60)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_once_it_has_answered_what_it_accepted(photo: Path, how: signal.Signals) -> None:
    with serving() as server:
        url, statuses = server.url, []

        def ask() -> None:
            for _ in range(1000):
                try:
                    statuses.append(classify(url, photo).status_code)
                except httpx2.TransportError:  # it listens no more
                    return

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        server.wait_for("image", 8)
        server.process.send_signal(how)
        for thread in threads:
            thread.join(60)
        assert server.end() == 0
        assert set(statuses) == {200}
        assert [line["event"] for line in server.lines][-1] == "stopped"
        assert len([line for line in server.lines if line["event"] == "image"]) == len(statuses)


def test_what_it_writes_down(photo: Path) -> None:
    with serving() as server:
        response = classify(server.url, photo, **{"x-request-id": "mine"})
        (image,) = server.wait_for("image")
        (request,) = server.wait_for("request")
    result = response.json()["results"][0]
    assert image["request"] == request["request"] == "mine"
    assert image["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    for name in ("status", "scores", "decision", "reason", "model", "policy"):
        assert image[name] == result[name]
    assert image["ms"] > 0
    assert "secret name" not in json.dumps(server.lines)


def copy_of(model: str, folder: Path, **changes: str) -> Path:
    shutil.copytree(ZOO / model, folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **changes}))
    return folder


def test_a_reload_takes_what_is_new_and_loses_no_request(photo: Path, tmp_path: Path) -> None:
    bundle = copy_of("mobilenet_v2", tmp_path / "model", name="mine", version="1")
    blocked = tmp_path / "blocked.txt"
    blocked.write_text("0" * 64 + "\n")
    with serving("--block-list", blocked, model=bundle) as server:
        url, stop = server.url, threading.Event()
        seen: list[tuple[int, str]] = []

        def ask() -> None:
            while not stop.is_set():
                response = classify(url, photo)
                seen.append((response.status_code, response.json()["results"][0]["model"]))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        server.wait_for("image", 5)
        card = json.loads((bundle / "card.json").read_text())
        (bundle / "card.json").write_text(json.dumps({**card, "version": "2"}))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("reload")
        count = len(seen)
        until = time.monotonic() + 60
        while len(seen) < count + 6 and time.monotonic() < until:
            time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join(60)
        assert {status for status, _ in seen} == {200}
        assert {model for _, model in seen} == {"mine@1", "mine@2"}
        assert seen[-1][1] == "mine@2"

        # A list that is broken changes nothing; mended, it is in force.
        blocked.write_text("broken\n")
        server.process.send_signal(signal.SIGHUP)
        (_, failed) = server.wait_for("reload", 2)
        assert failed["outcome"] == "failed"
        assert "blocked.txt" in failed["detail"]
        assert classify(url, photo).json()["results"][0]["decision"] == "allow"
        blocked.write_text(hashlib.sha256(photo.read_bytes()).hexdigest() + "\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("reload", 3)
        assert classify(url, photo).json()["results"][0]["decision"] == "block"


def test_files_are_watched_where_that_is_asked_for(photo: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("0" * 64 + "\n")
    with serving("--allow-list", allowed, "--reload", "0.1") as server:
        url, new = server.url, tmp_path / "new.txt"
        new.write_text("1" * 64 + "\n" + hashlib.sha256(photo.read_bytes()).hexdigest() + "\n")
        new.replace(allowed)  # it is looked at all the time: never half of it
        server.wait_for("reload")
        result = classify(url, photo).json()["results"][0]
    assert result["reason"] == "allow list allowed.txt (sha256)"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "none"], "no model 'none'"),
        (["--model", "efficientnet_lite0"], "has no classes"),
        (["--model", "mobilenet_v2", "--model", "mobilenet_v2"], "two models are called"),
        (["--policy", "none.toml"], "no policy 'none.toml'"),
        (["--keys", "none.toml"], "figleaf keys"),
        (["--block-list", "none.txt"], "none.txt"),
        (["--port", "70000"], "--port must be from 0 to 65535"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        (["--host", "\ud55c\uae00..example"], "cannot listen on"),
        (["--decode-deadline", "0"], "--decode-deadline must be"),
        (["--cors-origin", "https://app.example/"], "--cors-origin must be as browsers send it"),
        (["--cors-origin", "app.example"], "--cors-origin must be as browsers send it"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(options: list[str], words: str) -> None:
    command = [str(FIGLEAF), "serve", *options]
    command += [] if "--port" in options else ["--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_port_that_is_taken(photo: Path) -> None:
    with serving() as server:
        port = server.url.rpartition(":")[2]
        command = [str(FIGLEAF), "serve", "--port", port, "--model", "mobilenet_v2"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr


def test_workers_end_with_the_server() -> None:
    with serving() as server:
        _ = server.url
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        if not children.exists():
            pytest.skip("no list of children here")
        workers = [int(pid) for pid in children.read_text().split()]
        assert len(workers) == 1
        server.process.kill()
        server.process.wait()
        until = time.monotonic() + 20
        while any(_is_alive(pid) for pid in workers) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(_is_alive(pid) for pid in workers)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


@pytest.mark.parametrize(("rate", "line"), [("20", "rate = 20"), ("1234567.5", "rate = 1234567.5")])
def test_a_key_has_the_rate_that_was_said(rate: str, line: str) -> None:
    command = [str(FIGLEAF), "keys", "website", "--rate", rate]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    assert line in made.stdout.splitlines()


def test_a_rate_that_no_file_of_keys_may_have_is_refused() -> None:
    command = [str(FIGLEAF), "keys", "website", "--rate", "inf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--rate must be" in done.stderr


def test_a_key_is_made_and_works(photo: Path, tmp_path: Path) -> None:
    made = subprocess.run(
        [FIGLEAF, "keys", "website", "--rate", "100"], capture_output=True, text=True, check=True
    )
    key = made.stderr.split()[-1]
    assert key not in made.stdout
    keys = tmp_path / "keys.toml"
    keys.write_text(made.stdout)
    with serving("--keys", keys) as server:
        assert classify(server.url, photo).status_code == 401
        assert classify(server.url, photo, authorization=f"Bearer {key}").status_code == 200
