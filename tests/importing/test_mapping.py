"""Which class is which: a reversed index must be impossible."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from figleaf.errors import ImportModelError
from figleaf.importing.huggingface.config import check_config, read_labels
from figleaf.importing.mapping import map_labels, parse_label


@pytest.mark.parametrize(
    ("source", "labels", "merge"),
    [
        (["normal", "nsfw"], ("sfw", "nsfw"), [[1, 0], [0, 1]]),
        (["nsfw", "normal"], ("sfw", "nsfw"), [[0, 1], [1, 0]]),
        (["NSFW", "SFW"], ("sfw", "nsfw"), [[0, 1], [1, 0]]),
        (["unsafe", "safe"], ("sfw", "nsfw"), [[0, 1], [1, 0]]),
        (["Porn", "drawing"], ("drawings", "porn"), [[0, 1], [1, 0]]),
        (["neutral", "sexy", "drawings"], ("drawings", "neutral", "sexy"), np.eye(3)[[1, 2, 0]]),
        (
            ["sexy", "porn", "neutral", "hentai", "drawings"],
            ("drawings", "hentai", "neutral", "porn", "sexy"),
            np.eye(5)[::-1],
        ),
    ],
)
def test_what_cannot_be_mistaken_is_known(
    source: Sequence[str], labels: tuple[str, ...], merge: Any
) -> None:
    mapped = map_labels(source, {})
    assert mapped.labels == labels
    assert mapped.merge.dtype == np.float32
    np.testing.assert_array_equal(mapped.merge, merge)


def test_several_classes_become_one_and_are_summed() -> None:
    given = {"neutral": "sfw", "low": "sfw", "medium": "nsfw", "high": "unsafe"}
    mapped = map_labels(["neutral", "low", "medium", "high"], given)
    assert mapped.labels == ("sfw", "nsfw")
    scores = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32) @ mapped.merge
    np.testing.assert_allclose(scores, [[0.3, 0.7]], atol=1e-6)
    assert mapped.as_card() == {"neutral": "sfw", "low": "sfw", "medium": "nsfw", "high": "nsfw"}
    assert not mapped.is_identity


def test_what_the_user_says_goes_before_what_is_known() -> None:
    mapped = map_labels(["normal", "nsfw"], {"normal": "nsfw", "nsfw": "sfw"})
    np.testing.assert_array_equal(mapped.merge, [[0, 1], [1, 0]])


def test_classes_of_its_own_are_kept_where_all_are() -> None:
    mapped = map_labels(["gore", "cats"], {"gore": "gore", "cats": "cats"})
    assert mapped.labels == ("gore", "cats")
    assert mapped.is_identity


@pytest.mark.parametrize(
    ("source", "given", "complaint"),
    [
        (["LABEL_0", "LABEL_1"], {}, r"--label LABEL_0=sfw --label LABEL_1=nsfw \(or the other"),
        (["0", "1"], {}, "does not know what '0', '1' mean"),
        (["LABEL_0", "LABEL_1"], {"LABEL_0": "sfw"}, "what 'LABEL_1' means"),
        (["a b", "nsfw"], {}, "--label 'a b=sfw'"),
        (["normal", "normal"], {}, "two classes are called 'normal'"),
        (["nsfw"], {}, "has 1 class:"),
        ([], {}, "has 0 classes:"),
        (["normal", "nsfw"], {"NSFW": "nsfw"}, "has no class 'NSFW'; it has 'normal', 'nsfw'"),
        (["normal", "nsfw"], {"nsfw": "bad"}, "'bad' is none of figleaf's classes"),
        (["normal", "nsfw"], {"nsfw": "sfw"}, "would be safe"),
        (["sfw", "nsfw"], {"sfw": "nsfw"}, "would be unsafe"),
        (["drawings", "neutral"], {}, "would be safe"),
        (["porn", "neutral", "sfw"], {}, "are mixed: porn as porn, neutral as neutral"),
        (["neutral", "nsfw"], {}, "are mixed"),
        (["cats", "nsfw"], {"cats": "cats"}, "'cats' keeps its own name, others do not"),
        (["decision", "b"], {"decision": "decision", "b": "b"}, "cannot be a class's name"),
    ],
)
def test_what_is_not_certain_is_refused(
    source: Sequence[str], given: Mapping[str, str], complaint: str
) -> None:
    with pytest.raises(ImportModelError, match=complaint):
        map_labels(source, given)


def test_an_option_is_parted_at_its_last_sign() -> None:
    assert parse_label("LABEL_0=sfw") == ("LABEL_0", "sfw")
    assert parse_label("a=b=sfw") == ("a=b", "sfw")
    for text in ("LABEL_0", "=sfw", "LABEL_0="):
        with pytest.raises(ImportModelError, match="write the model's class"):
            parse_label(text)


def test_labels_are_in_the_order_of_their_numbers() -> None:
    names = [f"class {number}" for number in range(12)]
    shuffled = {str(number): names[number] for number in (10, 2, 11, 0, 1, 9, 3, 4, 8, 5, 7, 6)}
    assert read_labels({"id2label": shuffled}) == tuple(names)


def test_numbers_as_strings_in_the_inverse_are_taken() -> None:
    config = {"id2label": {"0": "nsfw", "1": "normal"}, "label2id": {"normal": "1", "nsfw": "0"}}
    assert read_labels(config) == ("nsfw", "normal")


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({}, "no 'id2label'"),
        ({"id2label": {}}, "no 'id2label'"),
        ({"id2label": ["normal", "nsfw"]}, "no 'id2label'"),
        ({"id2label": {"1": "normal", "2": "nsfw"}}, "has the numbers 1, 2, not 0 to 1"),
        ({"id2label": {"0": "normal", "2": "nsfw"}}, "not 0 to 1"),
        ({"id2label": {"0": "normal", "01": "nsfw"}}, "no number of an output"),
        ({"id2label": {"0": "normal", "-1": "nsfw"}}, "no number of an output"),
        ({"id2label": {"0": "normal", "1" * 5000: "nsfw"}}, "no number of an output"),
        (
            {"id2label": {"0": "normal", "1": "nsfw"}, "label2id": {"normal": "1" * 5000}},
            "is wrong",
        ),
        ({"id2label": {"0": "normal", "one": "nsfw"}}, "no number of an output"),
        ({"id2label": {"0": "normal", "1": 1}}, "no name"),
        (
            {"id2label": {"0": "normal", "1": "nsfw"}, "label2id": {"normal": 1, "nsfw": 0}},
            "one of them is wrong",
        ),
        (
            {"id2label": {"0": "normal", "1": "nsfw"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}},
            "one of them is wrong",
        ),
        ({"id2label": {"0": "normal", "1": "nsfw"}, "label2id": {"normal": 0}}, "is wrong"),
        ({"id2label": {"0": "normal", "1": "nsfw"}, "label2id": []}, "not an object"),
        ({"id2label": {"0": "normal", "1": "nsfw"}, "num_labels": 3}, "'num_labels' is 3"),
    ],
)
def test_a_config_that_contradicts_itself_is_refused(
    config: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ImportModelError, match=complaint):
        read_labels(config)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"auto_map": {"AutoModel": "modeling.Model"}}, "figleaf never does"),
        ({"problem_type": "multi_label_classification"}, "not shares of a whole"),
        ({"problem_type": "regression"}, "'problem_type' is 'regression'"),
        ({"quantization_config": {"bits": 4}}, "only its own library can read"),
        ({"function_to_apply": "sigmoid"}, "'function_to_apply'"),
    ],
)
def test_what_no_bundle_can_be_is_refused(config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ImportModelError, match=complaint):
        check_config(config)
    check_config({"problem_type": "single_label_classification"})
