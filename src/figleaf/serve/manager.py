"""What the service manager is told: that the server answers, and that it ends (sd_notify(3)).

systemd names a socket in the environment of a unit of Type=notify. So `systemctl start` returns
once requests are answered, and a reload does not come before there is anything to reload.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"


def tell_manager(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell the service manager, where there is one that wants to know; never raises."""
    address = environment.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):  # a path, or a name in the abstract namespace
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address.replace("@", "\0", 1))
