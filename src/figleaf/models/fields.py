"""Fields of a card, taken out of the JSON with their types."""

from collections.abc import Mapping
from typing import Any, TypeVar

from figleaf.errors import BundleError

T = TypeVar("T")


def typed(kind: type[T], raw: Mapping[str, Any], key: str) -> T:
    """The field's value.

    Raises:
        BundleError: it is missing, or of another type; True is no number.
    """
    value = raw.get(key)
    if type(value) is not kind:
        raise BundleError(f"'{key}' is {value!r}, not of type {kind.__name__}")
    return value


def list_of(kind: type[T], raw: Mapping[str, Any], key: str) -> list[T]:
    """The field's values, all of one type.

    Raises:
        BundleError: likewise, or it is no list.
    """
    values = typed(list, raw, key)
    if not all(type(value) is kind for value in values):
        raise BundleError(f"'{key}' is {values!r}, not a list of {kind.__name__}")
    return values


def optional(kind: type[T], raw: Mapping[str, Any], key: str) -> T | None:
    """The field's value, None where there is no such field.

    Raises:
        BundleError: it is of another type.
    """
    return None if raw.get(key) is None else typed(kind, raw, key)


def strings_by_name(raw: Mapping[str, Any], key: str) -> dict[str, str]:
    """A field that holds an object of strings.

    Raises:
        BundleError: it is missing, or anything else.
    """
    values: dict[str, Any] = typed(dict, raw, key)
    if not all(type(value) is str for value in values.values()):
        raise BundleError(f"'{key}' is {values!r}, not strings by name")
    return values
