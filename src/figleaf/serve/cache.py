"""Scores that are remembered by a file's content, so that a picture sent again costs a hash."""

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """The most recently used entries; keys are hashes, values results, and neither an image.

    Args:
        size: how many are kept; 0 for none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[object, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: object) -> V | None:
        """The value of a key; None where it is not known (any more)."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def drop(self, key: object) -> None:
        """Forget a key."""
        self._entries.pop(key, None)

    def put(self, key: object, value: V) -> None:
        """Remember a value, and forget the one that was not asked for longest."""
        if not self._size:
            return
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
