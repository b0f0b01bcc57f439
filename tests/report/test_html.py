"""Pages as a whole: their policy, and how they name files."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from figleaf.report.html import link


@pytest.mark.parametrize(
    ("file", "beside", "named"),
    [
        ("/data/set/images/ab/c.jpg", "/data", "set/images/ab/c.jpg"),
        ("/data/set/images/ab/c.jpg", "/data/set", "images/ab/c.jpg"),
        ("/data/set/c.jpg", "/data/pages/new", "../../set/c.jpg"),
        ("/data/c.jpg", "/home/me", "file:///data/c.jpg"),
        ("/data/c.jpg", "/", "file:///data/c.jpg"),
        ("/d/a b#c?d%e:옷/c.jpg", "/d", "a%20b%23c%3Fd%25e%3A%EC%98%B7/c.jpg"),
        ("/a b#c?d%/c.jpg", "/d", "file:///a%20b%23c%3Fd%25/c.jpg"),
        ("/d/\udcff/c.jpg", "/d", "%FF/c.jpg"),
        ("/d/javascript:x/c.jpg", "/d", "javascript%3Ax/c.jpg"),
    ],
)
def test_files_are_named_so_that_a_browser_finds_them(file: str, beside: str, named: str) -> None:
    assert link(Path(file), Path(beside)) == named


def policy_of(page: str) -> dict[str, str]:
    (found,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)
    rules = (rule.strip().partition(" ") for rule in found.replace("&#39;", "'").split(";"))
    return {name: value for name, _, value in rules}


def check_page(page: str) -> None:
    """That a page says what it may do, and does no more."""
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    assert policy_of(page) == {
        "default-src": "'none'",
        "img-src": "data: file:",
        "style-src": hashed(style),
        "script-src": hashed(script),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert page.index("Content-Security-Policy") < page.index("<style>")
    for tag, name, value in attributes(page):
        assert not name.startswith("on"), tag
        assert name != "style", tag
        assert name == "data-file" or "://" not in value, tag
        assert name not in ("src", "href") or value.startswith(("data:image/png;", "#")), tag


def attributes(page: str) -> list[tuple[str, str, str]]:
    """Tag, name and value of every attribute."""
    found: list[tuple[str, str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((tag, name, value or "") for name, value in attrs)

    Reader().feed(page)
    return found


def hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
