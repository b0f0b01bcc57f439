"""What a preprocessor's file says becomes an input of a card, or is refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from figleaf.errors import ImportModelError
from figleaf.importing.huggingface.preprocessing import read_preprocessing
from figleaf.importing.huggingface.timm_layout import is_timm, timm_labels, timm_preprocessing
from figleaf.models.card import Fit, Input, Resample

VIT = {"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}}
MOBILE = {"image_processor_type": "MobileNetV2ImageProcessor"}
SQUASH, SHORTEST = Fit.SQUASH, Fit.SHORTEST_EDGE


def spec(
    size: tuple[int, int],
    resize: tuple[int, int],
    resample: Resample = Resample.BILINEAR,
    fit: Fit = SHORTEST,
) -> Input:
    return Input("image", size, resample, resize, fit=fit)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (VIT, spec((224, 224), (224, 224), fit=SQUASH)),
        (
            VIT | {"size": 384, "resample": 3},
            spec((384, 384), (384, 384), Resample.BICUBIC, SQUASH),
        ),
        (VIT | {"size": [100, 100]}, spec((100, 100), (100, 100), fit=SQUASH)),
        (
            VIT | {"size": {"height": 9, "width": 8, "shortest_edge": None}},
            spec((9, 8), (9, 8), fit=SQUASH),
        ),
        (MOBILE, spec((224, 224), (256, 256))),
        (MOBILE | {"size": 300, "crop_size": 299}, spec((299, 299), (300, 300))),
        (
            MOBILE | {"do_center_crop": True, "crop_size": {"height": 96, "width": 128}},
            spec((96, 128), (256, 256)),
        ),
        (
            {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.95},
            spec((224, 224), (235, 235), Resample.BICUBIC),
        ),
        (
            {"image_processor_type": "ConvNextImageProcessorFast", "size": {"shortest_edge": 384}},
            spec((384, 384), (384, 384), Resample.BICUBIC, SQUASH),
        ),
        (
            {"image_processor_type": "LevitImageProcessor", "size": {"shortest_edge": 224}},
            spec((224, 224), (256, 256), Resample.BICUBIC),
        ),
        (
            {"image_processor_type": "CLIPImageProcessor", "resample": 1},
            spec((224, 224), (224, 224), Resample.LANCZOS),
        ),
    ],
)
def test_sizes_become_an_input(raw: dict[str, Any], expected: Input) -> None:
    assert read_preprocessing(raw).input == expected


@pytest.mark.parametrize(
    ("raw", "scale", "offset"),
    [
        (VIT, [2 / 255] * 3, [-1] * 3),
        (VIT | {"do_normalize": False}, [1 / 255] * 3, [0] * 3),
        (VIT | {"do_rescale": False, "do_normalize": False}, [1] * 3, [0] * 3),
        (
            VIT | {"do_rescale": False, "image_mean": [1, 2, 3], "image_std": 2},
            [0.5] * 3,
            [-0.5, -1, -1.5],
        ),
        (
            {
                "image_processor_type": "EfficientNetImageProcessor",
                "rescale_factor": 2 / 255,
                "rescale_offset": True,
                "image_mean": [0, 0, 0],
                "image_std": [0.5, 0.5, 0.5],
            },
            [8 / 255] * 3,
            [-4] * 3,
        ),
        (
            {
                "image_processor_type": "EfficientNetImageProcessor",
                "do_normalize": False,
                "include_top": False,
            },
            [1 / 255] * 3,
            [0] * 3,
        ),
    ],
)
def test_rescaling_and_normalising_become_one_step(
    raw: dict[str, Any], scale: list[float], offset: list[float]
) -> None:
    read = read_preprocessing(raw)
    np.testing.assert_allclose(read.scale, scale)
    np.testing.assert_allclose(read.offset, offset, atol=1e-12)
    assert not read.is_bgr


def test_the_order_of_the_channels_is_read() -> None:
    raw = {"image_processor_type": "MobileViTImageProcessor", "size": {"shortest_edge": 288}}
    assert read_preprocessing(raw).is_bgr
    assert not read_preprocessing(raw | {"do_flip_channel_order": False}).is_bgr
    assert "BGR" in read_preprocessing(raw).told


def test_the_model_tells_the_class_where_the_file_does_not() -> None:
    read = read_preprocessing({"size": {"height": 224, "width": 224}}, "swin")
    assert read.input.resample is Resample.BILINEAR
    with pytest.raises(ImportModelError, match="names no image_processor_type"):
        read_preprocessing({}, "something new")


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"image_processor_type": "DetrImageProcessor"}, "'DetrImageProcessor' is not known here"),
        ({"image_processor_type": "defaultsImageProcessor"}, "is not known here"),
        (VIT | {"do_pad": True}, "'do_pad' is True"),
        (VIT | {"antialias": False}, "'antialias' is False"),
        (VIT | {"do_thumbnail": 1}, "'do_thumbnail' is 1"),
        (VIT | {"data_format": "channels_last"}, "'data_format'"),
        (VIT | {"do_resize": False}, "'do_resize' is off"),
        (VIT | {"do_center_crop": 1}, "'do_center_crop' is 1, neither true nor false"),
        (VIT | {"do_center_crop": True}, "'crop_size' is None"),
        (VIT | {"rescale_factor": 1e300}, "make no pixels"),
        (VIT | {"do_normalize": "no"}, "neither true nor false"),
        (VIT | {"rescale_factor": 0}, "make no pixels"),
        (VIT | {"image_mean": [0, 0, float("nan")]}, "make no pixels"),
        (VIT | {"resample": 9}, "'resample' is 9"),
        (VIT | {"resample": "bicubic"}, "'resample' is 'bicubic'"),
        (VIT | {"size": {"shortest_edge": 224}}, "without a centre crop"),
        (VIT | {"size": {"longest_edge": 224}}, "'size' is"),
        (VIT | {"size": {"shortest_edge": 224, "longest_edge": 300}}, "'size' is"),
        (VIT | {"size": [224, 200]}, "'size' is"),
        (VIT | {"size": {"height": 9999, "width": 224}}, "from 1 to 4096"),
        (VIT | {"size": {"height": True, "width": 224}}, "'size' is"),
        (MOBILE | {"crop_size": 300}, "larger than"),
        (MOBILE | {"crop_size": {"shortest_edge": 200}}, "'crop_size' is"),
        (VIT | {"image_std": [0, 1, 1]}, "make no pixels"),
        (VIT | {"image_mean": [1, 2]}, "not three numbers"),
        (VIT | {"rescale_factor": "x"}, "'rescale_factor' is 'x'"),
        ({"image_processor_type": "ConvNextImageProcessor", "crop_pct": 2}, "'crop_pct' is 2"),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": {"height": 9, "width": 9}},
            "needs a shortest edge",
        ),
        (
            {"image_processor_type": "MobileViTImageProcessor", "size": 288, "do_normalize": True},
            "turned round and normalised",
        ),
    ],
)
def test_what_is_not_known_is_refused_by_name(raw: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ImportModelError, match=complaint):
        read_preprocessing(raw)


def test_what_is_switched_off_or_of_no_pixel_is_passed_over() -> None:
    noise = {"do_pad": False, "pad_size": None, "do_convert_rgb": True, "processor_class": "X"}
    assert read_preprocessing(VIT | noise) == read_preprocessing(VIT)


@pytest.mark.parametrize(
    "name",
    [
        "ViT",
        "Beit",
        "DeiT",
        "Siglip",
        "Pvt",
        "ConvNext",
        "Levit",
        "EfficientNet",
        "MobileNetV1",
        "MobileNetV2",
        "MobileViT",
        "Bit",
        "CLIP",
    ],
)
def test_the_defaults_are_those_of_transformers(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    from .transformers_models import quiet

    with quiet():
        kind = getattr(transformers, f"{name}ImageProcessorPil", None) or getattr(
            transformers, f"{name}ImageProcessor"
        )
        whole = json.loads(kind().to_json_string())
    named: dict[str, Any] = {"image_processor_type": f"{name}ImageProcessor"}
    if name == "MobileViT":  # whose default crop is larger than what it is cut from
        named["size"] = whole["size"] = {"shortest_edge": 288}
    assert read_preprocessing(named) == read_preprocessing(whole)


TIMM: dict[str, Any] = {
    "architecture": "vit_tiny_patch16_384",
    "num_classes": 2,
    "label_names": ["NSFW", "SFW"],
    "pretrained_cfg": {
        "input_size": [3, 384, 384],
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    },
}


def test_timms_layout_is_read() -> None:
    assert is_timm(TIMM)
    assert timm_labels(TIMM) == ("NSFW", "SFW")
    read = timm_preprocessing(TIMM)
    assert read.input == spec((384, 384), (384, 384), Resample.BICUBIC)
    np.testing.assert_allclose(read.scale, [2 / 255] * 3)
    squashed = TIMM["pretrained_cfg"] | {"crop_mode": "squash", "crop_pct": 0.9}
    squashed["input_size"] = [3, 224, 192]
    assert timm_preprocessing(TIMM | {"pretrained_cfg": squashed}).input == spec(
        (224, 192), (248, 213), Resample.BICUBIC, SQUASH
    )
    bare = timm_preprocessing(TIMM | {"pretrained_cfg": {"input_size": [3, 224, 224]}})
    assert bare.input == spec((224, 224), (256, 256), Resample.BICUBIC)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"crop_mode": "border"}, "'crop_mode' is 'border'"),
        ({"input_size": [3, 224, 200]}, "which no card can tell"),
        ({"input_size": [1, 224, 224]}, "'input_size'"),
        ({"interpolation": ["bicubic"]}, "'interpolation' is"),
        ({"interpolation": "random"}, "'interpolation' is 'random'"),
        ({"interpolation": "bilinear-align-corners"}, "no filter of Pillow's"),
        ({"crop_pct": 1.1}, "'crop_pct'"),
        ({"mean": [1]}, "'mean'"),
    ],
)
def test_what_timm_does_otherwise_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ImportModelError, match=complaint):
        timm_preprocessing(TIMM | {"pretrained_cfg": TIMM["pretrained_cfg"] | changes})


def test_timms_classes_have_to_be_named() -> None:
    nameless = {key: value for key, value in TIMM.items() if key != "label_names"}
    with pytest.raises(ImportModelError, match="no 'label_names'"):
        timm_labels(nameless)
    with pytest.raises(ImportModelError, match="'num_classes' is 3"):
        timm_labels(TIMM | {"num_classes": 3})


@pytest.mark.parametrize(
    "changes",
    [
        {"id2label": {"0": "SFW", "1": "NSFW"}},
        {"label2id": {"SFW": 0, "NSFW": 1}},
        {"id2label": {"0": "NSFW", "1": "SFW"}, "label2id": {"SFW": 0, "NSFW": 1}},
        {"pretrained_cfg": {**TIMM["pretrained_cfg"], "label_names": ["SFW", "NSFW"]}},
    ],
    ids=str,
)
def test_timms_classes_that_another_field_turns_round_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ImportModelError, match=r"says otherwise|one of them is wrong"):
        timm_labels(TIMM | changes)


def test_timms_classes_may_be_told_twice() -> None:
    twice = {"id2label": {"0": "NSFW", "1": "SFW"}, "label2id": {"SFW": 1, "NSFW": 0}}
    assert timm_labels(TIMM | twice) == ("NSFW", "SFW")
    nested = {**TIMM["pretrained_cfg"], "label_names": ["NSFW", "SFW"]}
    assert timm_labels(TIMM | {"pretrained_cfg": nested}) == ("NSFW", "SFW")


def test_every_processor_of_the_table_is_tested() -> None:
    import tomllib

    from figleaf.importing.huggingface import preprocessing

    table = tomllib.loads(Path(preprocessing.__file__).with_name("processors.toml").read_text())
    tested = test_the_defaults_are_those_of_transformers.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert set(table) - {"defaults"} == set(tested)
