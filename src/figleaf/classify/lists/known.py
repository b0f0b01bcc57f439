"""Hashes of known files: one's own, or those that hotlines give to who is entitled to them.

A file is looked up by its MD5, SHA-1 and SHA-256 as it comes, by its PDQ hash once it is decoded.
Only what somebody listed is found; docs/data-safety.md says what that is worth. `hashlists` says
which forms a list may have. Lists are confidential: neither messages nor `repr` show a hash of
theirs.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.lists.hashlists import HashKind, HashList, read_hash_list
from figleaf.errors import InputError
from figleaf.images import phash

INDEX_FROM = 4_000
"""PDQ hashes in a list from which on an index is made. Going through fewer takes 0.1 ms at most."""


@dataclass(frozen=True, slots=True)
class Match:
    """A file whose hash is listed.

    Attributes:
        kind: of the hash.
        hash: as it is listed, in lower-case hexadecimal.
        list_name: the list's file name.
        distance: bits that differ between the listed hash and the picture's, 0..31; 0 but for PDQ.
    """

    kind: HashKind
    hash: str = field(repr=False)
    list_name: str
    distance: int = 0


class KnownHashes:
    """Lists of hashes; may be asked from many threads. `load_hashes` makes one of files.

    Attributes:
        needs: the kinds that are listed: the others need not be computed.
        sha256: in hexadecimal, of the lists that were loaded: of a single one the SHA-256 of its
            file, of several the SHA-256 of theirs, sorted and joined.
    """

    def __init__(self, lists: Sequence[HashList]) -> None:
        digests = sorted(known.sha256 for known in lists)
        alone = digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digests)).digest()
        self.sha256 = alone.hex()
        self._lists = tuple(map(_Listed, lists))
        self.needs = frozenset(kind for listed in self._lists for kind in listed.kinds)

    def __len__(self) -> int:
        """How many hashes the lists have, repeated ones counted again."""
        return sum(listed.count for listed in self._lists)

    def __repr__(self) -> str:
        return f"<KnownHashes of {len(self):,} hashes in {len(self._lists)} lists>"

    def match_bytes(self, data: bytes, sha256: bytes | None = None) -> Match | None:
        """The first listed MD5, SHA-1 or SHA-256 of a file; None where none is.

        Args:
            data: the whole file.
            sha256: its SHA-256, 32 bytes, where it is known already.

        Raises:
            InputError: `sha256` has not 32 bytes.
        """
        if sha256 is not None:
            _check_width(sha256, HashKind.SHA256)
        for kind in (HashKind.MD5, HashKind.SHA1, HashKind.SHA256):
            if kind not in self.needs:
                continue
            known = sha256 if kind is HashKind.SHA256 else None
            digest = known or hashlib.new(kind, data, usedforsecurity=False).digest()
            for listed in self._lists:
                if listed.has(kind, digest):
                    return Match(kind, digest.hex(), listed.name)
        return None

    def match_pdq(self, bits: bytes, quality: int) -> Match | None:
        """The nearest listed PDQ hash within `phash.MATCH_DISTANCE`; None where there is none.

        Args:
            bits: the picture's PDQ hash, 32 bytes.
            quality: the hash's, 0..100. Under `phash.MIN_QUALITY` (of a picture without detail) it
                says too little, and matches nothing.

        Raises:
            InputError: not 32 bytes.
        """
        _check_width(bits, HashKind.PDQ)
        if quality < phash.MIN_QUALITY:
            return None
        found = [match for listed in self._lists if (match := listed.nearest(bits))]
        return min(found, key=lambda match: match.distance, default=None)


def load_hashes(paths: Iterable[str | Path], *, may_be_empty: bool = False) -> KnownHashes:
    """Read lists of hashes; without a path, nothing is known.

    A hash takes as many bytes of memory as it has, 16 to 32; one of a PDQ list that is long enough
    for an index takes 64 more.

    Args:
        paths: of the lists.
        may_be_empty: whether lists may name no hash.

    Raises:
        RulesError: a file is missing, names no hash though it must, or has a line that is not
            understood; the message names file and line.
    """
    return KnownHashes([read_hash_list(Path(path), may_be_empty=may_be_empty) for path in paths])


def _check_width(digest: bytes, kind: HashKind) -> None:
    if len(digest) != kind.width:
        raise InputError(f"a hash of the kind {kind} has {kind.width} bytes, not {len(digest)}")


class _Listed:
    """One list, sorted. The bytes that were read are sorted in place: they are many."""

    def __init__(self, read: HashList) -> None:
        self.name = read.name
        self.count = sum(
            len(many) // (kind or HashKind.SHA256).width for kind, many in read.digests.items()
        )
        self._sorted = _by_kind(read)
        self.kinds = frozenset(self._sorted)
        pdq = self._sorted.get(HashKind.PDQ)
        self._pdq = None if pdq is None else _PdqIndex(pdq.view(np.uint8).reshape(-1, 32))

    def has(self, kind: HashKind, digest: bytes) -> bool:
        """Whether a digest of this kind is listed: a binary search."""
        listed = self._sorted.get(kind)
        if listed is None:
            return False
        wanted = np.frombuffer(digest, listed.dtype)
        at = int(listed.searchsorted(wanted)[0])
        return at < len(listed) and bool(listed[at] == wanted[0])

    def nearest(self, bits: bytes) -> Match | None:
        """The listed PDQ hash that differs in the fewest bits, if they are few enough."""
        if self._pdq is None:
            return None
        candidates = self._pdq.candidates(bits)
        if not len(candidates):
            return None
        distances = phash.distances(bits, candidates)
        best = int(np.argmin(distances))
        if distances[best] > phash.MATCH_DISTANCE:
            return None
        found = candidates[best].tobytes().hex()
        return Match(HashKind.PDQ, found, self.name, int(distances[best]))


def _by_kind(read: HashList) -> dict[HashKind, NDArray[np.bytes_]]:
    """Sorted digests of every kind that is listed; those of an unsaid kind are in two."""
    many, either = read.digests, read.digests[None]
    found = {kind: _sorted(many[kind], kind) for kind in HashKind if many[kind]}
    if either and not found.keys() & {HashKind.SHA256, HashKind.PDQ}:
        both = _sorted(either, HashKind.SHA256)  # one array for the two
        return found | {HashKind.SHA256: both, HashKind.PDQ: both}
    if either:
        for kind in (HashKind.SHA256, HashKind.PDQ):
            found[kind] = _sorted(many[kind] + either, kind)
    return found


def _sorted(digests: bytearray, kind: HashKind) -> NDArray[np.bytes_]:
    """Distinct digests in order.

    NumPy's fixed-width bytes compare as unsigned bytes do, the first one first. That it takes zeros
    at the end for padding does no harm, since all are equally long.
    """
    many = np.frombuffer(digests, f"S{kind.width}")
    many.sort()
    is_first = np.ones(len(many), bool)
    is_first[1:] = many[1:] != many[:-1]
    return many if is_first.all() else many[is_first]


_WORDS = 16
_SLIPS = np.array([0, *(1 << bit for bit in range(16))], np.uint16)
"""What a word of 16 bits may differ by: nothing, or one of its bits."""


class _PdqIndex:
    """PDQ hashes, searched exactly by multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012).

    A hash is cut into 16 words of 16 bits. Of two hashes that differ in at most 31 bits, at least
    one word differs in at most one bit, or there would be 16 * 2 = 32. So it is enough to compare
    with the hashes that have one of the 16 * 17 variants of a word in the word's place: one in 240
    of hashes that are spread evenly.

    Args:
        hashes: uint8 (n, 32).
    """

    def __init__(self, hashes: NDArray[np.uint8]) -> None:
        self._hashes = hashes
        self._order = np.empty((0, 0), np.uint32)
        if len(hashes) >= INDEX_FROM:
            self._build(hashes.view(np.uint16))

    def _build(self, words: NDArray[np.uint16]) -> None:
        """For each word the rows in the order of its value, and where in it each value starts."""
        count = len(words)
        self._order = np.empty((_WORDS, count), np.uint32)
        self._starts = np.zeros((_WORDS, 2**16 + 1), np.int64)
        for word in range(_WORDS):
            self._order[word] = np.argsort(words[:, word], kind="stable")
            np.cumsum(np.bincount(words[:, word], minlength=2**16), out=self._starts[word, 1:])
            self._starts[word] += word * count

    def candidates(self, bits: bytes) -> NDArray[np.uint8]:
        """The hashes to compare with: all within 31 bits, and others; uint8 (m, 32).

        One that shares several words with `bits` is in it as often.
        """
        if not self._order.size:
            return self._hashes
        values = (np.frombuffer(bits, np.uint16)[:, None] ^ _SLIPS).astype(np.int64)
        word = np.arange(_WORDS)[:, None]
        starts = self._starts[word, values].ravel()
        counts = self._starts[word, values + 1].ravel() - starts
        # All ranges at once: from where each starts, less the length of those before it.
        shifts = np.repeat(starts - (np.cumsum(counts) - counts), counts)
        return self._hashes[self._order.ravel()[shifts + np.arange(len(shifts))]]
