"""What a run leaves to look at: log.csv, and TensorBoard's event files where they are asked for."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from figleaf.dataset.durable import replacing
from figleaf.errors import MissingExtraError
from figleaf.training.finetune.tuned import Epoch

CSV = "log.csv"
TENSORBOARD = "tensorboard"


def write_csv(folder: Path, epochs: Sequence[Epoch]) -> None:
    """Write one row for each epoch that ended, those of earlier runs included.

    The file is written anew each time, so that a run that was killed leaves no row twice.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["epoch", *(field.name for field in fields(Epoch)[1:])])
    rows.writerows(astuple(epoch) for epoch in epochs)
    with replacing(folder / CSV) as file:
        file.write(text.getvalue().encode())


def summary_writer() -> Any:
    """What writes TensorBoard's event files.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("tensorboard", "Writing TensorBoard's logs") from error
    return SummaryWriter


class Events:
    """TensorBoard's event files, or nothing.

    Args:
        folder: of the run.
        wanted: whether to write any.
        step: that the run goes on from; what an earlier run wrote beyond it is hidden.

    Raises:
        MissingExtraError: TensorBoard is wanted, and not installed.
    """

    def __init__(self, folder: Path, *, wanted: bool, step: int) -> None:
        self._writer: Any = None
        if wanted:
            self._writer = summary_writer()(str(folder / TENSORBOARD), purge_step=step + 1)

    def step(self, step: int, loss: float, rate: float) -> None:
        """A step was taken, 1 for the first of all."""
        if self._writer is not None:
            self._writer.add_scalar("training/loss", loss, step)
            self._writer.add_scalar("training/rate", rate, step)

    def epoch(self, epoch: Epoch) -> None:
        """An epoch ended."""
        if self._writer is not None:
            for name, value in (
                ("validation/loss", epoch.validation_loss),
                ("validation/accuracy", epoch.accuracy),
                ("training/images_per_second", epoch.images_per_second),
            ):
                self._writer.add_scalar(name, value, epoch.step)
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
