"""What is held out of training: a part of it, or each of several folds in turn."""

import numpy as np
from numpy.typing import NDArray

from figleaf.curate.splitting.assign import Group, assign_stratified
from figleaf.curate.splitting.rules import Part, SplitRules
from figleaf.training.examples import Examples


def folds(examples: Examples, count: int, seed: int) -> NDArray[np.int64]:
    """The fold of each image, from 0: stratified, groups kept together, by hashes alone."""
    return _assigned(examples, SplitRules(test=0, folds=count, seed=seed))


def held_out(examples: Examples, share: float, seed: int) -> NDArray[np.bool_]:
    """Which images are held out, likewise; at least one, where any group may be."""
    return _assigned(examples, SplitRules(test=0, validation=share, seed=seed)) < 0


def _assigned(examples: Examples, rules: SplitRules) -> NDArray[np.int64]:
    """The fold of each image, 0 without folds; -1 for what is held out."""
    order = np.argsort(examples.groups, kind="stable")
    bounds = np.flatnonzero(np.diff(examples.groups[order])) + 1
    members = np.split(order, bounds)
    groups = [
        Group(
            min(examples.hashes[one] for one in some),
            tuple(str(examples.labels[one]) for one in some),
        )
        for some in members
    ]
    found = np.zeros(len(examples), np.int64)
    for some, place in zip(members, assign_stratified(groups, rules, ()), strict=True):
        found[some] = -1 if place.part is not Part.TRAIN else place.fold or 0
    return found
