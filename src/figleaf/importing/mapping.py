"""From the classes of another project's model to ours, or a refusal: never a guess."""

import shlex
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImportModelError
from figleaf.labels import BINARY, FIVE, LABELS, find
from figleaf.models.card import can_be_class

_TABLE = Path(__file__).with_name("labels.toml")
_FIVE = tuple(label.name for label in FIVE)
_BINARY = tuple(label.name for label in BINARY)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The classes of a model, and what becomes of them.

    Attributes:
        source: what the model calls its classes, in the order of its outputs.
        targets: the class of the bundle that each of them becomes, or is a part of.
        labels: the classes of the bundle, in the order of its probabilities.
    """

    source: tuple[str, ...]
    targets: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def merge(self) -> NDArray[np.float32]:
        """What sums the model's probabilities to the bundle's: ones, float32 (source, ours)."""
        rows = [[float(target == label) for label in self.labels] for target in self.targets]
        return np.array(rows, np.float32)

    @property
    def is_identity(self) -> bool:
        """Whether the bundle's classes are the model's, one for one and in its order."""
        return self.targets == self.labels

    def as_card(self) -> dict[str, str]:
        """Source class -> ours, as a card tells it."""
        return dict(zip(self.source, self.targets, strict=True))


def map_labels(source: Sequence[str], given: Mapping[str, str]) -> Mapped:
    """Find out which of our classes each class of a model is.

    Args:
        source: what the model calls its classes, in the order of its outputs.
        given: what the user says: source class -> ours. A class may keep a name of its own
            ("cats" -> "cats") only where every class is given so.

    Raises:
        ImportModelError: a class is not known, is there twice or not at all; classes of the five
            and of safe/unsafe are mixed; or none of them would be unsafe, or none safe.
    """
    _check_names(source, given)
    targets = tuple(_target(name, given) for name in source)
    unknown = [name for name, target in zip(source, targets, strict=True) if target is None]
    if unknown:
        raise ImportModelError(_what_to_type(source, unknown))
    known = tuple(target for target in targets if target is not None)
    return Mapped(tuple(source), known, _ordered(source, known, given))


def parse_label(text: str) -> tuple[str, str]:
    """The parts of "LABEL_0=sfw": source class, our class.

    Raises:
        ImportModelError: there is no "=", or nothing on one side of it.
    """
    # The last one: a class of ours has none in its name, one of others may.
    source, _, target = text.rpartition("=")
    if not source or not target:
        raise ImportModelError(f"--label {text}: write the model's class, =, and ours: LABEL_0=sfw")
    return source, target


def _check_names(source: Sequence[str], given: Mapping[str, str]) -> None:
    twice = [name for name, times in Counter(source).items() if times > 1]
    if twice:
        raise ImportModelError(
            f"two classes are called {twice[0]!r} ({_listed(source)}): which output is which cannot"
            " be known"
        )
    if len(source) < 2:
        raise ImportModelError(
            f"the model has {len(source)} class{'es' * (not source)}: figleaf needs two or more,"
            " whose probabilities sum to 1"
        )
    if stray := [name for name in given if name not in source]:
        raise ImportModelError(
            f"--label {stray[0]}=...: the model has no class {stray[0]!r}; it has {_listed(source)}"
        )


def _target(name: str, given: Mapping[str, str]) -> str | None:
    """Our class, None where it is not known."""
    if name not in given:
        return _known(name)
    told = given[name]
    if label := find(told):
        return label.name
    if told != name:
        raise ImportModelError(
            f"--label {name}={told}: {told!r} is none of figleaf's classes ({', '.join(LABELS)}); a"
            f" class may keep its own name, {name}={name}, where all do"
        )
    if not can_be_class(name):
        raise ImportModelError(f"--label {name}={told}: {told!r} cannot be a class's name")
    return told


def _known(name: str) -> str | None:
    if label := find(name):
        return label.name
    return _table().get(name.strip().lower())


@cache
def _table() -> Mapping[str, str]:
    """Every name of labels.toml -> our class."""
    raw = tomllib.loads(_TABLE.read_text("utf-8"))
    return {
        name: target for kind in raw.values() for target, names in kind.items() for name in names
    }


def _ordered(
    source: Sequence[str], targets: Sequence[str], given: Mapping[str, str]
) -> tuple[str, ...]:
    """The bundle's classes: in our order, or in the model's where they are its own."""
    found = frozenset(targets)
    if own := sorted(found - LABELS.keys()):
        if any(given.get(name) != name for name in source):
            raise ImportModelError(
                f"{own[0]!r} keeps its own name, others do not: either all classes do, each by"
                f" --label NAME=NAME, or each becomes one of {', '.join(LABELS)}"
            )
        return tuple(targets)
    if found <= frozenset(_FIVE):
        order = _FIVE
    elif found <= frozenset(_BINARY):
        order = _BINARY
    else:
        pairs = ", ".join(f"{a} as {b}" for a, b in zip(source, targets, strict=True))
        raise ImportModelError(
            f"classes of the five and of sfw/nsfw are mixed: {pairs}. Say for each what it is, as"
            f" in {_options(source)}"
        )
    _check_both_kinds(source, found)
    return tuple(name for name in order if name in found)


def _check_both_kinds(source: Sequence[str], found: frozenset[str]) -> None:
    unsafe = {LABELS[name].unsafe for name in found}
    if len(unsafe) == 1:
        kind = "unsafe" if unsafe == {True} else "safe"
        raise ImportModelError(
            f"all of {_listed(source)} would be {kind}: there must be a safe class and an unsafe"
            " one"
        )


def _what_to_type(source: Sequence[str], unknown: Sequence[str]) -> str:
    return (
        f"the model's classes are {_listed(source)}: figleaf does not know what"
        f" {_listed(unknown)} mean{'s' * (len(unknown) == 1)}. Its model card has to say it; a"
        f" wrong answer turns every verdict around. Then name each, as in {_options(unknown)}"
    )


def _options(names: Sequence[str]) -> str:
    """Options to copy: which class is which is an example, and the text around it says so."""
    examples = [*_BINARY, *[_BINARY[-1]] * len(names)]
    words = (f"--label {shlex.quote(f'{name}={examples[i]}')}" for i, name in enumerate(names))
    return f"{' '.join(words)} (or the other way round)"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
