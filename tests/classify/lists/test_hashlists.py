import csv
import hashlib
import io
import json
import os
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figleaf.classify.lists.hashlists import HashKind, read_hash_list
from figleaf.errors import RulesError

MD5, SHA1, LONG, OTHER = ("0f" * 16, "a1" * 20, "5c" * 32, "7e" * 32)


def write(folder: Path, content: str | bytes, name: str = "list.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, content: str | bytes, name: str = "list.txt") -> dict[str | None, str]:
    """The kinds that a list names, each with its hashes end to end in hexadecimal."""
    found = read_hash_list(write(folder, content, name)).digests
    return {kind and str(kind): many.hex() for kind, many in found.items() if many}


# Text.


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (f"{MD5}\n", {"md5": MD5}),
        (MD5, {"md5": MD5}),
        (f"{MD5}\r\n{SHA1}\r\n", {"md5": MD5, "sha1": SHA1}),
        (f"\ufeff{SHA1.upper()}\n", {"sha1": SHA1}),
        (f"# a list\n\n  {MD5}  # known\n", {"md5": MD5}),
        (f"{SHA1}  some file.jpg\n{SHA1} *other.jpg\n", {"sha1": SHA1 * 2}),
        (f"sha256:{LONG}\nPDQ:{OTHER}\n", {"sha256": LONG, "pdq": OTHER}),
        (f"pdq {OTHER}\nsha-256: {LONG}\nmd5,{MD5}\n", {"pdq": OTHER, "sha256": LONG, "md5": MD5}),
        (f"{LONG}\n", {None: LONG}),
        (f"{MD5},1234,2026-01-02\n", {"md5": MD5}),
        (f"{MD5} {SHA1}\n{MD5};{LONG}\n", {"md5": MD5 * 2, "sha1": SHA1, None: LONG}),
        (f"{MD5} caf\xe9.jpg\n".encode("latin-1"), {"md5": MD5}),
    ],
)
def test_text(content: str | bytes, found: dict[str | None, str], tmp_path: Path) -> None:
    assert read(tmp_path, content) == found


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hashes.txt", None),
        ("known-pdq-2026.txt", "pdq"),
        ("PDQ.csv", "pdq"),
        ("simple.HASH_PDQ.te", "pdq"),
        ("files.sha256", "sha256"),
        ("SHA-256 list.txt", "sha256"),
        ("sha256-and-pdq.txt", None),
    ],
)
def test_the_file_name_says_what_64_digits_are(name: str, kind: str | None, tmp_path: Path) -> None:
    assert read(tmp_path, f"{LONG}\n{MD5}\n", name) == {kind: LONG, "md5": MD5}
    # What stands beside a hash counts for more.
    assert read(tmp_path, f"sha256:{LONG}\npdq:{OTHER}", name) == {"sha256": LONG, "pdq": OTHER}


# CSV.


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (f"md5\n{MD5}\n", {"md5": MD5}),
        (f"id,MD5,SHA-1\n1,{MD5},{SHA1}\n2,,{SHA1}\n", {"md5": MD5, "sha1": SHA1 * 2}),
        (f"sha_256;pdq_hash\n{LONG};{OTHER}\n", {"sha256": LONG, "pdq": OTHER}),
        (f"Hash\tType\n{OTHER}\tPDQ\n{LONG}\tSHA256\n", {"pdq": OTHER, "sha256": LONG}),
        (f"hash,algorithm\n{MD5},\n{LONG},\n", {"md5": MD5, None: LONG}),
        (f"type,hash,signal_type\nimage,{OTHER},pdq\n", {"pdq": OTHER}),
        (f'name,hash\n"a, b",{MD5}\n"""c""\nd",{MD5}\n', {"md5": MD5 * 2}),
        (f"# exported\nhash,note\n\n{MD5},x,\n# end\n{MD5}\n", {"md5": MD5 * 2}),
        (f"\ufeffindicator|type\n{MD5}|HASH_VIDEO_MD5\n", {"md5": MD5}),
        (f"value\nsha256:{LONG}\n", {"sha256": LONG}),
    ],
)
def test_csv(content: str, found: dict[str | None, str], tmp_path: Path) -> None:
    assert read(tmp_path, content) == found


# JSON.

RECORDS = [
    ({"indicator": MD5, "type": "HASH_MD5"}, {"md5": MD5}),
    ({"indicator": SHA1.upper(), "type": "HASH_SHA1", "id": "17"}, {"sha1": SHA1}),
    ({"indicator": LONG, "type": "HASH_SHA256", "should_delete": False}, {"sha256": LONG}),
    ({"indicator": OTHER, "type": "HASH_PDQ", "tags": ["x"]}, {"pdq": OTHER}),
    ({"raw_indicator": MD5, "type": "HASH_VIDEO_MD5"}, {"md5": MD5}),
    ({"signal": OTHER, "signal_type": "pdq"}, {"pdq": OTHER}),
    ({"hashValue": OTHER, "signalType": "ImagePDQ"}, {"pdq": OTHER}),
    ({"md5": MD5, "sha1": None, "sha256": LONG}, {"md5": MD5, "sha256": LONG}),
    ({"hash": LONG}, {None: LONG}),
    (
        {
            "indicator": {"id": "1", "indicator": LONG, "type": "HASH_SHA256"},
            "raw_indicator": LONG,
            "type": "HASH_SHA256",
            "owner": {"id": "2", "name": "somebody"},
            "reactions": [{"key": "HELPFUL", "value": "3"}],
        },
        {"sha256": LONG},
    ),
]


@pytest.mark.parametrize(("record", "found"), RECORDS)
def test_json(record: object, found: dict[str | None, str], tmp_path: Path) -> None:
    twice = {kind: hashes * 2 for kind, hashes in found.items()}
    line = json.dumps(record)
    assert read(tmp_path, line) == found
    assert read(tmp_path, f"{line}\n\n{line}\n") == twice
    for document in ([record, record], {"data": [record, record], "paging": {"next": "x"}}):
        for indent in (None, 2):
            assert read(tmp_path, json.dumps(document, indent=indent)) == twice
    page = json.dumps({"data": [record]})
    assert read(tmp_path, f"\ufeff \n{page}\n{page}\n") == twice


def test_json_of_hashes_alone(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps([MD5, f"pdq:{LONG}"])) == {"md5": MD5, "pdq": LONG}


# What is refused, and how.


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (f"{MD5}\n{MD5[:-1]}\n", "line 2: no hash, which has 32, 40 or 64"),
        (f"{MD5}\n\n{MD5[:-1]}g\n", "line 3: no hash"),
        (f"{MD5}\n{MD5[:-2]} 00\n", "line 2: no hash"),
        (f"{MD5}\nmd5:{SHA1}\n", r"line 2: no hash, which has 32 \(md5\)"),
        (f"{MD5}\nsha256 {MD5}\n", r"line 2: no hash, which has 64 \(sha256\)"),
        (f"{MD5}\nphash:{MD5[:16]}\n", "line 2: no hash"),
        (f"{MD5}\r{MD5}\r", "line 1: a carriage return"),
        (f"{MD5}\n" + "0" * 2_000_000, "line 2: longer than"),
        ("<!DOCTYPE html>\n", "line 1: no hash.*nor a header with a column of: hash, md5, sha1"),
        (b"\xff\xfe" + MD5.encode("utf-16-le"), "line 1: no hash"),
        (b"\x1f\x8b\x08\x00" + bytes(100), "line 1: no hash"),
        (f"md5,sha1\n{MD5},\n,\n{MD5[:-1]},\n", "line 4: no hash"),
        (f"md5,note\n{MD5},x\n,photodna only\n", "line 3: no hash in it"),
        (f"hash,type\n{MD5},md5\n{MD5},PhotoDNA\n", "line 3: 'PhotoDNA' is no kind of hash"),
        (f"hash,type\nmd5,{MD5}\n", "line 2: a hash is no kind of hash"),
        (f"hash,type\n{MD5},sha1\n", r"line 2: no hash, which has 40 \(sha1\)"),
        (f"note,hash\nx,{MD5}\na, b,{MD5}\n", "line 3: more fields than the header"),
        (f'note,hash\n"x,{MD5}\ny,{MD5}\n', "line 3: unexpected end of data"),
        (f'{{"hash": "{MD5}"}}\n{{"hash": "{MD5}', "line 2: not JSON"),
        (f'{{"hash": "{MD5}"}}\n{{"hsah": "{MD5}"}}', "line 2: not a record with a hash"),
        (f'{{"hash": "{MD5}"}}\n{{"hash": "{MD5}", "type": "URI"}}', "line 2: 'URI' is no kind"),
        (f'{{"hash": "{MD5}"}}\n{{"md5": ["{MD5}"]}}', "line 2: no hash"),
        (f'[\n{{"hash": "{MD5}"}},\n{{"hash": "{MD5}",}}\n]', "line 3: not JSON"),
        (f'[{{"hash": "{MD5}"}}, {{"id": 3}}]', "line 1, record 2: not a record with a hash"),
        (f'{{"hashes": ["{MD5}"]}}', "line 1: not a record with a hash"),
        ("[" * 100_000, "line 1: maximum recursion"),
    ],
)
@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_one_bad_line_and_the_list_is_refused(
    name: str, content: str | bytes, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(RulesError, match=complaint) as refused:
        read(tmp_path, content, name)
    assert str(refused.value).startswith(f"{tmp_path / name}, line ")
    assert "used whole or not at all" in str(refused.value)
    assert MD5[:8] not in str(refused.value), "lists are confidential"


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", "md5,sha1\n", "[]", '{"data": []}'])
def test_an_empty_list_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"list\.txt: no hash in it"):
        read(tmp_path, content)


def test_a_list_that_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("gone.txt", ".", "pipe"):
        with pytest.raises(RulesError, match="no such file"):
            read_hash_list(tmp_path / name)


# What is read is what was written.

LISTED = st.lists(
    st.sampled_from(HashKind).flatmap(
        lambda kind: st.tuples(st.just(kind), st.binary(min_size=kind.width, max_size=kind.width))
    ),
    min_size=1,
    max_size=20,
)


def as_text(listed: list[tuple[HashKind, bytes]]) -> str:
    return "".join(f"{kind}:{digest.hex()}\n" for kind, digest in listed)


def as_csv(listed: list[tuple[HashKind, bytes]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["note", "hash", "type"])
    writer.writerows(['a "note", long\nand odd', digest.hex(), kind] for kind, digest in listed)
    return text.getvalue()


def as_json(listed: list[tuple[HashKind, bytes]], indent: int | None = None) -> str:
    records = [
        {"id": str(number), "indicator": digest.hex(), "type": f"HASH_{kind.upper()}"}
        for number, (kind, digest) in enumerate(listed)
    ]
    return json.dumps({"data": records}, indent=indent)


@settings(deadline=None)  # of one run: the machine may be busy
@given(listed=LISTED)
@pytest.mark.parametrize("write_as", [as_text, as_csv, as_json, lambda x: as_json(x, 1)])
def test_every_form_keeps_every_hash(
    write_as: object, listed: list[tuple[HashKind, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert callable(write_as)
    folder = tmp_path_factory.getbasetemp()
    path = write(folder, write_as(listed), "property.txt")
    found = read_hash_list(path)
    wanted = {kind: b"".join(d for k, d in listed if k is kind) for kind in HashKind}
    assert not found.digests[None]
    assert {kind: bytes(found.digests[kind]) for kind in HashKind} == wanted
    assert found.sha256 == hashlib.sha256(path.read_bytes()).digest()


def test_a_hash_takes_the_memory_of_its_bytes(tmp_path: Path) -> None:
    count = 50_000
    lines = [random.Random(number).randbytes(20).hex() for number in range(count)]
    path = write(tmp_path, "\n".join(lines))
    tracemalloc.start()
    try:
        found = read_hash_list(path)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.digests[HashKind.SHA1]) == 20 * count
    assert now < 24 * count
    assert peak < 48 * count  # while it grows


def test_a_list_is_not_shown(tmp_path: Path) -> None:
    assert repr(read_hash_list(write(tmp_path, MD5))) == "<HashList list.txt>"
