"""How long work tells how it goes."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watch:
    """Is told how it goes; by itself it does nothing.

    Attributes:
        start: a phase begins, with so many images before it.
        done: so many of them are done, in all.
    """

    start: Callable[[str, int], None] = lambda phase, images: None
    done: Callable[[int], None] = lambda images: None
