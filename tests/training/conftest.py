"""Data sets made once, and copies of them to change."""

import shutil
from pathlib import Path

import pytest

from figleaf.dataset.ledger import Ledger
from figleaf.training.material import Material, read_material

from .samples import KINDS, data_set, described


@pytest.fixture(scope="session")
def made_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures in three classes, split .85/.15."""
    return data_set(tmp_path_factory.mktemp("made"), dict.fromkeys(KINDS, 20))


@pytest.fixture
def data(made_data: Path, tmp_path: Path) -> Path:
    """A copy, whose features are in no cache yet."""
    return Path(shutil.copytree(made_data, tmp_path / "data"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a backbone that takes no time."""
    return str(described(tmp_path_factory.mktemp("net")))


@pytest.fixture
def material(data: Path) -> Material:
    with Ledger(data) as ledger:
        return read_material(ledger)
