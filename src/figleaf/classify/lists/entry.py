"""What a file would be listed by: the lines that put it on an allow or a block list."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from figleaf.classify.lists.hashlists import HashKind
from figleaf.classify.source import Source, name_of, read_bytes
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.phash import MIN_QUALITY, PDQ, pdq

KINDS = (HashKind.SHA256, HashKind.PDQ)
"""The kinds that are computed: of the same bytes, and of pictures that look the same."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The hashes of one file.

    Attributes:
        input: the path as it was given, or "<bytes>" and the like.
        status: OK, or why a hash that was asked for is missing.
        reason: what was wrong; empty where nothing was.
        sha256: of the file's bytes, in hexadecimal; None where it could not be read, or was not
            asked for.
        pdq: of its picture, in full, over white; None where there is none, or it was not asked for.
    """

    input: str
    status: Status
    reason: str = ""
    sha256: str | None = None
    pdq: PDQ | None = None

    @property
    def is_vague(self) -> bool:
        """Whether its picture has too little detail for PDQ, so that its hash matches nothing."""
        return self.pdq is not None and self.pdq.quality < MIN_QUALITY


def entry_of(
    source: Source,
    *,
    kinds: Collection[HashKind] = KINDS,
    limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
) -> Entry:
    """Hash a file.

    Args:
        source: a path, a file's bytes, or a binary file object.
        kinds: SHA256, PDQ, or both; without PDQ nothing is decoded.
        limits: how many bytes and pixels are too many.

    Raises:
        InputError: a source of another type.
    """
    name, sha256 = name_of(source), None
    try:
        data = read_bytes(source, limits)
        limits.check_bytes(len(data))  # of a longer one this is a part
        if HashKind.SHA256 in kinds:
            sha256 = hashlib.sha256(data).hexdigest()
        hashed = pdq(decode(data, limits=limits).pixels) if HashKind.PDQ in kinds else None
    except ImageError as error:
        return Entry(name, error.status, error.reason, sha256)
    return Entry(name, Status.OK, "", sha256, hashed)
