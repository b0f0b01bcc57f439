"""Nothing calls home and nothing is written: seen from the kernel."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .training.samples import KINDS, data_set

TRACE = "socket,connect,sendto,sendmsg,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat2"
WRITES = re.compile(r"\b(mkdir|mkdirat|rename|renameat2|creat)\(|O_(WRONLY|RDWR|CREAT)")


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_no_socket_and_no_file(tmp_path: Path, photo: Path) -> None:
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["strace", "-f", "-qq", "-e", f"trace={TRACE}", "-o", str(trace)]
    words += [sys.executable, "-m", "figleaf", "classify", str(photo), "-f", "jsonl"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert '"status": "ok"' in done.stdout

    lines = trace.read_text().splitlines()
    assert any("astronaut.png" in line for line in lines)  # it did trace
    assert [line for line in lines if re.search(r"\bsocket\(|\bconnect\(|\bsend", line)] == []
    written = [line for line in lines if WRITES.search(line) and "/dev/null" not in line]
    assert [line for line in written if "= -1" not in line] == []
    assert list(home.iterdir()) == []


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_training_opens_no_socket_and_leaves_the_home_folder_alone(tmp_path: Path) -> None:
    folder = data_set(tmp_path / "data", dict.fromkeys(KINDS, 8), test=0.25)
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg", "-o", str(trace)]
    words += [sys.executable, "-m", "figleaf", "train", str(folder), str(tmp_path / "model")]
    subprocess.run(
        [*words, "--backbone", "efficientnet_lite0", "-q"],
        env=environment,
        capture_output=True,
        check=True,
    )
    lines = trace.read_text().splitlines()
    assert [line for line in lines if re.search(r"\bsocket\(|\bconnect\(|\bsend", line)] == []
    assert list(home.iterdir()) == []
