"""The rules as a value: what cannot be meant is refused."""

from typing import Any

import pytest

from figleaf.curate.cleaning.rules import RULES, CleanRules
from figleaf.dataset.quarantine import OF_SAFETY, Quarantine
from figleaf.errors import InputError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"off": "broken"}, r"off='broken': give a list of rules, \['broken'\]"),
        ({"off": ("blurred",)}, "no rule 'blurred': they are broken, placeholder, too_small"),
        ({"off": ("denied",)}, "no rule 'denied'"),
        ({"min_side": 0}, "min_side must be at least 1, not 0"),
        ({"max_aspect": 0.5}, "max_aspect must be at least 1, not 0.5"),
        ({"max_aspect": float("nan")}, "max_aspect must be at least 1, not nan"),
        ({"min_spread": 129}, r"min_spread must be 0..128, not 129"),
        ({"distance": 65}, r"distance must be 0..64, not 65"),
        ({"min_quality": -1}, r"min_quality must be 0..100, not -1"),
        ({"placeholder_urls": 1}, "placeholder_urls must be at least 2, not 1"),
        ({"placeholder_sizes": ((161,),)}, r"placeholder_sizes: \(161,\) is no width and height"),
        ({"placeholder_sizes": ((0, 81),)}, "is no width and height"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CleanRules(**values)


def test_rules_that_are_off_are_named_once_by_any_name_for_them() -> None:
    rules = CleanRules(off=(Quarantine.TOO_SMALL, "too_small", "broken"))
    assert rules.off == ("broken", "too_small")
    assert not rules.holds(Quarantine.TOO_SMALL)
    assert rules.holds(Quarantine.TOO_LARGE)


def test_no_rule_is_a_reason_of_safety_or_another_tools() -> None:
    assert not OF_SAFETY & set(RULES)
    assert set(Quarantine) - OF_SAFETY - set(RULES) == {Quarantine.SCREENED}
