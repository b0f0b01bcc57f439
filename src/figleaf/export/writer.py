"""What every form of an export is written by."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from figleaf.dataset.rows import Row
from figleaf.export.plan import Place
from figleaf.export.report import Omission


class Writer(Protocol):
    """Writes images into a folder in one form."""

    def add(self, row: Row, place: Place) -> Omission | None:
        """Write an image, or say why it is left out."""

    def close(self) -> None:
        """Write what is still held, and close all files."""

    def drop(self) -> None:
        """Close all files: the export has failed, and nobody wants them."""


@contextmanager
def closing(writer: Writer) -> Iterator[Writer]:
    """Close the writer at the end, or, after an error, drop it."""
    try:
        yield writer
    except BaseException:
        with suppress(Exception):  # what could not be written cannot be closed well either
            writer.drop()
        raise
    writer.close()
