"""What comes of fine-tuning."""

from dataclasses import dataclass, field

from figleaf.training.head import Head


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training images, and how the averaged weights then did in validation.

    Attributes:
        number: from 1 on; 0 is the head's start, before the net itself was touched.
        step: steps taken since the start of the training.
        rate: of the last step.
        training_loss: the mean over the pass; with mixup, smoothing and class weights in it.
        validation_loss: the mean log loss, without them.
        accuracy: in validation, 0..1.
        seconds: of the steps, without validation.
        images_per_second: of the steps.
        left_out: training images of the pass that could not be read.
    """

    number: int
    step: int
    rate: float
    training_loss: float
    validation_loss: float
    accuracy: float
    seconds: float
    images_per_second: float
    left_out: int


@dataclass(frozen=True, slots=True)
class Finetuned:
    """A fine-tuned net and its head.

    Attributes:
        graph: ONNX, from the input `image` to the output `features`.
        head: from those features to logits; its mean is 0 and its deviation 1.
        epochs: in order; the first is the head's start.
        best_epoch: the number of the one with the lowest validation loss, whose weights these are.
        seconds: of all the work, in every run that had a part in it.
        earlier: those of them that runs before this one took.
        images_per_second: of the training steps, over all epochs; 0 where there were none.
        precision: what was computed in: "f32", "bf16" or "f16".
        processes: how many there were.
        left_out: training images that could not be read at the start.
    """

    graph: bytes = field(repr=False)
    head: Head = field(repr=False)
    epochs: tuple[Epoch, ...]
    best_epoch: int
    seconds: float
    earlier: float
    images_per_second: float
    precision: str
    processes: int
    left_out: int
