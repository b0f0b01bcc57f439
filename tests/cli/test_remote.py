"""URLs on the command line: fetched through the guard, named as they were given, never written."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import figleaf
from figleaf import Classifier, Status
from figleaf.cli.inputs import Inputs, is_url
from figleaf.cli.remote import RemoteFile, Remotes, fetch_rules
from figleaf.errors import ImageError
from figleaf.images import Limits

from ..sources.server import Exchange, MisbehavingServer
from .test_classify import records, run


@pytest.fixture
def server(pictures: Path) -> Iterator[MisbehavingServer]:
    files = {"/rocket.jpg": (pictures / "rocket.jpg").read_bytes()}
    with MisbehavingServer(files) as running:
        yield running


@pytest.fixture
def remotes() -> Iterator[Remotes]:
    with Remotes(fetch_rules(2**20, allow_loopback=True)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.org/a.jpg", True),
        ("HTTP://example.org", True),
        ("http:/a.jpg", False),
        ("ftp://example.org/a.jpg", False),
        ("file:///etc/passwd", False),
        ("photos/https://", False),
    ],
)
def test_what_is_a_url(text: str, expected: bool) -> None:
    assert is_url(text) is expected


def test_files_and_urls_in_order(
    server: MisbehavingServer, remotes: Remotes, classifier: Classifier, pictures: Path
) -> None:
    url, photo = server.url("/rocket.jpg"), str(pictures / "rocket.jpg")
    inputs = Inputs((url, photo, server.url("/page.jpg"), url), (), False, 2**20, remotes.open)
    inputs.check()
    assert inputs.count() == 4
    assert not inputs.is_one_picture
    found = classifier.classify_many(inputs)
    assert [one.input for one in found] == [url, photo, server.url("/page.jpg"), url]
    assert found[0].scores == found[1].scores == found[3].scores
    assert found[2].status is Status.NOT_AN_IMAGE
    assert "/robots.txt" not in server.paths()
    assert {request.headers["user-agent"] for request in server.requests} == {
        f"figleaf/{figleaf.__version__}"
    }


def test_one_url_is_one_picture_whatever_letters_it_has(remotes: Remotes) -> None:
    inputs = Inputs(("https://example.invalid/*?a=[1]",), (), False, 2**20, remotes.open)
    inputs.check()
    assert inputs.is_one_picture
    (source,) = inputs
    assert isinstance(source, RemoteFile)


def test_without_something_to_fetch_a_url_is_a_path(classifier: Classifier) -> None:
    (source,) = Inputs(("https://example.invalid/a.jpg",), (), False, 2**20)
    assert source == "https://example.invalid/a.jpg"
    assert classifier.classify(source).status is Status.NOT_FOUND


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/status/404/a.jpg", Status.NOT_FOUND),
        ("/status/403/a.jpg", Status.UNREADABLE),
        ("/empty", Status.EMPTY),
        ("/endless", Status.TOO_MANY_BYTES),
        ("/bomb", Status.TOO_MANY_BYTES),
        ("/loop", Status.UNREADABLE),
        ("/to?http://169.254.169.254/latest/meta-data/", Status.UNREADABLE),
        ("/to?http://[::ffff:10.0.0.1]/", Status.UNREADABLE),
        ("/to?file:///etc/passwd", Status.UNREADABLE),
    ],
)
def test_what_cannot_be_had_has_a_status(
    server: MisbehavingServer,
    remotes: Remotes,
    classifier: Classifier,
    path: str,
    status: Status,
) -> None:
    server.answers["/endless"] = _endless
    found = classifier.classify(remotes.open(server.url(path)))
    assert (found.input, found.status) == (server.url(path), status)
    assert found.reason
    assert found.decision is figleaf.Decision.REVIEW


async def _endless(exchange: Exchange) -> None:
    """More than the limit, and quickly."""
    await exchange.answer(200, bytes(2**20 + 1))


def test_a_file_is_read_once(server: MisbehavingServer, remotes: Remotes, pictures: Path) -> None:
    source = remotes.open(server.url("/rocket.jpg"))
    assert source.read() == (pictures / "rocket.jpg").read_bytes()
    assert source.read() == b""
    assert source.name == server.url("/rocket.jpg")
    assert isinstance(source, io.BytesIO)


def test_a_few_are_fetched_ahead_and_no_more(server: MisbehavingServer, remotes: Remotes) -> None:
    sources = [remotes.open(server.url("/rocket.jpg")) for _ in range(20)]
    until = time.monotonic() + 60
    while len(server.requests) < 8 and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(server.requests) == 8
    assert all(source.read() for source in sources)
    assert len(server.requests) == 20


def test_whoever_waits_is_told_when_it_ends(server: MisbehavingServer) -> None:
    errors: list[ImageError] = []

    def wait(source: RemoteFile) -> None:
        try:
            source.read()
        except ImageError as error:
            errors.append(error)

    with Remotes(fetch_rules(2**20, allow_loopback=True)) as remotes:
        sources = [remotes.open(server.url("/hang")) for _ in range(10)]
        threads = [threading.Thread(target=wait, args=(source,)) for source in sources]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        remotes.close()
        remotes.close()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
    assert [error.status for error in errors] == [Status.UNREADABLE] * 10


def test_the_command_fetches_from_nowhere_that_is_not_public(
    server: MisbehavingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the command itself, which has no way to allow the loopback interface."""
    monkeypatch.chdir(tmp_path)
    result = run(server.url("/rocket.jpg"), "http://0x7f.1/a.jpg", "-f", "jsonl")
    assert result.exit_code == 3
    for record in records(result):
        assert (record["status"], record["decision"]) == ("unreadable", "review")
        assert "not on the public internet" in record["reason"]
    assert not server.requests
    assert not list(tmp_path.iterdir())


def test_the_limits_of_a_fetch() -> None:
    rules = fetch_rules(Limits().max_bytes)
    assert not rules.robots
    assert not rules.allow_loopback
    assert (rules.max_bytes, rules.retries, rules.max_redirects) == (Limits().max_bytes, 1, 5)
