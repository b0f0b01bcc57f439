"""How a data set is split, as a value."""

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from figleaf.errors import InputError


class Part(StrEnum):
    """A part of the split."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class By(StrEnum):
    """Who decides which part an image is in."""

    HASH = "hash"
    """A hash of the seed and the image's group."""
    SOURCES = "sources"
    """The sources: the parts that they have their images in."""


_MOST_FOLDS = 100


@dataclass(frozen=True, slots=True)
class SplitRules:
    """How a data set is split.

    ::

        figleaf.split("my-data", rules=SplitRules(test=0.2, validation=0.1, folds=5))

    Attributes:
        test: the share of test, 0..1.
        validation: the share of validation, 0..1; 0 for no such part.
        folds: into how many folds train is divided, 2 to 100; 0 for none.
        seed: another number gives another split.
        stratified: give every class its exact shares, in the order of the groups' hashes. Else each
            group is decided by its hash alone, whatever else there is, or was when it was split: a
            class has its shares but for chance.
        by: "hash", or "sources" for the parts that the sources have.

    Raises:
        InputError: shares, folds or a seed that make no sense.
    """

    test: float = 0.15
    validation: float = 0.0
    folds: int = 0
    seed: int = 0
    stratified: bool = True
    by: By = By.HASH

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        object.__setattr__(self, "by", _by(self.by))
        for name in ("test", "validation"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} must be a share from 0 to below 1")
        if self.test + self.validation >= 1:
            raise InputError("test and validation leave nothing to train on")
        if self.folds not in (0, *range(2, _MOST_FOLDS + 1)):
            raise InputError(f"folds must be 0, or 2..{_MOST_FOLDS}, not {self.folds}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise InputError(f"seed must be a whole number, not {self.seed!r}")

    def as_dict(self) -> dict[str, Any]:
        """For the ledger's runs, in JSON's types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SplitChanges:
    """Values of `SplitRules` that are asked for; None for those of the split that is there.

    Raises:
        InputError: values that make no sense, whatever the others are.
    """

    test: float | None = None
    validation: float | None = None
    folds: int | None = None
    seed: int | None = None
    stratified: bool | None = None
    by: By | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        self.on(SplitRules(test=0))

    def on(self, rules: SplitRules) -> SplitRules:
        """These rules, but for what is asked for."""
        values = {name: getattr(self, name) for name in rules.as_dict()}
        return replace(rules, **{name: one for name, one in values.items() if one is not None})


def _by(value: str) -> By:
    try:
        return By(value)
    except ValueError:
        raise InputError(f"by must be one of {', '.join(By)}, not {value!r}") from None
