"""Comparing the images that no rule drops by themselves: clusters, and what becomes of each."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.cleaning.catalogue import Catalogue, Opinions, Role
from figleaf.curate.cleaning.judge import Finding
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.cleaning.verdicts import (
    Cluster,
    alone,
    followers,
    found_clusters,
    hashed,
    ranked,
    verdicts,
)
from figleaf.curate.duplicates.clusters import Clusters, cluster
from figleaf.curate.watch import Watch
from figleaf.dataset.quarantine import Quarantine

_LARGEST = 10
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing the candidates gave.

    Attributes:
        ids: the candidates', the best one first.
        grouped: their clusters, likewise.
        findings: image -> the rule that drops it.
        clusters: how many have more than one image.
        largest: of these, at most ten.
        conflicts: clusters, also of one image, that are dropped for having no class that holds.
    """

    ids: NDArray[np.int64]
    grouped: Clusters
    findings: dict[int, Finding]
    clusters: int
    largest: list[Cluster]
    conflicts: list[Cluster]

    def rows(self) -> Iterator[tuple[int, ...]]:
        """Image, representative, distance and group, as the ledger's table of clusters has them.

        In the order of its key, which is the fastest to write; a page at a time.
        """
        by_id = np.argsort(self.ids)
        for start in range(0, len(by_id), _PAGE):
            some = by_id[start : start + _PAGE]
            columns = (
                self.ids[some],
                self.ids[self.grouped.representative[some]],
                self.grouped.distance[some],
                self.ids[self.grouped.group[some]],
            )
            yield from zip(*(column.tolist() for column in columns), strict=True)


def compare(catalogue: Catalogue, rules: CleanRules, opinions: Opinions, watch: Watch) -> Compared:
    """Cluster the candidates, and say of each cluster which images are dropped."""
    candidates = catalogue.candidates
    order = ranked(candidates, opinions)
    watch.start("comparing", len(order))
    in_order = hashed(candidates, order, mirrored=rules.mirrored)
    fixed = int((candidates.roles == Role.FIXED).sum())
    grouped = cluster(in_order, distance=rules.distance, fixed=fixed, progress=watch.done)
    findings: dict[int, Finding] = {}
    largest: list[Cluster] = []
    conflicts: list[Cluster] = []
    count = 0
    clusters = found_clusters(candidates, order, grouped, opinions)
    for one in chain(clusters, (alone(*disputed) for disputed in catalogue.alone)):
        if one.ids[0] in catalogue.aside:
            dropped = dict(followers(one, catalogue.aside, rules, opinions))
        else:
            dropped = dict(verdicts(one, rules, opinions))
        findings |= dropped
        reasons = {found.reason for found in dropped.values()}
        if one.conflict and Quarantine.LABEL_CONFLICT in reasons:
            conflicts.append(one)
        if len(one.ids) > 1:
            count += 1
            largest = heapq.nlargest(_LARGEST, [*largest, one], key=lambda found: len(found.ids))
    return Compared(candidates.ids[order], grouped, findings, count, largest, conflicts)
