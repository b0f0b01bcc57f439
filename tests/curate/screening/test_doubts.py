"""When scores contradict a class, and how much."""

import pytest

from figleaf import labels
from figleaf.curate.screening.doubts import DoubtKind, doubt, expected_class, unsafe_score
from figleaf.curate.screening.rules import ScreenRules
from figleaf.errors import InputError

from .samples import Scores, scores

RULES = ScreenRules(same={"comics": "drawings", "Porn stars": "porn", "neutral": "drawings"})
AMONG_UNSAFE, AMONG_SAFE, OTHER = (
    DoubtKind.SAFE_AMONG_UNSAFE,
    DoubtKind.UNSAFE_AMONG_SAFE,
    DoubtKind.OTHER_CLASS,
)
SURE = scores(neutral=0.97, drawings=0.02)
NEVER = ScreenRules(safe_below=0, unsafe_above=1, other_above=1)


@pytest.mark.parametrize(
    ("label", "said", "kind", "degree", "detail"),
    [
        ("porn", SURE, AMONG_UNSAFE, 0.99, "unsafe 0.010"),
        ("hentai", SURE, AMONG_UNSAFE, 0.99, "unsafe 0.010"),
        ("nsfw", SURE, AMONG_UNSAFE, 0.99, "unsafe 0.010"),
        ("neutral", SURE, None, 0, ""),
        ("sfw", SURE, None, 0, ""),
        ("drawings", SURE, OTHER, 0.97, "neutral 0.970"),
        ("neutral", scores(porn=0.5, sexy=0.3, hentai=0.15), AMONG_SAFE, 0.95, "unsafe 0.950"),
        ("sfw", scores(porn=0.95), AMONG_SAFE, 0.975, "unsafe 0.975"),
        ("sexy", scores(porn=0.92), OTHER, 0.92, "porn 0.920"),
        ("nsfw", scores(porn=0.92), None, 0, ""),
        ("porn", scores(porn=0.92), None, 0, ""),
        ("neutral", scores(neutral=0.2), None, 0, ""),
        ("drawings", {"sfw": 0.99, "nsfw": 0.01}, None, 0, ""),
        ("drawings", {"nsfw": 0.99, "sfw": 0.01}, AMONG_SAFE, 0.99, "unsafe 0.990"),
        ("sexy", {"sfw": 0.99, "nsfw": 0.01}, AMONG_UNSAFE, 0.99, "unsafe 0.010"),
        ("sfw", {"nsfw": 0.99, "sfw": 0.01}, AMONG_SAFE, 0.99, "unsafe 0.990"),
    ],
)
def test_doubts(
    label: str, said: Scores, kind: DoubtKind | None, degree: float, detail: str
) -> None:
    expected = labels.find(label)
    assert expected
    found = doubt(expected, said, ScreenRules())
    assert (found.kind if found else None) == kind
    if found:
        assert found.degree == pytest.approx(degree)
        assert found.detail == detail


@pytest.mark.parametrize(
    ("label", "said", "name"),
    [
        ("porn", {"sfw": 0.9, "nsfw": 0.1}, "safe_below"),
        ("neutral", {"sfw": 0.1, "nsfw": 0.9}, "unsafe_above"),
        ("neutral", {"drawings": 0.9, "neutral": 0.1}, "other_above"),
    ],
)
def test_a_limit_itself_counts(label: str, said: Scores, name: str) -> None:
    expected = labels.find(label)
    assert expected
    assert doubt(expected, said, ScreenRules())
    assert not doubt(expected, said, NEVER)
    beyond = {"safe_below": 0.0999, "unsafe_above": 0.9001, "other_above": 0.9001}[name]
    assert not doubt(expected, said, ScreenRules(**{name: beyond}))  # type: ignore[arg-type]  # one of the scores


def test_another_class_is_one_that_is_as_safe() -> None:
    rules = ScreenRules(safe_below=0, unsafe_above=1)
    for label, said in (("porn", SURE), ("neutral", scores(porn=0.99))):
        expected = labels.find(label)
        assert expected
        assert doubt(expected, said, rules) is None


def test_unsafe_is_the_sum_of_the_unsafe_and_at_most_one() -> None:
    assert unsafe_score({"Porn": 0.5, "sexy": 0.25, "neutral": 0.2, "birds": 0.05}) == 0.75
    assert unsafe_score({"porn": 0.7, "sexy": 0.300001}) == 1
    assert unsafe_score({"nsfw": 0.25, "sfw": 0.75}) == 0.25


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("porn", "porn"),
        ("Safe", "sfw"),
        ("comics", "drawings"),
        ("Porn stars", "porn"),
        ("neutral", "drawings"),  # a user's word goes before the name's
        ("Comics", None),
        ("birds", None),
    ],
)
def test_the_class_that_a_class_stands_for(label: str, name: str | None) -> None:
    found = expected_class(label, RULES)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"safe_below": -0.1}, r"safe_below must be a score, 0\.\.1, not -0\.1"),
        ({"unsafe_above": 1.1}, "unsafe_above must be a score"),
        ({"other_above": float("nan")}, "other_above must be a score"),
        ({"limit": 0}, "limit must be at least 1, not 0"),
        ({"same": {"birds": "animals"}}, "'birds': 'animals' is none of drawings, hentai"),
    ],
)
def test_rules_that_cannot_be_meant(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ScreenRules(**values)  # type: ignore[arg-type]  # that is what is tested


def test_rules_as_json() -> None:
    rules = ScreenRules(model="/models/mine", same={"comics": "drawings"}, limit=3)
    assert rules.as_dict()["model"] == "mine"
    assert ScreenRules(**(rules.as_dict() | {"model": "/models/mine"})) == rules
