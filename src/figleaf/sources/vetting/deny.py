"""Denied words: what is neither fetched nor read, whatever else is asked for.

`deny.toml` holds the terms in groups of two tiers. Tier 1 (children and teenagers, sexual violence,
bestiality, incest) is never lifted. Tier 2 (lack of consent, people who look young) is denied until
an exemption file lifts terms or groups of it:

    format = 1
    name = "campus architecture"
    reason = "Licensed pictures of buildings without people; contract 17."
    date = 2025-03-01                            not in the future
    terms = ["college", "nude-families"]         terms and groups of tier 2, as deny.toml has them

A text is searched as it stands and with its percent-encoding undone, however often it was applied;
Unicode's compatibility forms and accents are folded, punycode hosts decoded, digits within a word
read as letters ("t33n"). A word ends at whatever is no letter and at a camelCase border. This finds
plain words; it does not outwit whoever hides them.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from figleaf.sources.vetting.exemption import Exemption, load_exemption
from figleaf.sources.vetting.tables import read_rules
from figleaf.sources.vetting.terms import (
    FOLD,
    Ages,
    Denied,
    LatinTerms,
    UnspacedTerms,
    needles,
    terms_of,
)
from figleaf.sources.vetting.texts import may_change, readings, words_of

__all__ = ["Denied", "DenyList", "Exemption", "load_deny_list"]

TERMS = Path(__file__).with_name("deny.toml")


class DenyList:
    """The terms in force; `load_deny_list` makes one. May be asked from many threads.

    Attributes:
        sha256: of the deny.toml that ships, in hex.
        exemption: what was lifted; None for nothing.
    """

    def __init__(
        self, raw: dict[str, Any], sha256: str, exemption: Exemption | None = None
    ) -> None:
        self.sha256 = sha256
        self.exemption = exemption
        lifted = set(exemption.terms) if exemption else set()
        terms = {
            way: [
                (term, denied)
                for term, denied in terms_of(raw, way)
                if not {denied.term, denied.group} & lifted
            ]
            for way in ("words", "inside", "anywhere", "ages")
        }
        innocent = raw["innocent"]
        self._latin = LatinTerms(terms["words"], terms["inside"], innocent["words"])
        self._unspaced = UnspacedTerms(terms["anywhere"], innocent["anywhere"])
        self._ages = Ages(terms["ages"], raw["units"], innocent["anywhere"])
        self._find_needle = needles(terms["words"] + terms["inside"]).search
        self._find_age = self._ages.hint.search

    def check(self, *texts: str) -> Denied | None:
        """What the texts are denied for: tier 1 before tier 2, then the first; None for nothing."""
        worst = None
        for text in texts:
            if may_change(text) or self._may_match(text):
                found = self._search(text, self._may_match)
                if found and (worst is None or found.tier < worst.tier):
                    worst = found
        return worst

    def search(self, text: str) -> Denied | None:
        """What `check` says of one text, without its short cut: slow, for holding it to this."""
        return self._search(text, lambda form: True)

    def _may_match(self, text: str) -> bool:
        """Whether a Latin term or an age may be in a text: for most an answer in microseconds.

        Never False where one is: the borders of words, the innocent ones and the case of letters
        are left out of account.
        """
        raw = text.encode("ascii", "replace")
        return self._find_needle(raw.translate(FOLD)) is not None or self._find_age(raw) is not None

    def _search(self, text: str, may_match: Callable[[str], bool]) -> Denied | None:
        worst = None
        for form in readings(text):
            for denied in self._all(form, may_match):
                if denied.tier == 1:
                    return denied
                worst = worst or denied
        return worst

    def _all(self, form: str, may_match: Callable[[str], bool]) -> Iterator[Denied]:
        folded = form.casefold()
        if may_match(form):
            for words in words_of(form):
                yield from self._latin.find(words)
            yield from self._ages.find_latin(folded)
        if not form.isascii():
            yield from self._unspaced.find(folded)
            yield from self._ages.find_others(folded)


def load_deny_list(exemption: Path | None = None, *, today: date | None = None) -> DenyList:
    """The terms that ship, less those of tier 2 that an exemption file lifts.

    Args:
        exemption: the file; None for none.
        today: an exemption's date may not lie after it; None for this machine's date.

    Raises:
        RulesError: the file is not valid; the message names what is wrong and what is allowed.
    """
    raw, data = read_rules(TERMS, "the denied words that ship with figleaf")
    sha256 = hashlib.sha256(data).hexdigest()
    if exemption is None:
        return DenyList(raw, sha256)
    lifted = load_exemption(exemption, raw, today or date.today())
    return DenyList(raw, sha256, lifted)
