"""`figleaf.practice.quickstart`: the whole job on the practice set, offline."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from figleaf.auditing.report import AuditReport
from figleaf.curate.screening.rules import ScreenRules
from figleaf.curate.splitting.rules import SplitChanges
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.durable import replacing
from figleaf.errors import InputError
from figleaf.labels import Language
from figleaf.pipeline.rules import RunRules
from figleaf.pipeline.run import RunReport, RunWatch, run
from figleaf.practice.faults import MISLABELLED
from figleaf.practice.listing import Listing, Recipe, Site, listed
from figleaf.practice.serving import Ports, serving
from figleaf.practice.truth import Surprise, surprises
from figleaf.report.run_facts import PRACTICE
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.rules import CollectRules

DEFAULT_OUT = "figleaf-quickstart"
SOUND: Mapping[str, int] = MappingProxyType(
    {"drawings": 56, "hentai": 36, "neutral": 112, "porn": 160, "sexy": 56}
)
"""In about the proportions of the reference's data set, but enough of each to learn from."""
PLANTED: Mapping[str, int] = MappingProxyType(
    {
        "gone": 20,
        "forbidden": 4,
        "broken host": 3,
        "dead host": 5,
        "circle": 2,
        "page": 10,
        "empty": 3,
        "truncated": 5,
        "robots": 3,
        "no AI": 2,
        "denied": 2,
        "placeholder": 6,
        "notice": 8,
        "tiny": 4,
        "strip": 2,
        "plain": 3,
        "again": 6,
        "recompressed": 6,
        "resized": 6,
        "mirrored": 4,
        "two classes": 4,
        "misnamed": 4,
        "moved": 5,
        "mislabelled": 16,
        "outlier": 2,
    }
)

_FORMAT = 1
_RECORD = "practice.json"
_PLOTTING = "MPLCONFIGDIR"
_FETCH = FetchRules(
    allow_loopback=True, per_host=16, retries=1, backoff=0.05, deadline=60.0, robots=True
)
"""Failures here do not pass: nobody is helped by waiting for them."""


@dataclass(frozen=True, slots=True)
class Quickstart:
    """What came of the practice set.

    Attributes:
        run: of the pipeline.
        listing: what was served, and the truth about it.
        surprises: URLs that came to another end than was planted.
        mislabelled: pictures in use whose class is wrong, as planted, and has not been corrected.
        looked_at: twice as many labels, those that the audit doubts most; fewer where it doubts no
            more.
        found: those of the mislabelled that are among them.
    """

    run: RunReport
    listing: Listing
    surprises: tuple[Surprise, ...]
    mislabelled: int
    looked_at: int
    found: int

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        return {
            "run": self.run.to_dict(),
            "urls": len(self.listing.entries),
            "surprises": [
                {"path": one.entry.path, "planted": one.planted, "found": one.found}
                for one in self.surprises
            ],
            "mislabelled": self.mislabelled,
            "looked_at": self.looked_at,
            "found": self.found,
        }


def recipe(seed: int = 0) -> Recipe:
    """What the practice set is made of."""
    return Recipe(SOUND, PLANTED, seed)


def quickstart(
    out: str | Path = DEFAULT_OUT,
    *,
    seed: int | None = None,
    language: Language = "en",
    made: Recipe | None = None,
    watch: RunWatch = RunWatch(),  # noqa: B008  # frozen, and does nothing
) -> Quickstart:
    """Generate the practice set, serve it to this machine, and do everything with it.

    No connection leaves the machine, and nothing is written but in `out`. The same call again goes
    on where a killed one was.

    Args:
        out: a new folder, or that of an earlier quickstart. It will hold the lists and, in
            `practice`, the run: the data set, the model and the report.
        seed: another one gives other pictures; None for 0, or that of the earlier quickstart.
        language: of the report: "en" or "ko".
        made: what is generated, in place of `recipe(seed)`.
        watch: is told how it goes.

    Returns:
        what came of it, beside what was planted.

    Raises:
        InputError: a folder that holds something else, or another seed's; a port that another
            program has taken meanwhile.
        FigleafError: as `figleaf.run`.
    """
    folder = Path(out)
    before = _before(folder)
    if before and seed not in (None, before.seed):
        raise InputError(f"{folder}: was begun with seed {before.seed}; name a new folder")
    listing = listed(made or recipe(before.seed if before else seed or 0))
    with _served(folder, listing, before) as ports, _fonts_listed_in(folder):
        _write(folder, listing, ports)
        done = run([_lists(folder)], folder / "practice", rules=_rules(language), watch=watch)
        return _compared(done, listing, ports)


def _rules(language: Language) -> RunRules:
    rules = RunRules(
        collect=CollectRules(fetch=_FETCH),
        # A model of what is unsafe would doubt every stand-in: it is none.
        screen=ScreenRules(model="efficientnet_lite0"),
        split=SplitChanges(test=0.3),
        language=language,
        note=PRACTICE,
    )
    return rules.faster()  # nobody wants to wait for a first look


@dataclass(frozen=True, slots=True)
class _Begun:
    """What an earlier quickstart has left: its seed, and the ports that its URLs have."""

    seed: int
    ports: Ports


def _before(folder: Path) -> _Begun | None:
    """The earlier quickstart in a folder; None for a folder that is new or empty."""
    record = folder / _RECORD
    if not record.is_file():
        if os.path.lexists(folder) and not (folder.is_dir() and _is_empty(folder)):
            raise InputError(f"{folder}: is there, and is no quickstart's; name a new folder")
        return None
    try:
        raw = json.loads(record.read_bytes())
        if raw["format"] != _FORMAT:
            raise ValueError(f"format {raw['format']!r}")
        return _Begun(int(raw["seed"]), Ports(int(raw["live"]), int(raw["dead"])))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record}: not as it was written ({error}); name a new folder") from error


def _is_empty(folder: Path) -> bool:
    """Whether there is nothing in it, but for what a killed quickstart was about to write."""
    return all(path.name == f"{_RECORD}.part" for path in folder.iterdir())


@contextmanager
def _served(folder: Path, listing: Listing, before: _Begun | None) -> Iterator[Ports]:
    """The server, at the ports of the earlier quickstart: its URLs are in the ledger."""
    site = Site.of(listing)
    with ExitStack() as stack:
        try:
            ports = stack.enter_context(serving(site.answer, before.ports if before else None))
        except OSError as error:
            raise InputError(
                f"{folder}: its URLs are at {_at(before)}, and {error.strerror}; end what uses"
                " those ports, or name a new folder"
            ) from error
        yield ports


def _at(before: _Begun | None) -> str:
    ports = before.ports if before else Ports()
    return f"the ports {ports.live} and {ports.dead} of this machine"


@contextmanager
def _fonts_listed_in(folder: Path) -> Iterator[None]:
    """While entered, matplotlib keeps its list of fonts in the folder, not in the user's home."""
    if _PLOTTING in os.environ:
        yield
        return
    os.environ[_PLOTTING] = str(folder.absolute() / ".matplotlib")
    try:
        yield
    finally:
        del os.environ[_PLOTTING]


def _lists(folder: Path) -> Path:
    return folder / "lists"


def _write(folder: Path, listing: Listing, ports: Ports) -> None:
    """Write the record, then the lists, where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"format": _FORMAT, "seed": listing.seed, "live": ports.live, "dead": ports.dead}
    if not (folder / _RECORD).is_file():
        with replacing(folder / _RECORD) as file:
            file.write(json.dumps(values).encode() + b"\n")
    listing.write(_lists(folder), ports.origin, ports.dead_origin)


def _compared(done: RunReport, listing: Listing, ports: Ports) -> Quickstart:
    """What came of it, beside the truth."""
    wrong = {
        listing.url(one, ports.origin, ports.dead_origin): one.label
        for one in listing.entries
        if one.fault and one.fault.name == MISLABELLED
    }
    with Dataset(done.data) as data:  # some may have been relabelled since
        mislabelled = {
            row.sha256 for row in data if any(wrong.get(url) == row.label for url in row.origins)
        }
    audit = AuditReport.from_dict(json.loads((done.out / "audit.json").read_bytes()))
    most_doubted = {one.sha256 for one in audit.suspects[: 2 * len(mislabelled)]}
    return Quickstart(
        run=done,
        listing=listing,
        surprises=surprises(done.data, listing, ports),
        mislabelled=len(mislabelled),
        looked_at=len(most_doubted),
        found=len(mislabelled & most_doubted),
    )
