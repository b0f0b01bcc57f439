"""A user whom the modes of files bind: tests may run as the superuser, who reads everything."""

import os
import subprocess
import sys

import pytest

_NOBODY = 65534
_CANNOT = 77
_DROP = f"""
try:
    os.setgroups([]); os.setgid({_NOBODY}); os.setuid({_NOBODY})
except OSError:
    os._exit({_CANNOT})
"""


def unprivileged(script: str) -> str:
    """What a script prints that runs as a user whom the modes of files bind."""
    drop = "" if os.getuid() else _DROP
    # Imported first: this user may not be let into the folder of the package.
    code = (
        "import os\n"
        "from figleaf.errors import SourceError\n"
        "from figleaf.dataset.records import Kind, Task\n"
        "from figleaf.sources.readers.local import read_local\n"
        "from figleaf.sources.readers.opening import open_source\n"
        f"{drop}{script}"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    if done.returncode == _CANNOT:
        pytest.skip("the superuser reads everything, and may not become another user here")
    assert done.returncode == 0, done.stderr
    return done.stdout
