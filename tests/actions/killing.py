"""A run that is killed: at its n-th touch of the file system, or from outside at any moment.

    python -m tests.actions.killing KIND FOLDER PLACE each|MOST

With MOST it waits to be killed once it has done so much, or ends before. With `each`, one process
after another is begun, the n-th of which kills itself just before its n-th touch, on files of its
own; how each ended is a line of the output, and the first that came to its end is the last.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path

from figleaf.actions.act import act
from figleaf.actions.rules import Action, Fate, Kind

from .acting import make, verdicts

TOUCHES = {"open", "os.link", "os.remove", "os.rename", "os.mkdir", "os.truncate", "os.utime"}
FILES = 5


def run(kind: str, folder: Path, place: Path, most: int | None = None) -> None:
    """All of it, or so many files."""
    for acted in act(verdicts(folder), [Action(Kind(kind), place)]):
        if most is not None and acted.outcomes[0].fate is Fate.DONE:
            most -= 1
            if not most:
                signal.pause()


def killed_at(touch: int, kind: str, folder: Path, place: Path) -> int:
    """Runs it in another process, which kills itself; gives how that ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = touch
    ours = (str(folder), str(place))

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        # Not what Python reads of its own, as modules that are imported late.
        if event in TOUCHES and any(str(one).startswith(ours) for one in arguments):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    run(kind, folder, place)
    os._exit(0)


def main(kind: str, folder: Path, place: Path, how: str) -> None:
    """See the module."""
    if how != "each":
        run(kind, folder, place, int(how))
        return
    for touch in count(1):
        here = make(Path(f"{folder}-{touch}"), FILES)
        code = killed_at(touch, kind, here, Path(f"{place}-{touch}"))
        print(code, flush=True)
        if code == 0:
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
