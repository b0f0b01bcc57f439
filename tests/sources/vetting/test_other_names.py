"""Denied words in whatever a source calls an item, under whichever class the user puts it."""

import json
from pathlib import Path

import pytest

from figleaf.dataset.records import Reason
from figleaf.sources.readers.opening import open_source
from figleaf.sources.vetting.categories import load_categories
from figleaf.sources.vetting.deny import load_deny_list
from figleaf.sources.vetting.plan import decide

from ..readers.makers import picture, shard, write

DENY, CATEGORIES = load_deny_list(), load_categories()
WORD = "preteen"


def reasons(spec: str) -> set[Reason | None]:
    """What becomes of everything that a source names."""
    return {decide(item, DENY, CATEGORIES).reason for item in open_source(spec).items()}


def table(root: Path) -> Path:
    return write(root / "t.csv", f"url,label\nhttp://example.com/1.jpg,{WORD}\n")


def url_list(root: Path) -> Path:
    return write(root / f"raw_data/{WORD}/forum/urls.txt", "http://example.com/2.jpg\n")


def classes(root: Path) -> Path:
    return shard(root / "a.tar", {"0.cls": WORD.encode(), "0.jpg": picture()})


@pytest.mark.parametrize("source", [table, url_list, classes])
@pytest.mark.parametrize("label", ["", "porn="])
def test_the_class_that_the_users_own_replaces(tmp_path: Path, source: object, label: str) -> None:
    assert callable(source)
    assert reasons(f"{label}{source(tmp_path)}") == {Reason.DENIED}


@pytest.mark.parametrize("order", [("json", "cls"), ("cls", "json")])
def test_a_class_in_json_beside_another_one(tmp_path: Path, order: tuple[str, str]) -> None:
    said = {"json": json.dumps({"label": WORD}).encode(), "cls": b"porn"}
    members = {f"0.{kind}": said[kind] for kind in order} | {"0.jpg": picture()}
    assert reasons(str(shard(tmp_path / "a.tar", members))) == {Reason.DENIED}


def test_a_members_name_beside_its_url(tmp_path: Path) -> None:
    said = json.dumps({"url": "http://example.com/3.jpg", "label": "porn"}).encode()
    members = {f"{WORD}.json": said, f"{WORD}.jpg": picture()}
    assert reasons(str(shard(tmp_path / "a.tar", members))) == {Reason.DENIED}


@pytest.mark.parametrize(
    "row",
    [f"url,label,split\nhttp://a.b/4.jpg,porn,{WORD}", f"url,path\nhttp://a.b/4.jpg,{WORD}/x.jpg"],
)
def test_the_other_columns_of_a_table(tmp_path: Path, row: str) -> None:
    assert reasons(f"porn={write(tmp_path / 't.csv', row)}") == {Reason.DENIED}
