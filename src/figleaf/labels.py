"""The classes: their names, what they mean, and which of them are unsafe.

The definitions are the ones that the command line, the page and the documentation show.
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Language = Literal["en", "ko"]


@dataclass(frozen=True, slots=True)
class Label:
    """One class: its name, whether it is unsafe, its definition, and other names for it."""

    name: str
    unsafe: bool
    english: str
    korean: str
    aliases: tuple[str, ...] = field(default=())

    def definition(self, language: Language = "en") -> str:
        """What the class means, in English ("en") or Korean ("ko")."""
        return self.korean if language == "ko" else self.english


FIVE = (
    Label(
        "drawings",
        unsafe=False,
        english="safe drawings, anime included",
        korean="애니메이션을 포함한 안전한 그림",
        aliases=("drawing",),
    ),
    Label(
        "hentai",
        unsafe=True,
        english="hentai and pornographic drawings",
        korean="헨타이와 음란한 그림",
    ),
    Label(
        "neutral",
        unsafe=False,
        english="safe pictures",
        korean="안전한 사진",
    ),
    Label(
        "porn",
        unsafe=True,
        english="pornographic pictures, sexual acts",
        korean="음란물, 성행위 사진",
    ),
    Label(
        "sexy",
        unsafe=True,
        english="sexually explicit pictures, not pornography",
        korean="선정적이지만 음란물은 아닌 사진",
    ),
)
"""The five classes, in the order of the scores of every embedded five-class model."""

BINARY = (
    Label("sfw", unsafe=False, english="safe for work", korean="안전함", aliases=("safe",)),
    Label(
        "nsfw",
        unsafe=True,
        english="not safe for work",
        korean="안전하지 않음",
        aliases=("unsafe",),
    ),
)
"""The two classes of a binary model."""

LABELS = MappingProxyType({label.name: label for label in FIVE + BINARY})
"""Every class that figleaf defines, by name."""

_BY_ANY_NAME = {name: label for label in LABELS.values() for name in (label.name, *label.aliases)}


def find(name: str) -> Label | None:
    """The class that goes by `name` (in any case, aliases included), or None."""
    return _BY_ANY_NAME.get(name.strip().lower())
