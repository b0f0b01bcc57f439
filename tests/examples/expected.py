"""What every example is held to, whatever its framework."""

import hashlib
import json
from pathlib import Path
from typing import Any

FORM = "multipart/form-data; boundary=edge"
"""The content type of what `form` gives."""

STATUS = {"allow": 201, "review": 202, "block": 422}
STATE = {"allow": "public", "review": "review"}


def form(data: bytes, field: str = "photo") -> bytes:
    """A form with one file, whose name is what an uploader may call it."""
    name = b"../../etc/pass\\wd %00 \xed\x95\x9c.jpg"
    disposition = b'Content-Disposition: form-data; name="%s"; filename="%s"' % (
        field.encode(),
        name,
    )
    lines = [b"--edge", disposition, b"Content-Type: image/jpeg", b"", data, b"--edge--", b""]
    return b"\r\n".join(lines)


def kept(folder: Path) -> list[Path]:
    """The files below a folder, but for a database's and those that say why."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path for path in files if path.suffix != ".json" and "uploads.db" not in path.name
    )


def check_kept(folder: Path, state: str, data: bytes) -> Path:
    """The upload is where it belongs, whole, alone, and called by nothing that came with it."""
    (path,) = kept(folder)
    assert path.parent == folder / state
    assert path.read_bytes() == data
    assert path.name.isalnum()
    return path


def check_verdict(verdict: dict[str, Any], decision: str) -> None:
    assert verdict["decision"] == decision
    assert verdict["model"] == "mobilenet_v2@1"
    assert verdict["status"] == "ok"


def check_record(path: Path, data: bytes, decision: str) -> None:
    """The file beside an upload says why it is there."""
    verdict = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
    check_verdict(verdict, decision)
    assert verdict["sha256"] == hashlib.sha256(data).hexdigest()
