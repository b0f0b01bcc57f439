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
import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import product
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any
from urllib.parse import unquote_to_bytes

from figleaf.errors import RulesError

TERMS = Path(__file__).with_name("deny.toml")
FORMAT = 1
MAX_RULES_BYTES = 1 << 20
"""A file of rules that is larger was given by mistake."""

_ROUNDS = 8
"""How often percent-encoding is undone at most; URLs that were passed on have two or three."""


@dataclass(frozen=True, slots=True)
class Denied:
    """What a text is denied for: a term and its group, as deny.toml names them, the tier, and why.

    An age is named by the range that it is in: "18-19 years old".
    """

    term: str
    group: str
    tier: int
    why: str


@dataclass(frozen=True, slots=True)
class Exemption:
    """Who lifted which terms or groups of tier 2, why, when; `sha256` is the file's, in hex."""

    name: str
    reason: str
    date: date
    terms: tuple[str, ...]
    sha256: str


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
                for term, denied in _terms(raw, way)
                if not {denied.term, denied.group} & lifted
            ]
            for way in ("words", "inside", "anywhere", "ages")
        }
        innocent = raw["innocent"]
        self._latin = _LatinTerms(terms["words"], terms["inside"], innocent["words"])
        self._unspaced = _UnspacedTerms(terms["anywhere"], innocent["anywhere"])
        self._ages = _Ages(terms["ages"], raw["units"], innocent["anywhere"])
        self._find_needle = _needles(terms["words"] + terms["inside"]).search
        self._find_age = self._ages.hint.search

    def check(self, *texts: str) -> Denied | None:
        """What the texts are denied for: tier 1 before tier 2, then the first; None for nothing."""
        worst = None
        for text in texts:
            if _may_change(text) or self._may_match(text):
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
        return (
            self._find_needle(raw.translate(_FOLD)) is not None or self._find_age(raw) is not None
        )

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
            for words in _words(form):
                yield from self._latin.find(words)
            yield from self._ages.find_latin(folded)
        if not form.isascii():
            yield from self._unspaced.find(folded)
            yield from self._ages.find_others(folded)


# How a text may be read.


def readings(text: str) -> tuple[str, ...]:
    """The ways to read a text: as it stands, decoded once, twice and so on; each folded."""
    if not _may_change(text):
        return (text,)
    found: dict[str, None] = {}
    for start in dict.fromkeys((text, _folded(text))):
        form, before = start, ""
        for _ in range(_ROUNDS):
            found |= dict.fromkeys(_decoded(form))
            form, before = _unquoted(form), form
            if form == before:
                break
    found |= dict.fromkeys(_folded(_HOST.sub(_from_punycode, form)) for form in list(found))
    return tuple(found)


def _may_change(text: str) -> bool:
    return "%" in text or not text.isascii() or "xn--" in text.lower()


_NOT_UTF8 = re.compile("[\udc80-\udcff]")
"""Surrogates that stand for bytes (PEP 383)."""
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""All others, which stand for nothing."""


def _folded(text: str) -> str:
    """NFKC, without accents and invisible characters."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", _LONE.sub("\ufffd", text))
    # The voicing marks of kana are combining characters too, and lie outside this range.
    kept = (c for c in parts if not "\u0300" <= c <= "\u036f" and unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFKC", "".join(kept))


_ESCAPE = re.compile("%u([0-9A-Fa-f]{4})")
"""What JavaScript's `escape` wrote; pages in Korean and Japanese have it."""


def _unquoted(text: str) -> str:
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return unquote_to_bytes(_bytes(text)).decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return _LONE.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def _decoded(text: str) -> Iterator[str]:
    """The text, and what it is in the encodings of older pages, where it may be in one of them."""
    yield _folded(text)
    # Bytes that are not UTF-8, or that are by chance: two of EUC may be a letter with an accent.
    if not text.isascii() and (_NOT_UTF8.search(text) or max(text) < "\u0800"):
        for codec in ("cp949", "cp932", "euc_jp"):
            yield _folded(_bytes(text).decode(codec, "replace"))


_HOST = re.compile(r"xn--([a-z0-9-]{1,59})", re.IGNORECASE)


def _from_punycode(match: re.Match[str]) -> str:
    try:
        return match[1].encode().decode("punycode")
    except (UnicodeError, OverflowError):
        return match[0]


_WORD = re.compile(r"[a-z]+|[0-9]+")
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def _words(text: str) -> Iterable[tuple[str, ...]]:
    """The words of a text and the numbers between them, in lower case; all ways to see borders."""
    # Not a set: it must be the same term each time that is named first.
    found: dict[tuple[str, ...], None] = {}
    for spelling in _spellings(text):
        found[tuple(_WORD.findall(spelling.lower()))] = None
        found[tuple(word.lower() for word in _CAMEL.findall(spelling))] = None
    return found


_RUN = re.compile(r"[A-Za-z0-9]+")
_MIXED = re.compile(r"[A-Za-z]+(?:[013457]+[A-Za-z]+)+")
_DIGITS = "0123456789"
_AS_I, _AS_L = (str.maketrans("013457", f"o{letter}east") for letter in "il")


def _spellings(text: str) -> Iterator[str]:
    """The text, and with digits as letters where they stand within a word ("t33n", not "rap3").

    Digits at a word's end are read in both ways: "r4pe18", "l0l1".
    """
    yield text
    if any(_MIXED.fullmatch(run.strip(_DIGITS)) for run in _RUN.findall(text)):
        for letters, ends in product((_AS_I, _AS_L), (False, True)):
            yield _RUN.sub(partial(_respelled, letters=letters, ends=ends), text)


def _respelled(run: re.Match[str], *, letters: dict[int, int], ends: bool) -> str:
    core = run[0].strip(_DIGITS)
    if not _MIXED.fullmatch(core):
        return run[0]
    return run[0].translate(letters) if ends else run[0].replace(core, core.translate(letters))


# What is searched in it.

_Terms = Sequence[tuple[str, Denied]]


def _terms(raw: dict[str, Any], way: str) -> list[tuple[str, Denied]]:
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
    return tuple(_WORD.findall(term))


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


class _LatinTerms:
    """Whole words, phrases, and stems within words."""

    def __init__(self, words: _Terms, inside: _Terms, innocent: Iterable[str]) -> None:
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


class _UnspacedTerms:
    """Korean and Japanese terms: anywhere, since no borders of words are written."""

    def __init__(self, terms: _Terms, innocent: Iterable[str]) -> None:
        covers = [_Cover(_unpunctuated(word), True, True) for word in innocent]
        self._terms = [
            (term, denied, _covering(term, covers))
            for term, denied in ((_unpunctuated(term), denied) for term, denied in terms)
        ]

    def find(self, text: str) -> Iterator[Denied]:
        text = _unpunctuated(text)
        for term, denied, covers in self._terms:
            if term in text and _stands_bare(term, text, covers):
                yield denied


def _unpunctuated(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text)


class _Ages:
    """A number, perhaps a separator, and a unit: "16yo", "16-year-old", "16歳"."""

    def __init__(self, terms: _Terms, units: Sequence[str], innocent: Iterable[str]) -> None:
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
        return self._find(self._latin, text)

    def find_others(self, text: str) -> Iterator[Denied]:
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


# The short cut.

_FOLD = bytes.maketrans(
    (ascii_uppercase + "013457l").encode(),
    (ascii_lowercase.replace("l", "i") + "oieasti").encode(),
)
"""Lower case, digits as the letters that they stand for; "1" is "i" or "l", so these are one."""


def _needles(terms: _Terms) -> re.Pattern[bytes]:
    """A pattern for folded ASCII that is in every text in which a term is, and in few others."""
    folded = {" ".join(_split(term)).encode().translate(_FOLD).decode() for term, _ in terms}
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


# Reading the files.


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
    table, data = read_rules(exemption, "an exemption file")
    try:
        lifted = _parse_exemption(table, hashlib.sha256(data).hexdigest(), today or date.today())
        _check_liftable(lifted.terms, raw)
    except RulesError as error:
        raise RulesError(f"{exemption}: {error}") from None
    return DenyList(raw, sha256, lifted)


def read_rules(path: Path, what: str) -> tuple[dict[str, Any], bytes]:
    """A TOML file of rules as a table and, for its hash, as bytes.

    Args:
        path: a regular file; a pipe or a device could go on for ever.
        what: the file's purpose, for messages.

    Raises:
        RulesError: it is missing, cannot be read, is over 1 MiB or not TOML.
    """
    if not path.is_file():
        raise RulesError(f"{path}: no such file; {what} is a TOML file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RULES_BYTES + 1)
    except OSError as error:
        raise RulesError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_RULES_BYTES:
        raise RulesError(f"{path}: over {MAX_RULES_BYTES:,} bytes, which {what} never needs")
    try:
        return tomllib.loads(data.decode("utf-8-sig")), data
    except (ValueError, RecursionError) as error:
        raise RulesError(f"{path}: not a TOML file ({error})") from error


_FIELDS = {"format", "name", "reason", "date", "terms"}


def _parse_exemption(raw: dict[str, Any], sha256: str, today: date) -> Exemption:
    if unknown := sorted(raw.keys() - _FIELDS):
        raise RulesError(f"unknown field {unknown[0]!r}; there are {', '.join(sorted(_FIELDS))}")
    if type(raw.get("format")) is not int or raw["format"] != FORMAT:
        raise RulesError(f"'format' is {raw.get('format')!r}, this figleaf reads {FORMAT}")
    day = raw.get("date")
    if not isinstance(day, date) or isinstance(day, datetime):
        raise RulesError(f"'date' is {day!r}, not a date such as {today} without quotes")
    if day > today:
        raise RulesError(f"'date' is {day}, in the future; today is {today}")
    terms = raw.get("terms")
    if not isinstance(terms, list) or not terms or not all(isinstance(t, str) for t in terms):
        raise RulesError(f"'terms' is {terms!r}, not a list of terms or groups of tier 2")
    name, reason = (_sentence(raw, key) for key in ("name", "reason"))
    return Exemption(name, reason, day, tuple(terms), sha256)


def _sentence(raw: dict[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise RulesError(f"{key!r} is {value!r}; say in one line who lifts the terms, and why")
    return value.strip()


def _check_liftable(terms: Iterable[str], raw: dict[str, Any]) -> None:
    tiers = {name: group["tier"] for name, group in raw["groups"].items()}
    groups = ", ".join(name for name, tier in tiers.items() if tier == 2)
    for way in ("words", "inside", "anywhere", "ages"):
        tiers |= {term: denied.tier for term, denied in _terms(raw, way)}
    allowed = f"allowed are these groups and their terms, as deny.toml has them: {groups}"
    for term in terms:
        if tiers.get(term) == 1:
            raise RulesError(
                f"'terms' has {term!r}, which is of tier 1: nothing lifts it; {allowed}"
            )
        if term not in tiers:
            raise RulesError(f"'terms' has {term!r}, which is no denied term; {allowed}")
