"""Files to verdicts, with what is needed to do something with the very bytes that were judged."""

import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from figleaf.actions.rules import Judged
from figleaf.classify.prediction import Prediction
from figleaf.classify.source import Source, read_bytes
from figleaf.images import Limits

Stream = Callable[[Iterable[Source]], Iterator[Prediction]]
"""One prediction for each input, in order, as `Classifier.stream` gives them."""


@dataclass(frozen=True, slots=True)
class Found:
    """An input before its verdict.

    Attributes:
        source: what is classified.
        relative: of a file its place, which is kept when something is done with it; None for what
            is no file.
    """

    source: Source
    relative: PurePath | None = None


class SealedFile(io.BytesIO):
    """A file that is read when it is due, once, and whose digest is then known. Named as its path.

    Attributes:
        digest: the SHA-256 of its bytes; None until they were read, and where they cannot be.
    """

    def __init__(self, path: str, limits: Limits) -> None:
        super().__init__()
        self.name = path
        self.digest: bytes | None = None
        self._limits: Limits | None = limits

    def read(self, size: int | None = -1, /) -> bytes:
        """The whole file at once; then nothing.

        Raises:
            ImageError: it cannot be read, or is too large.
        """
        limits, self._limits = self._limits, None
        if limits is None:
            return b""
        data = read_bytes(self.name, limits)
        if len(data) <= limits.max_bytes:
            self.digest = hashlib.sha256(data).digest()
        return data


def judged(
    stream: Stream, found: Iterable[Found], limits: Limits, *, sealed: bool = True
) -> Iterator[Judged]:
    """The verdicts of a stream of inputs, as actions need them.

    Args:
        stream: what judges: `Classifier.stream`.
        found: the inputs.
        limits: those of the classifier.
        sealed: whether digests are wanted; without them there is nothing to tell by that a file is
            the one that was judged.
    """
    waiting: deque[Found | SealedFile] = deque()
    places: deque[PurePath | None] = deque()

    def sources() -> Iterator[Source]:
        for one in found:
            places.append(one.relative)
            is_path = sealed and one.relative is not None and isinstance(one.source, str)
            source = SealedFile(str(one.source), limits) if is_path else one.source
            waiting.append(source if isinstance(source, SealedFile) else one)
            yield source

    for prediction in stream(sources()):
        source = waiting.popleft()
        digest = source.digest if isinstance(source, SealedFile) else None
        yield Judged(prediction, places.popleft(), digest)
