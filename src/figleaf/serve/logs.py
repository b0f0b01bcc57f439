"""What a server writes down: a line of JSON for each image, request and event, and no picture.

Lines are written by a thread of their own, so that a slow disk or a full pipe never holds up an
answer; those that do not fit are counted and left out. An image is named by its SHA-256, never by
its file's name or URL, which may tell of people.
"""

import json
import queue
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any

_MOST_WAITING = 10_000


class Log:
    """Writes lines of JSON, once it is started; what is added before waits until then.

    Args:
        file: where to, in binary; None for nowhere.
        dropped: is called for each line that could not be kept until it was written.
    """

    def __init__(
        self, file: IO[bytes] | None, dropped: Callable[[], object] = lambda: None
    ) -> None:
        self._file = file
        self._dropped = dropped
        self._lines: queue.Queue[bytes | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._write_all, name="figleaf log", daemon=True)

    def start(self) -> None:
        """Begin to write. Once."""
        self._thread.start()

    def write(self, event: str, **fields: Any) -> None:
        """Add a line; never waits."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "event": event, **fields}).encode("ascii") + b"\n"
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped()

    def error(self, what: str, error: BaseException, **fields: Any) -> None:
        """Add a line about what went wrong in here, with the traceback."""
        trace = "".join(traceback.format_exception(error))
        self.write("error", what=what, error=trace, **fields)

    def close(self, seconds: float = 5.0) -> None:
        """Write what is there, and end. Nothing where it has not been started."""
        if self._thread.ident is None:
            return
        with suppress(queue.Full):
            self._lines.put(None, timeout=seconds)
        self._thread.join(seconds)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._file is None:
                continue
            try:
                self._file.write(line)
                if self._lines.empty():
                    self._file.flush()
            except (OSError, ValueError):  # the reader has gone, or the disk is full
                self._dropped()
        if self._file is not None:
            with suppress(OSError, ValueError):
                self._file.flush()
