"""Who may ask, and how much: API keys and a rate for each.

A file of keys is TOML. It holds the keys' SHA-256, so that whoever reads it cannot use them:

    [keys.website]
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    rate = 20          # images a second, on average; left out: as many as the server takes
    burst = 40         # images at once; left out: two seconds' worth, or one request's at least

`figleaf keys NAME` makes a key and the lines for it. Keys are random and long, so that a plain hash
is enough: nobody can try them all.
"""

import hashlib
import math
import secrets
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf.errors import RulesError
from figleaf.serve.problems import Kind, ProblemError

_MAX_BYTES = 2**20
_FIELDS = {"sha256", "rate", "burst"}
_DIGITS = 64
_PREFIX = "figleaf_"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key.

    Attributes:
        name: what logs and metrics call its owner.
        sha256: of the key, in hexadecimal.
        rate: images a second; None for any number.
        burst: images that may come at once.
    """

    name: str
    sha256: str
    rate: float | None
    burst: float


def new_key() -> tuple[str, str]:
    """A key, and its SHA-256 in hexadecimal."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


def load_keys(path: Path) -> tuple[Key, ...]:
    """Read a file of keys.

    Raises:
        RulesError: it cannot be read or is not valid; the message names the key and the field.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise RulesError(f"{path}: over {_MAX_BYTES:,} bytes, which no file of keys needs")
        raw = tomllib.loads(text.decode())
    except OSError as error:
        raise RulesError(f"{path}: {error.strerror}; `figleaf keys` makes keys") from None
    except (ValueError, RecursionError) as error:
        raise RulesError(f"{path}: not a file of keys ({error})") from None
    tables = raw.get("keys")
    if raw.keys() != {"keys"} or not isinstance(tables, dict) or not tables:
        raise RulesError(f"{path}: expected tables such as [keys.website], and nothing else")
    keys = tuple(_parse(path, name, table) for name, table in tables.items())
    if len({key.sha256 for key in keys}) < len(keys):
        raise RulesError(f"{path}: two names have the same key")
    return keys


def _parse(path: Path, name: str, table: Any) -> Key:
    where = f"{path}: [keys.{name}]"
    if not isinstance(table, dict) or (unknown := table.keys() - _FIELDS):
        what = f"unknown field {sorted(unknown)[0]!r}" if isinstance(table, dict) else "not a table"
        raise RulesError(f"{where}: {what}; there are {', '.join(sorted(_FIELDS))}")
    digest = table.get("sha256")
    if not isinstance(digest, str) or len(digest) != _DIGITS or not _is_hex(digest):
        raise RulesError(f"{where}: 'sha256' is not the {_DIGITS} hexadecimal digits of a hash")
    rate = _number(where, table, "rate")
    burst = _number(where, table, "burst")
    return Key(name, digest.lower(), rate, burst if burst is not None else max(1, 2 * (rate or 0)))


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text)


def _number(where: str, table: Mapping[str, Any], name: str) -> float | None:
    value = table.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise RulesError(f"{where}: '{name}' is {value!r}, not a number above zero")
    return float(value)


class Gate:
    """Lets requests in that have a key, and images as the key's rate allows.

    The rate is a token bucket: a request may go over what is left, and those after it wait until
    that is made up for. So a request of many images is not refused for good.

    Args:
        keys: who may ask; None for everybody.
        clock: seconds, rising.
        before: the gate that it takes the place of; what was used up there is used up here.
    """

    def __init__(
        self,
        keys: tuple[Key, ...] | None,
        clock: Callable[[], float] = time.monotonic,
        before: "Gate | None" = None,
    ) -> None:
        self._keys = None if keys is None else {key.sha256: key for key in keys}
        self._clock = clock
        self._left = {key.sha256: (key.burst, clock()) for key in keys or ()}
        used = before._left if before else {}
        self._left |= {sha256: used[sha256] for sha256 in self._left.keys() & used.keys()}

    def key_of(self, headers: Mapping[str, str]) -> Key | None:
        """The key of a request; None where none is needed.

        Raises:
            ProblemError: it has none, or one that is unknown.
        """
        if self._keys is None:
            return None
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        # By its hash: how long the look-up takes says nothing about the key.
        key = self._keys.get(hashlib.sha256(given.encode("utf-8", "replace")).hexdigest())
        if key is None:
            detail = "send Authorization: Bearer KEY, or X-API-Key: KEY, with a key that is known"
            raise ProblemError(Kind.UNAUTHORIZED, detail)
        return key

    def check_rate(self, key: Key | None) -> None:
        """Let a request pass whose key has something left.

        Raises:
            ProblemError: it has used up its rate.
        """
        if key is None:
            return
        enough = min(1.0, key.burst)
        if key.rate is not None and (left := self._refilled(key)) < enough:
            raise ProblemError(
                Kind.RATE_LIMITED,
                f"{key.rate:g} images a second",
                retry_after=max(1, math.ceil((enough - left) / key.rate)),
            )

    def charge(self, key: Key | None, images: int) -> None:
        """Count images to a key."""
        if key is not None and key.rate is not None:
            self._left[key.sha256] = (self._refilled(key) - images, self._clock())

    def _refilled(self, key: Key) -> float:
        left, since = self._left[key.sha256]
        now = self._clock()
        left = min(left + (now - since) * (key.rate or 0), key.burst)
        self._left[key.sha256] = (left, now)
        return left
