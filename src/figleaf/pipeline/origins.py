"""What a run collects: its sources opened, the state of their files, and who came before them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figleaf.dataset.ledger import FILE_NAME, Ledger
from figleaf.dataset.records import Kind
from figleaf.pipeline.state import files_state
from figleaf.sources.readers.opening import Source, SourceKind, open_source
from figleaf.sources.readers.shards import expand
from figleaf.sources.rules import CollectRules

_COLLECTED = "SELECT arguments FROM runs WHERE command = 'collect' ORDER BY id"


def opened(sources: tuple[str, ...], rules: CollectRules) -> tuple[Source, ...]:
    """The sources, as collecting opens them.

    Raises:
        SourceError: one of them cannot be opened.
    """
    return tuple(open_source(one, rules.columns, root=rules.root) for one in sources)


def data_set(sources: tuple[str, ...]) -> Path | None:
    """The data set, where a run is on a single one that is there."""
    if len(sources) == 1 and (Path(sources[0]) / FILE_NAME).is_file():
        return Path(sources[0])
    return None


def sources_state(sources: tuple[str, ...], rules: CollectRules) -> list[Any]:
    """What is named, under which class, and the state of the files, in JSON's types.

    The same however a source is written: from another folder, or with ".." in it.
    """
    pairs = zip(sources, opened(sources, rules), strict=True)
    return [
        [source.name, source.label, files_state(_files(named, source))] for named, source in pairs
    ]


def _files(named: str, source: Source) -> Iterator[Path]:
    """Everything that a source is read from."""
    if source.kind is SourceKind.SHARDS and not Path(named).exists() and "{" in named:
        pattern = Path(named.removeprefix(f"{source.label}=") if source.label else named)
        yield from map(Path, expand(str(pattern.absolute())))
        return
    yield source.path
    if source.kind is SourceKind.TABLE:
        yield from (Path(item.locator) for item in source.items() if item.kind is Kind.FILE)


def named_before(data: Path, sources: tuple[str, ...], rules: CollectRules) -> list[str]:
    """The names of sources that have given to a data set, and are not named any more.

    Collecting takes nothing away: what they gave is still there.
    """
    with Ledger(data) as ledger:
        runs = [json.loads(text) for (text,) in ledger.read(_COLLECTED)]
    names = {name for arguments in runs for name in arguments.get("sources", [])}
    return sorted(names - {source.name for source in opened(sources, rules)})
