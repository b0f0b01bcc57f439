"""What came of actions, in words for people and tables."""

from collections.abc import Iterable

from figleaf.actions.rules import Outcome


def told_of(outcome: Outcome) -> str:
    """One of them: "moved", or "not moved (no longer there)"."""
    if outcome.ok:
        return outcome.kind.past
    return f"not {outcome.kind.past} ({outcome.reason})"


def places_of(outcomes: Iterable[Outcome]) -> list[str]:
    """The paths that came of them."""
    return [one.to for one in outcomes if one.to is not None]
