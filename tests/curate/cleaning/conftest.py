"""A data set that needs cleaning: measured once, copied for each test."""

import shutil
from pathlib import Path

import pytest

from .dirty import DIRTY, cleaned, data_set


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of `DIRTY`, examined by a dry run."""
    out = data_set(tmp_path_factory.mktemp("measured"), DIRTY)
    cleaned(out, dry_run=True)
    return out


@pytest.fixture
def out(measured: Path, tmp_path: Path) -> Path:
    """A copy to change: to clean it takes no decoding."""
    shutil.copytree(measured, tmp_path / "data")
    return tmp_path / "data"
