"""What a server offers: its models and policies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server has loaded.

    Attributes:
        name: what `classify(model=...)` takes.
        tag: name and version, as results have it.
        labels: its classes.
        precision: what it computes in.
        default: whether it is the one that is asked where no name is given.
    """

    name: str
    version: str
    tag: str
    labels: tuple[str, ...]
    precision: str
    default: bool
    description: str
    license: str


@dataclass(frozen=True, slots=True)
class ServedPolicy:
    """A policy that a server can decide by; the fields are those of `ServedModel`."""

    name: str
    version: str
    tag: str
    default: bool
    description: str
