"""Putting what sources name into the ledger, before anything is read.

The same item may stand in many lists, and the same lists may be registered again, with other rules.
An item is denied where any of its lists is, or what any of them calls it; it is unmapped where all
of its lists are; its class is the one that its lists agree on, if they do.

The entries come in batches, each a transaction after which all of this holds. So whenever it is
stopped, nothing is pending that a list known by then denies.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import PurePath

from figleaf.dataset.labelling import relabel
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import Written, encoded, readable, restored, written
from figleaf.dataset.quarantine import quarantine_denied
from figleaf.dataset.records import MEMBER_SEPARATOR, Decision, Item, Kind, Reason

_BATCH = 20_000

_Key = tuple[str, str, str, str]
_Row = tuple[bytes, str, Written, str | None, int]

_TABLES = (
    "CREATE TEMP TABLE IF NOT EXISTS incoming ("
    " key BLOB, kind TEXT, locator TEXT, denied TEXT, listing_id INTEGER)",
    # Lists that were there, and of which the rules now say something else.
    "CREATE TEMP TABLE IF NOT EXISTS changed (listing_id INTEGER PRIMARY KEY)",
    # The items whose state or class has to be found anew.
    "CREATE TEMP TABLE IF NOT EXISTS touched (item_id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE IF NOT EXISTS verdicts ("
    " item_id INTEGER PRIMARY KEY, denied INTEGER, why_denied TEXT,"
    " unmapped INTEGER, why_unmapped TEXT, first_label TEXT, last_label TEXT)",
)

_STEPS = (
    # Known items that another list names as well, or that are called otherwise than before.
    """
    INSERT OR IGNORE INTO touched
    SELECT items.id FROM incoming CROSS JOIN items ON items.key = incoming.key
    LEFT JOIN mentions ON item_id = items.id AND mentions.listing_id = incoming.listing_id
    WHERE item_id IS NULL OR mentions.denied IS NOT incoming.denied
    """,
    # In the order of their source.
    """
    INSERT INTO items (key, kind, label, state, reason, detail)
    SELECT key, kind,
           iif(denied IS NULL AND reason IS NULL, label, NULL),
           iif(denied IS NULL AND reason IS NULL, 'pending', 'refused'),
           iif(denied IS NULL, reason, 'denied'),
           iif(denied IS NULL, iif(reason IS NULL, '', detail), denied)
    FROM incoming CROSS JOIN listings ON listings.id = listing_id
    ORDER BY incoming.rowid ON CONFLICT (key) DO NOTHING
    """,
    """
    INSERT OR IGNORE INTO locators
    SELECT items.id, locator FROM incoming CROSS JOIN items ON items.key = incoming.key
    ORDER BY incoming.rowid
    """,
    """
    INSERT INTO mentions
    SELECT items.id, listing_id, incoming.denied
    FROM incoming CROSS JOIN items ON items.key = incoming.key
    WHERE true ON CONFLICT DO UPDATE SET denied = excluded.denied
    WHERE denied IS NOT excluded.denied
    """,
    # The same item twice in this batch.
    """
    INSERT OR IGNORE INTO touched
    SELECT items.id FROM incoming CROSS JOIN items ON items.key = incoming.key
    GROUP BY items.id HAVING count(*) > 1
    """,
    """
    INSERT OR IGNORE INTO touched
    SELECT item_id FROM mentions
    WHERE EXISTS (SELECT 1 FROM changed) AND listing_id IN (SELECT listing_id FROM changed)
    """,
    # What the lists say together.
    """
    INSERT INTO verdicts
    SELECT
        item_id,
        max(listings.reason IS 'denied' OR mentions.denied IS NOT NULL),
        coalesce(max(mentions.denied), max(iif(listings.reason = 'denied', detail, NULL))),
        min(listings.reason IS 'unmapped'),
        max(iif(listings.reason = 'unmapped', detail, NULL)),
        min(iif(listings.reason IS NULL, label, NULL)),
        max(iif(listings.reason IS NULL, label, NULL))
    FROM touched CROSS JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
    GROUP BY item_id
    """,
    # With a plus, no index of verdicts fits: else all items are gone through to find the few.
    """
    UPDATE items SET label = iif(first_label = last_label AND NOT denied, first_label, NULL)
    FROM verdicts WHERE items.id = +item_id
    """,
    """
    UPDATE items SET
        state = iif(denied OR unmapped, 'refused', 'pending'),
        reason = iif(denied, 'denied', iif(unmapped, 'unmapped', NULL)),
        detail = iif(denied, why_denied, iif(unmapped, why_unmapped, ''))
    FROM verdicts
    WHERE items.id = +item_id
      AND (state = 'pending' OR reason IN ('denied', 'unmapped')
           -- What failed is not to be tried again either.
           OR denied AND state != 'fetched' AND reason IS NOT 'blocklisted')
    """,
)
_OPEN_LISTINGS = """
SELECT id, label, source, listing, filed, part FROM listings WHERE reason IS NOT 'denied'
"""
_UNFETCHED = f"""
SELECT id, kind, locator FROM items NOT INDEXED CROSS JOIN locators ON item_id = id
WHERE id > ? AND state != 'fetched' AND reason IS NOT 'denied' AND locator IS NOT NULL
ORDER BY id LIMIT {_BATCH}
"""
_EMPTIED = ("incoming", "changed", "touched", "verdicts")


def register(
    ledger: Ledger, entries: Iterable[tuple[Item, Decision]], *, batch: int = _BATCH
) -> int:
    """Note every item with what the rules say of it; those that may be read become pending.

    It can be stopped at any moment and done again. Items that are known already are brought in
    line with the rules that hold now: what was refused for a word or a missing class may become
    pending, what is pending may become refused. What was fetched stays; it gets a label event where
    its class has changed, and is set aside where it is denied by now.

    Args:
        ledger: open for writing.
        entries: as they come from the sources; held a batch at a time.
        batch: how many entries are written together.

    Returns:
        how many entries there were.
    """
    for statement in _TABLES:
        ledger.connection.execute(statement)
    listings = _Listings()
    stream = iter(entries)
    total = 0
    while some := list(islice(stream, batch)):
        with ledger.transaction() as db:
            _register(db, some, listings, ledger.clock())
        total += len(some)
    return total


def _register(
    db: sqlite3.Connection,
    entries: Sequence[tuple[Item, Decision]],
    listings: "_Listings",
    now: float,
) -> None:
    rows = [_row(item, decision, listings.id_of(db, item, decision)) for item, decision in entries]
    db.executemany("INSERT INTO incoming VALUES (?, ?, ?, ?, ?)", rows)
    _settle(db, now)


def _settle(db: sqlite3.Connection, now: float) -> None:
    """Find state, class and quarantine anew of what is incoming, changed or touched."""
    for step in _STEPS:
        db.execute(step)
    images = "SELECT DISTINCT image_id FROM touched CROSS JOIN origins USING (item_id)"
    for (image,) in db.execute(images).fetchall():
        relabel(db, image, now)
        quarantine_denied(db, image, now)
    for table in _EMPTIED:
        db.execute(f"DELETE FROM temp.{table}")


def judge_again(ledger: Ledger, denied: Callable[..., str | None]) -> None:
    """Deny what words that hold now deny, of all that was named and has not been fetched.

    For a run whose words are other than the last one's, and that may not name its sources again. It
    denies more and lifts nothing: that takes the sources.

    Args:
        ledger: open for writing.
        denied: why some texts are denied; None if they are not.
    """
    for statement in _TABLES:
        ledger.connection.execute(statement)
    with ledger.transaction() as db:
        for listing, label, *names in db.execute(_OPEN_LISTINGS).fetchall():
            why = denied(*filter(None, (*names, label)))
            if why is not None:
                _judge(db, listing, Decision(label, Reason.DENIED, why))
        last = 0
        while some := db.execute(_UNFETCHED, (last,)).fetchall():
            last = some[-1][0]
            for item, kind, locator in some:
                why = denied(_own_name(kind, restored(locator)))
                if why is not None:
                    row = (readable(why), item)
                    db.execute("UPDATE mentions SET denied = ? WHERE item_id = ?", row)
                    db.execute("INSERT OR IGNORE INTO touched VALUES (?)", (item,))
        _settle(db, ledger.clock())


def _own_name(kind: str, locator: str) -> str:
    """What of a locator is the item's own, and not the folder that its source happens to lie in."""
    if kind == Kind.URL:
        return locator
    if kind == Kind.MEMBER:
        return locator.rpartition(MEMBER_SEPARATOR)[2]
    return PurePath(locator).name


def key_of(kind: Kind, locator: str) -> bytes:
    """The item's key: BLAKE2b-128 of its kind and locator."""
    return hashlib.blake2b(kind.encode() + b" " + encoded(locator), digest_size=16).digest()


def _row(item: Item, decision: Decision, listing: int) -> _Row:
    denied = decision.by_name and decision.reason is Reason.DENIED
    return (
        key_of(item.kind, item.locator),
        item.kind,
        written(item.locator),
        readable(decision.detail) if denied else None,
        listing,
    )


class _Listings:
    """The ids of the lists, each written when it is first met."""

    def __init__(self) -> None:
        self._ids: dict[_Key, int] = {}
        self._judged: set[_Key] = set()

    def id_of(self, db: sqlite3.Connection, item: Item, decision: Decision) -> int:
        filed = item.category or item.label or ""
        key = (item.source, item.listing, filed, item.part or "")
        # That an item's own name is denied says nothing about its list: another item will tell.
        if key not in self._ids:
            self._ids[key] = _noted(db, key, decision.label)
        if key not in self._judged and not decision.by_name:
            _judge(db, self._ids[key], decision)
            self._judged.add(key)
        return self._ids[key]


def _noted(db: sqlite3.Connection, key: _Key, label: str | None) -> int:
    names = tuple(map(readable, key))
    db.execute(
        "INSERT OR IGNORE INTO listings (source, listing, filed, part, label, detail)"
        " VALUES (?, ?, ?, ?, ?, '')",
        (*names, label),
    )
    query = "SELECT id FROM listings WHERE (source, listing, filed, part) = (?, ?, ?, ?)"
    return int(db.execute(query, names).fetchone()[0])


def _judge(db: sqlite3.Connection, listing: int, decision: Decision) -> None:
    verdict = (decision.label, decision.reason, readable(decision.detail))
    said = "SELECT label, reason, detail FROM listings WHERE id = ?"
    if db.execute(said, (listing,)).fetchone() != verdict:
        update = "UPDATE listings SET (label, reason, detail) = (?, ?, ?) WHERE id = ?"
        db.execute(update, (*verdict, listing))
        db.execute("INSERT OR IGNORE INTO changed VALUES (?)", (listing,))
