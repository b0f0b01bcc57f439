"""Allow and block lists: somebody's word on a file, which no score overrules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from figleaf.classify.lists.hashlists import HashKind
from figleaf.classify.lists.known import KnownHashes, Match, load_hashes
from figleaf.classify.prediction import Decision
from figleaf.errors import InputError
from figleaf.images.phash import PDQ


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list says of a file.

    Attributes:
        decision: ALLOW or BLOCK.
        reason: which list said so, and by what kind of hash: "block list known.txt (sha256)".
            It never shows the hash.
    """

    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of files to allow and to block; may be asked from many threads.

    What says more is believed first: a hash of the very bytes (MD5, SHA-1, SHA-256) before one of
    what a picture looks like (PDQ), and of two that say as much, the block list's. So a picture
    that a PDQ hash blocks wrongly can be allowed by its SHA-256.

    Attributes:
        allow: hashes of what is allowed.
        block: hashes of what is blocked.
    """

    allow: KnownHashes
    block: KnownHashes

    def __bool__(self) -> bool:
        """Whether anything is listed."""
        return bool(len(self.allow) or len(self.block))

    @property
    def needs_pdq(self) -> bool:
        """Whether a PDQ hash is listed: pictures have to be decoded in full then, and hashed."""
        return HashKind.PDQ in self.allow.needs | self.block.needs

    @property
    def blocks_by_pdq(self) -> bool:
        """Whether one of them is to be blocked: further pictures of a file matter then, too."""
        return HashKind.PDQ in self.block.needs

    def of_bytes(self, data: bytes, sha256: bytes | None = None) -> Listing | None:
        """What is said of a file by the hashes of its bytes; None where nothing is.

        Args:
            data: the whole file.
            sha256: its SHA-256, 32 bytes, where it is known already.

        Raises:
            InputError: `sha256` has not 32 bytes.
        """
        match = self.block.match_bytes(data, sha256)
        if match:
            return _listing(Decision.BLOCK, match)
        match = self.allow.match_bytes(data, sha256)
        return _listing(Decision.ALLOW, match) if match else None

    def of_picture(self, bits: bytes, quality: int) -> Listing | None:
        """What is said of a picture by its PDQ hash; None where nothing is.

        Args:
            bits: the hash, 32 bytes, of the picture decoded in full, transparency laid over white.
            quality: the hash's, 0..100. Under `phash.MIN_QUALITY` it says too little, and matches
                nothing.

        Raises:
            InputError: not 32 bytes.
        """
        return self.of_pictures([PDQ(bits, quality)])

    def of_pictures(self, hashes: Sequence[PDQ]) -> Listing | None:
        """What is said of a file that holds several pictures, such as the pages of a TIFF.

        Args:
            hashes: of the picture that is shown and judged, then of the further ones. Any of them
                blocks the file; the first alone allows it, as it says nothing of the others.

        Raises:
            InputError: a hash has not 32 bytes.
        """
        return self._blocked(hashes) or self._allowed(hashes[:1])

    def of_frames(self, hashes: Sequence[PDQ]) -> Listing | None:
        """What is said of a moving picture.

        Args:
            hashes: of the frames that were looked at. Any of them blocks it; it is allowed where
                all of them are, since one says nothing of the others.

        Raises:
            InputError: a hash has not 32 bytes.
        """
        return self._blocked(hashes) or self._allowed(hashes)

    def _blocked(self, hashes: Sequence[PDQ]) -> Listing | None:
        found = (self.block.match_pdq(one.bits, one.quality) for one in hashes)
        match = next(filter(None, found), None)
        return _listing(Decision.BLOCK, match) if match else None

    def _allowed(self, hashes: Sequence[PDQ]) -> Listing | None:
        """Where all of them are listed."""
        first = None
        for one in hashes:
            match = self.allow.match_pdq(one.bits, one.quality)
            if not match:
                return None
            first = first or match
        return _listing(Decision.ALLOW, first) if first else None


def load_lists(allow: Iterable[str | Path] = (), block: Iterable[str | Path] = ()) -> Lists:
    """Read lists of hashes; without a path, lists that nothing is on.

    Args:
        allow: files of hashes, in the forms that `hashlists` names, of what is allowed. One may be
            empty, or its last hash could not be taken back while a server runs.
        block: likewise, of what is blocked; each has a hash.

    Raises:
        RulesError: a file is missing, a block list names no hash, or one has a line that is not
            understood; the message names file and line.
        InputError: one path instead of several.
    """
    for paths in (allow, block):
        if isinstance(paths, str | Path):  # its letters would be taken for paths
            raise InputError(f"expected several lists, got one: give [{str(paths)!r}]")
    return Lists(load_hashes(allow, may_be_empty=True), load_hashes(block))


def _listing(decision: Decision, match: Match) -> Listing:
    return Listing(decision, f"{decision} list {match.list_name} ({match.kind})")
