"""What figleaf raises.

An input that cannot be classified is not an error: it is a `Prediction` whose `status` says why.
These are raised where the caller can do something about it::

    FigleafError
    ├── InputError (ValueError)         an argument of the wrong type, shape or range
    ├── ImageError                      bytes that are not a usable image; carries a Status
    ├── ModelError
    │   ├── ModelNotFoundError          no embedded model and no folder goes by that name
    │   ├── BundleError                 a bundle that is damaged, hostile, or does not fit its card
    │   └── ImportModelError            another project's model that cannot become a bundle
    ├── PolicyError                     a policy that cannot be read or contradicts itself
    ├── SourceError                     a list, table, folder or shard that cannot be read
    ├── RulesError                      a file of categories, exemptions or hashes that is not valid
    ├── DatasetError                    a data set that cannot be opened, is in use or is damaged
    │   └── LeakError                   a split with the same picture on both sides
    ├── PageError                       the page's files are missing, or changed while read
    ├── ServerError                     a server that refused a request, or gave no answer
    └── MissingExtraError (ImportError) an optional dependency is not installed
"""

from collections.abc import Sequence
from enum import StrEnum

_NAMED_LEAKS = 3


class Status(StrEnum):
    """What became of one input: "ok", or the kind of failure."""

    OK = "ok"
    NOT_FOUND = "not_found"
    """There is no such file."""
    UNREADABLE = "unreadable"
    """The file is there but cannot be read: permissions, a folder, an I/O error."""
    EMPTY = "empty"
    """No bytes at all."""
    TOO_MANY_BYTES = "too_many_bytes"
    """More bytes than the limit."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """More pixels than the limit, by its header or in truth."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes are not those of any image format that figleaf knows."""
    UNSUPPORTED = "unsupported"
    """An image, but of a format or variant that figleaf does not decode."""
    TRUNCATED = "truncated"
    """The image ends before its last pixel."""
    CORRUPT = "corrupt"
    """The image is damaged in another way."""
    TIMEOUT = "timeout"
    """An isolated decoder did not finish before its deadline, and was killed."""
    CRASHED = "crashed"
    """An isolated decoder died: a crash in a C library, or killed from outside."""


class FigleafError(Exception):
    """The base of everything that figleaf raises on purpose."""


class InputError(FigleafError, ValueError):
    """An argument that figleaf cannot take."""


class ImageError(FigleafError):
    """Bytes that are not a usable image.

    `status` is the kind of failure, the message what exactly was wrong.
    """

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def __reduce__(self) -> tuple[type["ImageError"], tuple[Status, str]]:
        # Crosses a process border from an isolated decoder.
        return type(self), (self.status, self.reason)


class ModelError(FigleafError):
    """A model that cannot be used."""


class ModelNotFoundError(ModelError):
    """No embedded model and no folder goes by that name."""


class BundleError(ModelError):
    """A model bundle that is damaged, hostile, or does not fit its card."""


class ImportModelError(ModelError):
    """A model of another project that cannot become a bundle, or not safely."""


class NoPlacesError(ModelError):
    """A model whose classes do not come of the mean of a feature map, so that no place has any."""


class PolicyError(FigleafError):
    """A policy that cannot be read or contradicts itself."""


class SourceError(FigleafError):
    """A list, table, folder or shard that cannot be read as a source."""


class RulesError(FigleafError):
    """A file of categories, denied words, exemptions or hashes that is not valid."""


class DatasetError(FigleafError):
    """A data set that cannot be opened, is in use, or is damaged."""


class LeakError(DatasetError):
    """A split that has the same picture, or frames of the same film, on both sides.

    `leaks` names them, a line each; the message the first. Where there were `most` of them, no more
    were looked for.
    """

    def __init__(self, folder: str, leaks: Sequence[str], most: int | None = None) -> None:
        named = "; ".join(leaks[:_NAMED_LEAKS])
        more = f"; and {len(leaks) - _NAMED_LEAKS:,} more" if len(leaks) > _NAMED_LEAKS else ""
        if most is not None and len(leaks) >= most:
            more = f"; {most:,} or more in all"
        super().__init__(
            f"{folder}: the split leaks: {named}{more}. figleaf clean sets duplicates aside;"
            " figleaf split --anew --by hash keeps together what belongs together"
        )
        self.leaks = tuple(leaks)


class PageError(FigleafError):
    """The page's files are missing from what is installed, or changed while they were read."""


class ServerError(FigleafError):
    """A server that refused a request, or gave no answer, or one that is not `figleaf serve`'s.

    Attributes:
        status: the HTTP status; None where there was no answer.
        problem: the kind of problem in the server's own word, as in "overloaded"; None where the
            answer is not one of `figleaf serve`, but of a proxy before it, perhaps.
        retry_after: seconds that the server asked to be left alone for; None where it did not.
        request_id: what the server's log calls the request; None where it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        problem: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem
        self.retry_after = retry_after
        self.request_id = request_id


class MissingExtraError(FigleafError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs an extra: pip install 'figleaf[{extra}]'")
        self.extra = extra


def first_line(error: Exception) -> str:
    """The first line of another library's error; its type's name where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
