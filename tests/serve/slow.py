"""What workers do in place of decoding: importable by name."""

import os
import signal
import time
from typing import Any

from figleaf.images import Limits
from figleaf.serve.decoding import look_at

HANG = b"hang"
DIE = b"die"
SLOW = b"slow"


def misbehave(job: dict[str, Any], *, limits: Limits) -> dict[str, Any]:
    """Decode; hang, die or take a while first where the file begins with that word."""
    data: bytes = job["data"]
    if data.startswith(HANG):
        time.sleep(60)
    if data.startswith(DIE):
        os.kill(os.getpid(), signal.SIGKILL)
    if data.startswith(SLOW):
        time.sleep(0.3)
        job = {**job, "data": data.removeprefix(SLOW)}
    return look_at(job, limits=limits)


def lie(job: dict[str, Any], *, limits: Limits) -> dict[str, Any]:
    """Answer what no sound worker does, as one that an image has taken over might."""
    return {"pictures": [[[0]]], "seconds": None, "unseen": None, "hashes": []}
