"""The head's start: multinomial logistic regression on the features of the net as it came.

A net whose head is random would be pulled apart in its first steps; this one begins as good as a
probe. The features are computed once, and written as they come, so that a run that is killed goes
on from there.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from figleaf.dataset.durable import append
from figleaf.training.finetune.outputs import Crew, outputs
from figleaf.training.finetune.pictures import Pictures
from figleaf.training.head import Head
from figleaf.training.nets.net import Net

FEATURES = "features.f32"
_SETUP = "features.json"
_FLOOR = 0.01
"""The least deviation, as a share of the mean one: the net changes, and what is quiet may wake."""
_ITERATIONS = 1000


def features_of(
    net: Net,
    pictures: Pictures,
    batch: int,
    crew: Crew,
    folder: Path,
    fingerprint: str,
    done: Callable[[int], None],
) -> NDArray[np.float32]:
    """The features of pictures as they are, those that an earlier run computed included.

    Args:
        net: the net as it came.
        pictures: of which.
        batch: pictures at once in one process.
        crew: who computes them.
        folder: that holds the file of features.
        fingerprint: of all that they depend on; features of another one are computed anew.
        done: is told how many are.

    Returns:
        float32 of shape (pictures, width), NaN where one cannot be read.

    Raises:
        KeyboardInterrupt: asked to stop; what was computed is kept.
    """
    known = _read(folder, fingerprint, net.width)
    # Whole batches only, so that each picture has the neighbours that it would have had.
    if len(known) < len(pictures):
        known = known[: len(known) - len(known) % (batch * crew.processes.count)]
    crew.processes.wait()  # until all have read it
    if crew.processes.first:
        _begin(folder, fingerprint, known)
    parts, count = [known], len(known)
    net.eval()

    def apply(pixels: Tensor) -> Tensor:
        with crew.compute.mixed():
            features: Tensor = net(pixels)
        return features

    for part in outputs(apply, pictures, net.width, batch, crew, first=count):
        if crew.processes.first:
            append(folder / FEATURES, part.astype("<f4").tobytes())
        parts.append(part)
        count += len(part)
        done(count)
    return np.concatenate(parts)


def forget_features(folder: Path) -> None:
    """Remove the file of features; a checkpoint has taken its place."""
    for name in (FEATURES, _SETUP):
        (folder / name).unlink(missing_ok=True)


def _read(folder: Path, fingerprint: str, width: int) -> NDArray[np.float32]:
    try:
        ours = json.loads((folder / _SETUP).read_text("utf-8")) == fingerprint
        data = (folder / FEATURES).read_bytes() if ours else b""
    except (OSError, ValueError):
        data = b""
    rows = len(data) // (4 * width)  # a killed run may have left a part of a row
    return np.frombuffer(data, "<f4", rows * width).reshape(rows, width).astype(np.float32)


def _begin(folder: Path, fingerprint: str, known: NDArray[np.float32]) -> None:
    forget_features(folder)
    append(folder / FEATURES, known.astype("<f4").tobytes())
    (folder / _SETUP).write_text(json.dumps(fingerprint), "utf-8")


def start_head(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float32],
    penalty: float,
) -> Head:
    """Fit a head: multinomial logistic regression by L-BFGS on standardised features.

    It minimises the weighted sum of the log losses plus penalty / 2 times the sum of the squared
    weights, the biases apart: scikit-learn's LogisticRegression with C = 1 / penalty.

    Args:
        features: float32 of shape (examples, width), finite.
        labels: int64 of shape (examples,).
        weights: float32 of shape (classes,): how much an example of each class counts.
        penalty: 0 or more.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    deviation = np.maximum(deviation, _FLOOR * deviation.mean() or 1.0)
    inputs = ((features - mean) / deviation).astype(np.float32)
    classes, width = len(weights), inputs.shape[1]
    counts = weights[labels].astype(np.float64)
    rows = np.arange(len(labels))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, bias = flat[: width * classes].reshape(width, classes), flat[width * classes :]
        logits = (inputs @ weight.astype(np.float32)).astype(np.float64) + bias
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        slope = np.exp(logs)
        slope[rows, labels] -= 1
        slope *= counts[:, None]
        gradient = (inputs.T @ slope.astype(np.float32)).astype(np.float64) + penalty * weight
        value = -(counts @ logs[rows, labels]) + penalty / 2 * (weight**2).sum()
        whole = np.concatenate([gradient.ravel(), slope.sum(axis=0)])
        return value / len(rows), whole / len(rows)

    begin = np.zeros((width + 1) * classes)
    # The tolerance of float32's sums, below which steps wander.
    found = minimize(
        loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS, "gtol": 1e-5}
    ).x
    return Head(
        mean=mean.astype(np.float32),
        deviation=deviation.astype(np.float32),
        weight=found[: width * classes].reshape(width, classes).astype(np.float32),
        bias=found[width * classes :].astype(np.float32),
    )
