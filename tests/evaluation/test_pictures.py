"""Pictures that nobody has labelled: every file is there, with what each model says of it."""

import json
import shutil
from pathlib import Path

import pytest

import figleaf
from figleaf.curate.watch import Watch
from figleaf.errors import InputError, ModelError, Status
from figleaf.evaluation.candidates import distinct_names
from figleaf.evaluation.pictures import Pictures, look

MODELS = ["mobilenet_v2", "mobilenet_v2_mid"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Two photos, one of them in a folder of its own, a page, an empty file and a hidden one."""
    root = tmp_path_factory.mktemp("unseen")
    (root / "sub").mkdir()
    shutil.copy(pictures / "astronaut.png", root)
    shutil.copy(pictures / "rocket.jpg", root / "sub")
    shutil.copy(pictures / "coffee.png", root / ".hidden.png")
    (root / "gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (root / "nothing.png").touch()
    return root


@pytest.fixture(scope="module")
def found(folder: Path) -> Pictures:
    return look(folder, MODELS)


def test_every_file_is_there_in_order(found: Pictures, folder: Path) -> None:
    names = [one.path.relative_to(folder).as_posix() for one in found.seen]
    assert names == ["astronaut.png", "gone.jpg", "nothing.png", "sub/rocket.jpg"]
    statuses = [Status.OK, Status.NOT_AN_IMAGE, Status.EMPTY, Status.OK]
    assert [one.status for one in found.seen] == statuses
    assert found.failed == {"not_an_image": 1, "empty": 1}
    assert found.seen[1].reason == "HTML, not an image"


def test_each_model_says_what_it_says_alone(found: Pictures, folder: Path) -> None:
    assert [voice.name for voice in found.voices] == ["mobilenet_v2@1", "mobilenet_v2_mid@1"]
    for at, model in enumerate(MODELS):
        with figleaf.load(model) as classifier:
            alone = classifier.classify(folder / "astronaut.png", top_k=3)
        said = found.seen[0].predictions[at]
        assert (said.label, list(said.scores)) == (alone.label, list(alone.scores))
        assert said.scores == pytest.approx(alone.scores, abs=1e-5)
        assert len(said.scores) == 3


def test_the_classes_of_all_models_come_once(folder: Path, found: Pictures) -> None:
    five = ("drawings", "hentai", "neutral", "porn", "sexy")
    assert found.labels == five
    other = look(folder, ["mobilenet_v2", "resnet50_thin"], k=1)
    assert other.labels == (*five, "sfw", "nsfw")
    assert [len(said.scores) for said in other.seen[0].predictions] == [1, 1]


def test_it_becomes_json(found: Pictures, folder: Path) -> None:
    made = json.loads(json.dumps(found.to_dict()))
    assert (made["images"], made["top_k"], made["fast"]) == (4, 3, False)
    assert made["failed"] == {"not_an_image": 1, "empty": 1}
    assert [one["name"] for one in made["models"]] == ["mobilenet_v2@1", "mobilenet_v2_mid@1"]
    assert all(len(one["sha256"]) == 64 for one in made["models"])
    first, page, *_ = made["pictures"]
    assert first["path"] == str(folder / "astronaut.png")
    assert [one["model"] for one in first["predictions"]] == [
        "mobilenet_v2@1",
        "mobilenet_v2_mid@1",
    ]
    assert sum(first["predictions"][0]["scores"].values()) <= 1
    assert (page["status"], page["reason"]) == ("not_an_image", "HTML, not an image")
    assert [one["scores"] for one in page["predictions"]] == [{}, {}]


def test_it_tells_how_it_goes(folder: Path) -> None:
    told: list[object] = []
    look(folder, MODELS[:1], watch=Watch(lambda *phase: told.append(phase), told.append))
    assert told == [("mobilenet_v2@1", 4), 1, 2, 3, 4]


def test_models_that_share_a_name_are_told_apart() -> None:
    models = [("mine@1", "ab" * 32), ("mine@1", "cd" * 32), ("yours@1", "ab" * 32)]
    assert distinct_names(models) == ["mine@1 ababab", "mine@1 cdcdcd", "yours@1"]


def test_misuse(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name at least one"):
        look(folder, [])
    with pytest.raises(InputError, match="k must be at least 1, not 0"):
        look(folder, MODELS, k=0)
    with pytest.raises(InputError, match="no files here"):
        look(tmp_path, MODELS)
    with pytest.raises(InputError, match="No such file"):
        look(tmp_path / "none", MODELS)
    with pytest.raises(ModelError, match="has no classes"):
        look(folder, ["efficientnet_lite0"])
