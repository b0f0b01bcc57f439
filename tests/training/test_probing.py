"""The probe, wired: what it is validated on, and when there is too little of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.errors import DatasetError
from figleaf.models.card import Input, Resample
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.examples import Examples
from figleaf.training.features import Features
from figleaf.training.fitted import Fitted
from figleaf.training.material import Material
from figleaf.training.probing import _probe, fit_probe
from figleaf.training.rules import TrainRules
from figleaf.training.timing import Stopwatch


class Known:
    """Features of pictures that nobody has: of each class around its own place."""

    backbones = (
        Backbone("known", Input("image", (1, 1), Resample.BILINEAR, (1, 1)), b"", 6, "", "", {}),
    )

    def matrix(self, examples: Examples) -> NDArray[np.float32]:
        noise = [np.frombuffer(one, np.uint8)[:6] / 64 for one in examples.hashes]
        found = np.array(noise, np.float32)
        found[:, 0] += 2 * examples.labels
        return found


def examples(images: int, groups: int, seed: int = 0) -> Examples:
    random = np.random.default_rng(seed)
    numbers = random.integers(0, groups, images)
    hashes = [random.bytes(32) for _ in range(images)]
    return Examples([Path("x")] * images, hashes, numbers % 3, numbers)


def probe(train: Examples, unseen: Examples, **rules: Any) -> Any:
    return _probe(
        cast(Features, Known()), train, unseen, 3, replace(TrainRules(), **rules), Watch()
    )


NONE = examples(0, 1)


def test_few_images_are_validated_in_folds() -> None:
    found, words = probe(examples(300, 200), NONE)
    assert words == "5 folds"
    assert (found.trained, len(found.labels)) == (300, 300)


def test_of_many_a_part_is_held_out() -> None:
    found, words = probe(examples(10_050, 8_000), NONE, validation=0.2, l2=0.1)
    assert words == "20% of train"
    assert found.trained + len(found.labels) == 10_050
    assert len(found.labels) == pytest.approx(2010, abs=10)


@pytest.mark.parametrize("images", [60, 10_050])
def test_a_part_of_the_splits_own_is_taken_however_many_there_are(images: int) -> None:
    found, words = probe(examples(images, images), examples(40, 40, 1), l2=0.1)
    assert words == "the validation part"
    assert (found.trained, len(found.labels)) == (images, 40)


def test_steps_are_told() -> None:
    told: list[tuple[str, int] | int] = []
    watch = Watch(lambda phase, total: told.append((phase, total)), told.append)
    rules = replace(TrainRules(), l2=0.1)
    _probe(cast(Features, Known()), examples(90, 90), NONE, 3, rules, watch)
    assert told == [("fitting", 6), 1, 2, 3, 4, 5, 6]


def fitted(material: Material, caches: Path, small: str) -> Fitted:
    return fit_probe(material, TrainRules(backbone=small), caches, Stopwatch(), Watch())


def test_images_that_are_all_of_one_group(material: Material, tmp_path: Path, small: str) -> None:
    """Frames of one film, labelled one by one: whatever is held out, the rest is no other."""
    train = material.parts[Part.TRAIN]
    alike = replace(train, groups=np.zeros(len(train), np.int64))
    one = replace(material, parts=dict(material.parts) | {Part.TRAIN: alike})
    with pytest.raises(DatasetError, match="all of one group"):
        fitted(one, tmp_path, small)


def test_a_class_whose_files_are_all_gone(material: Material, tmp_path: Path, small: str) -> None:
    train = material.parts[Part.TRAIN]
    for path, label in zip(train.paths, train.labels, strict=True):
        if label == 1:
            path.unlink()
    with pytest.raises(DatasetError, match="figleaf clean"):
        fitted(material, tmp_path, small)


def test_the_logits_are_those_of_images_that_were_held_out(
    material: Material, tmp_path: Path, small: str
) -> None:
    found = fitted(material, tmp_path, small)
    train = material.parts[Part.TRAIN]
    np.testing.assert_array_equal(found.labels, train.labels)
    seen = found.head.logits(found.features.matrix(train))
    assert np.abs(seen - found.logits).max() > 0.01
    assert (seen.argmax(axis=1) == train.labels).mean() >= (
        found.logits.argmax(axis=1) == train.labels
    ).mean()
