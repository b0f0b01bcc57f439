"""A data set with wrong labels and strangers, made once, and copies of it to change."""

import shutil
from pathlib import Path

import pytest

from ..training.samples import described
from .samples import data_set, right, stranger, tinted

WRONG = 6


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a backbone that takes no time."""
    return str(described(tmp_path_factory.mktemp("net")))


@pytest.fixture(scope="session")
def made_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes; six blue pictures that are called green, and two strangers."""
    files = right(40)
    files |= {f"grün/wrong{n}.jpg": tinted("blau", 500 + n) for n in range(WRONG)}
    files |= {f"붉은/stranger{n}.jpg": stranger(n) for n in range(2)}
    return data_set(tmp_path_factory.mktemp("made"), files, test=0.2, validation=0.1)


@pytest.fixture
def data(made_data: Path, tmp_path: Path) -> Path:
    """A copy."""
    return Path(shutil.copytree(made_data, tmp_path / "data"))
