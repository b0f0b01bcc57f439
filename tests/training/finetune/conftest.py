from pathlib import Path

import pytest

from figleaf.training.examples import Examples

from .tiny import examples


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder: Path = tmp_path_factory.mktemp("train")
    return examples(folder, 60, seed=1)


@pytest.fixture(scope="session")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder: Path = tmp_path_factory.mktemp("validation")
    return examples(folder, 30, seed=2)
