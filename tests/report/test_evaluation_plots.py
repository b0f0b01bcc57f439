"""Plots and files of an evaluation."""

import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from figleaf.evaluation.evaluate import Evaluation
from figleaf.report.evaluation_files import files, folder_names
from figleaf.report.evaluation_plots import PLOTS, confusion_matrix
from figleaf.report.evaluation_tables import OF_EACH, matrix, names, origins, summary, thresholds
from figleaf.report.texts import Words

from ..evaluation.fakes import FIVE, evaluated, guesses


@pytest.fixture(scope="module")
def five() -> Evaluation:
    true, shares = guesses(5, 300)
    return evaluated([FIVE[n] for n in true], shares.tolist())


@pytest.fixture(scope="module")
def two() -> Evaluation:
    true, shares = guesses(2, 40)
    return evaluated([("neutral", "porn")[n] for n in true], shares.tolist(), ("sfw", "nsfw"))


def picture(data: bytes) -> Image.Image:
    found = Image.open(io.BytesIO(data))
    found.load()
    return found.convert("RGB")


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_a_picture(five: Evaluation, two: Evaluation, name: str, language: str) -> None:
    words = Words(language)  # type: ignore[arg-type]  # of the two
    for one in (five, two):
        found = picture(PLOTS[name](one, words))
        assert 500 < found.width < 1500
        assert 500 < found.height < 1500
        assert np.asarray(found)[0, 0].tolist() == [255, 255, 255]
        assert len(np.unique(np.asarray(found).reshape(-1, 3), axis=0)) > 50


def test_cells_are_as_dark_as_their_share_is_large(five: Evaluation) -> None:
    certain = evaluated(list(FIVE), np.eye(5).tolist())
    dark = [
        (np.asarray(picture(confusion_matrix(one, Words("en"), normalised=True)))[..., 0] < 20)
        for one in (certain, five)
    ]
    # The five cells of certainty are the darkest blue there is; the others have lighter ones.
    assert dark[0].mean() > 0.1 > 2 * dark[1].mean()


@pytest.mark.parametrize("name", PLOTS)
def test_classes_of_any_script_and_any_number(name: str) -> None:
    """Warnings of missing glyphs are errors here."""
    labels = [
        "옷 $5 $x^2$",
        "中文",
        "a_very_long_name_" * 8,
        "\U0001f600\u202e",
        *map(str, range(26)),
    ]
    true, shares = guesses(len(labels), 200)
    one = evaluated([labels[n] for n in true], shares.tolist(), labels)
    assert picture(PLOTS[name](one, Words("en"))).width > 500


@pytest.mark.parametrize("name", PLOTS)
def test_one_kind_of_images_alone(name: str) -> None:
    one = evaluated(["neutral"] * 3, [[0.9, 0.1]] * 3, ("sfw", "nsfw"))
    assert picture(PLOTS[name](one, Words("ko"))).width > 500


def test_files(five: Evaluation) -> None:
    made = dict(files(five, Words("en")))
    assert sorted(made) == sorted(["evaluation.json", *(f"{name}.png" for name in PLOTS)])
    assert json.loads(made["evaluation.json"]) == json.loads(
        json.dumps(five.to_dict(), allow_nan=False)
    )


def test_folders_have_names_that_lead_nowhere(five: Evaluation) -> None:
    def called(tag: str, digest: str = "ab" * 32) -> Evaluation:
        model = replace(five.origin.model, tag=tag, sha256=digest)
        return replace(five, origin=replace(five.origin, model=model))

    assert folder_names([five]) == [""]
    found = folder_names([called("../../etc@1"), called("a/b@1"), called("a:b@1"), called("옷@2")])
    assert found == ["_.._etc@1", "a_b@1", "a_b@1-3", "옷@2"]
    same = [called("mine@1"), called("mine@1", "cd" * 32)]
    assert len(set(names(same))) == 2
    assert len(set(folder_names([called("mine@1"), called("mine@1")]))) == 2


def test_tables(five: Evaluation, two: Evaluation) -> None:
    words = Words("en")
    table = summary([five, two], words)
    assert len(table.head) == 3
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["images evaluated"] == ("300", "40")
    assert rows["accuracy"][1] == "-"
    assert origins([five], words).rows[0][1:6] == (
        *("ab" * 6, "f32", "balanced@1"),
        five.origin.data_sha256[:12],
        "7",
    )
    assert sum(int(cell) for row in matrix(five, words).rows for cell in row[1:]) == 300
    assert matrix(two, words).head == ("true class", ">called safe", ">called unsafe")
    assert len(thresholds(five, words).rows) == 8
    for one in (five, two):
        for make in OF_EACH:
            found = make(one, Words("ko"))
            assert all(len(row) == len(found.head) for row in found.rows)


def test_a_table_says_what_cannot_be_said() -> None:
    one = evaluated(["neutral"] * 3, [[0.9, 0.1]] * 3, ("sfw", "nsfw"))
    rows = thresholds(one, Words("en")).rows
    assert [row[0] for row in rows] == [
        *("as given", "policy: review", "policy: block"),
        *("false alarms of 0.001", "false alarms of 0.01"),
    ]
    assert rows[-1][1] == "none"
    assert {row[2] for row in rows} == {"-"}
    assert math.isinf(one.safety.points[-4].threshold.value) if one.safety else False
