"""A data set as a source of another one."""

from collections.abc import Iterator
from pathlib import Path

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Item, Kind

_LISTS = """
SELECT DISTINCT source, listing, filed, part
FROM images JOIN origins ON image_id = images.id JOIN mentions USING (item_id)
JOIN listings ON listings.id = listing_id WHERE sha256 = ?
"""


def dataset_items(folder: str | Path) -> Iterator[Item]:
    """The images of a data set that are in use, as files with their labels.

    What they are matched against is where they came from, and what the lists were called that they
    came from: an exemption does not travel with the images.

    Raises:
        DatasetError: no data set there.
    """
    with Ledger(folder) as ledger, Dataset(folder) as data:
        for row in data:
            lists = ledger.read(_LISTS, (bytes.fromhex(row.sha256),))
            yield Item(
                kind=Kind.FILE,
                locator=str(row.path.absolute()),
                name=" ".join(row.origins) or row.path.name,
                source=data.folder.resolve().name,
                label=row.label,
                part=row.part,
                also=tuple(filter(None, (name for names in lists for name in names))),
            )
