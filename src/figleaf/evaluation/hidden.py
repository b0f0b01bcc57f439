"""What readers of folders pass over without a word: hidden files."""

import os
from pathlib import Path

HIDDEN = "hidden files"


def count_hidden(folder: Path) -> dict[str, int]:
    """How many files below a folder are hidden, or lie in hidden folders; nothing where none are.

    Links to folders are not followed.
    """
    count = 0
    for root, _, files in os.walk(folder):
        inside = any(part.startswith(".") for part in Path(root).relative_to(folder).parts)
        count += sum(inside or name.startswith(".") for name in files)
    return {HIDDEN: count} if count else {}
