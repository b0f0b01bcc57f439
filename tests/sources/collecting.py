"""Small data sets, collected for real: pictures, lists, and a comparison of what came of them."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import figleaf
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.status import DatasetStatus
from figleaf.sources.fetching.fetched import FetchRules

QUICK = FetchRules(allow_loopback=True, backoff=0.01, deadline=5.0, longest_retry_after=2.0)


def photo(seed: int, side: int = 48) -> bytes:
    """A JPEG of smooth noise: different for each seed, with enough detail for a PDQ hash."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def collected(source: Path | str, out: Path, **rules: Any) -> DatasetStatus:
    """Collect one source, from the loopback interface if need be."""
    chosen: dict[str, Any] = {"fetch": QUICK, "workers": 1} | rules
    return figleaf.collect([source], out, rules=figleaf.CollectRules(**chosen))


def listed(path: Path, urls: list[str]) -> Path:
    """A URL list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{url}\n" for url in urls), "utf-8")
    return path


def ends(out: Path) -> dict[str, tuple[str, str | None]]:
    """Locator -> state and reason, of everything that was named."""
    with Ledger(out) as ledger:
        rows = ledger.read("SELECT locator, state, reason FROM items JOIN locators ON item_id = id")
    return {locator: (state, reason) for locator, state, reason in rows}


def state_of(out: Path) -> dict[str, Any]:
    """All that has to be the same after any number of interruptions."""
    with Dataset(out) as data:
        rows = {row.sha256: (row.label, row.format, row.size, row.origins) for row in data}
    return {"rows": rows, "ends": ends(out), "files": files_of(out)}


def files_of(out: Path) -> dict[str, str]:
    """Path -> SHA-256 of what it holds, of every file below `images`."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (out / "images").rglob("*")
        if path.is_file()
    }
