"""What would be collected, and what the rules say of each item before anything is read."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from figleaf import labels
from figleaf.dataset.records import Decision, Item, Kind, Reason
from figleaf.sources.vetting.categories import Categories
from figleaf.sources.vetting.deny import Denied, DenyList

LARGEST_HOSTS = 20
"""So many hosts of a plan are named."""

_NO_CLASS = "the source names neither a class nor a category; LABEL=PATH gives a class"

_Judged = tuple[Decision, Denied | None]
"""What is decided, and the denied word behind it."""


def decide(item: Item, deny: DenyList, categories: Categories) -> Decision:
    """Whether an item may be read, and its class.

    Denied words are looked for in the names of the source and of its list, in the category, the
    class, the item's own name and whatever else the source calls it, in this order; those of tier 1
    are named first. The class is what
    the user's map says of the category or of the source's class, then the source's class, then what
    the map that ships says of the category.
    """
    return _judge(item, deny, categories)[0]


def _judge(item: Item, deny: DenyList, categories: Categories) -> _Judged:
    of_list = _judge_list(deny, categories, item.source, item.listing, item.category, item.label)
    if of_list[1] is not None:
        return of_list
    denied = deny.check(item.name, *item.also, *filter(None, [item.part]))
    if denied is None:
        return of_list
    detail = _detail("its name", denied)
    return Decision(of_list[0].label, Reason.DENIED, detail, by_name=True), denied


@lru_cache(maxsize=1 << 16)  # lists are some thousands, their items millions
def _judge_list(
    deny: DenyList,
    categories: Categories,
    source: str,
    listing: str,
    category: str | None,
    label: str | None,
) -> _Judged:
    """What holds for all items of a list."""
    wanted, why = _class(categories, category, label)
    places = {
        "the source's name": source,
        "the list's name": listing,
        "the category": category,
        "the source's class": label,
        "the class": wanted,
    }
    found = [
        (place, denied)
        for place, text in places.items()
        if text and (denied := deny.check(text)) is not None
    ]
    if found:
        place, denied = min(found, key=lambda hit: hit[1].tier)
        return Decision(wanted, Reason.DENIED, _detail(place, denied)), denied
    return Decision(wanted) if wanted else Decision(None, Reason.UNMAPPED, why), None


def _class(
    categories: Categories, category: str | None, label: str | None
) -> tuple[str | None, str]:
    """The class, and why it is this one or none."""
    for name in (category, label):
        if name is not None and categories.overrides(name):
            return categories.label_of(name), categories.why(name)
    if label is not None:
        return label, "the source says so"
    if category is not None:
        return categories.label_of(category), categories.why(category)
    return None, _NO_CLASS


def _detail(place: str, denied: Denied) -> str:
    return f"{place} has {denied.term!r} in it ({denied.group}, tier {denied.tier})"


@dataclass(frozen=True, slots=True)
class Row:
    """What a plan says of one category, or class, of one source.

    Attributes:
        source: its name.
        category: as the source calls it; the source's class where it has those; "" for neither.
        items: how many.
        hosts: distinct ones in their URLs; 0 for files, and for URLs that have none.
        label: the class that they would have; None for none.
        denied: what all of them are denied for; None if they are not.
        denied_items: how many single ones are denied, by their own or their list's name, though
            the category is not.
        denied_words: what those are denied for, the most frequent first.
        why: the class, none, or the denial, in a few words.
    """

    source: str
    category: str
    items: int
    hosts: int
    label: str | None
    denied: Denied | None
    denied_items: int
    denied_words: tuple[str, ...]
    why: str

    @property
    def refused(self) -> int:
        """How many are denied, one by one or all together."""
        return self.items if self.denied else self.denied_items

    @property
    def unmapped(self) -> int:
        """How many have no class, and are not denied."""
        return 0 if self.label else self.items - self.refused

    @property
    def wanted(self) -> int:
        """How many would be read."""
        return self.items - self.refused - self.unmapped


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows with a class first, in the order of the classes; then those without; denied ones last.

    Among these the largest come first. `hosts` counts each host once, `items` an item as often as
    it is named: what several lists have is fetched once. `largest_hosts` are those with the most
    items, and how many each has, denied ones and those without a class included.
    """

    rows: tuple[Row, ...]
    hosts: int
    largest_hosts: tuple[tuple[str, int], ...] = ()

    @property
    def items(self) -> int:
        """How many items the sources name."""
        return sum(row.items for row in self.rows)

    @property
    def wanted(self) -> int:
        """How many would be read."""
        return sum(row.wanted for row in self.rows)

    @property
    def unmapped(self) -> int:
        """How many have no class, and are not denied."""
        return sum(row.unmapped for row in self.rows)

    @property
    def refused(self) -> int:
        """How many are denied."""
        return sum(row.refused for row in self.rows)


def plan(items: Iterable[Item], deny: DenyList, categories: Categories) -> Plan:
    """What would become of the items; nothing is read. Memory grows with the hosts."""
    counts: dict[_Key, _Count] = {}
    hosts: Counter[str] = Counter()
    for item in items:
        key = (item.source, item.category, item.label)
        known = counts.get(key)
        if known is None:
            known = counts[key] = _Count()
        known.add(_judge(item, deny, categories)[1])
        if item.kind is Kind.URL and (host := _host(item.locator)):
            known.hosts.add(host)
            hosts[host] += 1
    rows = [_row(key, known, deny, categories) for key, known in counts.items()]
    # By name where the counts are equal: one plan has one order.
    largest = sorted(hosts.items(), key=lambda pair: (-pair[1], pair[0]))[:LARGEST_HOSTS]
    return Plan(tuple(sorted(rows, key=_order)), len(hosts), tuple(largest))


_Key = tuple[str, str | None, str | None]


@dataclass(slots=True)
class _Count:
    items: int = 0
    words: Counter[str] = field(default_factory=Counter)
    hosts: set[str] = field(default_factory=set)

    def add(self, denied: Denied | None) -> None:
        self.items += 1
        if denied is not None:
            self.words[denied.term] += 1


_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\\<>\"`{|}^\[\]:]+)(?::\d*)?")


def _host(url: str) -> str:
    """The host as it is written, without its port: good enough for counting. "" for none."""
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
    found = _HOST.fullmatch(authority.rpartition("@")[2].lower())
    return found[1].rstrip(".") if found else ""


def _row(key: _Key, known: _Count, deny: DenyList, categories: Categories) -> Row:
    source, category, given = key
    label, why = _class(categories, category, given)
    denied = deny.check(*filter(None, (source, category, given, label)))
    return Row(
        source=source,
        category=category or given or "",
        items=known.items,
        hosts=len(known.hosts),
        label=label,
        denied=denied,
        denied_items=0 if denied else known.words.total(),
        denied_words=() if denied else tuple(word for word, _ in known.words.most_common()),
        why=f"{denied.term!r}: {denied.why}" if denied else why,
    )


_RANKS = {label.name: rank for rank, label in enumerate(labels.FIVE)}


def _order(row: Row) -> tuple[bool, bool, int, str, int, str, str]:
    label = row.label if row.label and not row.denied else ""
    return (
        row.denied is not None,
        row.denied is None and row.label is None,
        _RANKS.get(label, len(_RANKS)),
        label,
        -row.items,
        row.source,
        row.category,
    )
