"""Judgements of images by heads that have not seen them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.errors import DatasetError
from figleaf.training.backbones.opening import open_backbones
from figleaf.training.cache import FeatureCache
from figleaf.training.examples import Examples
from figleaf.training.features import Features, computing, key_of
from figleaf.training.material import Material
from figleaf.training.out_of_fold import OutOfFold, fit_head, in_pieces, out_of_fold
from figleaf.training.probe import Table
from figleaf.training.rules import TrainRules


@pytest.fixture
def features(material: Material, small: str, tmp_path: Path) -> Features:
    """Of the pictures of train, with a backbone of 12 features."""
    found = Features(tmp_path / "caches", open_backbones(small), computing(fast=False))
    found.compute(material.parts[Part.TRAIN], lambda images: None)
    return found


def judged(features: Features, examples: Examples, most: int, **rules: float) -> OutOfFold:
    made = replace(TrainRules(), **rules)  # type: ignore[arg-type]  # a test's
    return out_of_fold(features, examples, 3, made, most_together=most)


def test_folds_apart_give_what_folds_together_give(material: Material, features: Features) -> None:
    """Under one penalty and one backbone nothing is left to choose."""
    train = material.parts[Part.TRAIN]
    together, apart = (judged(features, train, most, l2=0.01) for most in (1000, 10))
    assert together.l2 == apart.l2 == 0.01
    assert together.folds.tolist() == apart.folds.tolist()
    assert np.abs(together.logits - apart.logits).max() < 0.02
    some = features.matrix(train)
    assert np.abs(together.head.logits(some) - apart.head.logits(some)).max() < 0.02


@pytest.mark.parametrize("most", [1000, 10], ids=["together", "apart"])
def test_an_image_has_no_part_in_its_own_judgement(small: str, tmp_path: Path, most: int) -> None:
    """Labels by chance can be learnt by heart, and not be foretold."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 150)
    hashes = [bytes([number]) * 32 for number in range(150)]
    (net,) = open_backbones(small)
    wide = replace(net, width=400)
    how = computing(fast=False)
    cache = FeatureCache(tmp_path, key_of(wide, [wide], how))
    cache.append(hashes, random.normal(0, 1, (150, 400)).astype(np.float32))
    examples = Examples([tmp_path] * 150, hashes, labels, np.arange(150))
    features = Features(tmp_path, (wide,), how)
    found = out_of_fold(features, examples, 3, TrainRules(l2=1e-3), most_together=most)
    by_heart = found.head.logits(features.matrix(examples)).argmax(axis=1)
    assert (by_heart == labels).all()
    assert (found.logits.argmax(axis=1) == labels).mean() < 0.5


def test_the_penalty_is_chosen_either_way(material: Material, features: Features) -> None:
    train = material.parts[Part.TRAIN]
    for most in (1000, 10):
        found = judged(features, train, most)
        right = (found.logits.argmax(axis=1) == train.labels).mean()
        assert found.l2 > 0
        assert right > 0.5


def test_groups_are_in_one_fold(material: Material, features: Features) -> None:
    train = material.parts[Part.TRAIN]
    pairs = Examples(train.paths, train.hashes, train.labels, np.arange(len(train)) // 2)
    found = judged(features, pairs, 1000, l2=0.1)
    even = len(train) // 2 * 2
    assert (found.folds[0:even:2] == found.folds[1:even:2]).all()


@pytest.mark.parametrize("most", [1000, 10], ids=["together", "apart"])
def test_progress_ends_where_it_was_said_to(
    material: Material, features: Features, most: int
) -> None:
    told: list[int] = []
    totals: list[int] = []
    watch = Watch(lambda phase, total: totals.append(total), told.append)
    train, rules = material.parts[Part.TRAIN], TrainRules(l2=0.1)
    out_of_fold(features, train, 3, rules, watch=watch, most_together=most)
    assert told == list(range(1, totals[0] + 1))


def test_images_of_one_group_cannot_be_judged(material: Material, features: Features) -> None:
    train = material.parts[Part.TRAIN]
    one = Examples(train.paths, train.hashes, train.labels, np.zeros(len(train), np.int64))
    with pytest.raises(DatasetError, match="all of one group"):
        judged(features, one, 1000)


def test_shares_multiply_what_is_standardised() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(5, 2, (200, 6)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 3] > 10).astype(np.int64)
    table = Table(rows.copy(), labels, (3, 3))
    heavy = fit_head(table, 2, TrainRules(), 1.0, (1.0, 0.25))
    equal = fit_head(Table(rows.copy(), labels, (3, 3)), 2, TrainRules(), 1.0, (1.0, 1.0))
    assert heavy.deviation[3:] == pytest.approx(4 * equal.deviation[3:])
    assert heavy.deviation[:3] == pytest.approx(equal.deviation[:3])
    effect = np.abs(heavy.weight / heavy.deviation[:, None]).max(axis=1)
    assert effect[3] < np.abs(equal.weight / equal.deviation[:, None]).max(axis=1)[3]


def test_pieces_are_put_together(material: Material, features: Features) -> None:
    train = material.parts[Part.TRAIN]
    found = in_pieces(lambda rows: rows[:, :2], features, train, 2)
    assert (found == features.matrix(train)[:, :2]).all()
