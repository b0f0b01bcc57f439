import json
from dataclasses import replace

import pytest

from figleaf.classify.prediction import Decision, FrameScores, Prediction
from figleaf.errors import InputError, Status
from figleaf.models.card import RESULT_FIELDS
from figleaf.models.runtime import Precision

GOOD = Prediction(
    input="a.jpg",
    status=Status.OK,
    label="drawings",
    scores={"drawings": 0.68774123, "neutral": 0.31},
    unsafe=0.0021,
    decision=Decision.ALLOW,
    reason="unsafe 0.002 < 0.5",
    policy="balanced@1",
    model="mobilenet_v2@1",
    precision=Precision.F32,
)


def test_the_schema() -> None:
    assert GOOD.to_dict() == {
        "input": "a.jpg",
        "status": "ok",
        "label": "drawings",
        "scores": {"drawings": 0.687741, "neutral": 0.31},
        "unsafe": 0.0021,
        "decision": "allow",
        "reason": "unsafe 0.002 < 0.5",
        "policy": "balanced@1",
        "model": "mobilenet_v2@1",
        "precision": "f32",
    }
    assert json.loads(json.dumps(GOOD.to_dict())) == GOOD.to_dict()


def test_the_schema_of_a_film_has_its_frames_at_the_end() -> None:
    frame = FrameScores(1.23456789, {"drawings": 0.12345678, "neutral": 0.1}, None, None)
    film = replace(GOOD, frames=(frame,))
    assert film.to_dict() == GOOD.to_dict() | {
        "frames": [
            {
                "seconds": 1.234568,
                "scores": {"drawings": 0.123457, "neutral": 0.1},
                "unsafe": None,
                "decision": None,
            }
        ]
    }
    assert film.to_dict("nsfwjs") == GOOD.to_dict("nsfwjs")
    assert film.top(1).frames[0].scores == {"drawings": 0.12345678}


def test_the_schema_of_nsfwjs() -> None:
    assert GOOD.to_dict("nsfwjs") == {
        "input": "a.jpg",
        "status": "ok",
        "predictions": [
            {"className": "Drawing", "probability": 0.687741},
            {"className": "Neutral", "probability": 0.31},
        ],
    }


def test_an_unknown_schema_is_refused() -> None:
    with pytest.raises(InputError, match="xml"):
        GOOD.to_dict("xml")


def test_top_keeps_the_most_probable() -> None:
    assert GOOD.top(1).scores == {"drawings": 0.68774123}
    assert GOOD.top(1).unsafe == GOOD.unsafe
    assert GOOD.top(9) == GOOD


def test_no_class_may_be_called_as_a_field() -> None:
    further = {"actions", "places"}  # columns of the command line
    assert frozenset(GOOD.to_dict()) | further == RESULT_FIELDS
