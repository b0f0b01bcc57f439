"""Putting what sources name into the ledger, before anything is read.

The same item may stand in many lists, and the same lists may be registered again, with other rules.
An item is denied where any of its lists or its own name is; it is unmapped where all of its lists
are; its class is the one that its lists agree on, if they do.
"""

import hashlib
from collections.abc import Iterable
from itertools import islice

from figleaf.dataset.labelling import relabel
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Decision, Item, Kind, Reason

_BATCH = 20_000

_Key = tuple[str, str, str, str]
_Row = tuple[bytes, str, str, str | None, int]

_TABLES = (
    "CREATE TEMP TABLE IF NOT EXISTS incoming ("
    " key BLOB, kind TEXT, locator TEXT, denied TEXT, listing_id INTEGER)",
    # The items whose state or class has to be found anew.
    "CREATE TEMP TABLE IF NOT EXISTS touched (item_id INTEGER PRIMARY KEY)",
    "DELETE FROM touched",
)

_BATCH_STEPS = (
    # What was there before, or has been named before by another list.
    "INSERT OR IGNORE INTO touched SELECT items.id FROM incoming JOIN items USING (key)",
    "UPDATE items SET denied = incoming.denied FROM incoming"
    " WHERE items.key = incoming.key AND items.denied IS NOT incoming.denied",
    """
    INSERT INTO items (key, kind, locator, denied, label, state, reason, detail)
    SELECT key, kind, locator, denied,
           iif(denied IS NULL AND reason IS NULL, label, NULL),
           iif(denied IS NULL AND reason IS NULL, 'pending', 'refused'),
           iif(denied IS NULL, reason, 'denied'),
           iif(denied IS NULL, iif(reason IS NULL, '', detail), denied)
    FROM incoming JOIN listings ON listings.id = listing_id
    WHERE true ON CONFLICT (key) DO NOTHING
    """,
    """
    INSERT OR IGNORE INTO mentions
    SELECT items.id, incoming.listing_id FROM incoming JOIN items USING (key)
    """,
    # The same item twice in this batch, in different lists.
    """
    INSERT OR IGNORE INTO touched
    SELECT items.id FROM incoming JOIN items USING (key)
    GROUP BY items.id HAVING count(DISTINCT listing_id) > 1
    """,
    "DELETE FROM incoming",
)

_SETTLE_STEPS = (
    """
    CREATE TEMP TABLE verdicts AS
    SELECT
        touched.item_id,
        max(listings.reason IS 'denied') AS denied,
        max(iif(listings.reason = 'denied', listings.detail, NULL)) AS why_denied,
        min(listings.reason IS 'unmapped') AS unmapped,
        max(iif(listings.reason = 'unmapped', listings.detail, NULL)) AS why_unmapped,
        min(iif(listings.reason IS NULL, listings.label, NULL)) AS first_label,
        max(iif(listings.reason IS NULL, listings.label, NULL)) AS last_label
    FROM touched JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
    GROUP BY touched.item_id
    """,
    "CREATE UNIQUE INDEX temp.verdict_of ON verdicts (item_id)",
    """
    UPDATE items SET label = iif(first_label = last_label AND NOT verdicts.denied
                                 AND items.denied IS NULL, first_label, NULL)
    FROM verdicts WHERE item_id = items.id
    """,
    """
    UPDATE items SET
        state = iif(items.denied IS NULL AND NOT verdicts.denied AND NOT unmapped,
                    'pending', 'refused'),
        reason = CASE WHEN items.denied IS NOT NULL OR verdicts.denied THEN 'denied'
                      WHEN unmapped THEN 'unmapped' END,
        detail = coalesce(items.denied, why_denied, iif(unmapped, why_unmapped, ''))
    FROM verdicts
    WHERE item_id = items.id AND (state = 'pending' OR reason IN ('denied', 'unmapped'))
    """,
)
_END = ("DROP TABLE temp.verdicts", "DELETE FROM touched")


def register(ledger: Ledger, entries: Iterable[tuple[Item, Decision]]) -> int:
    """Note every item with what the rules say of it; those that may be read become pending.

    It can be stopped at any moment and done again. Items that are known already are brought in
    line with the rules that hold now: what was refused for a word or a missing class may become
    pending, what is pending may become refused. What was fetched stays, and gets a label event
    where its class has changed.

    Args:
        ledger: open for writing.
        entries: as they come from the sources; held a batch at a time.

    Returns:
        how many entries there were.
    """
    for statement in _TABLES:
        ledger.connection.execute(statement)
    listings = _Listings(ledger)
    stream = iter(entries)
    total = 0
    while batch := list(islice(stream, _BATCH)):
        with ledger.transaction() as db:
            rows = [_row(item, decision, listings) for item, decision in batch]
            db.executemany("INSERT INTO incoming VALUES (?, ?, ?, ?, ?)", rows)
            for step in _BATCH_STEPS:
                db.execute(step)
        total += len(batch)
    with ledger.transaction() as db:
        for step in _SETTLE_STEPS:
            db.execute(step)
        for (image,) in db.execute(
            "SELECT DISTINCT image_id FROM origins JOIN touched USING (item_id)"
        ).fetchall():
            relabel(db, image, ledger.clock())
        for step in _END:
            db.execute(step)
    return total


def key_of(kind: Kind, locator: str) -> bytes:
    """The item's key: BLAKE2b-128 of its kind and locator."""
    text = f"{kind} {locator}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16).digest()


class _Listings:
    """The ids of the lists, each written when it is first met."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ids: dict[_Key, int] = {}

    def id_of(self, item: Item, decision: Decision) -> int:
        filed = item.category or item.label or ""
        key = (item.source, item.listing, filed, item.part or "")
        if key not in self._ids:
            self._ids[key] = self._written(key, decision)
        return self._ids[key]

    def _written(self, key: _Key, decision: Decision) -> int:
        # That an item's own name is denied says nothing about its list.
        said = Decision(decision.label) if decision.by_name else decision
        row = (*key, said.label, said.reason, said.detail)
        number: int = self._ledger.connection.execute(
            "INSERT INTO listings (source, listing, filed, part, label, reason, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET label = excluded.label, reason = excluded.reason,"
            " detail = excluded.detail RETURNING id",
            row,
        ).fetchone()[0]
        return number


def _row(item: Item, decision: Decision, listings: _Listings) -> _Row:
    denied = decision.detail if decision.by_name and decision.reason is Reason.DENIED else None
    locator = item.locator.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return (
        key_of(item.kind, item.locator),
        item.kind,
        locator,
        denied,
        listings.id_of(item, decision),
    )
