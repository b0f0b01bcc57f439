"""Pictures of many callers, run together."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from figleaf.errors import ModelError
from figleaf.models.model import Model, Outputs, Prepared, load_model
from figleaf.models.runtime import Precision
from figleaf.serve.batching import Batcher


class SlowModel:
    """Gives each picture's own number; notes the batches that it ran, and waits to be let go."""

    def __init__(self, most: int) -> None:
        self.most, self.streams = most, 1
        self.batches: list[int] = []
        self.go = threading.Event()

    def run(self, pictures: list[Prepared]) -> Outputs:
        self.go.wait(10)
        self.batches.append(len(pictures))
        if any(picture[0][0] < 0 for picture in pictures):
            raise ModelError("negative")
        rows = np.array([picture[0] for picture in pictures], np.float32)
        return Outputs(rows, rows)


def batcher_for(model: SlowModel, wait: float = 0.0) -> Batcher:
    return Batcher(model, wait=wait)  # type: ignore[arg-type]


def picture(number: float) -> Prepared:
    return (np.array([number], np.float32),)


def test_what_has_come_is_run_together_and_each_gets_its_own() -> None:
    model = SlowModel(most=4)
    batcher = batcher_for(model)
    futures = [batcher.submit(picture(number)) for number in range(11)]
    model.go.set()
    assert [float(one.result(10)[0]) for one in futures] == list(range(11))
    assert max(model.batches) == 4
    assert sum(model.batches) == 11
    batcher.close()


def test_a_picture_alone_waits_no_longer_than_the_bound() -> None:
    model = SlowModel(most=4)
    model.go.set()
    batcher = batcher_for(model, wait=1.0)
    began = time.monotonic()
    batcher.submit(picture(1)).result(60)
    assert time.monotonic() - began > 0.99
    batcher.close()


def test_a_full_batch_waits_for_nobody() -> None:
    model = SlowModel(most=4)
    model.go.set()
    batcher = batcher_for(model, wait=600.0)
    for one in [batcher.submit(picture(1)) for _ in range(4)]:
        one.result(60)
    batcher.close()


def test_who_has_gone_is_left_out() -> None:
    model = SlowModel(most=1)
    batcher = batcher_for(model)
    first = batcher.submit(picture(0))
    gone = batcher.submit(picture(-1))
    last = batcher.submit(picture(2))
    while not first.running():
        time.sleep(0.001)
    assert gone.cancel()
    model.go.set()
    assert float(last.result(10)[0]) == 2
    assert model.batches == [1, 1]
    batcher.close()


def test_a_failure_is_theirs_who_were_in_it() -> None:
    model = SlowModel(most=1)
    model.go.set()
    batcher = batcher_for(model)
    with pytest.raises(ModelError, match="negative"):
        batcher.submit(picture(-1)).result(10)
    assert float(batcher.submit(picture(3)).result(10)[0]) == 3
    batcher.close()


def test_what_decodes_waits_while_enough_pictures_do() -> None:
    model = SlowModel(most=1)
    batcher = batcher_for(model)
    futures = []
    decoded = threading.Event()

    def decode() -> None:
        for number in range(8):
            batcher.wait_for_room()
            futures.append(batcher.submit(picture(number)))
        decoded.set()

    threading.Thread(target=decode, daemon=True).start()
    assert not decoded.wait(0.3)
    assert len(futures) <= 3  # one in the model, two that wait
    model.go.set()
    assert decoded.wait(10)
    assert [float(one.result(10)[0]) for one in futures] == list(range(8))
    batcher.close()
    batcher.wait_for_room()


def test_closing_finishes_what_was_submitted() -> None:
    model = SlowModel(most=2)
    batcher = batcher_for(model)
    futures = [batcher.submit(picture(number)) for number in range(5)]
    batcher.close()
    with pytest.raises(RuntimeError, match="closed"):
        batcher.submit(picture(0))
    model.go.set()
    assert [float(one.result(10)[0]) for one in futures] == list(range(5))


@pytest.mark.parametrize("precision", Precision)
def test_scores_do_not_depend_on_the_company(precision: Precision) -> None:
    try:
        model: Model = load_model("mobilenet_v2", precision=precision, streams=2)
    except ModelError as error:
        pytest.skip(str(error))
    random = np.random.default_rng(0)
    pictures = [(random.uniform(0, 255, (224, 224, 3)).astype(np.float32),) for _ in range(12)]
    alone = np.array([model.run([one]).probabilities[0] for one in pictures])
    batcher = Batcher(model, wait=0.01)
    with ThreadPoolExecutor(12) as threads:
        together = np.array(list(threads.map(lambda one: batcher.submit(one).result(60), pictures)))
    batcher.close()
    tolerance = 0 if precision is Precision.BF16 else 1e-6
    np.testing.assert_allclose(together, alone, rtol=0, atol=tolerance)
