"""Cleaning, wired: examine what is new, judge all, compare, and write what changed."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from figleaf.curate.cleaning.catalogue import Opinions, read_catalogue
from figleaf.curate.cleaning.compare import Compared, compare
from figleaf.curate.cleaning.examine import Examination, count_waiting, examine_all, forget
from figleaf.curate.cleaning.judge import Finding
from figleaf.curate.cleaning.measure import measure
from figleaf.curate.cleaning.misnamed import correct, count_misnamed, count_wrong
from figleaf.curate.cleaning.placeholders import Placeholders
from figleaf.curate.cleaning.report import CleanReport, Drop
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.watch import Watch
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.labelling import CLEAN
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import set_all_aside
from figleaf.dataset.store import Store
from figleaf.errors import InputError
from figleaf.images.isolate import IsolatedPool
from figleaf.images.limits import Limits
from figleaf.models.runtime import available_cores

_DEADLINE = 60.0
"""Seconds that one file may take."""
_PAGE = 500
_CLUSTER = "INSERT INTO clusters (image_id, representative, distance, group_id) VALUES (?, ?, ?, ?)"


def clean(
    folder: str | Path,
    *,
    rules: CleanRules | None = None,
    dry_run: bool = False,
    again: bool = False,
    workers: int | None = None,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
) -> CleanReport:
    """Set aside what is no use in a data set, or there twice, each image with its reason.

    Every image is read, decoded in full and measured once; then the rules are applied to all, so
    that the same call with other rules takes little time. What no rule drops any more comes back;
    what a person has brought back stays.

    Args:
        folder: the data set's.
        rules: what is set aside.
        dry_run: set nothing aside, bring nothing back, rename nothing. What was measured is kept.
        again: read and measure every file once more: it may have been damaged since.
        workers: decoding processes; None for one a core.
        watch: is told how it goes.

    Returns:
        what stays, what is set aside, and why.

    Raises:
        DatasetError: no data set there, or it cannot be opened, is in use, or its disk is full or
            read-only. Nothing is lost: the same call goes on.
        RulesError: the file of placeholders is not valid.
        InputError: fewer than one worker.
        KeyboardInterrupt: Ctrl-C; what was measured until then is kept.
    """
    rules = rules or CleanRules()
    if workers is None:
        workers = available_cores()
    if workers < 1:
        raise InputError(f"workers must be at least 1, not {workers}")
    with disk_errors(Path(folder)), Ledger(folder, write=True, make=False) as ledger:
        placeholders = Placeholders.load(ledger, rules)
        listed = placeholders.listed
        hashes = {"placeholders": listed.sha256} if listed else {}
        command = "clean --dry-run" if dry_run else "clean"
        with ledger.run(command, rules.as_dict(), hashes) as run:
            if again:
                forget(ledger)
            waiting = count_waiting(ledger)
            _examine(ledger, workers, waiting, watch)
            corrected = count_wrong(ledger) if dry_run else correct(ledger)
            return _applied(ledger, run, rules, placeholders, watch, waiting, corrected, dry_run)


def _examine(ledger: Ledger, workers: int, waiting: int, watch: Watch) -> None:
    if not waiting:
        return
    watch.start("examining", waiting)
    done = 0

    def count(_: Examination) -> None:
        nonlocal done
        done += 1
        watch.done(done)

    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers + 2))
        function = partial(measure, limits=Limits(max_bytes=2**30, max_pixels=2**28))
        # Entered after the threads, so that it ends before: Ctrl-C does not wait for its answers.
        pool = stack.enter_context(IsolatedPool(function, workers=workers, deadline=_DEADLINE))
        examine_all(ledger, pool, threads, ahead=2 * workers + 2, done=count)


def _applied(
    ledger: Ledger,
    run: int,
    rules: CleanRules,
    placeholders: Placeholders,
    watch: Watch,
    examined: int,
    corrected: int,
    dry_run: bool,
) -> CleanReport:
    opinions = Opinions.read(ledger)
    catalogue = read_catalogue(ledger, rules, placeholders, opinions)
    compared = compare(catalogue, rules, opinions, watch)
    findings = catalogue.findings | compared.findings
    changes = list(_changes(catalogue.before, findings))
    if not dry_run:
        _write(ledger, run, compared, changes)
    drops = list(_drops(ledger, findings))
    return CleanReport(
        images=catalogue.images,
        examined=examined,
        drops=drops,
        newly=Counter(
            found.reason
            for image, found in changes
            if found and catalogue.before.get(image, ("", ""))[0] != found.reason
        ),
        brought_back=sum(found is None for _, found in changes),
        corrected=corrected,
        misnamed=count_misnamed(ledger),
        copies=_count_copies(ledger),
        clusters=compared.clusters,
        largest=compared.largest,
        conflicts=compared.conflicts,
        is_dry=dry_run,
    )


def _count_copies(ledger: Ledger) -> int:
    """How many sources gave bytes that another had given; of films, the frames do not count."""
    query = "SELECT count(*) - count(DISTINCT image_id) FROM origins WHERE seconds IS NULL"
    return int(ledger.read(query)[0][0])


def _changes(
    before: dict[int, tuple[str, str]], findings: dict[int, Finding]
) -> Iterator[tuple[int, Finding | None]]:
    """The images of which something else holds now, with what."""
    for image in sorted(before.keys() | findings.keys()):
        now = findings.get(image)
        if before.get(image) != ((now.reason, now.why) if now else None):
            yield image, now


def _write(
    ledger: Ledger,
    run: int,
    compared: Compared,
    changes: list[tuple[int, Finding | None]],
) -> None:
    rows = ((image, *_event(found)) for image, found in changes)
    with ledger.transaction() as db:
        db.execute("DELETE FROM clusters")
        db.executemany(_CLUSTER, compared.rows())
        db.execute("REPLACE INTO compared (id, run_id) VALUES (1, ?)", (run,))
        set_all_aside(db, rows, who=CLEAN, at=ledger.clock())


def _event(found: Finding | None) -> tuple[str | None, str]:
    return (found.reason, found.why) if found else (None, "no rule drops it any more")


def _drops(ledger: Ledger, findings: dict[int, Finding]) -> Iterator[Drop]:
    store = Store(ledger.folder)
    images = sorted(findings)
    for start in range(0, len(images), _PAGE):
        page = images[start : start + _PAGE]
        marks = ", ".join("?" * len(page))
        query = f"SELECT id, sha256, format, label FROM images WHERE id IN ({marks}) ORDER BY id"
        for image, sha256, name, label in ledger.read(query, page):
            found = findings[image]
            path = str(store.path(sha256, name))
            yield Drop(path, sha256.hex(), label, found.reason, found.why)
