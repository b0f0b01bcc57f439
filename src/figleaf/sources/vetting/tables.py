"""Files of rules: TOML tables, read with care."""

import tomllib
from pathlib import Path
from typing import Any

from figleaf.errors import RulesError

MAX_RULES_BYTES = 1 << 20
"""A file of rules that is larger was given by mistake."""


def read_rules(path: Path, what: str) -> tuple[dict[str, Any], bytes]:
    """A TOML file of rules as a table and, for its hash, as bytes.

    Args:
        path: a regular file; a pipe or a device could go on for ever.
        what: the file's purpose, for messages.

    Raises:
        RulesError: it is missing, cannot be read, is over 1 MiB or not TOML.
    """
    if not path.is_file():
        raise RulesError(f"{path}: no such file; {what} is a TOML file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RULES_BYTES + 1)
    except OSError as error:
        raise RulesError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_RULES_BYTES:
        raise RulesError(f"{path}: over {MAX_RULES_BYTES:,} bytes, which {what} never needs")
    try:
        return tomllib.loads(data.decode("utf-8-sig")), data
    except (ValueError, RecursionError) as error:
        raise RulesError(f"{path}: not a TOML file ({error})") from error
