"""How like its class an image is: what is computed, and what a model without classes doubts."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import figleaf
from figleaf.curate.restore import restore
from figleaf.curate.screening.likeness import Reference, robust_scores
from figleaf.curate.screening.screen import ScreenReport, screen
from figleaf.curate.screening.unlike import LEAST
from figleaf.dataset.ledger import Ledger

RULES = figleaf.ScreenRules(model="efficientnet_lite0")
STRAYS = 2


def features(seed: int, middle: float, count: int = 50) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return random.normal(middle, 1, (count, 8)).astype(np.float32)


def test_an_image_is_like_its_own_class() -> None:
    classes = {"a": features(1, 3.0), "b": features(2, -3.0)}
    reference = Reference.of(classes)
    assert reference.labels == ("a", "b")
    own = reference.likeness(classes["a"], ["a"] * 50)
    other = reference.likeness(classes["a"], ["b"] * 50)
    assert own.shape == (50,)
    assert own.min() > 0.5 > -0.5 > other.max()
    assert -1 <= other.min() <= own.max() <= 1


def test_the_unit_of_a_feature_does_not_matter() -> None:
    classes = {"a": features(1, 1.0), "b": features(2, -1.0)}
    units = np.array([1, 10, 100, 0.1, 3, 7, 1000, 0.5], np.float32)
    plain = Reference.of(classes).likeness(classes["a"], ["a"] * 50)
    scaled = Reference.of({name: rows * units for name, rows in classes.items()})
    assert scaled.likeness(classes["a"] * units, ["a"] * 50) == pytest.approx(plain, abs=1e-4)


def test_a_feature_that_is_always_the_same_says_nothing() -> None:
    rows = features(1, 0.0)
    rows[:, 3] = 7
    found = Reference.of({"a": rows}).likeness(rows, ["a"] * 50)
    assert np.isfinite(found).all()


def test_without_classes_there_is_nothing_to_be_like() -> None:
    assert Reference.of({}).labels == ()


def test_scores_are_deviations_from_the_middle_that_outliers_do_not_move() -> None:
    values = np.random.default_rng(0).normal(5, 2, 10_000)
    clean = robust_scores(values)
    assert clean.std() == pytest.approx(1, abs=0.03)
    assert np.median(clean) == pytest.approx(0, abs=1e-9)
    spoilt = robust_scores(np.concatenate([values, np.full(500, -1e6)]))
    assert spoilt[:10_000] == pytest.approx(clean, abs=0.3)


@example([0.0, 1.0, 2.2250738585e-313])
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_scores_are_numbers_whatever_the_values(values: list[float]) -> None:
    assert np.isfinite(robust_scores(np.array(values))).all()


def smooth(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC)


def striped(seed: int) -> Image.Image:
    image = Image.new("RGB", (96, 96), "white")
    draw = ImageDraw.Draw(image)
    for place in range(0, 96, 8 + seed % 5):
        draw.line((place, 0, 96 - place, 96), fill="black", width=3)
    draw.text((10, 10 + seed), "abc", fill="red")
    return image


@pytest.fixture(scope="module")
def strayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of pictures; two of one are filed under the other."""
    source = tmp_path_factory.mktemp("pictures")
    for label, make in (("smooth", smooth), ("striped", striped)):
        (source / label).mkdir()
        for seed in range(LEAST + 5):
            make(seed).save(source / label / f"{seed}.png")
    for seed in range(STRAYS):
        striped(100 + seed).save(source / "smooth" / f"stray-{seed}.png")
    (source / "few").mkdir()
    smooth(1_000).save(source / "few" / "one.png")
    out = tmp_path_factory.mktemp("data") / "set"
    figleaf.collect([source], out, rules=figleaf.CollectRules(workers=1))
    return out


@pytest.fixture
def folder(strayed: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(strayed, copy)
    return copy


def origins(folder: Path) -> dict[str, str]:
    with figleaf.Dataset(folder) as data:
        rows = [*data, *data.filter(quarantined=True)]
    return {row.sha256: Path(row.origins[0]).name for row in rows}


def doubted(found: ScreenReport, folder: Path) -> list[str]:
    by_hash = origins(folder)
    return [by_hash[one.sha256] for one in found.doubted]


def test_strays_are_the_most_doubtful(folder: Path) -> None:
    found = screen(folder, rules=RULES)
    assert set(doubted(found, folder)[:STRAYS]) == {"stray-0.png", "stray-1.png"}
    first = found.doubted[0]
    assert (first.label, first.kind) == ("smooth", "unlike_its_class")
    assert 0.5 < first.doubt < 1
    assert first.detail.endswith(" deviations")
    assert [one.doubt for one in found.doubted] == sorted(
        (one.doubt for one in found.doubted), reverse=True
    )


def test_classes_of_few_images_look_like_nothing(folder: Path) -> None:
    found = screen(folder, rules=RULES)
    assert found.not_screened == {"few": 1}
    assert found.images == 2 * (LEAST + 5) + STRAYS


def test_only_few_images(folder: Path) -> None:
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        db.execute("UPDATE images SET label = 'few-' || id")
    found = screen(folder, rules=RULES)
    assert (found.images, found.doubted) == (0, [])


def test_likeness_is_computed_once(folder: Path) -> None:
    first = screen(folder, rules=RULES)
    again = screen(folder, rules=figleaf.ScreenRules(model="efficientnet_lite0", limit=1))
    assert (first.scored, again.scored) == (first.images, 0)
    assert again.doubted == first.doubted[:1]


def test_scores_by_another_reference_go(folder: Path) -> None:
    """Each image that comes changes what its class looks like, and with it all scores."""
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        db.executemany(
            "INSERT INTO scores VALUES (1, ?, 'ok', '{\"smooth\": 1.0}')",
            [(f"efficientnet_lite0@1 f32{rest}",) for rest in (" like 0", "", " scaled like 0")],
        )
    found = screen(folder, rules=RULES)
    with Ledger(folder) as ledger:
        tags = ledger.read("SELECT model, count(*) FROM scores GROUP BY 1 ORDER BY 2, 1")
    assert tags == [
        ("efficientnet_lite0@1 f32", 1),
        ("efficientnet_lite0@1 f32 scaled like 0", 1),
        (found.model, found.images),
    ]


def test_an_image_of_another_class_by_now_is_compared_with_that(folder: Path) -> None:
    screen(folder, rules=RULES)
    by_name = {name: sha256 for sha256, name in origins(folder).items()}
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        # Not by a person, whose word is not doubted; nor of those that the reference is made of.
        db.execute(
            "UPDATE scores SET scores = '{\"elsewhere\": 1.0}' WHERE image_id ="
            " (SELECT id FROM images WHERE sha256 = ?)",
            (bytes.fromhex(by_name["stray-0.png"]),),
        )
    found = screen(folder, rules=RULES)
    assert found.scored == 1
    assert "stray-0.png" in doubted(found, folder)


def test_both_ways_of_screening_keep_lists_of_their_own(folder: Path) -> None:
    same = {"smooth": "porn", "striped": "neutral"}
    aside = figleaf.ScreenRules(model="efficientnet_lite0", quarantine=True)
    unlike = screen(folder, rules=aside)
    classes = figleaf.ScreenRules(model="mobilenet_v2", same=same, safe_below=0.9, quarantine=True)
    by_classes = screen(folder, rules=classes)
    assert unlike.set_aside
    assert by_classes.set_aside
    with Ledger(folder) as ledger:
        counts = dict(ledger.read("SELECT who, count(*) FROM doubts GROUP BY who"))
    assert counts == {"likeness": len(unlike.doubted), "screen": len(by_classes.doubted)}
    # Neither brings back what the other set aside.
    assert screen(folder, rules=aside).brought_back == 0
    assert screen(folder, rules=classes).brought_back == 0
    with figleaf.Dataset(folder) as data:
        assert len(data.filter(quarantined=True)) == unlike.set_aside + by_classes.set_aside


def test_what_a_person_brings_back_is_doubted_no_more(folder: Path) -> None:
    screen(folder, rules=figleaf.ScreenRules(model="efficientnet_lite0", quarantine=True))
    restore(folder, reasons=["screened"], who="kim")
    assert screen(folder, rules=RULES).doubted == []


def test_unreadable_files_are_counted(folder: Path) -> None:
    with figleaf.Dataset(folder) as data:
        path = next(iter(data.filter(label="striped"))).path
    path.unlink()
    found = screen(folder, rules=RULES)
    assert found.unreadable == 1


def test_nothing_below_zero_is_no_deviation() -> None:
    with pytest.raises(figleaf.FigleafError, match="unlike_below must be below 0"):
        figleaf.ScreenRules(unlike_below=0)
