"""File names, headers and URLs that want to be paths, log lines, terminal codes or HTML."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Victim
from .wire import FORM, HEALTH, ask, form, part, post

NAMES = [
    b"../../../../etc/passwd",
    b"/etc/cron.d/x",
    b"..\\\\..\\\\windows\\\\win.ini",
    b"C:\\\\temp\\\\x.png",
    b"file:///etc/passwd",
    b"\x1b[31mred\x1b[0m",
    b"name\x00.png",
    b"<script>alert(1)</script>",
    b'x","decision":"allow',
    "\u202egnp.exe".encode(),
    b"\xff\xfe",
    "\ud55c\uae00.png".encode(),
    b"n" * 2000,
    b"CON",
    b".",
    b"$(touch pwned)",
    b"`touch pwned`;%n%s{}",
]
WRITES = re.compile(r"\b(mkdir|mkdirat|rename|renameat2|creat|unlink|unlinkat|link|symlink)\(")
CREATES = re.compile(r"\bopen(at|at2)?\(.*O_(WRONLY|RDWR|CREAT|TMPFILE)")


def attack(url: str, photo: Path) -> list[str]:
    """Send everything by every name; gives what the answers call them."""
    shown = []
    for name in NAMES:
        answer = post(url, form(part(photo.read_bytes(), name), part(b"x", name)), FORM)
        assert answer.status in (200, 400)  # a NUL is not allowed in a header
        if answer.status == 200:
            shown += [result["input"] for result in answer.json()["results"]]
    text = json.dumps({"images": [{"base64": "AAAA", "name": "../a\u0000\n\u001b[2J"}]})
    (named,) = post(url, text.encode(), "application/json").json()["results"]
    return [*shown, named["input"]]


def test_names_are_given_back_harmless(victim: Victim, photo: Path) -> None:
    shown = attack(victim.url, photo)
    assert len(shown) > 20
    assert "\ud55c\uae00.png" in shown
    assert all(name.isprintable() and 0 < len(name) <= 255 for name in shown)


def test_no_name_gets_into_the_log(victim: Victim, photo: Path) -> None:
    before = len(victim.log.getvalue())
    attack(victim.url, photo)
    ask(victim.url, HEALTH)
    written = victim.log.getvalue()[before:]
    for word in (b"passwd", b"cron", b"script", b"touch", b"win.ini", b"\\ud55c", b"nnnn"):
        assert word not in written


def test_headers_and_paths_write_no_lines_of_their_own(victim: Victim) -> None:
    before = len(victim.log.events())
    forged = b'x"}\r\n{"at": "2000-01-01", "event": "image", "decision": "allow"}'
    for sent in (
        b"GET /%0a%7b%22event%22%3a%22forged%22%7d HTTP/1.1\r\nHost: test\r\n\r\n",
        b'GET /"}{"event":"forged"} HTTP/1.1\r\nHost: test\r\n\r\n',
        HEALTH[:-2] + b'X-Request-ID: a"} {"event": "forged"\r\n\r\n',
        HEALTH[:-2] + b"X-Request-ID: " + b"a" * 5000 + b"\r\n\r\n",
        HEALTH[:-2] + b"X-Request-ID: \x1b[2J\r\n\r\n",
        HEALTH[:-2] + b"User-Agent: " + forged.replace(b"\r\n", b" ") + b"\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer "
        + b"k" * 99
        + b"\r\n\r\n",
    ):
        answer = ask(victim.url, sent)
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
    events = {line["event"] for line in victim.log.events()[before:]}
    assert events <= {"request", "refused", "server"}  # the last: uvicorn's, in its own words
    assert b"kkkk" not in victim.log.getvalue()


def test_no_answer_has_what_was_raised_in_it(victim: Victim) -> None:
    bodies = [
        post(victim.url, body, content_type, path).body
        for body in (
            b"",
            b"x",
            b'{"images": [{"base64": 1}]}',
            b"--BOUND\r\nx",
            b"\x89PNG\r\n\x1a\n",
        )
        for content_type in ("image/png", "application/json", FORM, "text/x", "multipart/form-data")
        for path in (
            "/v1/classify",
            "/v1/classify?top_k=x",
            "/v1/classify?model=x",
            "/v1",
            "/x\x7f",
        )
    ]
    for text in (body.decode() for body in bodies):
        for word in (
            "Traceback",
            "Error",
            "Exception",
            "site-packages",
            ".py",
            "0x",
            "/work",
            "/home",
        ):
            assert word not in text, text


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_nothing_is_written_anywhere(tmp_path: Path, photo: Path) -> None:
    trace = tmp_path / "trace"
    folders = {name: tmp_path / name for name in ("HOME", "TMPDIR", "current")}
    for folder in folders.values():
        folder.mkdir()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {name: str(folders[name]) for name in ("HOME", "TMPDIR")}
    calls = "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat2,unlink,unlinkat,link,symlink"
    command = ["strace", "-f", "-qq", "-e", f"trace={calls}", "-o", str(trace)]
    command += [sys.executable, "-m", "figleaf", "serve", "--port", "0", "--model", "mobilenet_v2"]
    process = subprocess.Popen(
        command,
        cwd=folders["current"],
        env=environment,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        attack(url, photo)
        large = form(*[part(photo.read_bytes() + bytes(2**21))] * 4)  # frameworks spool these
        assert post(url, large, FORM, timeout=60).status == 200
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    lines = trace.read_text().splitlines()
    assert any("mobilenet_v2" in line for line in lines)  # it did trace
    written = [line for line in lines if WRITES.search(line) or CREATES.search(line)]
    allowed = ("= -1", "/dev/null", "/dev/urandom", '"/proc/')
    assert [line for line in written if not any(word in line for word in allowed)] == []
    assert [list(folder.iterdir()) for folder in folders.values()] == [[], [], []]
