"""A data set beside the truth about its lists: whatever came out otherwise than was planted."""

from dataclasses import dataclass
from pathlib import Path

from figleaf.dataset.dataset import Dataset
from figleaf.practice.listing import Entry, Listing
from figleaf.practice.serving import Ports


@dataclass(frozen=True, slots=True)
class Surprise:
    """A URL that came to another end than was planted.

    Attributes:
        entry: the truth.
        planted: what was to come of it: "in use", "lost: gone", "set aside: too_small".
        found: what came of it, likewise; "not named" where the ledger does not have it.
    """

    entry: Entry
    planted: str
    found: str


def surprises(folder: Path, listing: Listing, ports: Ports) -> tuple[Surprise, ...]:
    """Hold a data set that was collected and cleaned to the truth about its lists.

    Args:
        folder: the data set's.
        listing: what was collected.
        ports: those that its URLs have.

    Returns:
        what came out otherwise, in the order of the lists.

    Raises:
        DatasetError: there is no data set.
    """
    found = _ends(folder)
    pairs = ((one, found.get(_url(one, listing, ports), "not named")) for one in listing.entries)
    return tuple(Surprise(one, planted(one), end) for one, end in pairs if end != planted(one))


def planted(entry: Entry) -> str:
    """What is to come of an entry, in words."""
    return _end(entry.lost, entry.aside)


def _url(entry: Entry, listing: Listing, ports: Ports) -> str:
    return listing.url(entry, ports.origin, ports.dead_origin)


def _ends(folder: Path) -> dict[str, str]:
    """URL -> what came of it."""
    with Dataset(folder) as data:
        ends = {loss.locator: _end(loss.reason, None) for loss in data.losses()}
        for row in (*data, *data.filter(quarantined=True)):
            ends |= dict.fromkeys(row.origins, _end(None, row.quarantine))
    return ends


def _end(lost: str | None, aside: str | None) -> str:
    if lost:
        return f"lost: {lost}"
    return f"set aside: {aside}" if aside else "in use"
