"""Files with verdicts that their names tell, and what lies in a folder."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from figleaf.actions.judging import Found, judged
from figleaf.actions.places import below
from figleaf.actions.rules import Judged
from figleaf.classify.prediction import Decision, Prediction
from figleaf.classify.source import Source, name_of, read_bytes, walk
from figleaf.errors import ImageError, Status
from figleaf.images import Limits
from figleaf.models.runtime import Precision

LIMITS = Limits()


def picture(seed: int, size: int = 16) -> bytes:
    """A small JPEG, another one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(noise).resize((size, size)).save(file, "JPEG", quality=90)
        return file.getvalue()


def make(folder: Path, count: int) -> Path:
    """Small pictures in folders of folders, some of the same name, and what is no picture."""
    for number in range(count):
        name = f"{number % 7}/{number % 3}/p{number}.jpg"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number) if number % 10 else b"no picture %d" % number)
    return folder


def verdict(name: str, status: Status = Status.OK, decision: Decision | None = None) -> Prediction:
    """A prediction; the decision is told by the name, unless it is given."""
    at = int(hashlib.sha256(os.fsencode(Path(name).name)).hexdigest(), 16) % 3
    ok = status is Status.OK
    return Prediction(
        input=name,
        status=status,
        label="neutral" if ok else None,
        scores={"neutral": 0.9, "porn": 0.1} if ok else {},
        unsafe=0.1 if ok else None,
        decision=decision or list(Decision)[at],
        reason="by its name",
        policy="test@1",
        model="test@1",
        precision=Precision.F32,
    )


def stream(sources: Iterable[Source]) -> Iterator[Prediction]:
    """A classifier that reads, and judges by names."""
    for source in sources:
        try:
            data = read_bytes(source, LIMITS)
        except ImageError as error:
            yield verdict(name_of(source), error.status)
            continue
        fails = data.startswith(b"no picture")
        yield verdict(name_of(source), Status.NOT_AN_IMAGE if fails else Status.OK)


def verdicts(folder: Path) -> Iterator[Judged]:
    """Of every file of a folder."""
    found = (Found(path, below(str(folder), path)) for path in walk(folder))
    return judged(stream, found, LIMITS)


def contents(folder: Path, *, hidden: bool = False) -> dict[str, str]:
    """Place -> SHA-256 of every file below a folder, hidden ones left out unless asked for."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (hidden or not path.name.startswith("."))
    }
