"""Placeholders: what hosts send, with a straight face, for a picture that was deleted."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from figleaf.classify.lists.hashlists import HashKind
from figleaf.classify.lists.known import KnownHashes, load_hashes
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import restored
from figleaf.dataset.records import Kind
from figleaf.errors import RulesError

_KNOWN = Path(__file__).with_name("placeholders.toml")
_OFTEN = """
SELECT image_id, count(DISTINCT item_id) AS times FROM origins
GROUP BY image_id HAVING times >= ? ORDER BY image_id
"""
_LOCATORS = f"""
SELECT DISTINCT items.id, locator FROM origins JOIN items ON items.id = item_id
JOIN locators USING (item_id)
WHERE image_id = ? AND kind = '{Kind.URL}' AND locator IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Placeholders:
    """Says of an image whether it is a placeholder, and why.

    Attributes:
        known: SHA-256 -> whose it is, and what it says.
        listed: the user's own hashes; None for none.
        repeated: image -> host and number of URLs, of those that one host gave for many.
    """

    known: dict[bytes, str]
    listed: KnownHashes | None
    repeated: dict[int, tuple[str, int]]

    @classmethod
    def load(cls, ledger: Ledger, rules: CleanRules) -> "Placeholders":
        """Read the lists, and find what one host gave under many URLs.

        Raises:
            RulesError: the file of hashes is not valid, or has hashes that cannot be compared.
        """
        listed = load_hashes([rules.placeholders]) if rules.placeholders else None
        if listed and listed.needs & {HashKind.MD5, HashKind.SHA1}:
            raise RulesError(
                f"{rules.placeholders}: MD5 or SHA-1; placeholders are compared by SHA-256 and PDQ"
            )
        return cls(known_placeholders(), listed, dict(_repeated(ledger, rules.placeholder_urls)))

    def why(self, image: int, sha256: bytes, pdq: bytes | None, quality: int | None) -> str | None:
        """Why an image is one, in a line; None if nothing says so."""
        if sha256 in self.known:
            return self.known[sha256]
        if image in self.repeated:
            host, count = self.repeated[image]
            return f"the same bytes under {count:,} URLs of {host}"
        if self.listed is None:
            return None
        match = self.listed.match_bytes(b"", sha256)
        if match is None and pdq is not None and quality is not None:
            match = self.listed.match_pdq(pdq, quality)
        return f"its {match.kind} hash is in {match.list_name}" if match else None


@cache
def known_placeholders() -> dict[bytes, str]:
    """The placeholders that figleaf knows: SHA-256 -> host and what it says."""
    found = tomllib.loads(_KNOWN.read_text("utf-8"))["placeholder"]
    return {bytes.fromhex(one["sha256"]): f"{one['host']}: {one['what']}" for one in found}


def _repeated(ledger: Ledger, least: int) -> Iterator[tuple[int, tuple[str, int]]]:
    """Images that one host gave under at least so many URLs, with the host and their number."""
    for image, _ in ledger.read(_OFTEN, (least,)):
        hosts = Counter(_host(restored(locator)) for _, locator in ledger.read(_LOCATORS, (image,)))
        host, count = hosts.most_common(1)[0] if hosts else ("", 0)
        if count >= least:
            yield image, (host, count)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
