from pathlib import Path
from typing import Any

import pytest

from figleaf.errors import InputError
from figleaf.images.limits import Limits
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.readers.columns import Columns
from figleaf.sources.rules import CollectRules, FrameRule


def test_files_may_be_given_as_text() -> None:
    chosen: Any = {"categories": "a.toml", "exemption": "b.toml", "root": "c", "blocklists": ["d"]}
    rules = CollectRules(**chosen)
    assert (rules.categories, rules.exemption, rules.root, rules.blocklists) == (
        Path("a.toml"),
        Path("b.toml"),
        Path("c"),
        (Path("d"),),
    )
    assert rules == CollectRules(
        categories=Path("a.toml"), exemption=Path("b.toml"), root=Path("c"), blocklists=(Path("d"),)
    )


def test_what_can_be_meant_is_taken() -> None:
    CollectRules(
        columns=Columns(url="link"),
        fetch=FetchRules(per_host_rate=1.0),
        limits=Limits(max_bytes=1),
        frames=FrameRule(most=0, every=1),
        min_bytes=1,
        decode_deadline=1,
        workers=256,
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("categories", 3, "categories must be a path, not 3"),
        ("categories", "", "categories must be a path"),
        ("exemption", b"a.toml", "exemption must be a path"),
        ("root", ["a"], "root must be a path"),
        ("blocklists", "a.txt", r"blocklists must be a list of files, not 'a.txt'"),
        ("blocklists", Path("a.txt"), "blocklists must be a list of files"),
        ("blocklists", None, "blocklists must be a list of files"),
        ("blocklists", [None], "each of blocklists must be a path, not None"),
        ("columns", {"url": "link"}, "columns must be a Columns"),
        ("columns", None, "columns must be a Columns, not None"),
        ("fetch", {"retries": 1}, "fetch must be a FetchRules"),
        ("limits", 5, "limits must be a Limits, not 5"),
        ("frames", 8, "frames must be a FrameRule, not 8"),
        ("min_bytes", 0, "min_bytes must be a whole number of at least 1, not 0"),
        ("min_bytes", 1.5, "min_bytes must be a whole number"),
        ("min_bytes", True, "min_bytes must be a whole number"),
        ("min_bytes", "6000", "min_bytes must be a whole number"),
        ("decode_deadline", 0, "decode_deadline must be a finite number above zero, not 0"),
        ("decode_deadline", float("nan"), "decode_deadline must be a finite number"),
        ("decode_deadline", float("inf"), "decode_deadline must be a finite number"),
        ("decode_deadline", None, "decode_deadline must be a finite number"),
        ("workers", 0, r"workers must be a whole number in 1\.\.256, not 0"),
        ("workers", 257, r"workers must be a whole number in 1\.\.256"),
        ("workers", "2", r"workers must be a whole number in 1\.\.256"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(name: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CollectRules(**{name: value})


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"most": -1}, "frames must be a whole number, 0 or more, not -1"),
        ({"most": 2.0}, "frames must be a whole number"),
        ({"most": "8"}, "frames must be a whole number"),
        ({"every": 0}, "the seconds between frames must be a finite number above zero, not 0"),
        ({"every": float("nan")}, "the seconds between frames must be a finite number"),
        ({"every": "1"}, "the seconds between frames must be a finite number"),
    ],
)
def test_frames_that_cannot_be_meant_are_refused(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FrameRule(**chosen)
