"""What cleaning came to: what stays, what is set aside, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from figleaf.curate.cleaning.verdicts import Cluster
from figleaf.dataset.quarantine import Quarantine


@dataclass(frozen=True, slots=True)
class Drop:
    """An image that is set aside.

    Attributes:
        path: of its file.
        sha256: in hex.
        label: its class; None for none.
        reason: the rule.
        why: a line for people.
    """

    path: str
    sha256: str
    label: str | None
    reason: Quarantine
    why: str


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What cleaning came to.

    Attributes:
        images: that the rules were applied to: all but those set aside for other reasons.
        examined: of them, those that were read and measured by this run.
        drops: every image that is set aside by a rule, in the order in which the images came.
        newly: how many of these by this run, by reason.
        brought_back: how many images are in use again, since no rule drops them any more.
        corrected: files whose type is another than their name said; they are renamed.
        misnamed: (extension, format) -> how many sources called a file by an extension that is
            another format's.
        copies: how many sources gave a file, byte for byte, that another had given; each content is
            one image from the start.
        clusters: how many clusters of near duplicates there are.
        largest: the largest of them, at most ten.
        conflicts: all that are set aside for having no class that holds: clusters, and single
            images whose lists disagree.
        is_dry: whether nothing was changed.
    """

    images: int
    examined: int
    drops: Sequence[Drop]
    newly: Mapping[Quarantine, int]
    brought_back: int
    corrected: int
    misnamed: Mapping[tuple[str, str], int]
    copies: int
    clusters: int
    largest: Sequence[Cluster]
    conflicts: Sequence[Cluster]
    is_dry: bool

    @property
    def kept(self) -> int:
        """How many images stay in use."""
        return self.images - len(self.drops)

    @property
    def dropped(self) -> Counter[Quarantine]:
        """How many images are set aside, by rule."""
        return Counter(one.reason for one in self.drops)
