import os
from pathlib import Path
from typing import Any

import pytest

from figleaf.classify.policy import load_policy, parse_policy, presets
from figleaf.classify.prediction import Decision
from figleaf.errors import PolicyError

GOOD: dict[str, Any] = {
    "format": 1,
    "name": "mine",
    "version": 3,
    "description": "a policy",
    "unreadable": "review",
    "sums": {
        "unsafe": {"classes": ["hentai", "porn", "sexy"], "review": 0.5, "block": 0.9},
        "explicit": {"classes": ["hentai", "porn"], "block": 0.8},
    },
    "classes": {"sexy": {"review": 0.3}},
}


def scores(**unsafe: float) -> dict[str, float]:
    rest = {"drawings": 0.0, "hentai": 0.0, "porn": 0.0, "sexy": 0.0} | unsafe
    return rest | {"neutral": 1 - sum(rest.values())}


@pytest.mark.parametrize(
    ("unsafe", "decision", "reason"),
    [
        ({}, Decision.ALLOW, "unsafe 0.000 < 0.5"),
        ({"porn": 0.5}, Decision.REVIEW, "unsafe 0.500 >= 0.5"),
        ({"porn": 0.499}, Decision.ALLOW, "unsafe 0.499 < 0.5"),
        ({"sexy": 0.3}, Decision.REVIEW, "sexy 0.300 >= 0.3"),
        ({"porn": 0.45, "hentai": 0.4}, Decision.BLOCK, "explicit 0.850 >= 0.8"),
        ({"porn": 0.6, "sexy": 0.35}, Decision.BLOCK, "unsafe 0.950 >= 0.9"),
    ],
)
def test_the_most_severe_rule_decides(
    unsafe: dict[str, float], decision: Decision, reason: str
) -> None:
    assert parse_policy(GOOD).decide(scores(**unsafe)) == (decision, reason)


def test_the_unsafe_score_is_the_sum_and_never_above_one() -> None:
    policy = parse_policy(GOOD)
    assert policy.unsafe_score(scores(porn=0.25, sexy=0.5)) == 0.75
    assert policy.unsafe_score({"porn": 0.7, "sexy": 0.3000001}) == 1.0


def test_a_policy_never_allows_what_it_does_not_know() -> None:
    policy = parse_policy(GOOD)
    decision, reason = policy.decide({"dress": 0.9, "shoes": 0.1})
    assert decision is None
    assert "no rule" in reason
    assert policy.unsafe_score({"dress": 1.0}) is None


def test_classes_go_by_their_aliases() -> None:
    policy = parse_policy(GOOD | {"classes": {"drawing": {"review": 0.5}}})
    assert policy.decide({"Drawings": 0.6, "neutral": 0.4})[0] is Decision.REVIEW


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": 9}, "this figleaf reads 1"),
        ({"threshold": 1}, "unknown field 'threshold'"),
        ({"sums": {}}, r"no \[sums.unsafe\]"),
        ({"sums": {"unsafe": {"classes": []}}}, "not a list of class names"),
        ({"sums": {"unsafe": {"classes": ["porn"], "blok": 1}}}, "unknown field 'blok'"),
        ({"classes": {"porn": {"review": 1.5}}}, "not a number from 0 to 1"),
        ({"classes": {"porn": {"review": True}}}, "not a number from 0 to 1"),
        ({"classes": {"porn": {"review": float("nan")}}}, "not a number from 0 to 1"),
        ({"classes": {"porn": {"review": 0.8, "block": 0.5}}}, "lies above"),
        ({"classes": {"porn": 0.5}}, "not a set of tables"),
        ({"unreadable": "maybe"}, "not one of allow, review, block"),
        ({"version": "1"}, "not of type int"),
    ],
)
def test_a_broken_policy_is_refused_by_field(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint):
        parse_policy(GOOD | changes)


def test_presets_are_sound_and_ordered_by_severity() -> None:
    assert presets() == ("strict", "balanced", "permissive")
    policies = [load_policy(name) for name in presets()]
    for tenth in range(11):
        for shown in (scores(porn=tenth / 10), {"sfw": 1 - tenth / 10, "nsfw": tenth / 10}):
            found = [policy.decide(shown)[0] for policy in policies]
            severities = [decision.severity for decision in found if decision]
            assert severities == sorted(severities, reverse=True)
            assert len(severities) == 3


def test_a_policy_file_is_read_and_its_faults_name_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'format = 1\nname = "mine"\nversion = 1\ndescription = ""\nunreadable = "block"\n'
        '[sums.unsafe]\nclasses = ["nsfw"]\nblock = 0.7\n'
    )
    assert load_policy(path).tag == "mine@1"
    path.write_text("format = ")
    with pytest.raises(PolicyError, match=r"mine\.toml: not a policy file"):
        load_policy(path)
    with pytest.raises(PolicyError, match="neither a preset"):
        load_policy("harsh")


def test_nan_is_never_allowed() -> None:
    assert parse_policy(GOOD).decide(scores(porn=float("nan")))[0] is Decision.BLOCK


def test_a_pipe_and_an_endless_nesting_are_no_policy(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(PolicyError, match="nor a file"):
        load_policy(tmp_path / "pipe.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(PolicyError, match="not a policy file"):
        load_policy(tmp_path / "deep.toml")


def test_a_file_that_is_too_long_is_refused_and_not_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "long.toml"
    path.write_text(
        'format = 1\nname = "long"\nversion = 1\ndescription = ""\nunreadable = "block"\n'
        '[sums.unsafe]\nclasses = ["nsfw"]\nreview = 0.7\n' + "#\n" * 2**19 + "block = 0.8\n"
    )
    with pytest.raises(PolicyError, match="over 1,048,576 bytes"):
        load_policy(path)
