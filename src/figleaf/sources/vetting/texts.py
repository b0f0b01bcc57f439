"""How a text may be read: decoded, folded, split into words in every way that borders may lie."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import product
from urllib.parse import unquote_to_bytes

_ROUNDS = 8
"""How often percent-encoding is undone at most; URLs that were passed on have two or three."""


def readings(text: str) -> tuple[str, ...]:
    """The ways to read a text: as it stands, decoded once, twice and so on; each folded."""
    if not may_change(text):
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


def may_change(text: str) -> bool:
    """Whether a text may have other readings than itself."""
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


WORD = re.compile(r"[a-z]+|[0-9]+")
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def words_of(text: str) -> Iterable[tuple[str, ...]]:
    """The words of a text and the numbers between them, in lower case; all ways to see borders."""
    # Not a set: it must be the same term each time that is named first.
    found: dict[tuple[str, ...], None] = {}
    for spelling in _spellings(text):
        found[tuple(WORD.findall(spelling.lower()))] = None
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
