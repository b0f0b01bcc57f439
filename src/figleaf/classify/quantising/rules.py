"""How a model is quantised."""

from dataclasses import dataclass

from figleaf.errors import InputError
from figleaf.models.int8.ranges import Method

LEAST = 20
"""Pictures that each half needs at least: fewer say nothing of a model's likeness."""


@dataclass(frozen=True, slots=True)
class QuantiseRules:
    """How a model is quantised.

    Attributes:
        pictures: to calibrate with.
        holdout: others, to compare the two models by.
        drift: the largest mean difference of a probability that is taken.
        changed: the largest share of decisions that may change, likewise.
        method: where values are cut off.
        seed: of the choice of the pictures.
    """

    pictures: int = 160
    holdout: int = 400
    drift: float = 0.02
    changed: float = 0.02
    method: Method = Method.SQUARES
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("pictures", "holdout"):
            if getattr(self, name) < LEAST:
                raise InputError(f"{name} must be at least {LEAST}, not {getattr(self, name)}")
        for name in ("drift", "changed"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be from 0 to 1, not {getattr(self, name)}")
