"""What is shown to people: UTF-8 whatever the locale says, nothing that steers a terminal."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, NoReturn, cast

from rich.console import Console

from figleaf.errors import InputError
from figleaf.report.tables import printable as printable  # used with the rest of this module


class Encoded:
    """A binary file to write text to, as UTF-8.

    Unlike io.TextIOWrapper it owns nothing: a standard stream beneath it stays open.
    """

    encoding = "utf-8"

    def __init__(self, file: IO[bytes], errors: str) -> None:
        self._file = file
        self._errors = errors

    def write(self, text: str) -> int:
        """Write text; `errors` says what becomes of what UTF-8 cannot hold."""
        self._file.write(text.encode(self.encoding, self._errors))
        return len(text)

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._file.flush()

    def isatty(self) -> bool:
        """Whether this is a terminal."""
        return self._file.isatty()

    def fileno(self) -> int:
        """The file's descriptor."""
        return self._file.fileno()


class Screen(Console):
    """A Rich console that takes strings as they are: no markup, no emoji names.

    Args:
        file: where to, in binary; colours only where it is a terminal.
        soft_wrap: leave long lines whole.
    """

    def __init__(self, file: IO[bytes], *, soft_wrap: bool = False) -> None:
        super().__init__(
            file=cast(IO[str], Encoded(file, "backslashreplace")),
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=soft_wrap,
        )

    def on_broken_pipe(self) -> NoReturn:
        """Let the error through: Rich would exit with 1, which says that something was blocked."""
        raise


@contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """Standard output, in binary; errors of writing name it.

    Raises:
        InputError: it is closed.
    """
    if sys.stdout is None:
        raise InputError("standard output is closed: open it, or redirect it to a file")
    with naming("standard output"):
        yield sys.stdout.buffer


def print_json(value: object) -> None:
    """Print a value as indented JSON, in UTF-8; what is not printable is escaped in its strings."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # Between strings there is nothing but ASCII.
    escaped = (
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
    )
    with standard_output() as file:
        Encoded(file, "strict").write("".join(escaped) + "\n")


def quoted(folder: str | os.PathLike[str]) -> str:
    """A folder as a word of a command that is shown: quoted, and no option where it begins so."""
    text = os.fspath(folder)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put a name to errors that come without one, as those of writing do."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = name
        raise


def say(message: str) -> None:
    """Write a line on standard error, where there is one."""
    # print(file=None) would write on standard output instead.
    if sys.stderr is not None:
        # Nothing is left to complain on about a standard error that cannot be written.
        with suppress(OSError):
            print(message, file=sys.stderr, flush=True)
