"""Which examples make which batch, and what they look like there.

All of it is a pure function of the seed, the epoch and the place of an example in the epoch's
order. So a run that goes on from a checkpoint sees what it would have seen, and several processes
see together what one with larger batches sees.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.stream import ordered_map
from figleaf.models.card import Input
from figleaf.training.finetune.augment import random_view, seen
from figleaf.training.finetune.mixup import draw_share, mix_pairs, smoothed
from figleaf.training.finetune.pictures import Pictures
from figleaf.training.finetune.rules import FinetuneRules

_ORDER, _SHARE, _VIEW, _NOISE = range(4)
"""What random numbers are for; each has a stream of its own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the examples of an epoch are dealt out.

    A step takes `batch` examples for each process, `accumulate` times. What is left at the end of
    an epoch waits for another one, unless there is not even one whole step.

    Attributes:
        examples: how many there are, 1 or more.
        batch: so many in one batch.
        accumulate: so many batches of a process make a step.
        processes: how many there are.
        seed: of the order.
    """

    examples: int
    batch: int
    accumulate: int
    processes: int
    seed: int

    @property
    def per_step(self) -> int:
        """Examples in one step of all processes."""
        return min(self.examples, self.batch * self.accumulate * self.processes)

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self.examples // self.per_step

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The examples in the order of an epoch, shuffled."""
        random = np.random.default_rng((self.seed, _ORDER, epoch))
        return random.permutation(self.examples).astype(np.int64)

    def places(self, step: int, rank: int) -> list[NDArray[np.int64]]:
        """The places in the order that one process takes in a step: an array a batch.

        Where there is not even one whole step, batches may be empty.
        """
        start, end = step * self.per_step, (step + 1) * self.per_step
        first = start + rank * self.batch * self.accumulate
        starts = [first + number * self.batch for number in range(self.accumulate)]
        return [np.arange(min(at, end), min(at + self.batch, end)) for at in starts]

    def noise(self, epoch: int, step: int, rank: int) -> int:
        """A seed for what is random within the net, dropout for example."""
        sequence = np.random.SeedSequence((self.seed, _NOISE, epoch, step, rank))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


@dataclass(frozen=True, slots=True)
class Batch:
    """What one pass through the net takes.

    Attributes:
        pixels: float32 RGB in 0..255 of shape (batch, height, width, 3).
        targets: float32 of shape (batch, classes), each row of sum 1.
        counts: float32 of shape (batch,): 1, or 0 for a picture that could not be read.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]
    counts: NDArray[np.float32]

    @property
    def left_out(self) -> int:
        """How many could not be read."""
        return int(len(self.counts) - self.counts.sum())


@dataclass(frozen=True, slots=True)
class Batches:
    """Makes the batches of a process.

    Attributes:
        pictures: of the examples.
        labels: int64 of shape (examples,).
        classes: how many there are.
        spec: the net's input.
        rules: how pictures are seen and mixed.
        plan: which come when.
        rank: of the process.
    """

    pictures: Pictures
    labels: NDArray[np.int64]
    classes: int
    spec: Input
    rules: FinetuneRules
    plan: Plan
    rank: int

    def steps(
        self, epoch: int, first: int, threads: ThreadPoolExecutor, ahead: int
    ) -> Iterator[list[Batch]]:
        """The batches of each step of an epoch, from one step on, made in threads beforehand."""
        order = self.plan.order(epoch)
        steps = range(first, self.plan.steps)
        places = (part for step in steps for part in self.plan.places(step, self.rank))
        made = ordered_map(
            lambda part: threads.submit(self.make, epoch, part, order[part]), places, ahead
        )
        for _ in steps:
            yield [next(made) for _ in range(self.plan.accumulate)]

    def make(self, epoch: int, places: NDArray[np.int64], rows: NDArray[np.int64]) -> Batch:
        """One batch: of some examples, at some places of an epoch's order."""
        pixels = np.zeros((len(rows), *self.spec.size, 3), np.float32)
        counts = np.ones(len(rows), np.float32)
        for number, row in enumerate(rows):
            view = self._view(epoch, int(row))
            if view is None:
                counts[number] = 0
            else:
                pixels[number] = view
        targets = smoothed(self.labels[rows], self.classes, self.rules.smoothing)
        if self.rules.mixup:
            shares = self._shares(epoch, places, counts)
            pixels, targets = mix_pairs(pixels, shares), mix_pairs(targets, shares)
        return Batch(pixels, targets, counts)

    def _view(self, epoch: int, row: int) -> NDArray[np.float32] | None:
        pixels = self.pictures.pixels(row)
        if pixels is None:
            return None
        random = np.random.default_rng((self.plan.seed, _VIEW, epoch, row))
        return seen(pixels, self.spec, random_view(self.rules, random))

    def _shares(
        self, epoch: int, places: NDArray[np.int64], counts: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Of each pair of neighbours; nothing is mixed with a picture that is not there."""
        pairs = len(places) // 2
        both = counts[: 2 * pairs].reshape(pairs, 2).all(axis=1)
        drawn = [
            draw_share(
                self.rules.mixup,
                np.random.default_rng((self.plan.seed, _SHARE, epoch, int(place) // 2)),
            )
            for place in places[: 2 * pairs : 2]
        ]
        return np.where(both, np.array(drawn, np.float32), np.float32(1))
