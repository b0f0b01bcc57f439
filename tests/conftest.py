"""Real pictures from the scikit-image wheel, and a classifier that is loaded once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import skimage.data

import figleaf


@pytest.fixture(scope="session")
def pictures() -> Path:
    """A folder of safe photos: astronaut.png, chelsea.png, coffee.png, rocket.jpg and others."""
    return Path(skimage.data.data_dir)


@pytest.fixture(scope="session")
def photo(pictures: Path) -> Path:
    return pictures / "astronaut.png"


@pytest.fixture(scope="session")
def classifier() -> Iterator[figleaf.Classifier]:
    """The smallest five-class model."""
    with figleaf.load("mobilenet_v2") as loaded:
        yield loaded
