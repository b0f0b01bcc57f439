"""`figleaf.collect`: from sources to a data set that can answer for every URL."""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self

from figleaf.classify.lists.known import KnownHashes, load_hashes
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import retry
from figleaf.dataset.records import Decision, Item, Kind, Outcome, Reason, Task
from figleaf.dataset.register import judge_again, register
from figleaf.dataset.status import DatasetStatus, read_status
from figleaf.dataset.store import Store
from figleaf.dataset.writer import Writer
from figleaf.errors import InputError, RulesError
from figleaf.images.isolate import IsolatedPool
from figleaf.models.runtime import available_cores
from figleaf.sources import recheck
from figleaf.sources.examine import examine
from figleaf.sources.fetching.fetch import Fetcher, FetchError
from figleaf.sources.intake import Intake
from figleaf.sources.readers.opening import Source, open_source
from figleaf.sources.rules import CollectRules
from figleaf.sources.stage import fetch_tasks, read_tasks
from figleaf.sources.vetting.categories import Categories, load_categories
from figleaf.sources.vetting.deny import DenyList, load_deny_list
from figleaf.sources.vetting.matches import MatchFile
from figleaf.sources.vetting.plan import Plan, decide, plan
from figleaf.sources.watch import Watch

_SPARE_THREADS = 6
"""Besides one for each decoding process: they hash, and wait for the disk."""


def collect(
    sources: Iterable[str | Path],
    out: str | Path,
    *,
    rules: CollectRules | None = None,
    retry_reasons: Iterable[Reason] = (),
    watch: Watch = Watch(),  # noqa: B008  # it holds nothing
) -> DatasetStatus:
    """Collect images from sources into a data set; the same call again goes on where it stopped.

    Every URL, file and member that the sources name is put into the ledger first, then read: from
    a local source in its order, over the network by the thousand. Each comes to one end, kept or
    not and why.

    Args:
        sources: URL lists, list repositories, tables, folders, shards, data sets; "LABEL=PATH"
            gives a class to all of a source. None: only what is still pending is read.
        out: the data set's folder; made where missing.
        rules: what is wanted and how it is fetched.
        retry_reasons: items that were refused or failed for these reasons are tried again.
        watch: is told how it goes.

    Returns:
        where the data set stands at the end.

    Raises:
        SourceError: a source cannot be read.
        RulesError: a file of the rules is not valid.
        DatasetError: the data set cannot be opened, is in use, or its disk is full. Nothing is
            lost: the same call goes on.
        InputError: a reason in `retry_reasons` that is none, or that no second try changes; one
            text in place of several sources or reasons.
        KeyboardInterrupt: Ctrl-C; what was done until then is kept.
    """
    retry_reasons = _checked(sources, retry_reasons)
    rules = rules or CollectRules()
    loaded = LoadedRules.load(rules)
    opened = [open_source(source, rules.columns, root=rules.root) for source in sources]
    _check_apart(opened, Path(out))
    with disk_errors(Path(out)), Ledger(out, write=True) as ledger:
        _check_blocklist(ledger, loaded.blocklist)
        _recover(ledger)
        _record_exemption(ledger, loaded.deny)
        _judge_again(ledger, loaded)
        _recheck(ledger, rules, loaded)
        arguments = {"sources": [source.name for source in opened]}
        with ledger.run("collect", arguments, loaded.hashes):
            for source in opened:
                register(ledger, loaded.decided(source))
                ledger.note_problems(source.name, source.problems.items())
                watch.named(source)
            retry(ledger, retry_reasons)
            _read_pending(ledger, rules, loaded, watch)
        return read_status(ledger)


def _checked(sources: Iterable[str | Path], retry_reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons; a text would be taken for its letters, each a source or a reason."""
    if isinstance(sources, str | Path):
        raise InputError(f"sources={str(sources)!r}: give a list of sources, [{str(sources)!r}]")
    if isinstance(retry_reasons, str):
        raise InputError(f"retry_reasons={retry_reasons!r}: give a list of reasons")
    try:
        return tuple(map(Reason, retry_reasons))
    except ValueError as error:
        raise InputError(f"retry_reasons: {error}") from None


def planned(sources: Iterable[str | Path], rules: CollectRules | None = None) -> Plan:
    """What `collect` would do with these sources; nothing is fetched, nothing written.

    Raises:
        SourceError, RulesError: as `collect`.
    """
    rules = rules or CollectRules()
    loaded = LoadedRules.load(rules)
    opened = [open_source(source, rules.columns, root=rules.root) for source in sources]
    named = chain.from_iterable(source.items() for source in opened)
    return plan(named, loaded.deny, loaded.categories)


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """The rules' files, read."""

    deny: DenyList
    categories: Categories
    blocklist: KnownHashes | None

    @classmethod
    def load(cls, rules: CollectRules) -> Self:
        """Read them.

        Raises:
            RulesError: a file is not valid.
        """
        return cls(
            load_deny_list(rules.exemption),
            load_categories(rules.categories),
            load_hashes(rules.blocklists) if rules.blocklists else None,
        )

    @property
    def hashes(self) -> dict[str, str]:
        """What the ledger keeps of them: name -> SHA-256, in hex."""
        found = {"deny": self.deny.sha256, "categories": self.categories.sha256}
        if self.deny.exemption:
            found["exemption"] = self.deny.exemption.sha256
        if self.blocklist:
            found["blocklist"] = self.blocklist.sha256
        return found

    def refusal(self, url: str) -> FetchError | None:
        """Why a URL that a redirect leads to is not asked for."""
        why = self.why_denied(url)
        return None if why is None else FetchError(Reason.DENIED, f"an address: {why}")

    def why_denied(self, *texts: str) -> str | None:
        """Why names or addresses are denied, in a line; None if they are not."""
        denied = self.deny.check(*texts)
        if denied is None:
            return None
        return f"{denied.term!r} in it ({denied.group}, tier {denied.tier})"

    def decided(self, source: Source) -> Iterator[tuple[Item, Decision]]:
        """Everything that a source names, with what the rules say of it."""
        for item in source.items():
            yield item, decide(item, self.deny, self.categories)


def _check_apart(sources: Iterable[Source], out: Path) -> None:
    for source in sources:
        if source.path.resolve() == out.resolve():
            raise InputError(f"{out}: a data set cannot be collected into itself")


def _check_blocklist(ledger: Ledger, blocklist: KnownHashes | None) -> None:
    """Refuse to go on unchecked with what was begun under a blocklist."""
    if not blocklist and ledger.ran_with("blocklist"):
        raise RulesError(
            f"{ledger.folder}: this data set was collected with a blocklist; give it again with"
            " --blocklist, or a newer one"
        )


def _judge_again(ledger: Ledger, loaded: LoadedRules) -> None:
    """Let no word in that was lifted, or not yet denied, when what is pending was named."""
    before, now = ledger.last_hashes(), loaded.hashes
    if before and any(before.get(name) != now.get(name) for name in ("deny", "exemption")):
        judge_again(ledger, loaded.why_denied)


def _recheck(ledger: Ledger, rules: CollectRules, loaded: LoadedRules) -> None:
    """Compare what is there already with a blocklist that was not given before."""
    blocklist = loaded.blocklist
    if not blocklist or not recheck.is_due(ledger, blocklist):
        return
    workers = rules.workers or available_cores()
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers))
        pool = stack.enter_context(_examiners(rules, blocklist, workers))  # after them, as below
        stack.enter_context(ledger.run(recheck.COMMAND, {}, loaded.hashes))
        recheck.recheck(ledger, blocklist, pool, threads, ahead=2 * workers + 2)


def _recover(ledger: Ledger) -> None:
    """Clear away what a killed run was about to write."""
    if ledger.was_cut_short():
        Store(ledger.folder).sweep(ledger.has_images)
        ledger.note_recovery()


def _record_exemption(ledger: Ledger, deny: DenyList) -> None:
    exemption = deny.exemption
    if exemption:
        ledger.record_exemption(
            exemption.name,
            exemption.sha256,
            reason=exemption.reason,
            date=exemption.date.isoformat(),
            terms=exemption.terms,
        )


def _read_pending(ledger: Ledger, rules: CollectRules, loaded: LoadedRules, watch: Watch) -> None:
    """Read all that is pending: first what is local, then over the network."""
    pending = ledger.count_pending()
    watch.start(pending)
    if not pending:
        return
    workers = rules.workers or available_cores()
    store = Store(ledger.folder)
    store.prepare()
    with ExitStack() as stack:
        # Entered first, so that it ends last: what the others still give is written.
        writer = stack.enter_context(Writer(ledger, store))
        reader = stack.enter_context(Ledger(ledger.folder))
        threads = stack.enter_context(ThreadPoolExecutor(workers + _SPARE_THREADS))
        # Entered after the threads, so that it ends before: Ctrl-C does not wait for its answers.
        pool = stack.enter_context(_examiners(rules, loaded.blocklist, workers))
        matches = MatchFile(ledger.folder)
        intake = Intake(store, pool, matches, blocklist=loaded.blocklist, min_bytes=rules.min_bytes)

        def done(task: Task, outcome: Outcome) -> None:
            writer.add(outcome)
            watch.done(task, outcome)

        local = reader.pending(Kind.FILE, Kind.MEMBER)
        ahead, largest = 2 * workers + 2, rules.limits.max_bytes
        for pair in read_tasks(local, intake, threads, ahead=ahead, max_bytes=largest):
            done(*pair)

        async def fetch(urls: Iterable[Task]) -> None:
            async with Fetcher(rules.fetch, refuse=loaded.refusal) as fetcher:
                async for pair in fetch_tasks(urls, fetcher, intake, threads):
                    done(*pair)

        urls = reader.pending(Kind.URL)
        first = next(urls, None)
        if first is not None:  # else nothing of the network is even imported
            asyncio.run(fetch(chain([first], urls)))


def _examiners(
    rules: CollectRules, blocklist: KnownHashes | None, workers: int
) -> IsolatedPool[dict[str, Any]]:
    """Processes that decode, and can be killed. A PDQ hash is made only where one is listed."""
    with_pdq = blocklist is not None and "pdq" in blocklist.needs
    function = partial(examine, limits=rules.limits, frames=rules.frames, with_pdq=with_pdq)
    return IsolatedPool(function, workers=workers, deadline=rules.decode_deadline)
