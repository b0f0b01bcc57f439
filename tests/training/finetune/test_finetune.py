"""Fine-tuning as a whole, on a net that trains in a blink."""

import csv
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from figleaf.curate.watch import Watch
from figleaf.errors import InputError
from figleaf.images import decode
from figleaf.models.preprocess import prepare
from figleaf.training.examples import Examples
from figleaf.training.finetune.finetune import finetune
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.finetune.tuned import Finetuned

from .tiny import QUICK, SPEC, TinyNet, weights_of

Run = Callable[..., tuple[TinyNet, Finetuned]]


@pytest.fixture
def run(train: Examples, validation: Examples, tmp_path: Path) -> Run:
    """Fine-tunes a fresh net by rules, in the folder `work`."""

    def run(rules: FinetuneRules = QUICK, work: str = "work", **more: Any) -> Any:
        net = more.pop("net", None) or TinyNet()
        given = {"train": train, "validation": validation} | more
        return net, finetune(net, 3, rules=rules, work=tmp_path / work, **given)

    return run


def logits_of(tuned: Finetuned, examples: Examples) -> NDArray[np.float32]:
    """By the exported graph and the head, outside of torch."""
    session = onnxruntime.InferenceSession(tuned.graph)
    pixels = [decode(path.read_bytes()).pixels for path in examples.paths]
    batch = np.stack([prepare(each, SPEC) for each in pixels])
    return tuned.head.logits(session.run(["features"], {"image": batch})[0])


def test_it_learns_and_gives_what_it_validated(run: Run, validation: Examples) -> None:
    _, tuned = run(replace(QUICK, epochs=6))
    first, best = tuned.epochs[0], tuned.epochs[tuned.best_epoch]
    assert best.validation_loss < 0.5 * first.validation_loss
    assert best.accuracy > 0.95
    logits = logits_of(tuned, validation).astype(np.float64)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -logs[np.arange(len(validation)), validation.labels].mean()
    assert loss == pytest.approx(best.validation_loss, abs=1e-4)
    assert (logits.argmax(axis=1) == validation.labels).mean() == pytest.approx(best.accuracy)


def test_the_same_seed_gives_the_same_bytes(run: Run) -> None:
    rules = replace(QUICK, deterministic=True, mixup=0.2)
    one, other, seeded = run(rules, "a")[1], run(rules, "b")[1], run(rules, "c", seed=1)[1]
    assert one.graph == other.graph
    np.testing.assert_array_equal(one.head.weight, other.head.weight)
    assert one.graph != seeded.graph


def test_memory_and_checkpoints_change_nothing(run: Run) -> None:
    one, _ = run(QUICK, "a")
    other, _ = run(replace(QUICK, memory=0, checkpoint_seconds=0.0), "b")
    assert weights_of(one) == weights_of(other)


class CrashError(Exception):
    """The end of a run at a moment that a test has chosen."""


class Fuse:
    """Ends a run at the n-th moment that a watch is told of."""

    def __init__(self, moments: int) -> None:
        self.left = moments

    def burn(self, images: int) -> None:
        self.left -= 1
        if not self.left:
            raise CrashError


def test_a_run_that_fails_again_and_again_comes_to_the_same_bits(run: Run) -> None:
    """In one process; see test_killed for SIGKILL. Each time it comes a little further."""
    rules = replace(QUICK, mixup=0.2, checkpoint_seconds=0.0, epochs=2)
    expected, whole = run(rules, "whole", net=TinyNet(dropout=0.2), to_graph=lambda net: b"")
    tuned = None
    for moments in range(1, 30):
        net = TinyNet(dropout=0.2)
        watch = Watch(done=Fuse(moments).burn)
        with suppress(CrashError):
            _, tuned = run(rules, "again", net=net, watch=watch, to_graph=lambda net: b"")
            break
    assert tuned is not None
    assert moments > 5
    assert weights_of(net) == weights_of(expected)
    assert tuned.head.weight.tobytes() == whole.head.weight.tobytes()
    assert [e.validation_loss for e in tuned.epochs] == [e.validation_loss for e in whole.epochs]


def test_a_finished_run_gives_its_result_again(run: Run) -> None:
    _, first = run()

    def fail(phase: str, images: int) -> None:
        raise AssertionError(phase)

    _, second = run(watch=Watch(start=fail))
    assert second.graph == first.graph
    assert second.epochs == first.epochs
    assert (first.earlier, second.earlier) == (0, first.seconds)
    assert first.seconds > 0


def test_other_rules_are_refused_or_begin_anew(run: Run) -> None:
    run()
    with pytest.raises(InputError, match=r"rate is 0\.01, was 0\.003"):
        run(replace(QUICK, rate=0.01))
    _, tuned = run(replace(QUICK, rate=0.01), anew=True)
    assert tuned.epochs[-1].number == 3


def test_other_images_are_refused(run: Run, train: Examples) -> None:
    run()
    with pytest.raises(InputError, match="images is"):
        run(train=train.take(np.arange(30)))


def test_the_best_epoch_is_kept_and_patience_ends(run: Run) -> None:
    """At such a rate the net falls apart, and the head's start is what is left."""
    net, tuned = run(replace(QUICK, epochs=30, rate=3.0, patience=3, average=0.0, clip=0.0))
    assert len(tuned.epochs) < 31
    trained = tuned.epochs[1:]
    best = min(trained, key=lambda epoch: epoch.validation_loss)
    assert len(trained) - best.number == 3
    assert tuned.epochs[tuned.best_epoch] == min(tuned.epochs, key=lambda e: e.validation_loss)
    if tuned.best_epoch == 0:
        assert weights_of(net) == weights_of(TinyNet())


def test_no_epochs_leave_the_net_as_it_is(run: Run) -> None:
    net, tuned = run(replace(QUICK, epochs=0))
    assert weights_of(net) == weights_of(TinyNet())
    assert (tuned.best_epoch, tuned.images_per_second) == (0, 0.0)


def test_frozen_stages_stay(run: Run) -> None:
    net, _ = run(replace(QUICK, frozen_stages=1))
    before, after = weights_of(TinyNet()), weights_of(net)
    assert after["conv1.weight"] == before["conv1.weight"]
    assert after["conv2.weight"] != before["conv2.weight"]


def test_batch_norm_keeps_its_statistics_and_trains_its_scales(
    run: Run, validation: Examples
) -> None:
    net, tuned = run(net=TinyNet(norm=True))
    before, after = weights_of(TinyNet(norm=True)), weights_of(net)
    for name in ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked"):
        assert after[name] == before[name]
    assert after["norm.weight"] != before["norm.weight"]
    best = tuned.epochs[tuned.best_epoch]
    right = logits_of(tuned, validation).argmax(axis=1) == validation.labels
    assert right.mean() == pytest.approx(best.accuracy)


def test_accumulated_batches_are_as_one(run: Run) -> None:
    one, _ = run(QUICK, "a")
    two, _ = run(replace(QUICK, batch=4, accumulate=2), "b")
    for name, tensor in one.state_dict().items():
        np.testing.assert_allclose(two.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_mixed_precision_learns_as_well(run: Run, precision: str) -> None:
    net, tuned = run(replace(QUICK, precision=precision, epochs=6))
    assert tuned.precision == precision
    assert tuned.epochs[-1].accuracy > 0.9
    assert all(tensor.dtype is torch.float32 for tensor in net.state_dict().values())


@pytest.mark.parametrize(
    "more",
    [{"optimiser": "sgd", "rate": 0.02}, {"class_weights": "balanced"}, {"clip": 0.0}],
)
def test_other_ways_learn_too(run: Run, more: dict[str, Any]) -> None:
    _, tuned = run(replace(QUICK, **more))
    assert tuned.epochs[-1].validation_loss < tuned.epochs[0].validation_loss


def test_class_weights_pull_towards_their_class(run: Run, validation: Examples) -> None:
    heavy = replace(QUICK, class_weights=(1.0, 1.0, 50.0), epochs=1, smoothing=0.0)
    shares = [
        (logits_of(run(rules, work)[1], validation).argmax(axis=1) == 2).mean()
        for rules, work in ((replace(QUICK, epochs=1), "a"), (heavy, "b"))
    ]
    assert shares[1] > shares[0]


def test_files_that_are_gone_are_left_out_and_counted(
    run: Run, train: Examples, validation: Examples
) -> None:
    paths = list(train.paths)
    for row in (3, 20):
        paths[row] = paths[row].with_name("gone.png")
    some = validation.take(np.arange(30) != 4)
    paths_there = [*some.paths, paths[3]]
    hashes, labels = [*some.hashes, b"x" * 32], np.append(some.labels, 0)
    _, tuned = run(
        train=Examples(paths, train.hashes, train.labels, train.groups),
        validation=Examples(paths_there, hashes, labels, labels),
    )
    assert tuned.left_out == 2
    assert sum(epoch.left_out for epoch in tuned.epochs) >= 4  # an epoch leaves up to four away
    assert tuned.epochs[-1].accuracy > 0.9


def test_a_file_that_goes_in_the_middle_does_not_end_the_run(
    run: Run, train: Examples, tmp_path: Path
) -> None:
    paths = []
    for path in train.paths:
        paths.append(tmp_path / path.name)
        paths[-1].write_bytes(path.read_bytes())

    def start(phase: str, images: int) -> None:
        if phase.startswith("epoch 2"):
            for path in paths[:30]:
                path.unlink(missing_ok=True)

    moved = Examples(paths, train.hashes, train.labels, train.groups)
    _, tuned = run(replace(QUICK, memory=0), train=moved, watch=Watch(start=start))
    assert tuned.epochs[1].left_out == 0
    assert tuned.epochs[2].left_out > 20


def test_the_log_has_a_row_for_each_epoch(run: Run, tmp_path: Path) -> None:
    _, tuned = run(replace(QUICK, tensorboard=True))
    with (tmp_path / "work" / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 7, 14, 21]
    losses = [float(row["validation_loss"]) for row in rows]
    assert losses == [epoch.validation_loss for epoch in tuned.epochs]
    assert list((tmp_path / "work" / "tensorboard").iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"classes": 2}, "labels beyond"),
        ({"classes": 1}, "labels beyond"),
        ({"rules": replace(QUICK, class_weights=(1.0, 1.0))}, "2 weights for 3"),
        ({"rules": replace(QUICK, frozen_stages=3)}, "frozen_stages"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_makes_no_sense_is_refused(
    train: Examples, validation: Examples, tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"classes": 3, "rules": QUICK, "work": tmp_path} | wrong
    with pytest.raises(InputError, match=message):
        finetune(TinyNet(), train=train, validation=validation, **given)


def test_no_images_are_refused(run: Run, train: Examples) -> None:
    with pytest.raises(InputError, match="validation has no images"):
        run(validation=train.take(np.arange(0)))


def test_validation_images_that_are_all_gone_end_the_run(run: Run, validation: Examples) -> None:
    paths = [path.with_name("gone.png") for path in validation.paths]
    gone = Examples(paths, validation.hashes, validation.labels, validation.groups)
    with pytest.raises(InputError, match="none of the validation images"):
        run(validation=gone)


def test_a_loss_that_is_no_number_ends_the_run(run: Run) -> None:
    with pytest.raises(InputError, match="lower rate"):
        run(replace(QUICK, rate=10.0, optimiser="sgd", clip=0.0, epochs=50, warm_up=0.0))
