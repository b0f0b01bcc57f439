"""What a host asks of robots: its robots.txt (RFC 9309) and the X-Robots-Tag of its answers."""

import math
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import protego

from figleaf.sources.fetching.fetched import ROBOT

MAX_BYTES = 512 * 1024
"""Of a robots.txt that are read. RFC 9309, 2.5 asks for 500 KiB at least."""

LONGEST_DELAY = 60.0
"""Seconds that a Crawl-delay may keep between two requests."""

_MAX_PATTERNS = 5_000
"""Lines with a * or $, each of which is tried on every URL of the host."""
_MAX_ENTRIES = 100_000
"""Lines, each counted once for every robot that its group names: what parsing takes time for."""

_ENTRIES = 20_000
_CHARACTERS = 8 * 2**20
"""Of the robots.txt files that are remembered: parsed they take many times as much."""


@dataclass(frozen=True, slots=True)
class RobotRules:
    """What one robots.txt says to figleaf.

    Attributes:
        delay: seconds to keep between the starts of two requests, 0..`LONGEST_DELAY`.
        size: of the text, in characters.
    """

    delay: float = 0.0
    size: int = 0
    _rules: protego.Protego | None = field(default=None, repr=False)

    def allows(self, url: str) -> bool:
        """Whether a URL of the host may be fetched."""
        return self._rules is None or bool(self._rules.can_fetch(url, ROBOT))


ALLOW_ALL = RobotRules()
"""Where there is no robots.txt (RFC 9309, 2.3.1.3)."""


def parse_robots(body: bytes) -> RobotRules:
    """Read a robots.txt. Whatever it is, something comes of it: lines that say nothing are skipped.

    One that would take long, and others' fetching with it, is held to disallow everything: any part
    of it might allow more than the whole.

    Args:
        body: the file, or as much of it as is read.
    """
    text = body[:MAX_BYTES].decode("utf-8-sig", "replace")
    if ":" not in text:
        return ALLOW_ALL
    if _takes_long(text):
        text = "User-agent: *\nDisallow: /"
    rules = protego.Protego.parse(text)
    return RobotRules(_delay(rules), len(text), rules)


_ROBOT_FIELDS = frozenset({"user-agent", "useragent", "user agent"})
_RULE_FIELDS = frozenset({"allow", "disallow", "crawl-delay"})


def _takes_long(text: str) -> bool:
    """Whether there are too many patterns, or too many robots with too many rules each.

    Protego reads misspelt lines too. A group ends here only where it surely ends for Protego, so
    that no fewer are counted than it makes.
    """
    patterns = entries = robots = 0
    in_head = True
    for line in text.splitlines():
        rule = line.partition("#")[0].strip()
        field = rule.partition(":")[0].rstrip().lower()
        if field[:4] == "user":
            if not in_head and field in _ROBOT_FIELDS:
                robots = 0
            robots += 2 if "*" in rule else 1  # Protego enters a name with and without its *
            in_head = True
        else:
            in_head = in_head and field not in _RULE_FIELDS
            patterns += "*" in rule or "$" in rule
        entries += robots if rule else 0
    return patterns > _MAX_PATTERNS or entries > _MAX_ENTRIES


def _delay(rules: protego.Protego) -> float:
    delay = rules.crawl_delay(ROBOT) or 0.0
    if not math.isfinite(delay):
        return 0.0
    return min(max(float(delay), 0.0), LONGEST_DELAY)


class RobotsCache:
    """The rules of the hosts that were met last, by origin."""

    def __init__(self, entries: int = _ENTRIES, characters: int = _CHARACTERS) -> None:
        self._entries = entries
        self._characters = characters
        self._held = 0
        self._rules: OrderedDict[str, RobotRules] = OrderedDict()

    def get(self, origin: str) -> RobotRules | None:
        """A host's rules; None where they have to be read (again)."""
        rules = self._rules.get(origin)
        if rules is not None:
            self._rules.move_to_end(origin)
        return rules

    def put(self, origin: str, rules: RobotRules) -> None:
        """Remember a host's rules, and forget those that were not asked for in the longest time."""
        if (old := self._rules.pop(origin, None)) is not None:
            self._held -= old.size
        self._rules[origin] = rules
        self._held += rules.size
        while len(self._rules) > 1 and (
            len(self._rules) > self._entries or self._held > self._characters
        ):
            self._held -= self._rules.popitem(last=False)[1].size


_REFUSING = frozenset({"noai", "noimageai", "noindex", "none"})
_WITH_VALUE = frozenset(
    {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
)
_AGENT = re.compile(r"([A-Za-z0-9_*./-]+)\s*:\s*(.*)")


def refusal(tags: Iterable[str]) -> str | None:
    """The first word of the X-Robots-Tag headers that asks figleaf not to use the file.

    Words before which another robot's name stands are for that robot: "otherbot: noindex, noai".

    Args:
        tags: the headers, each as it came.
    """
    for tag in tags:
        for_us = True
        for part in tag.split(","):
            word = part.strip()
            named = _AGENT.fullmatch(word)
            if named and named[1].lower() not in _WITH_VALUE:
                for_us = named[1].lower() in (ROBOT, "*")
                word = named[2].strip()
            if for_us and word.lower() in _REFUSING:
                return word.lower()
    return None
