"""What the tests of isolated pools share."""

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from figleaf.errors import ImageError, Status
from figleaf.images.isolate import IsolatedPool

Obey = Callable[[bytes], Any]


def status_of(pool: IsolatedPool[Any], request: str) -> tuple[Status, str]:
    with pytest.raises(ImageError) as caught:
        pool(request.encode())
    return caught.value.status, caught.value.reason


def gone(pid: int, seconds: float = 5.0) -> bool:
    """Whether a process ends within some seconds; a zombie has not ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def gone_or_unreaped(pid: int, seconds: float = 5.0) -> bool:
    """As above, for a process whose parent is gone: some containers have no init that reaps."""
    until = time.monotonic() + seconds
    stat = Path(f"/proc/{pid}/stat")
    while time.monotonic() < until:
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    with io.BytesIO() as stream:
        Image.effect_noise(size, 50).convert("RGB").save(stream, "JPEG")
        return stream.getvalue()
