"""A run in a process of its own, to be killed, interrupted, or started by torchrun.

python -m tests.training.finetune.run WORK OUT JSON-OF-RULES FOLDER-OF-EXAMPLES
"""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from figleaf.curate.watch import Watch
from figleaf.training.finetune.finetune import finetune
from figleaf.training.finetune.tuned import Finetuned

from .tiny import QUICK, TinyNet, examples


def main(work: Path, out: Path, rules: str, data: Path) -> None:
    given = json.loads(rules)
    pause = given.pop("pause", 0.0)
    net = TinyNet(dropout=given.pop("dropout", 0.0))
    train, validation = examples(data / "a", 60, seed=1), examples(data / "b", 30, seed=2)
    rank = os.environ.get("RANK", "0")

    def done(images: int) -> None:
        print("done", images, flush=True)
        time.sleep(pause)

    def start(phase: str, images: int) -> None:
        print("phase", phase, flush=True)

    tuned = finetune(
        net,
        3,
        train,
        validation,
        replace(QUICK, **given),
        work=work,
        watch=Watch(start, done),
        to_graph=lambda net: b"",
    )
    save(out.with_name(f"{rank}-{out.name}"), net, tuned)


def save(out: Path, net: TinyNet, tuned: Finetuned) -> None:
    """All that comes of a run, as arrays."""
    arrays = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    losses = np.array([epoch.validation_loss for epoch in tuned.epochs])
    np.savez(out, **arrays, head=tuned.head.weight, bias=tuned.head.bias, losses=losses)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
