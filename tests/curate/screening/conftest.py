"""Pictures to look at, collected once."""

import shutil
from pathlib import Path

import pytest

from ...sources.collecting import collected, photo

PICTURES = 250
"""Several batches are kept while these are scored."""


@pytest.fixture(scope="session")
def real_made(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Six photos, half of them filed as porn, which none of them is."""
    root = tmp_path_factory.mktemp("photos")
    for at, name in enumerate(("astronaut", "chelsea", "coffee", "camera", "horse", "coins")):
        folder = root / "source" / ("neutral", "porn")[at % 2]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / f"{name}.png", folder)
    collected(root / "source", root / "data")
    return root / "data"


@pytest.fixture
def real(real_made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(real_made, tmp_path / "real"))


@pytest.fixture(scope="session")
def many_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many")
    (root / "source" / "neutral").mkdir(parents=True)
    base = photo(1, 32)
    for number in range(PICTURES):
        # Bytes after the end change the hash, and not the picture.
        (root / "source" / "neutral" / f"{number}.jpg").write_bytes(base + number.to_bytes(2))
    collected(root / "source", root / "data")
    return root / "data"


@pytest.fixture
def many(many_made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(many_made, tmp_path / "many"))
