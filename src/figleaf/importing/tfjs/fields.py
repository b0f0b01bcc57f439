"""Fields of a file that anybody may have written, taken out of the JSON with their types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from figleaf.errors import ImportModelError

_LARGEST = 3.4e38


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of the JSON. `where` says in messages what it belongs to: "layer 'conv1'"."""

    where: str
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, where: str, raw: object) -> "Fields":
        """The object; ImportModelError where it is anything else."""
        if not isinstance(raw, dict):
            raise ImportModelError(f"{where}: not a JSON object")
        return cls(where, raw)

    def refuse(self, reason: str) -> NoReturn:
        """Raise an ImportModelError that says where."""
        raise ImportModelError(f"{self.where}: {reason}")

    def has(self, key: str) -> bool:
        """Whether there is such a field, and it is not null."""
        return self.raw.get(key) is not None

    def inner(self, key: str) -> "Fields":
        """The object in a field."""
        return Fields.of(f"{self.where}: '{key}'", self.raw.get(key))

    def items(self, key: str) -> list[Any]:
        """The list in a field."""
        value = self.raw.get(key)
        if not isinstance(value, list):
            self.refuse(f"'{key}' is {value!r:.80}, not a list")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """The string in a field."""
        value = self.raw.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            self.refuse(f"'{key}' is {value!r:.80}, not a string")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """The boolean in a field."""
        value = self.raw.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(f"'{key}' is {value!r:.80}, neither true nor false")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """The number in a field."""
        value = self.raw.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.refuse(f"'{key}' is {value!r:.80}, not a number")
        if not abs(value) <= _LARGEST:  # NaN as well, which Python's JSON takes
            self.refuse(f"'{key}' is {value!r:.80}, not a number that float32 has")
        return float(value)

    def whole(self, key: str, default: int | None = None) -> int:
        """The whole number in a field."""
        value = self.number(key, default)
        if value != int(value):
            self.refuse(f"'{key}' is {value!r}, not a whole number")
        return int(value)

    def pair(self, key: str, default: tuple[int, int] | None = None) -> tuple[int, int]:
        """Two whole numbers, for height and width; one stands for both."""
        value = self.raw.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return value, value
        first, second = self.whole_numbers(key, value, 2)
        return first, second

    def whole_numbers(self, key: str, value: object, count: int | None = None) -> Sequence[int]:
        """A list of whole numbers, of that length."""
        if (
            not isinstance(value, list)
            or not all(type(one) is int for one in value)
            or (count is not None and len(value) != count)
        ):
            self.refuse(f"'{key}' is {value!r:.80}, not {count or 'some'} whole numbers")
        return value
