"""A data set whose sources have parts, made once."""

import shutil
from pathlib import Path

import pytest

from .samples import collected, folder_of

PARTS = ("train", "validation", "test")
CLASSES = ("drawings", "neutral")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images: two in each class of each part."""
    root = tmp_path_factory.mktemp("made")
    folders = [f"{part}/{label}" for part in PARTS for label in CLASSES]
    return collected(root / "my-data", folder_of(root / "source", folders))


@pytest.fixture
def data_set(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    shutil.copytree(made, tmp_path / "my-data")
    return tmp_path / "my-data"
