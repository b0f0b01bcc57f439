"""Features of a data set's pictures: computed once, side by side, whatever became of files."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from figleaf.curate.splitting.rules import Part
from figleaf.errors import ModelError
from figleaf.models.preprocess import prepare
from figleaf.models.runtime import Precision, has_bf16
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.embedded import bundle_backbone
from figleaf.training.backbones.onnx_file import onnx_backbone
from figleaf.training.examples import Examples
from figleaf.training.features import Computing, Features, computing, joined_model, key_of
from figleaf.training.material import Material

from .samples import described

EXACT = Computing(Precision.F32, scaled=False, streams=2)


def ignore(count: int) -> None:
    pass


def net(folder: Path, name: str, channels: int) -> Backbone:
    return onnx_backbone(described(folder, name, channels=channels, seed=channels))


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> list[Backbone]:
    """Backbones of 12, 5 and 8 features."""
    folder = tmp_path_factory.mktemp("nets")
    return [net(folder, f"net{channels}", channels) for channels in (12, 5, 8)]


@pytest.fixture
def train(material: Material) -> Examples:
    return material.parts[Part.TRAIN]


def computed(folder: Path, backbones: Sequence[Backbone], some: Examples) -> Features:
    features = Features(folder, backbones, EXACT)
    features.compute(some, ignore)
    return features


def test_they_are_computed_once(tmp_path: Path, nets: list[Backbone], train: Examples) -> None:
    told: list[int] = []
    features = Features(tmp_path, nets[:1], EXACT)
    assert features.missing(train).all()
    assert features.compute(train, told.append) == len(train)
    assert told[-1] == len(train)
    assert not features.missing(train).any()
    again = Features(tmp_path, nets[:1], EXACT)
    assert again.compute(train, told.append) == 0
    np.testing.assert_array_equal(again.matrix(train), features.matrix(train))


def test_joined_features_are_each_backbones_own(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    joined = computed(tmp_path / "joined", nets, train)
    assert joined.width == 25
    alone = [computed(tmp_path / f"{n}", [one], train).matrix(train) for n, one in enumerate(nets)]
    np.testing.assert_array_equal(joined.matrix(train), np.concatenate(alone, axis=1))
    assert np.abs(joined.matrix(train)).max() > 0


def test_caches_are_shared_by_what_is_joined(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    """A backbone that has seen the pictures does not see them again in other company."""
    first = computed(tmp_path, nets[1:2], train.take(np.arange(20)))
    joined = Features(tmp_path, nets, EXACT)
    assert joined.missing(train).all()
    assert joined.compute(train, ignore) == len(train)
    fresh = computed(tmp_path / "fresh", nets, train)
    np.testing.assert_array_equal(joined.matrix(train), fresh.matrix(train))
    some = train.take(np.arange(20))
    np.testing.assert_array_equal(joined.matrix(some)[:, 12:17], first.matrix(some))
    assert Features(tmp_path, nets[::-1], EXACT).compute(train, ignore) == 0


def test_rows_are_in_the_order_that_is_asked_for(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    features = computed(tmp_path, nets, train)
    order = np.random.default_rng(0).permutation(len(train))
    np.testing.assert_array_equal(features.matrix(train.take(order)), features.matrix(train)[order])


def test_they_are_those_of_the_model_itself(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    """Within what float16 keeps."""
    found = computed(tmp_path, nets, train).matrix(train)
    model = joined_model(nets, EXACT)
    for row in (0, 7):
        pixels = np.asarray(Image.open(train.paths[row]).convert("RGB"))
        picture = tuple(prepare(pixels, spec) for spec in model.card.inputs)
        expected = model.run([picture], features=True).features[0]
        np.testing.assert_allclose(found[row], expected, rtol=2e-3, atol=1e-4)


def test_files_that_are_gone_or_no_pictures_are_left_out(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    train.paths[0].unlink()
    train.paths[3].write_bytes(b"")
    train.paths[5].write_text("<!DOCTYPE html>")
    cut = train.paths[8].read_bytes()
    train.paths[8].write_bytes(cut[: len(cut) // 2])
    features = Features(tmp_path, nets, EXACT)
    told: list[int] = []
    assert features.compute(train, told.append) == len(train) - 4
    assert told[-1] == len(train)
    assert np.flatnonzero(features.missing(train)).tolist() == [0, 3, 5, 8]
    left = features.readable_of(train)
    assert len(left) == len(train) - 4
    assert features.matrix(left).shape == (len(train) - 4, 25)


def test_a_file_that_holds_another_picture_is_left_out(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    """Its features would be kept under the name of what the data set says is there."""
    train.paths[4].write_bytes(train.paths[9].read_bytes())
    features = computed(tmp_path, nets, train)
    assert np.flatnonzero(features.missing(train)).tolist() == [4]


def test_what_could_not_be_read_is_tried_again(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    kept = train.paths[2].read_bytes()
    train.paths[2].unlink()
    features = computed(tmp_path, nets, train)
    train.paths[2].write_bytes(kept)
    assert features.compute(train, ignore) == 1
    fresh = computed(tmp_path / "fresh", nets, train)
    np.testing.assert_array_equal(features.matrix(train), fresh.matrix(train))


def test_the_same_hash_twice_is_computed_once(
    tmp_path: Path, nets: list[Backbone], train: Examples
) -> None:
    twice = train.take(np.array([0, 1, 0, 2, 1]))
    features = Features(tmp_path, nets, EXACT)
    assert features.compute(twice, ignore) == 3
    found = features.matrix(twice)
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).any()


def test_features_that_are_no_numbers_are_refused(tmp_path: Path, train: Examples) -> None:
    path = described(tmp_path / "nan", output="classes")
    model = onnx.load(path.with_suffix(".onnx"))
    (last,) = (one for one in model.graph.initializer if one.name == "last")
    last.CopyFrom(numpy_helper.from_array(np.full((12, 7), np.nan, np.float32), "last"))
    onnx.save(model, path.with_suffix(".onnx"))
    with pytest.raises(ModelError, match="small gives features that are not finite"):
        computed(tmp_path, [onnx_backbone(path)], train).matrix(train)


def test_scaled_and_exact_have_other_keys(nets: list[Backbone]) -> None:
    """And of scaled ones, what else the pictures were decoded for."""
    thin = bundle_backbone("resnet50_thin")
    scaled = Computing(Precision.F32, scaled=True, streams=2)
    keys = {
        key_of(nets[0], nets[:1], EXACT),
        key_of(nets[0], nets[:1], scaled),
        key_of(nets[0], [nets[0], thin], scaled),
        key_of(nets[0], nets[:1], Computing(Precision.BF16, scaled=True, streams=2)),
    }
    assert len(keys) == 4
    assert key_of(nets[0], [nets[0], thin], EXACT) in keys
    assert key_of(nets[0], nets[:2], scaled) in keys
    assert len({key.folder for key in keys}) == 4


def test_scaled_pictures_are_as_large_for_one_as_for_all(
    tmp_path: Path, nets: list[Backbone], pictures: Path
) -> None:
    """Where another backbone has seen them already, and was killed before the one came to them."""
    path = tmp_path / "rocket.jpg"
    Image.open(pictures / "rocket.jpg").resize((1280, 854)).save(path)
    sha256 = hashlib.sha256(path.read_bytes()).digest()
    some = Examples([path], [sha256], np.zeros(1, np.int64), np.zeros(1, np.int64))
    scaled = Computing(Precision.F32, scaled=True, streams=1)
    both = [nets[0], replace(nets[1], input=replace(nets[1].input, resize=(300, 300)))]
    together = Features(tmp_path / "together", both, scaled)
    together.compute(some, ignore)
    again = Features(tmp_path / "again", both, scaled)
    for kept in (tmp_path / "again").glob("net5*"):
        shutil.rmtree(kept)
        shutil.copytree(tmp_path / "together" / kept.name, kept)
    again = Features(tmp_path / "again", both, scaled)
    assert again.compute(some, ignore) == 1
    np.testing.assert_array_equal(again.matrix(some), together.matrix(some))


def test_the_number_of_threads_is_no_part_of_the_key(nets: list[Backbone]) -> None:
    one = Computing(Precision.F32, scaled=False, streams=1)
    assert key_of(nets[0], nets, one) == key_of(nets[0], nets, EXACT)


def test_fast_is_bf16_where_the_processor_has_it() -> None:
    assert computing(fast=False).precision is Precision.F32
    assert not computing(fast=False).scaled
    assert computing(fast=True).scaled
    assert (computing(fast=True).precision is Precision.BF16) == has_bf16()
