"""`export_web`: a folder that is whole or not there."""

import json
import shutil
from pathlib import Path

import pytest

from figleaf.errors import BundleError, DatasetError, InputError, PageError, PolicyError
from figleaf.models.bundle import ZOO, open_bundle, open_card
from figleaf.web.assets import Assets
from figleaf.web.export import export_web

from .standin import NAMES, standin
from .test_site import bundle


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    return standin(tmp_path / "assets")


def test_the_folder_has_the_page_the_models_and_the_headers(tmp_path: Path, assets: Assets) -> None:
    out = tmp_path / "deep" / "site"
    made = export_web(out, ["mobilenet_v2", "mobilenet_v2_mid"], assets=assets)
    paths = [path for path in out.rglob("*") if path.is_file()]
    names = {path.relative_to(out).as_posix() for path in paths}
    bundles = {
        f"models/{model}/{name}"
        for model in ("mobilenet_v2", "mobilenet_v2_mid")
        for name in ("card.json", "model.onnx")
    }
    assert names == NAMES | bundles | {"models/index.json", "_headers"}
    assert made.files == len(paths)
    assert made.size == sum(path.stat().st_size for path in paths)
    assert [model.name for model in made.models] == ["mobilenet_v2", "mobilenet_v2_mid"]
    assert made.folder == out
    for name in bundles:
        assert (out / name).read_bytes() == ZOO.joinpath(*Path(name).parts[1:]).read_bytes()
    index = json.loads((out / "models/index.json").read_text("utf-8"))
    assert index["server"] is None
    assert index["models"][0]["default"]
    assert [path.name for path in out.parent.iterdir()] == ["site"]


def test_one_model_by_name_and_the_default_policy(tmp_path: Path, assets: Assets) -> None:
    made = export_web(tmp_path / "site", "mobilenet_v2", policies=["strict"], assets=assets)
    index = json.loads((tmp_path / "site/models/index.json").read_text("utf-8"))
    assert index["default_policy"] == index["models"][0]["policy"] == made.models[0].policy
    assert made.models[0].policy == "strict"
    assert made.to_dict()["models"][0]["name"] == "mobilenet_v2"


def test_the_same_gives_the_same_bytes(tmp_path: Path, assets: Assets) -> None:
    for name in ("a", "b"):
        export_web(tmp_path / name, "mobilenet_v2", assets=assets)
    for path in (tmp_path / "a").rglob("*"):
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert path.is_dir() or path.read_bytes() == other.read_bytes()


def test_what_cannot_be_exported_leaves_nothing(tmp_path: Path, assets: Assets) -> None:
    out = tmp_path / "new" / "site"
    damaged = bundle(tmp_path / "damaged")
    with (damaged / "model.onnx").open("r+b") as file:
        file.write(b"\0")
    unfit = tmp_path / "unfit.toml"
    unfit.write_text(
        'format = 1\nname = "unfit"\nversion = 1\ndescription = ""\nunreadable = "block"\n'
        '[sums.unsafe]\nclasses = ["blood"]\nreview = 0.5\n'
    )
    twin = bundle(tmp_path / "twin")
    wrong: list[tuple[list[str | Path], list[Path], type[Exception], str]] = [
        (["efficientnet_lite0"], [], InputError, "no classes"),
        ([], [], InputError, "needs a model"),
        ([damaged], [], BundleError, "SHA-256"),
        (["mobilenet_v2", twin], [], InputError, "two models are called"),
        (["mobilenet_v2"], [unfit], PolicyError, "no threshold"),
    ]
    for models, policies, error, said in wrong:
        with pytest.raises(error, match=said):
            export_web(out, models, policies=policies, assets=assets)
    shutil.rmtree(assets.runtime)
    with pytest.raises(PageError):
        export_web(out, "mobilenet_v2", assets=assets)
    assert not out.parent.exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, assets: Assets) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="something in it"):
        export_web(tmp_path / "site", "mobilenet_v2", assets=assets)
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine.txt"]
    (tmp_path / "site" / "mine.txt").unlink()
    export_web(tmp_path / "site", "mobilenet_v2", assets=assets)


def test_a_folder_that_cannot_be_written(tmp_path: Path, assets: Assets) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((InputError, DatasetError)):
        export_web(tmp_path / "file" / "site", "mobilenet_v2", assets=assets)


def test_several_models_as_one_have_a_folder_though_no_bundle(
    tmp_path: Path, assets: Assets
) -> None:
    pair = "mobilenet_v2+resnet50_thin"
    made = export_web(tmp_path / "site", [pair, "mobilenet_v2"], assets=assets)
    assert [model.name for model in made.models] == [pair, "mobilenet_v2"]
    index = json.loads((tmp_path / "site/models/index.json").read_text("utf-8"))
    # What it is downloaded from has none of the letters that an address would have to escape.
    exported = open_bundle(tmp_path / "site" / index["models"][0]["url"])
    assert exported.card.raw == open_card(pair).raw
    assert exported.card.sha256["model.onnx"] == index["models"][0]["sha256"]
