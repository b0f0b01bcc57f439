"""How inputs are put into requests, and results read, whatever they are."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from figleaf.classify.prediction import Decision, FrameScores, Prediction
from figleaf.client.answers import Failure, Reply, failure_of, parse_prediction, predictions_in
from figleaf.client.calls import Packer
from figleaf.client.rules import ClientRules
from figleaf.client.sources import Upload
from figleaf.errors import ServerError, Status
from figleaf.models.runtime import Precision

UPLOADS = some.lists(
    some.one_of(
        some.integers(0, 12).map(lambda size: Upload("file", bytes(size))),
        some.just(Upload("url", url="http://a.test/")),
    ),
    max_size=30,
)


@given(UPLOADS, some.integers(1, 5), some.integers(1, 20))
def test_requests_hold_all_inputs_in_order_and_no_more_than_they_may(
    uploads: list[Upload], most: int, most_bytes: int
) -> None:
    packer = Packer(ClientRules(images_per_request=most, bytes_per_request=most_bytes))
    batches = [batch for upload in uploads for batch in packer.add(upload)] + packer.rest()
    assert [upload for batch in batches for upload in batch] == uploads
    for batch in batches:
        assert len({upload.url is None for upload in batch}) == 1
        size = sum(len(upload.data) for upload in batch)
        assert len(batch) == 1 or (len(batch) <= most and size <= most_bytes)


PROBABILITY = some.floats(0, 1).map(lambda p: round(p, 6))
FRAMES = some.builds(
    FrameScores,
    seconds=some.floats(0, 1e6).map(lambda seconds: round(seconds, 6)),
    scores=some.dictionaries(some.text(), PROBABILITY),
    unsafe=some.none() | PROBABILITY,
    decision=some.none() | some.sampled_from(Decision),
)
PREDICTIONS = some.builds(
    Prediction,
    input=some.text(),
    status=some.sampled_from(Status),
    label=some.none() | some.text(),
    scores=some.dictionaries(some.text(), PROBABILITY),
    unsafe=some.none() | PROBABILITY,
    decision=some.none() | some.sampled_from(Decision),
    reason=some.text(),
    policy=some.text(),
    model=some.text(),
    precision=some.sampled_from(Precision),
    frames=some.lists(FRAMES, max_size=3).map(tuple),
)


@given(PREDICTIONS)
def test_a_prediction_survives_the_way(prediction: Prediction) -> None:
    assert parse_prediction(json.loads(json.dumps(prediction.to_dict()))) == prediction


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.sampled_from(["results", "input", "status"]), inner)
    ),
)


@given(JSON)
def test_whatever_comes_is_a_result_or_an_error(value: object) -> None:
    reply = Reply(200, {}, json.dumps(value).encode())
    with pytest.raises(ServerError):
        predictions_in(reply, (Upload("a"),))


@given(some.integers(300, 599), JSON, some.text(max_size=30))
def test_whatever_is_no_answer_is_a_failure(status: int, value: object, header: str) -> None:
    headers = {"content-type": "application/problem+json", "retry-after": header}
    reply = Reply(status, headers | {"location": header}, json.dumps(value).encode())
    failure = failure_of(reply, "http://a.test")
    assert isinstance(failure, Failure)
    assert failure.error.status == status
    assert str(failure.error).isprintable()
    assert failure_of(replace(reply, body=b"{"), "http://a.test") is not None
