"""Denied terms and how each kind of them is looked for in a text."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from figleaf.sources.vetting.texts import WORD


@dataclass(frozen=True, slots=True)
class Denied:
    """What a text is denied for: a term and its group, as deny.toml names them, the tier, and why.

    An age is named by the range that it is in: "18-19 years old".
    """

    term: str
    group: str
    tier: int
    why: str


Terms = Sequence[tuple[str, Denied]]


def terms_of(raw: dict[str, Any], way: str) -> list[tuple[str, Denied]]:
    """The terms of all groups that are searched in one way, those of tier 1 first."""
    groups = sorted(raw["groups"].items(), key=lambda group: int(group[1]["tier"]))
    return [
        (term, Denied(term, name, group["tier"], group["why"]))
        for name, group in groups
        for term in (_ages_of(group) if way == "ages" else group[way])
    ]


def _ages_of(group: dict[str, Any]) -> list[str]:
    return ["{}-{} years old".format(*group["ages"])] if "ages" in group else []


def _split(term: str) -> tuple[str, ...]:
    return tuple(WORD.findall(term))


@dataclass(frozen=True, slots=True)
class _Phrase:
    words: tuple[str, ...]
    denied: Denied
    may_go_on: bool

    def stands_at(self, place: int, words: Sequence[str]) -> bool:
        there = words[place : place + len(self.words)]
        if len(there) < len(self.words) or there[:-1] != self.words[:-1]:
            return False
        # A number does not go on: "under 180" is not "under 18".
        goes_on = self.may_go_on and there[-1].isalpha()
        return there[-1].startswith(self.words[-1]) if goes_on else there[-1] == self.words[-1]


class LatinTerms:
    """Whole words, phrases, and stems within words."""

    def __init__(self, words: Terms, inside: Terms, innocent: Iterable[str]) -> None:
        self._words: dict[str, Denied] = {}
        self._phrases: dict[str, list[_Phrase]] = defaultdict(list)
        self._stems: dict[str, Denied] = {}
        for term, denied in words:
            self._add(_split(term), denied, self._words, may_go_on=False)
        for term, denied in inside:
            self._add(_split(term), denied, self._stems, may_go_on=True)
        covers = [_cover(word) for word in innocent]
        self._covers = {stem: _covering(stem, covers) for stem in self._stems}
        self._innocent = [_split(phrase) for phrase in innocent if " " in phrase]

    def _add(
        self, words: tuple[str, ...], denied: Denied, single: dict[str, Denied], *, may_go_on: bool
    ) -> None:
        single.setdefault("".join(words), denied)
        if len(words) > 1:
            self._phrases[words[0]].append(_Phrase(words, denied, may_go_on))

    def find(self, words: tuple[str, ...]) -> Iterator[Denied]:
        """What stands in the words of a text, in lower case."""
        joined = " ".join(words)
        stems = [stem for stem in self._stems if stem in joined]
        innocent = self._innocent_places(words)
        for place, word in enumerate(words):
            if place not in innocent:
                yield from self._find_in_word(word, stems)
            for phrase in self._phrases.get(word, ()):
                if phrase.stands_at(place, words):
                    yield phrase.denied

    def _find_in_word(self, word: str, stems: Iterable[str]) -> Iterator[Denied]:
        if word in self._words:
            yield self._words[word]
        for stem in stems:
            if _stands_bare(stem, word, self._covers[stem]):
                yield self._stems[stem]

    def _innocent_places(self, words: tuple[str, ...]) -> set[int]:
        return {
            place
            for phrase in self._innocent
            if phrase[0] in words
            for start in range(len(words))
            if words[start : start + len(phrase)] == phrase
            for place in range(start, start + len(phrase))
        }


class UnspacedTerms:
    """Korean and Japanese terms: anywhere, since no borders of words are written."""

    def __init__(self, terms: Terms, innocent: Iterable[str]) -> None:
        covers = [_Cover(_unpunctuated(word), True, True) for word in innocent]
        self._terms = [
            (term, denied, _covering(term, covers))
            for term, denied in ((_unpunctuated(term), denied) for term, denied in terms)
        ]

    def find(self, text: str) -> Iterator[Denied]:
        """What stands in a casefolded text."""
        text = _unpunctuated(text)
        for term, denied, covers in self._terms:
            if term in text and _stands_bare(term, text, covers):
                yield denied


def _unpunctuated(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text)


class Ages:
    """A number, perhaps a separator, and a unit: "16yo", "16-year-old", "16歳"."""

    def __init__(self, terms: Terms, units: Sequence[str], innocent: Iterable[str]) -> None:
        self._ranges = [
            (range(int(low), int(high) + 1), denied)
            for term, denied in terms
            for low, high in [term.split()[0].split("-")]
        ]
        latin = [r"[\W_]{0,3}".join(unit.split()) for unit in units if unit.isascii()]
        others = [
            unit + "".join(f"(?!{word[len(unit) :]})" for word in innocent if word.startswith(unit))
            for unit in units
            if not unit.isascii()
        ]
        unit = rf"[\W_]{{0,3}}(?:{'|'.join(latin)})"
        # Names that are drawn at random, as image hosts do, have ages by chance: one digit needs
        # a border on either side, two need one or three letters before them.
        self._latin = re.compile(
            rf"(?<![a-z0-9])([0-9]){unit}(?![a-z0-9])"
            rf"|(?:(?<![a-z0-9])|(?<=[a-z]{{3}}))([0-9]{{2}}){unit}(?![a-z])"
        )
        self._others = re.compile(rf"(?<![0-9.])([0-9]{{1,2}})[\W_]?(?:{'|'.join(others)})")
        self.hint = re.compile(f"[0-9]{unit}".encode(), re.IGNORECASE)

    def find_latin(self, text: str) -> Iterator[Denied]:
        """Ages with units in Latin letters, in a casefolded text."""
        return self._find(self._latin, text)

    def find_others(self, text: str) -> Iterator[Denied]:
        """Ages with all other units."""
        return self._find(self._others, text)

    def _find(self, pattern: re.Pattern[str], text: str) -> Iterator[Denied]:
        for match in pattern.finditer(text):
            age = int(match[match.lastindex or 0])
            yield from (denied for ages, denied in self._ranges if age in ages)


@dataclass(frozen=True, slots=True)
class _Cover:
    """An innocent word: where it stands in a longer one, it counts if that side is open."""

    word: str
    open_left: bool
    open_right: bool

    def covers(self, start: int, end: int, text: str) -> bool:
        around = range(max(0, end - len(self.word)), start + 1)
        return any(
            text.startswith(self.word, at)
            and (self.open_left or at == 0)
            and (self.open_right or at + len(self.word) == len(text))
            for at in around
        )


def _cover(entry: str) -> _Cover:
    return _Cover("".join(_split(entry)), entry.startswith("*"), entry.endswith("*"))


def _covering(term: str, covers: Iterable[_Cover]) -> list[_Cover]:
    return [cover for cover in covers if term in cover.word and term != cover.word]


def _places(part: str, text: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def _stands_bare(term: str, text: str, covers: Sequence[_Cover]) -> bool:
    """Whether the term stands somewhere in the text without an innocent word around it."""
    return any(
        not any(cover.covers(place, place + len(term), text) for cover in covers)
        # "110대" is not "10대".
        and not (term[0].isdigit() and text[place - 1 : place].isdigit())
        for place in _places(term, text)
    )


FOLD = bytes.maketrans(
    (ascii_uppercase + "013457l").encode(),
    (ascii_lowercase.replace("l", "i") + "oieasti").encode(),
)
"""Lower case, digits as the letters that they stand for; "1" is "i" or "l", so these are one."""


def needles(terms: Terms) -> re.Pattern[bytes]:
    """A pattern for folded ASCII that is in every text in which a term is, and in few others."""
    folded = {" ".join(_split(term)).encode().translate(FOLD).decode() for term, _ in terms}
    shortest = [one for one in folded if not any(o in one for o in folded if o != one)]
    return re.compile(_trie(set(shortest)).encode())


def _trie(words: set[str]) -> str:
    """A pattern of alternatives without a common beginning: many times faster than a plain list."""
    if words == {""}:
        return ""
    tails: dict[str, set[str]] = defaultdict(set)
    for word in words:
        tails[word[0]].add(word[1:])
    branches = [
        ("[^a-z]*" if first == " " else re.escape(first)) + _trie(rest)
        for first, rest in sorted(tails.items())
    ]
    return f"(?:{'|'.join(branches)})"
