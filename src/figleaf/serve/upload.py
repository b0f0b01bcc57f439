"""One image of a request, as it came: its bytes, or where to fetch them."""

from dataclasses import dataclass, field

from figleaf.errors import ImageError

BODY = "<body>"
"""What results call an image without a name."""

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Upload:
    """One image of a request.

    Attributes:
        name: what the client calls it. It is given back, and used for nothing else.
        data: the file's bytes; empty where `url` says where they are.
        url: to fetch it from; None where it came along.
        failure: why it could not be fetched; None where it was, or need not be.
    """

    name: str
    data: bytes = field(repr=False)
    url: str | None = None
    failure: ImageError | None = None


def printable_name(name: bytes | str) -> str:
    """A client's name for an image, without what no name has, and no longer than a file's."""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown[:_LONGEST_NAME] or BODY
