"""One process at a time: locks of files and folders, which end with the process."""

from importlib.util import find_spec

HAS_LOCKS = find_spec("fcntl") is not None
"""Whether this system has such locks: POSIX systems do."""


def try_lock(descriptor: int) -> bool:
    """Lock what a descriptor has open, until it is closed.

    Returns:
        whether it is locked: some systems, and some file systems, have no locks.

    Raises:
        BlockingIOError: another process has it.
    """
    if not HAS_LOCKS:
        return False
    import fcntl  # here, for the systems without it

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True
