"""What near duplicates come to: one image stays of each cluster, none of one that spans classes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.cleaning.catalogue import Candidates, Opinions, Role
from figleaf.curate.cleaning.judge import Finding
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.duplicates.clusters import Clusters, Hashed
from figleaf.dataset.quarantine import OF_SAFETY, Quarantine

DISPUTED = "its lists disagree about its class"

_SHOWN = 8
"""Digits of a hash that are enough to find it by."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Near duplicates: images, the best one first.

    Attributes:
        ids: the images'; the first is the representative.
        sha256: in hex, likewise.
        labels: their classes, likewise; None for no class.
        distances: bits of PDQ to the representative, likewise.
        conflict: why it has no class that holds; None where it has one.
    """

    ids: tuple[int, ...]
    sha256: tuple[str, ...]
    labels: tuple[str | None, ...]
    distances: tuple[int, ...]
    conflict: str | None = None


def ranked(candidates: Candidates, opinions: Opinions) -> NDArray[np.intp]:
    """The order in which an image is preferred to its duplicates.

    First what is set aside for another reason than cleaning's, then what a person has labelled,
    then what has a class, then what has no border, then the one of most pixels, then the largest
    file, then the least SHA-256: the same on every machine.

    Returns:
        shape (n,): the candidates, the best one first.
    """
    count = len(candidates.ids)
    by_person = np.isin(candidates.ids, np.array(sorted(opinions.by_person), np.int64))
    bordered = np.zeros(count, bool)
    bordered[candidates.bordered] = True
    # Two of the words: that more than 128 bits of a hash are equal does not happen.
    words = np.ascontiguousarray(candidates.sha256).view(">u8")
    order: NDArray[np.intp] = np.lexsort(
        (  # the last one is looked at first
            words[:, 1],
            words[:, 0],
            -candidates.sizes,
            -candidates.pixels,
            bordered,
            candidates.labels < 0,
            ~by_person,
            candidates.roles,
        )
    )
    return order


def hashed(candidates: Candidates, order: NDArray[np.intp], *, mirrored: bool) -> Hashed:
    """The candidates' hashes in an order, for `cluster`."""
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    inner_of = rank[candidates.bordered]
    by_rank = np.argsort(inner_of)
    return Hashed(
        whole=candidates.whole[order],
        inner=candidates.inner[by_rank],
        inner_of=inner_of[by_rank],
        mirrored=candidates.mirrored[order] if mirrored else None,
        inner_mirrored=candidates.inner_mirrored[by_rank] if mirrored else None,
    )


def found_clusters(
    candidates: Candidates, order: NDArray[np.intp], clusters: Clusters, opinions: Opinions
) -> Iterator[Cluster]:
    """The clusters of more than one image, and single images whose lists disagree.

    Without bystanders: they come last, so that no other image is in a cluster of one of theirs.
    """
    shown = np.flatnonzero(candidates.roles[order] != Role.BYSTANDER)
    by_cluster = shown[np.argsort(clusters.representative[shown], kind="stable")]
    starts = np.flatnonzero(np.diff(clusters.representative[by_cluster], prepend=-1))
    lengths = np.diff(starts, append=len(by_cluster))
    disputed = np.isin(candidates.ids[order], np.array(sorted(opinions.disputed), np.int64))
    counts = np.bincount(clusters.representative[disputed], minlength=len(order))
    of_interest = (lengths > 1) | (counts[clusters.representative[by_cluster[starts]]] > 0)
    for start, length in zip(starts[of_interest], lengths[of_interest], strict=True):
        # A representative is better than its members, and so comes first.
        members = by_cluster[start : start + length]
        yield _cluster(candidates, order[members], clusters.distance[members], opinions)


def _cluster(
    candidates: Candidates,
    members: NDArray[np.intp],
    distances: NDArray[np.uint8],
    opinions: Opinions,
) -> Cluster:
    ids = tuple(candidates.ids[members].tolist())
    is_fixed = candidates.roles[members[0]] == Role.FIXED
    labels = tuple(_label(candidates, number) for number in candidates.labels[members].tolist())
    return Cluster(
        ids,
        tuple(bytes(one).hex() for one in candidates.sha256[members]),
        labels,
        tuple(distances.tolist()),
        None if is_fixed else _conflict(ids, labels, opinions),
    )


def _label(candidates: Candidates, number: int) -> str | None:
    return candidates.names[number] if number >= 0 else None


def _conflict(
    ids: tuple[int, ...], labels: tuple[str | None, ...], opinions: Opinions
) -> str | None:
    """Why a cluster has no class; None where all agree, or people do."""
    words = zip(ids, labels, strict=True)
    by_person = {label for image, label in words if image in opinions.by_person and label}
    if len(by_person) == 1:
        return None
    classes = Counter(filter(None, labels))
    if len(classes) > 1:
        return f"the same picture in {' and '.join(sorted(classes))}"
    listed = sorted({opinions.disputed[image] for image in ids if image in opinions.disputed})
    return f"{DISPUTED}: {'; '.join(listed)}" if listed else None


def alone(image: int, sha256: bytes, listed: str) -> Cluster:
    """The cluster of one image without a class, whose lists disagree, that is not compared."""
    return Cluster((image,), (sha256.hex(),), (None,), (0,), f"{DISPUTED}: {listed}")


def followers(
    cluster: Cluster, aside: Mapping[int, str], rules: CleanRules, opinions: Opinions
) -> Iterator[tuple[int, Finding]]:
    """The copies of an image that is set aside for another reason than cleaning's: with it.

    Where that reason is safety, no rule's being off and nobody's word lets them go.

    Args:
        cluster: its first image is in `aside`.
        aside: images that are set aside so, and why.
        rules: which rules hold.
        opinions: what people said.
    """
    reason = aside[cluster.ids[0]]
    best = cluster.sha256[0][:_SHOWN]
    for image, distance in zip(cluster.ids, cluster.distances, strict=True):
        if image in aside:
            continue
        if reason in OF_SAFETY or _may_drop(image, Quarantine.DUPLICATE, rules, opinions):
            why = f"the same picture as {best}, which is set aside: {reason}; {distance} bits apart"
            yield image, Finding(Quarantine.DUPLICATE, why)


def verdicts(
    cluster: Cluster, rules: CleanRules, opinions: Opinions
) -> Iterator[tuple[int, Finding]]:
    """Which images of a cluster are dropped, and why.

    Those whose class does not hold, as far as nobody has brought them back; of the others, all but
    the best one.
    """
    best: str | None = None
    rows = zip(cluster.ids, cluster.sha256, cluster.labels, cluster.distances, strict=True)
    for image, sha256, label, distance in rows:
        why = cluster.conflict or _overruled(cluster, label, opinions)
        if why and _may_drop(image, Quarantine.LABEL_CONFLICT, rules, opinions):
            yield image, Finding(Quarantine.LABEL_CONFLICT, why)
        elif best is None:
            best = sha256
        elif _may_drop(image, Quarantine.DUPLICATE, rules, opinions):
            # Distances are to the first image, which may be dropped itself.
            bits = f"; {distance} bits of PDQ apart" if best == cluster.sha256[0] else ""
            why = f"the same picture as {best[:_SHOWN]}, a better file{bits}"
            yield image, Finding(Quarantine.DUPLICATE, why)


def _may_drop(image: int, rule: Quarantine, rules: CleanRules, opinions: Opinions) -> bool:
    return rules.holds(rule) and opinions.admit(image, rule)


def _overruled(cluster: Cluster, label: str | None, opinions: Opinions) -> str | None:
    """Why a class does not hold: a person's word, that of the first image, contradicts it."""
    said = cluster.labels[0]
    if cluster.ids[0] not in opinions.by_person or label in (said, None):
        return None
    word = f"calls a duplicate of it {said}" if said else "gives a duplicate of it no class"
    return f"{label}, but a person {word}"
