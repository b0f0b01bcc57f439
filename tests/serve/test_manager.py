"""What systemd is told, and what a reload does that comes too early."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from figleaf.serve.manager import READY, STOPPING, tell_manager


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets of this kind here")
def test_the_manager_hears_when_it_answers_and_when_it_ends(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        command = [sys.executable, "-m", "figleaf", "serve", "--port", "0", "-m", "mobilenet_v2"]
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        try:
            assert manager.recv(100).decode() == READY
            process.send_signal(signal.SIGTERM)
            assert manager.recv(100).decode() == STOPPING
            assert process.communicate(timeout=60)[0].count(b'"event"') == 3
            assert process.returncode == 0
        finally:
            process.kill()
            process.communicate()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets of this kind here")
def test_it_serves_where_standard_output_is_closed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        command = [sys.executable, "-m", "figleaf", "serve", "--port", "0", "-m", "mobilenet_v2"]
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        process = subprocess.Popen(closed, env=environment, stderr=subprocess.PIPE)
        try:
            assert manager.recv(100).decode() == READY
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=60)[1] == b""
            assert process.returncode == 0
        finally:
            process.kill()
            process.communicate()


def test_without_a_manager_nothing_is_told() -> None:
    tell_manager(READY, {})
    for address in ("", "nonsense", "/no/such/socket", "@no-such-socket"):
        tell_manager(READY, {"NOTIFY_SOCKET": address})


def test_a_reload_that_comes_too_early_ends_nothing() -> None:
    command = [sys.executable, "-m", "figleaf", "serve", "--port", "0", "--model", "mobilenet_v2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        ignored = Path(f"/proc/{process.pid}/status")
        until = time.monotonic() + 60
        # From when it is ignored, which is as soon as the server's code runs.
        while time.monotonic() < until and not _ignores_hangup(ignored):
            time.sleep(0.001)
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        assert b'"listening"' in process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def _ignores_hangup(status: Path) -> bool:
    if not status.exists():
        pytest.skip("there is no /proc here")
    (mask,) = (line for line in status.read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(mask.split()[1], 16) & 1)
