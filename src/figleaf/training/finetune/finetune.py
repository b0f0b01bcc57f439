"""Fine-tuning, from examples to a graph and a head."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from figleaf.curate.watch import Watch
from figleaf.errors import InputError
from figleaf.training.class_weights import class_weights
from figleaf.training.examples import Examples
from figleaf.training.finetune.batches import Batches, Plan
from figleaf.training.finetune.checkpoint import NAME, Progress, read_checkpoint
from figleaf.training.finetune.compute import Compute, compute_for, torch_set
from figleaf.training.finetune.logs import summary_writer
from figleaf.training.finetune.loop import Loop, Material, Site
from figleaf.training.finetune.network import Network
from figleaf.training.finetune.outputs import Crew
from figleaf.training.finetune.pictures import Memory, Pictures
from figleaf.training.finetune.processes import Processes, joined
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.finetune.start import features_of, forget_features, start_head
from figleaf.training.finetune.stopping import Stopping
from figleaf.training.finetune.tuned import Finetuned
from figleaf.training.head import Head
from figleaf.training.nets.net import Net
from figleaf.training.nets.onnx_export import export


def finetune(
    net: Net,
    classes: int,
    train: Examples,
    validation: Examples,
    rules: FinetuneRules = FinetuneRules(),  # noqa: B008  # frozen, shown in the documentation
    *,
    work: Path,
    seed: int = 0,
    watch: Watch = Watch(),  # noqa: B008  # as above
    anew: bool = False,
    to_graph: Callable[[Net], bytes] = export,
) -> Finetuned:
    """Train a net and a head on it.

    The head starts as a logistic regression on the features of the net as it came; then both are
    trained, each stage of the net at a rate of its own. The weights that come of it are the moving
    average of those at the end of the epoch with the lowest log loss in validation; the head's
    start is one of the candidates.

    A run that was killed goes on from its last checkpoint when it is called again, and comes to
    the same weights (to the bit in f32, on one machine). One that is finished gives its result
    again. Under torchrun all processes train the same net: the examples of a step are then
    `batch` for each.

    Args:
        net: the backbone; it is trained in place, and has the best weights at the end.
        classes: how many there are, 2 or more.
        train: what is learned from.
        validation: what decides which epoch was the best; none of it is in `train`.
        rules: how to train.
        work: a folder for the checkpoint, log.csv and TensorBoard's files, on a disk that all
            processes see; made if need be.
        seed: of all that is random.
        watch: is told how it goes.
        anew: leave a checkpoint that is there unread.
        to_graph: from the trained net to ONNX.

    Raises:
        InputError: examples or rules that make no sense, or `work` has a checkpoint of other rules
            or other data.
        ModelError: a GPU is asked for that is not there.
        MissingExtraError: TensorBoard's files are asked for, and it is not installed.
        KeyboardInterrupt: Ctrl-C; a checkpoint was written.
    """
    _check(classes, train, validation, rules, seed)
    _check_net(net, rules)
    if rules.tensorboard:
        summary_writer()  # now, and not after an hour
    on_gpu = rules.device != "cpu" and torch.cuda.is_available()
    with joined(gpu=on_gpu) as processes, torch_set(rules, processes.local_count) as threads:
        compute = compute_for(rules, processes.local_rank)
        work.mkdir(parents=True, exist_ok=True)
        if anew:
            _forget(work, processes)
        setup = {
            **rules.decisive(),
            "precision": compute.precision,
            "processes": processes.count,
            "seed": seed,
            "classes": classes,
            "images": _digest_of_images(train, validation),
            "net": _digest_of_net(net),
        }
        with (
            Stopping(patient=processes.count > 1) as stopping,
            ThreadPoolExecutor(threads, thread_name_prefix="figleaf") as pool,
        ):
            crew = Crew(compute, processes, pool, threads, lambda: stopping.asked)
            material = _material(net, classes, train, validation, rules, crew, seed)
            site = Site(work, setup, watch if processes.first else Watch())
            loop = _loop(net, material, rules, crew, site)
            loop.run()
        processes.wait()
        return _finished(loop, compute, processes, to_graph)


def _check(
    classes: int, train: Examples, validation: Examples, rules: FinetuneRules, seed: int
) -> None:
    for name, examples in (("train", train), ("validation", validation)):
        if not len(examples):
            raise InputError(f"{name} has no images")
        if examples.labels.min() < 0 or examples.labels.max() >= classes:
            raise InputError(f"{name} has labels beyond 0..{classes - 1}")
    if classes < 2:
        raise InputError(f"classes must be at least 2, not {classes}")
    if seed < 0:
        raise InputError(f"seed must be at least 0, not {seed}")
    given = rules.class_weights
    if not isinstance(given, str) and len(given) != classes:
        raise InputError(f"class_weights has {len(given)} weights for {classes} classes")


def _check_net(net: Net, rules: FinetuneRules) -> None:
    stages = len(net.stages())
    if rules.frozen_stages > stages:
        given = rules.frozen_stages
        raise InputError(f"frozen_stages must be in 0..{stages} for {net.name}, not {given}")


def _forget(work: Path, processes: Processes) -> None:
    if processes.first:
        (work / NAME).unlink(missing_ok=True)
        forget_features(work)
    processes.wait()


def _digest_of_images(train: Examples, validation: Examples) -> str:
    digest = hashlib.sha256()
    for examples in (train, validation):
        digest.update(len(examples).to_bytes(8, "little"))
        digest.update(b"".join(examples.hashes))
        digest.update(np.asarray(examples.labels, "<i8").tobytes())
    return digest.hexdigest()


def _digest_of_net(net: Net) -> str:
    digest = hashlib.sha256(repr(net.input).encode())
    for name, tensor in net.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _material(
    net: Net,
    classes: int,
    train: Examples,
    validation: Examples,
    rules: FinetuneRules,
    crew: Crew,
    seed: int,
) -> Material:
    processes = crew.processes
    memory = Memory(rules.memory // processes.local_count)
    pictures = Pictures(train, net.input, memory, "training")
    plan = Plan(len(train), rules.batch, rules.accumulate, processes.count, seed)
    return Material(
        Batches(pictures, train.labels, classes, net.input, rules, plan, processes.rank),
        _weights(rules, train.labels, classes),
        Pictures(validation, net.input, memory, "validation"),
        validation.labels,
    )


def _weights(rules: FinetuneRules, labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    if isinstance(rules.class_weights, str):
        return class_weights(labels, classes, rules.class_weights, rules.power)
    return np.array(rules.class_weights, np.float32)


def _loop(net: Net, material: Material, rules: FinetuneRules, crew: Crew, site: Site) -> Loop:
    """The loop, from its checkpoint or its start."""
    checkpoint = read_checkpoint(site.folder, site.setup)
    crew.processes.wait()  # until all have read it
    net.to(crew.compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if checkpoint is None:
        begun = site.clock()
        head, unreadable = _started_head(net, material, rules, crew, site)
        progress = Progress(seconds=site.clock() - begun, unreadable=unreadable)
    else:
        head, progress = _empty_head(net.width, material.batches.classes), checkpoint.progress
    network = Network(net, head).to(crew.compute.device)
    crew.processes.share(network.state_dict().values())
    loop = Loop(network, material, rules, crew, site, progress)
    if checkpoint is not None:
        loop.restore(checkpoint.states)
    else:
        loop.begin()
    if crew.processes.first:
        forget_features(site.folder)
    return loop


def _started_head(
    net: Net, material: Material, rules: FinetuneRules, crew: Crew, site: Site
) -> tuple[Head, int]:
    batches = material.batches
    site.watch.start("features", len(batches.pictures))
    names = ("net", "images", "precision", "batch", "processes")
    fingerprint = " ".join(str(site.setup[name]) for name in names)
    features = features_of(
        net, batches.pictures, rules.batch, crew, site.folder, fingerprint, site.watch.done
    )
    there = np.isfinite(features).all(axis=1)
    if not there.any():
        raise InputError("none of the training images can be read")
    unreadable = int((~there).sum())
    if not crew.processes.first:  # the first one's is shared
        return _empty_head(net.width, batches.classes), unreadable
    head = start_head(
        features[there], batches.labels[there], material.class_weights, rules.head_penalty
    )
    return head, unreadable


def _empty_head(width: int, classes: int) -> Head:
    mean, weight = np.zeros(width, np.float32), np.zeros((width, classes), np.float32)
    return Head(mean, np.ones(width, np.float32), weight, np.zeros(classes, np.float32))


def _finished(
    loop: Loop, compute: Compute, processes: Processes, to_graph: Callable[[Net], bytes]
) -> Finetuned:
    network, progress = loop.network, loop.progress
    network.load_state_dict(loop.best)
    network.cpu().eval().requires_grad_(True)
    head = network.folded_head()
    trained = progress.epochs[1:]
    seconds = sum(epoch.seconds for epoch in trained)
    images = sum(epoch.seconds * epoch.images_per_second for epoch in trained)
    return Finetuned(
        graph=to_graph(network.net),
        head=head,
        epochs=tuple(progress.epochs),
        best_epoch=progress.best_epoch,
        seconds=progress.seconds,
        earlier=loop.earlier,
        images_per_second=images / seconds if seconds else 0.0,
        precision=compute.precision,
        processes=processes.count,
        left_out=progress.unreadable,
    )
