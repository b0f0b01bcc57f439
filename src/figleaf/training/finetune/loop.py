"""The training loop: steps, epochs, validation, checkpoints."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from figleaf.curate.watch import Watch
from figleaf.errors import InputError
from figleaf.training.finetune.batches import Batch, Batches
from figleaf.training.finetune.checkpoint import Checkpoint, Progress, write_checkpoint
from figleaf.training.finetune.ema import Average
from figleaf.training.finetune.logs import Events, write_csv
from figleaf.training.finetune.network import Network
from figleaf.training.finetune.optimiser import Schedule, freeze, make_optimiser
from figleaf.training.finetune.outputs import Crew, outputs
from figleaf.training.finetune.pictures import Pictures
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.finetune.tuned import Epoch


@dataclass(frozen=True, slots=True)
class Material:
    """What a loop works on.

    Attributes:
        batches: of the training images.
        class_weights: float32 of shape (classes,).
        validation: the other images.
        labels: of those, int64.
    """

    batches: Batches
    class_weights: NDArray[np.float32]
    validation: Pictures
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a run leaves what, and who is told.

    Attributes:
        folder: for the checkpoint and the logs.
        setup: what the run depends on, in JSON's types.
        watch: is told how it goes.
        clock: gives seconds.
    """

    folder: Path
    setup: Mapping[str, Any]
    watch: Watch
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Score:
    """How a network does in validation.

    Attributes:
        loss: the mean log loss; NaN where no image has logits.
        accuracy: 0..1.
    """

    loss: float
    accuracy: float


class Loop:
    """Trains a network, from its start or from a checkpoint.

    Args:
        network: on its device already, the same in all processes.
        material: what it is trained on.
        rules: how.
        crew: who does it.
        site: where it is kept.
        progress: how far it is.

    Attributes:
        network: as it is after the last step.
        progress: how far it is.
        earlier: seconds that earlier runs took of it.
        average: the moving average of its weights.
        best: the weights of the best epoch.
    """

    def __init__(
        self,
        network: Network,
        material: Material,
        rules: FinetuneRules,
        crew: Crew,
        site: Site,
        progress: Progress,
    ) -> None:
        self.network = network
        self.progress = progress
        self.earlier = 0.0
        self.average = Average(network, rules.average)
        self.best = _copied(self.average.network.state_dict())
        self._material, self._rules, self._crew, self._site = material, rules, crew, site
        freeze(network, rules.frozen_stages)
        self._optimiser = make_optimiser(network, rules)
        self._scaler = crew.compute.scaler()
        plan = material.batches.plan
        self._schedule = Schedule(plan.steps * rules.epochs, rules.warm_up)
        self._weights = crew.compute.tensor(material.class_weights)
        self._saved_at = self._counted_at = self._stepped_at = site.clock()

    def restore(self, states: Mapping[str, Any]) -> None:
        """Take up the states of a checkpoint, of which `progress` is, too."""
        self.earlier = self.progress.seconds
        self.network.load_state_dict(states["network"])
        self.average.network.load_state_dict(states["average"])
        self.best = dict(states["best"])
        self._optimiser.load_state_dict(states["optimiser"])
        self._scaler.load_state_dict(states["scaler"])
        if self._crew.processes.first:  # the end may have come between the two files
            write_csv(self._site.folder, self.progress.epochs)

    def begin(self) -> None:
        """Validate the head's start, epoch 0, and write the first checkpoint.

        Raises:
            InputError: none of the validation images can be read.
        """
        if not np.isfinite(self._end_epoch(0, 0.0).validation_loss):
            raise InputError("none of the validation images can be read")

    def run(self) -> None:
        """Train to the end.

        Raises:
            KeyboardInterrupt: asked to stop; a checkpoint was written.
            InputError: the loss is not a number any more.
            MissingExtraError: TensorBoard's files are asked for, and it is not installed.
        """
        wanted = self._rules.tensorboard and self._crew.processes.first
        events = Events(self._site.folder, wanted=wanted, step=self._steps_done)
        try:
            while not self.progress.finished:
                events.epoch(self._run_epoch(events))
        finally:
            events.close()

    @property
    def _steps_done(self) -> int:
        steps = self._material.batches.plan.steps
        return (self.progress.epoch - 1) * steps + self.progress.step

    def _run_epoch(self, events: Events) -> Epoch:
        progress, batches = self.progress, self._material.batches
        watch, plan = self._site.watch, batches.plan
        watch.start(f"epoch {progress.epoch} of {self._rules.epochs}", plan.steps * plan.per_step)
        self.network.train()
        crew = self._crew
        rate = 0.0
        self._stepped_at = self._site.clock()
        for step in batches.steps(progress.epoch, progress.step, crew.pool, crew.ahead):
            rate = self._step(step, events)
            watch.done(progress.step * plan.per_step)
            self._keep_in_between()
        if progress.step == plan.steps:
            self.save()  # before validation: that is repeated, and the steps are not
        return self._end_epoch(progress.epoch, rate or self._last_rate())

    def _last_rate(self) -> float:
        """Of the step before, where a checkpoint was taken just after it."""
        return self._schedule.apply(self._optimiser, self._steps_done - 1)

    def _step(self, batches: list[Batch], events: Events) -> float:
        progress = self.progress
        self._seed()
        rate = self._schedule.apply(self._optimiser, self._steps_done)
        self._optimiser.zero_grad(set_to_none=True)
        losses = [self._backward(batch) for batch in batches if len(batch.counts)]
        left_out = sum(batch.left_out for batch in batches)
        loss, gone, asked = self._summed(sum(losses), left_out)
        if not np.isfinite(loss):
            raise InputError(f"the loss is {loss}: a lower rate than {self._rules.rate} may help")
        if self._take_step():
            self.average.update(self.network, self._steps_done + 1)
        progress.step += 1
        progress.loss += loss
        progress.left_out += gone
        now = self._site.clock()
        progress.epoch_seconds += now - self._stepped_at
        self._stepped_at = now
        events.step(self._steps_done, loss, rate)
        if asked:
            self.save()
            raise KeyboardInterrupt
        return rate

    def _seed(self) -> None:
        """Of dropout and the like, by the step alone."""
        plan, progress = self._material.batches.plan, self.progress
        rank = self._crew.processes.rank
        torch.manual_seed(plan.noise(progress.epoch, progress.step, rank))

    def _backward(self, batch: Batch) -> float:
        """Add the gradients of a batch to those of the step; gives its part of the step's loss."""
        compute = self._crew.compute
        logits = self.network.logits(compute.tensor(batch.pixels), compute)
        each = functional.cross_entropy(
            logits, compute.tensor(batch.targets), weight=self._weights, reduction="none"
        )
        loss = (each * compute.tensor(batch.counts)).sum() / self._material.batches.plan.per_step
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch's own
        return float(loss.detach())

    def _summed(self, loss: float, left_out: int) -> tuple[float, int, bool]:
        """Sum gradients, loss and pictures left out over all processes; was one asked to stop?"""
        asked = self._crew.stopped()
        if self._crew.processes.count == 1:
            return loss, left_out, asked
        parameters = self._trained()
        said = torch.tensor([loss, left_out, float(asked)], device=self._crew.compute.device)
        parts = [_gradient(parameter).flatten() for parameter in parameters]
        flat = torch.cat([*parts, said])
        self._crew.processes.sum(flat)
        sizes = [parameter.numel() for parameter in parameters]
        *gradients, said = torch.split(flat, [*sizes, len(said)])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter).clone(memory_format=torch.preserve_format)
        return float(said[0]), round(float(said[1])), bool(said[2] > 0)

    def _trained(self) -> list[torch.nn.Parameter]:
        return [each for each in self.network.parameters() if each.requires_grad]

    def _take_step(self) -> bool:
        """Change the weights; not where a gradient of f16 overflowed, which the scaler sees to."""
        self._scaler.unscale_(self._optimiser)
        if self._rules.clip:
            torch.nn.utils.clip_grad_norm_(self._trained(), self._rules.clip)
        before = self._scaler.get_scale()
        self._scaler.step(self._optimiser)
        self._scaler.update()
        return self._scaler.get_scale() >= before

    def _keep_in_between(self) -> None:
        inside = self.progress.step < self._material.batches.plan.steps
        due = self._site.clock() - self._saved_at >= self._rules.checkpoint_seconds
        if inside and due:
            self.save()
            self._stepped_at = self._site.clock()

    def _end_epoch(self, number: int, rate: float) -> Epoch:
        score = self._validate()
        progress = self.progress
        seen = (self._material.batches.plan.per_step * progress.step) - progress.left_out
        epoch = Epoch(
            number=number,
            step=self._steps_done if number else 0,
            rate=rate,
            training_loss=progress.loss / progress.step if progress.step else score.loss,
            validation_loss=score.loss,
            accuracy=score.accuracy,
            seconds=progress.epoch_seconds,
            images_per_second=seen / progress.epoch_seconds if progress.epoch_seconds else 0.0,
            left_out=progress.left_out,
        )
        if progress.end_epoch(epoch):
            self.best = _copied(self.average.network.state_dict())
        patient = not self._rules.patience or progress.waited < self._rules.patience
        progress.finished = number >= self._rules.epochs or not patient
        self.save()
        return epoch

    def _validate(self) -> Score:
        """Of the averaged weights."""
        material, rules = self._material, self._rules
        self._site.watch.start("validation", len(material.validation))
        network, compute = self.average.network, self._crew.compute
        rows: list[NDArray[np.float32]] = []

        def apply(pixels: Tensor) -> Tensor:
            return network.logits(pixels, compute)

        classes = material.batches.classes
        for part in outputs(apply, material.validation, classes, rules.batch, self._crew):
            rows.append(part)
            self._site.watch.done(sum(map(len, rows)))
        return _scored(np.concatenate(rows), material.labels)

    def save(self) -> None:
        """Write a checkpoint and the log, in the first process."""
        now = self._site.clock()
        self.progress.seconds += now - self._counted_at
        self._counted_at = now
        if self._crew.processes.first:
            write_checkpoint(self._site.folder, self._checkpoint(), self._site.setup)
            write_csv(self._site.folder, self.progress.epochs)
        self._saved_at = self._site.clock()

    def _checkpoint(self) -> Checkpoint:
        states = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "best": self.best,
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
        }
        return Checkpoint(self.progress, states)


def _gradient(parameter: torch.nn.Parameter) -> Tensor:
    """Zeros where this process had no pictures."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def _scored(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> Score:
    there = np.isfinite(logits).all(axis=1)
    if not there.any():  # no file can be read, or the network fell apart in its last step
        return Score(float("nan"), 0.0)
    values = logits[there].astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    logs = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    own = logs[np.arange(len(logs)), labels[there]]
    right = logs.argmax(axis=1) == labels[there]
    return Score(float(-own.mean()), float(right.mean()))
