"""Bundles whose cards say more: pictures that keep their shape, ensembles, int8; in Chromium."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from figleaf.images.convert import flatten_array
from figleaf.models.bundle import join_bundles, open_bundle
from figleaf.models.int8.graph import int8_graph
from figleaf.models.int8.ranges import Method
from figleaf.models.model import Model, load_model
from figleaf.models.writing import write_bundle

from .pages import Opened, Raw, furthest, raw

CLOSE = 1e-5
QUANTISED = 2e-2
"""A level of int8 more or less at one place moves all that follows."""
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def gallery(pictures: Path, made: Path) -> list[Raw]:
    """Photos as they are, long ones, and a small one: uint8 RGBA."""
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
    photos = {name: Image.open(pictures / name).convert("RGBA") for name in names}
    cat = photos["chelsea.png"]
    photos |= {"long": cat.resize((1500, 40)), "tall": cat.resize((31, 400))}
    photos |= {"small": cat.resize((90, 61))}
    return [raw(made, f"{name}.rgba", np.asarray(one)) for name, one in photos.items()]


@pytest.fixture(scope="module")
def page(browser: Browser, site: str) -> Iterator[Opened]:
    with Opened(browser, site) as one:
        yield one
        assert one.complaints == []


def pythons(model: Model, pixels: Pixels) -> dict[str, float]:
    flat = flatten_array(pixels, (255, 255, 255))
    row = model.run([model.prepare(flat)]).probabilities[0]
    return dict(zip(model.card.labels, row.tolist(), strict=True))


def apart(page: Opened, folder: Path, gallery: list[Raw]) -> float:
    """The greatest difference of a score from Python's, over all pictures."""
    model = load_model(folder, streams=1)
    page.load(f"../made/{folder.name}")
    found = [furthest(page.scores(one), pythons(model, one.pixels)) for one in gallery]
    page.run("await model.dispose()")
    return max(found)


def resized(made: Path, name: str, **how: object) -> Path:
    """mobilenet_v2 with another preparation."""
    bundle = open_bundle("mobilenet_v2")
    card = {**bundle.card.raw, "name": name}
    card["inputs"] = [{**card["inputs"][0], **how}]
    return write_bundle(made / name, card, bundle.graph)


@pytest.mark.parametrize("resample", ["bicubic", "lanczos", "bilinear-align-corners"])
def test_scores_of_pictures_that_keep_their_shape_are_pythons(
    resample: str, page: Opened, gallery: list[Raw], made: Path
) -> None:
    how = {"fit": "shortest-edge", "resize": [256, 256], "resample": resample}
    assert apart(page, resized(made, f"edge-{resample}", **how), gallery) < CLOSE


@pytest.mark.parametrize("other", ["mobilenet_v2_mid", "edge"])
def test_scores_of_ensembles_are_pythons(
    other: str, page: Opened, gallery: list[Raw], made: Path
) -> None:
    if other == "edge":  # a second input, prepared in another way
        how = {"fit": "shortest-edge", "resize": [240, 240], "resample": "hamming"}
        second = open_bundle(resized(made, other, **how))
    else:
        second = open_bundle(other)
    whole = join_bundles([open_bundle("mobilenet_v2"), second])
    assert len(whole.card.inputs) == (2 if other == "edge" else 1)
    folder = write_bundle(made / f"with-{other}", dict(whole.card.raw), whole.graph)
    assert apart(page, folder, gallery) < CLOSE
    page.load(f"../made/{folder.name}")
    told = page.run("return [model.card.ensemble, model.precision]")
    assert told[0]["rule"] == "mean"
    assert [one["name"] for one in told[0]["members"]] == ["mobilenet_v2", second.card.name]
    assert told[1] == "f32"
    page.run("await model.dispose()")


def test_an_ensemble_of_five_classes_and_two(page: Opened, gallery: list[Raw], made: Path) -> None:
    thin = open_bundle("resnet50_thin")
    card = dict(thin.card.raw)
    card["inputs"] = [{k: v for k, v in card["inputs"][0].items() if k != "jpeg_quality"}]
    second = open_bundle(write_bundle(made / "plain-thin", card, thin.graph))
    whole = join_bundles([open_bundle("mobilenet_v2"), second])
    assert whole.card.raw["ensemble"]["rule"] == "mean-unsafe"
    folder = write_bundle(made / "five-and-two", dict(whole.card.raw), whole.graph)
    assert apart(page, folder, gallery) < CLOSE


def test_int8_computes_in_webassembly_as_in_python(
    page: Opened, gallery: list[Raw], made: Path
) -> None:
    bundle, exact = open_bundle("mobilenet_v2"), load_model("mobilenet_v2", streams=1)
    prepared = [exact.prepare(flatten_array(one.pixels, (255, 255, 255))) for one in gallery]
    twin = int8_graph(bundle, prepared, Method.SQUARES)
    card = {**bundle.card.raw, "name": "small_int8", "computes": "int8"}
    folder = write_bundle(made / "small_int8", card, twin.graph)
    assert apart(page, folder, gallery) < QUANTISED
    page.load("../made/small_int8", backend="auto")
    assert page.run("return [model.precision, model.backend]") == ["int8", "wasm"]
    page.run("await model.dispose()")
