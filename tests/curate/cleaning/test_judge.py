"""The rules that look at one image alone, at and beside their limits."""

from dataclasses import replace
from typing import Any

import pytest

from figleaf.curate.cleaning.judge import Facts, judge
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.dataset.quarantine import Quarantine
from figleaf.errors import Status

FINE = Facts(Status.OK, "", width=640, height=480, size=50_000, spread=60.0)
RULES = CleanRules(
    min_side=100, min_bytes=500, max_pixels=10**6, max_bytes=10**5, max_aspect=2, min_spread=3
)


def reasons(rules: CleanRules = RULES, **facts: Any) -> list[str]:
    return [found.reason.value for found in judge(replace(FINE, **facts), rules)]


def why(**facts: Any) -> str:
    return next(judge(replace(FINE, **facts), RULES)).why


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"width": 100, "height": 100}, []),
        ({"width": 100, "height": 99}, ["too_small"]),
        ({"size": 500}, []),
        ({"size": 499}, ["too_small"]),
        ({"width": 1000, "height": 1000}, []),
        ({"width": 1001, "height": 1000}, ["too_large"]),
        ({"size": 10**5}, []),
        ({"size": 10**5 + 1}, ["too_large"]),
        ({"width": 400, "height": 200}, []),
        ({"width": 200, "height": 401}, ["aspect_ratio"]),
        ({"spread": 3.0}, []),
        ({"spread": 2.99}, ["single_colour"]),
        ({"spread": 0.0}, ["single_colour"]),
        ({"spread": None}, []),
        ({"placeholder": "the host's"}, ["placeholder"]),
        ({"width": 161, "height": 81}, ["placeholder", "too_small"]),
        ({"width": 81, "height": 161}, ["too_small"]),
        ({"status": Status.TRUNCATED, "spread": None}, ["broken"]),
        ({"status": "altered", "width": 5, "height": 1}, ["broken", "too_small", "aspect_ratio"]),
    ],
)
def test_limits(facts: dict[str, Any], expected: list[str]) -> None:
    assert reasons(**facts) == expected


@pytest.mark.parametrize("status", [Status.TOO_MANY_PIXELS, Status.TOO_MANY_BYTES])
def test_what_is_too_large_to_decode_is_not_broken(status: Status) -> None:
    assert reasons(status=status, detail="a lot", spread=None) == ["too_large"]
    assert why(status=status, detail="a lot") == "a lot"
    assert not reasons(CleanRules(off=("too_large",)), status=status, spread=None)


def test_a_rule_that_is_off_holds_of_nothing() -> None:
    everything: dict[str, Any] = {
        "status": Status.CORRUPT,
        "placeholder": "the host's",
        "width": 10_000,
        "height": 99,
        "size": 10**6,
        "spread": 0.0,
    }
    found = reasons(RULES, **everything)
    assert found == [
        *("broken", "placeholder", "too_small", "too_large", "aspect_ratio", "single_colour")
    ]
    for rule in Quarantine:
        if rule in found:
            rest = [one for one in found if one != rule]
            assert reasons(replace(RULES, off=(rule,)), **everything) == rest


def test_why() -> None:
    assert why(status=Status.CORRUPT, detail="a bad marker") == "corrupt: a bad marker"
    assert why(width=99) == "99x480, a side under 100"
    assert why(size=499) == "499 bytes, under 500"
    assert why(width=2000, height=1000) == "2000x1000 is 2,000,000 pixels, over 1,000,000"
    assert why(size=123_456) == "123,456 bytes, over 100,000"
    assert why(height=200) == "640x200 is 3.2 to 1, over 2"
    assert why(spread=1.25) == "a spread of 1.2 of 255, under 3"
