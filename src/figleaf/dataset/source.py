"""A data set as a source of another one."""

from collections.abc import Iterator
from pathlib import Path

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.records import Item, Kind


def dataset_items(folder: str | Path) -> Iterator[Item]:
    """The images of a data set that are in use, as files with their labels.

    What they are matched against is where they came from: a URL, or the file's name.

    Raises:
        DatasetError: no data set there.
    """
    with Dataset(folder) as data:
        for row in data:
            yield Item(
                kind=Kind.FILE,
                locator=str(row.path.absolute()),
                name=" ".join(row.origins) or row.path.name,
                source=data.folder.resolve().name,
                label=row.label,
                part=row.part,
            )
