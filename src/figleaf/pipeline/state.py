"""What a stage starts from, as a hash: the same for the same images, labels and parts.

Each stage's own traces, and those of the stages after it, are left out: events say who made them.
So a stage whose inputs have not changed is known by that, whatever came of it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from figleaf.dataset.labelling import AUDIT, CLEAN, COLLECT, LIKENESS, SCREEN, TOOLS
from figleaf.dataset.ledger import Ledger
from figleaf.pipeline.rules import StageName

TRACES: dict[StageName, frozenset[str]] = {
    StageName.COLLECT: frozenset({COLLECT}),
    StageName.CLEAN: frozenset({CLEAN}),
    StageName.SCREEN: frozenset({SCREEN, LIKENESS}),
    StageName.AUDIT: frozenset({AUDIT}),
}
"""Stage -> who it is in the events that it writes. The others write none."""

_LAST = """
SELECT image_id, after, max(id) FROM {table} WHERE who NOT IN ({marks}) GROUP BY image_id
"""
_IMAGES = """
WITH labelled AS ({labels}), aside AS ({quarantines})
SELECT images.sha256, labelled.after, aside.after{columns}
FROM images
LEFT JOIN labelled ON labelled.image_id = images.id
LEFT JOIN aside ON aside.image_id = images.id
{joins}
ORDER BY images.sha256
"""
_PARTS = "LEFT JOIN splits ON splits.image_id = images.id"
_BEGUN = "SELECT started FROM runs ORDER BY id LIMIT 1"
_ITEMS = "SELECT state, reason, count(*) FROM items GROUP BY state, reason ORDER BY 1, 2"


def state_after(ledger: Ledger, stages: Iterable[StageName]) -> str:
    """What people and some stages have made of a data set: SHA-256, in hex.

    Args:
        ledger: the data set's.
        stages: those whose traces count; without COLLECT they do all the same, as nothing is there
            without it.
    """
    counted = {StageName.COLLECT, *stages}
    left_out = sorted(
        set(TOOLS) - frozenset().union(*(TRACES.get(one, frozenset()) for one in counted))
    )
    return _digest(ledger, left_out, with_parts=StageName.SPLIT in counted)


def state_collected(ledger: Ledger) -> str:
    """What collecting has made of a data set, people's doing left out; SHA-256, in hex."""
    digest = hashlib.sha256(_digest_of_tool(ledger).encode())
    for row in ledger.read(_ITEMS):
        digest.update(repr(row).encode())
    return digest.hexdigest()


def _digest_of_tool(ledger: Ledger) -> str:
    others = {who for table in ("labels", "quarantines") for who in _whos(ledger, table)}
    return _digest(ledger, sorted(others - {COLLECT}), with_parts=False)


def _whos(ledger: Ledger, table: str) -> list[str]:
    return [who for (who,) in ledger.read(f"SELECT DISTINCT who FROM {table}")]


def _digest(ledger: Ledger, left_out: list[str], *, with_parts: bool) -> str:
    marks = ", ".join("?" * len(left_out))
    query = _IMAGES.format(
        labels=_LAST.format(table="labels", marks=marks),
        quarantines=_LAST.format(table="quarantines", marks=marks),
        columns=", splits.part, splits.fold" if with_parts else "",
        joins=_PARTS if with_parts else "",
    )
    # When it began tells a ledger from another one of the same images, that was not cleaned yet.
    digest = hashlib.sha256(repr(ledger.read(_BEGUN)).encode())
    # Row by row: of a million images all of them would be hundreds of megabytes.
    for sha256, *values in ledger.connection.execute(query, [*left_out, *left_out]):
        digest.update(sha256 + repr(values).encode())
    return digest.hexdigest()


def files_state(paths: Iterable[Path]) -> str:
    """Names, sizes and times of files, and of all files in folders: SHA-256, in hex.

    What is missing has a state as well.
    """
    digest = hashlib.sha256()
    for path in paths:
        for one in _files(path):
            try:
                found = one.stat()
                facts = f"{found.st_size} {found.st_mtime_ns}"
            except OSError as error:
                facts = str(error.errno)
            digest.update(f"{os.fsencode(one)!r} {facts}\n".encode())
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            yield Path(folder, name)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex; "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
