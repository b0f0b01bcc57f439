"""Photos to classify, and a shell to do it in."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SMALL = ["--model", "mobilenet_v2"]

Done = subprocess.CompletedProcess[bytes]
Shell = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, pictures: Path) -> Path:
    for name in ("astronaut.png", "coffee.png", "sub/rocket.jpg"):
        target = tmp_path / "photos" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((pictures / Path(name).name).read_bytes())
    return tmp_path / "photos"


@pytest.fixture
def harsh(tmp_path: Path) -> Path:
    """A policy that blocks every photo."""
    path = tmp_path / "harsh.toml"
    path.write_text(
        'format = 1\nname = "harsh"\nversion = 1\ndescription = ""\nunreadable = "review"\n'
        '[sums.unsafe]\nclasses = ["porn"]\n[classes.neutral]\nblock = 0.1\n'
    )
    return path


@pytest.fixture
def shell(folder: Path) -> Shell:
    """Runs a line of shell in the folder of photos, where `figleaf` is the command."""

    def run(line: str, **environment: str) -> Done:
        start = f"figleaf() {{ {sys.executable} -m figleaf \"$@\"; }}; small='{' '.join(SMALL)}'\n"
        options: dict[str, Any] = {"cwd": folder, "env": os.environ | environment}
        return subprocess.run(
            ["bash", "-c", start + line], capture_output=True, check=False, timeout=120, **options
        )

    return run
