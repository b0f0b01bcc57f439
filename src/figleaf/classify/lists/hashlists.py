"""Reading lists of hashes: text, CSV or ThreatExchange's JSON, told apart by what is in them.

- text: one hash a line, `#` before a comment. Further fields are allowed; those that are hashes
  themselves count too. `pdq:HASH` or `pdq HASH` says the kind (md5, sha1, sha256, pdq).
- CSV: a header with columns of kinds (`md5`, `sha1`, `sha256`, `pdq`), or one of hashes (`hash`,
  `indicator`, `signal`, `value`) and perhaps one of their kinds (`type`, `algorithm`), in any case.
- JSON: `{"indicator": ..., "type": "HASH_MD5"}`, `{"signal": ..., "signal_type": "pdq"}` and the
  like, one a line, in a list, or in lists under "data". Only the hash and its kind are looked at:
  a record that is marked as withdrawn is still a listed hash.

Where nothing says the kind the length does: 32 hexadecimal digits are MD5, 40 SHA-1. 64 are SHA-256
or PDQ, as the list's file name says; where it does not, they count as both, since nothing but the
time for PDQ is lost: that a SHA-256 comes near a picture's PDQ hash has odds of 1 in 10^36.

A list is used whole or not at all, and so is refused for one bad line. Lists are confidential: no
message shows a hash of theirs.
"""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from figleaf.errors import RulesError

_MAX_LINE = 2**20
_MAX_JSON = 2**28
"""Bytes of one JSON value: a line of JSON lines, or a whole document, which is read at once."""


class HashKind(StrEnum):
    """What a hash is of: the bytes of a file, or (PDQ) what its picture looks like."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    PDQ = "pdq"

    @property
    def width(self) -> int:
        """Bytes of a hash."""
        return _WIDTHS[self]


_WIDTHS = {HashKind.MD5: 16, HashKind.SHA1: 20, HashKind.SHA256: 32, HashKind.PDQ: 32}
_DIGITS = frozenset(2 * width for width in _WIDTHS.values())


@dataclass(frozen=True, slots=True)
class HashList:
    """What a list names, as it was read.

    Attributes:
        name: the file's name.
        sha256: of the file, 32 bytes.
        digests: kind -> digests of that kind laid end to end, in the file's order; None -> those
            of 32 bytes that are SHA-256 or PDQ.
    """

    name: str
    sha256: bytes
    digests: Mapping[HashKind | None, bytearray]

    def __repr__(self) -> str:
        return f"<HashList {self.name}>"


def read_hash_list(path: Path, *, may_be_empty: bool = False) -> HashList:
    """Read a list, line by line; a JSON document as a whole.

    Args:
        path: of the list.
        may_be_empty: whether one that names no hash is a list; of a list that keeps something out
            it is more likely one that came to grief.

    Raises:
        RulesError: the file is missing, names no hash though it must, or has a line that is not
            understood; the message names file and line.
    """
    if not path.is_file():  # a pipe would be waited for
        raise RulesError(f"{path}: no such file; a list of hashes is a text, CSV or JSON file")
    digests = _Digests(path.name)
    try:
        with path.open("rb") as file:
            lines = _Lines(file)
            try:
                _read_into(digests, lines)
            except (ValueError, csv.Error, RecursionError) as error:
                whole = "a list is used whole or not at all: mend it, or take that out of it"
                raise RulesError(f"{path}, {lines.where}: {error}; {whole}") from None
    except OSError as error:
        raise RulesError(f"{path}: cannot be read ({error.strerror})") from error
    if not may_be_empty and not any(digests.by_kind.values()):
        raise RulesError(f"{path}: no hash in it; leave the list out, or get it again")
    return HashList(path.name, lines.sha256.digest(), digests.by_kind)


class _Digests:
    """The digests of one list while it is read."""

    def __init__(self, file_name: str) -> None:
        self.by_kind: dict[HashKind | None, bytearray] = {kind: bytearray() for kind in HashKind}
        self.by_kind[None] = bytearray()
        self._by_width = {16: HashKind.MD5, 20: HashKind.SHA1, 32: _kind_of_long(file_name)}

    def add(self, text: str, kind: HashKind | None = None) -> None:
        """Take a hash in hexadecimal; its kind is the one before its colon, `kind`, or by length.

        Raises:
            ValueError: it is none, or has not the length of its kind.
        """
        head, colon, rest = text.partition(":")
        if colon:
            text, kind = rest, _kind(head)
        try:
            digest = bytes.fromhex(text)
        except ValueError:
            digest = b""
        width = len(digest)
        fits = width == kind.width if kind else width in self._by_width
        if not fits or 2 * width != len(text):  # fromhex allows spaces in between
            wanted = f"{2 * kind.width} ({kind})" if kind else "32, 40 or 64"
            raise ValueError(f"no hash, which has {wanted} hexadecimal digits")
        self.by_kind[kind or self._by_width[width]] += digest


def _kind_of_long(file_name: str) -> HashKind | None:
    """What 64 hexadecimal digits are in a file of this name; None where it does not say."""
    name = _plain(file_name)
    said = [kind for kind in (HashKind.SHA256, HashKind.PDQ) if kind in name]
    return said[0] if len(said) == 1 else None


class _Lines(Iterator[str]):
    """The lines of a list: counted, bounded, and their bytes hashed on the way.

    Attributes:
        is_json: whether the file begins as JSON does.
        number: of the line that was read last, from 1.
        where: for messages: that line, or what of it.
        sha256: of all lines so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        file.seek(0)
        self._file = file
        self.is_json = head[:1] in (b"{", b"[")
        self._limit = _MAX_JSON if self.is_json else _MAX_LINE
        self.number = 0
        self.where = "line 1"
        self.sha256 = hashlib.sha256()

    def __next__(self) -> str:
        raw = self._file.readline(self._limit + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        self.where = f"line {self.number}"
        if len(raw) > self._limit:
            raise ValueError(f"longer than {self._limit:,} bytes")
        self.sha256.update(raw)
        # Only hashes are looked at: what else is there may be in any encoding.
        text = raw.decode("utf-8", "surrogateescape")
        text = text.removeprefix("\ufeff") if self.number == 1 else text
        if not self.is_json and "\r" in text.rstrip("\r\n"):
            raise ValueError("a carriage return in the middle: end lines with a line feed")
        return text


def _read_into(digests: _Digests, lines: _Lines) -> None:
    if lines.is_json:
        _read_json(lines, digests)
        return
    first = next((line for line in lines if line.strip() and not line.startswith("#")), None)
    if first is None:
        return
    header = _header(first)
    if header:
        _read_csv(lines, header, digests)
    else:
        _read_text(first, lines, digests)


# Text.


def _read_text(first: str, further: _Lines, digests: _Digests) -> None:
    try:
        _take_line(first, digests)
    except ValueError as error:
        columns = f"hash, {', '.join(HashKind)}"
        raise ValueError(f"{error}; nor a header with a column of: {columns}") from None
    for line in further:
        _take_line(line, digests)


def _take_line(line: str, digests: _Digests) -> None:
    """The first field of a line, after the name of its kind; and further ones that are hashes."""
    fields = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
    if not fields:
        return
    kind = _kind(fields[0].removesuffix(":")) if len(fields) > 1 else None
    first = 1 if kind else 0
    digests.add(fields[first], kind)
    for field in fields[first + 1 :]:
        if _is_hash(field):
            digests.add(field)


def _is_hash(text: str) -> bool:
    return len(text) in _DIGITS and all(digit in "0123456789abcdef" for digit in text.lower())


# CSV.


@dataclass(frozen=True, slots=True)
class _Header:
    names: tuple[str, ...]
    delimiter: str


def _header(line: str) -> _Header | None:
    """The header of a CSV file, if the line is one."""
    for delimiter in ",;\t|":
        names = tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter)))
        if any(map(_names_hash, names)) and not any(map(_is_hash, names)):
            return _Header(names, delimiter)
    return None


def _read_csv(lines: _Lines, header: _Header, digests: _Digests) -> None:
    for row in csv.reader(lines, delimiter=header.delimiter, strict=True):
        if not any(cell.strip() for cell in row) or row[0].startswith("#"):
            continue
        if any(cell.strip() for cell in row[len(header.names) :]):
            raise ValueError("more fields than the header has")
        # A short row lacks its last fields.
        _take(list(zip(header.names, row, strict=False)), digests)


# JSON.


@dataclass(frozen=True, slots=True)
class _Record:
    """The fields of a JSON object that name a hash or its kind."""

    fields: "list[tuple[str, str]]"


def _read_json(lines: _Lines, digests: _Digests) -> None:
    """JSON lines, or one document over several."""
    first = True
    for line in lines:
        if not line.strip():
            continue
        try:
            value = json.loads(line, object_hook=_reduced)
        except json.JSONDecodeError as error:
            if not first:
                raise ValueError(f"not JSON ({error.msg})") from None
            value = _document(line, lines)
        first = False
        _take_json(value, lines, digests)


def _document(first: str, further: _Lines) -> object:
    start, parts, size = further.number, [first], len(first)
    for line in further:
        parts.append(line)
        size += len(line)
        if size > _MAX_JSON:
            raise ValueError(f"a document of over {_MAX_JSON:,} bytes: write one record a line")
    try:
        return json.loads("".join(parts), object_hook=_reduced)
    except json.JSONDecodeError as error:
        further.where = f"line {start + error.lineno - 1}"
        raise ValueError(f"not JSON ({error.msg})") from None


def _reduced(value: dict[str, Any]) -> object:
    """What is kept of a JSON object while its document is read, for records are large."""
    fields = [
        (name, str(field))
        for name, field in value.items()
        if (_names_hash(name) or _plain(name) in _TYPES)
        and not (field is None or isinstance(field, _Record))  # an object that was reduced
    ]
    if any(_names_hash(name) for name, _ in fields):
        return _Record(fields)
    lists = [value[name] for name in ("data", "hashRecords") if isinstance(value.get(name), list)]
    return lists[0] if lists else None


def _take_json(value: object, lines: _Lines, digests: _Digests) -> None:
    records = value if isinstance(value, list) else [value]
    where = lines.where
    for number, record in enumerate(records, start=1):
        if isinstance(value, list):
            lines.where = f"{where}, record {number}"
        if isinstance(record, str):
            digests.add(record)
        elif isinstance(record, _Record):
            _take(record.fields, digests)
        else:
            raise ValueError("not a record with a hash")


# The fields of a row or a record.

_VALUES = {"hash", "hashvalue", "filehash", "imagehash", "digest", "value"}
_VALUES |= {"indicator", "rawindicator", "signal", "signalvalue"}
_TYPES = {"type", "kind", "algorithm", "algo", "hashtype", "signaltype", "indicatortype"}
_PREFIXES = ("hash", "file", "image", "photo", "video")
_SUFFIXES = ("hash", "sum", "digest", "hex")


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


@lru_cache(maxsize=1024)
def _kind(name: str) -> HashKind | None:
    """The kind that "HASH_VIDEO_MD5", "ImagePDQ", "sha-1" or the like names; None for no kind."""
    plain = _plain(name)
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix)
    for suffix in _SUFFIXES:
        plain = plain.removesuffix(suffix)
    return HashKind(plain) if plain in _WIDTHS else None


@lru_cache(maxsize=1024)
def _names_hash(name: str) -> bool:
    return _plain(name) in _VALUES or _kind(name) is not None


def _take(fields: list[tuple[str, str]], digests: _Digests) -> None:
    """The hashes of a row or record, given as names and values.

    Raises:
        ValueError: there is none, or one is of no known kind.
    """
    found = False
    for name, field in fields:
        text = field.strip()
        if text and _names_hash(name):
            digests.add(text, _kind(name) or _kind_beside(fields))
            found = True
    if not found:
        raise ValueError("no hash in it")


def _kind_beside(fields: list[tuple[str, str]]) -> HashKind | None:
    """The kind that the fields beside a hash say; None where they say nothing."""
    said = [field for name, field in fields if _plain(name) in _TYPES and field.strip()]
    kinds = [kind for kind in map(_kind, said) if kind]
    if said and not kinds:
        shown = "a hash" if _is_hash(said[0].strip()) else repr(said[0][:20])
        raise ValueError(f"{shown} is no kind of hash; there are {', '.join(HashKind)}")
    return kinds[0] if kinds else None
