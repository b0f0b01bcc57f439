"""Data sets to split, made once, and copies of them to change."""

import shutil
from pathlib import Path

import pytest

from figleaf.curate.cleaning.clean import clean as clean_for_real
from figleaf.curate.cleaning.rules import CleanRules

from ...sources.collecting import collected, photo
from .samples import clean, collect, names, variants


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred images in two classes, cleaned."""
    folder = tmp_path_factory.mktemp("made") / "data"
    labels = {name: ("neutral", "drawings")[at % 5 == 0] for at, name in enumerate(names(100))}
    collect(folder, labels)
    clean(folder)
    return folder


@pytest.fixture
def data_set(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture(scope="session")
def real_made(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Photos, and files of one photo: recompressed, mirrored, bordered; cleaned, all in use."""
    root = tmp_path_factory.mktemp("real")
    for label in ("drawings", "neutral"):
        (root / "source" / label).mkdir(parents=True)
    for seed in range(12):
        label = ("drawings", "neutral")[seed % 2]
        (root / "source" / label / f"{seed}.jpg").write_bytes(photo(seed, 96))
    for name, data in variants(pictures / "chelsea.png").items():
        (root / "source" / "neutral" / f"{name}.jpg").write_bytes(data)
    collected(root / "source", root / "data")
    clean_for_real(root / "data", rules=CleanRules(off=("duplicate",)), workers=1)
    return root / "data"


@pytest.fixture
def real(real_made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(real_made, tmp_path / "real"))
