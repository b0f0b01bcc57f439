"""`figleaf models quantize`: a model's twin in int8, how far it is from it, and only then a bundle.

Pictures are drawn from a folder: some to calibrate, others to compare the two models by. What is
asked of them is their likeness, not what they show: the pictures may all be safe.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.classify.classifier import policy_for
from figleaf.classify.quantising.drawn import Drawn
from figleaf.classify.quantising.drift import Drift, measure_drift
from figleaf.classify.quantising.rules import LEAST, QuantiseRules
from figleaf.errors import InputError, ModelError
from figleaf.models.bundle import Bundle, open_bundle
from figleaf.models.card import Card
from figleaf.models.int8.graph import Int8Graph, int8_graph
from figleaf.models.model import Model, Prepared, load_model
from figleaf.models.runtime import Precision, RuntimeName, available_cores, compile_graph
from figleaf.models.writing import write_bundle

_RULES = QuantiseRules()

Watch = Callable[[str, int, int], None]
"""Is told of a phase, how many pictures are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A model in int8 that is not written yet.

    Attributes:
        graph: ONNX.
        card: of its bundle, but for name and hash.
        convolutions: how many compute in int8.
        pictures: how many calibrated it.
        unreadable: how many files of the folder were drawn and could not be read.
        drift: how far it is from the model that it was made of.
        rules: by which it was made.
    """

    graph: bytes
    card: dict[str, Any]
    convolutions: int
    pictures: int
    unreadable: int
    drift: Drift
    rules: QuantiseRules

    def check(self) -> None:
        """Refuse what is too far from the model that it was made of.

        Raises:
            ModelError: a bound of the rules is passed.
        """
        drift, rules = self.drift, self.rules
        if drift.mean > rules.drift:
            raise ModelError(
                f"int8 moves a probability by {drift.mean:.4f} in the mean, over {rules.drift:g}:"
                " nothing is written; calibrate with more pictures like those that it will see, or"
                " take --drift"
            )
        changed = 0.0 if drift.same_decision is None else 1 - drift.same_decision
        if changed > rules.changed:
            raise ModelError(
                f"int8 changes {changed:.1%} of the decisions of {drift.policy}, over"
                f" {rules.changed:.1%}: nothing is written; calibrate with more pictures like those"
                " that it will see, or take --changed"
            )

    def write(self, out: Path) -> Path:
        """Write the bundle, called as its folder; gives it.

        Raises:
            ModelError: see `check`.
            InputError: see `models.writing.write_bundle`.
        """
        self.check()
        return write_bundle(out, {**self.card, "name": out.name}, self.graph)


def quantise(
    model: str | Path,
    folder: str | Path,
    rules: QuantiseRules = _RULES,
    watch: Watch = lambda phase, done, total: None,
) -> Quantised:
    """Make a model's twin in int8, and compare the two.

    Args:
        model: an embedded model's name, or a bundle's folder.
        folder: pictures like those that it will see, at any depth.
        rules: how.
        watch: is told of what is done.

    Raises:
        InputError: too few pictures, or a graph without convolutions.
        ModelError: a model that is quantised already, or has no classes.
    """
    bundle = open_bundle(model)
    _check(bundle)
    exact = load_model(model)
    drawn = Drawn(exact, folder, rules.seed)
    if drawn.files < rules.pictures + LEAST:
        raise _too_few(folder, f"{drawn.files:,} files")
    with ThreadPoolExecutor(exact.streams, thread_name_prefix="figleaf") as threads:
        pictures = drawn.pictures(threads)
        watch("calibrating", 0, rules.pictures)
        for_calibration = _told(islice(pictures, rules.pictures), "calibrating", rules, watch)
        twin = int8_graph(bundle, for_calibration, rules.method)
        used = drawn.hashes
        held_out = _told(islice(pictures, rules.holdout), "comparing", rules, watch)
        policy = policy_for(bundle.card, None)
        drift = measure_drift(exact, _compiled(bundle.card, twin.graph), held_out, policy)
    if len(used) < LEAST or drift.pictures < LEAST:
        raise _too_few(folder, f"{len(used) + drift.pictures:,} different pictures")
    card = _card(bundle, twin, used, drift, rules)
    return Quantised(twin.graph, card, twin.convolutions, len(used), drawn.unreadable, drift, rules)


def _too_few(folder: str | Path, what: str) -> InputError:
    return InputError(
        f"{folder}: {what}: {LEAST} or more are needed to calibrate, and {LEAST} others to compare"
        " by; --pictures says how many calibrate"
    )


def _check(bundle: Bundle) -> None:
    card = bundle.card
    if card.computes is not None:
        raise ModelError(f"{card.name} computes in {card.computes} already")
    if not card.labels:
        raise ModelError(f"{card.name} has no classes, by which its twin could be compared with it")


def _told(
    pictures: Iterator[Prepared], phase: str, rules: QuantiseRules, watch: Watch
) -> Iterator[Prepared]:
    total = rules.pictures if phase == "calibrating" else rules.holdout
    for number, picture in enumerate(pictures, 1):
        yield picture
        watch(phase, number, total)


def _compiled(card: Card, graph: bytes) -> Model:
    streams = available_cores()
    runtime = compile_graph(
        graph, runtime=RuntimeName.OPENVINO, precision=Precision.INT8, streams=streams
    )
    return Model(card, runtime, Precision.INT8, streams)


def _card(
    bundle: Bundle, twin: Int8Graph, used: Sequence[str], drift: Drift, rules: QuantiseRules
) -> dict[str, Any]:
    """The card of a twin: that of the model, and how it was quantised."""
    raw = bundle.card.raw
    return {
        **raw,
        "description": (
            f"{bundle.card.name} with convolutions that compute in int8. Of the model that it"
            f" was made of: {raw['description']}"
        ),
        # Measured with the model itself; nobody has with this one.
        "published": [],
        "false_alarms": [],
        "computes": str(Precision.INT8),
        "quantised": {
            "with": f"figleaf {__version__}",
            "of": {
                "name": bundle.card.name,
                "version": bundle.card.version,
                "sha256": bundle.card.sha256["model.onnx"],
            },
            "convolutions": twin.convolutions,
            "calibration": {
                "pictures": len(used),
                # Of their digests, sorted: the same for the same pictures.
                "sha256": hashlib.sha256("\n".join(sorted(used)).encode()).hexdigest(),
                "method": str(rules.method),
                "seed": rules.seed,
            },
            "drift": asdict(drift),
        },
    }
