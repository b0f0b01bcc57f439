"""Keep Pillow's warnings about damaged files to ourselves.

Pillow warns about files (a bad EXIF block, a palette, a size) through `warnings`, and whoever has
turned warnings into errors would get exceptions for pictures that decode well. What is wrong with
a file is said by the `ImageError` instead. `warnings.catch_warnings` swaps the filters of the whole
process and is no use among threads, so one filter is put in front whose module test is true only
for Pillow's modules, and only in a thread that is decoding here. Nobody else's warnings change.
"""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_decoding = threading.local()


class _PillowHere:
    """Stands where the filter has a compiled pattern: `match` is all that `warnings` calls."""

    def match(self, module: str, /) -> bool:
        return getattr(_decoding, "depth", 0) > 0 and module.partition(".")[0] in ("PIL", "pi_heif")


_lock = threading.Lock()

# Without any logging set up, Python prints Pillow's log of odd TIFFs on standard error. This is
# the library's way to say "do not", and leaves handlers that an application adds working.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def pillow_silenced() -> Iterator[None]:
    """Drop the warnings that Pillow raises in this thread, until the block is left."""
    _put_in_front()
    _decoding.depth = getattr(_decoding, "depth", 0) + 1
    try:
        yield
    finally:
        _decoding.depth -= 1


def _put_in_front() -> None:
    filters: list[Any] = warnings.filters  # type: ignore[assignment]  # typed as a read-only sequence
    # Others add filters later (simplefilter) or swap the list (catch_warnings): look every time.
    if filters and _is_ours(filters[0]):
        return
    with _lock:
        # First the new one, then away with the old: other threads are decoding behind it. Each is
        # one step of the list's own, as others change it without our lock.
        old = [entry for entry in filters.copy() if _is_ours(entry)]
        filters.insert(0, _new_filter())
        for entry in old:
            with suppress(ValueError):
                filters.remove(entry)


def _is_ours(entry: tuple[Any, ...]) -> bool:
    return isinstance(entry[3], _PillowHere)


def _new_filter() -> tuple[Any, ...]:
    # With a pattern of its own, so that it equals no other, and `remove` finds the one meant.
    return ("ignore", None, Warning, _PillowHere(), 0)
