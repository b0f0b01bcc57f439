"""The classifier: any input, alone or as a stream, to a prediction."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.consulting import Consulting, Look
from figleaf.classify.crops import CropRules
from figleaf.classify.decoding import enough_for, memory_as_image_error
from figleaf.classify.lists import Listing, Lists, load_lists
from figleaf.classify.looking import Looked, Recipe, look, look_isolated, parse_looked
from figleaf.classify.moving import FrameRules
from figleaf.classify.policy import DEFAULT_POLICY, Policy, load_policy, presets
from figleaf.classify.prediction import Prediction
from figleaf.classify.showing import Part, Showing, Shown
from figleaf.classify.source import Channels, Source, name_of, walk
from figleaf.classify.stream import chunked, ordered_map, weighed
from figleaf.classify.verdict import Scored, Verdicts
from figleaf.errors import BundleError, ImageError, InputError, ModelError, PolicyError
from figleaf.images import Limits
from figleaf.images.isolate import IsolatedPool
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.models.card import Card
from figleaf.models.model import Model, Prepared, load_model
from figleaf.models.runtime import Precision, RuntimeName, has_bf16

E = TypeVar("E", Precision, RuntimeName)

Found = Looked | ImageError | Listing
"""What comes of an input before the model: what it is shown, or why it is not asked."""

_AHEAD = 2  # batches for each thread: one at work, and one waiting so that it need not
BATCH_SIZE = 16
"""Pictures that a thread takes at once: going from one to the next cools the caches."""


class Classifier:
    """Classifies pictures with one model under one policy. Thread-safe; a context manager.

    Every method gives one `Prediction` for every input, in order. An input that cannot be read or
    decoded is a prediction whose `status` says why; only misuse raises.

        with figleaf.load() as classifier:
            print(classifier.classify("photo.jpg").label)
    """

    def __init__(
        self,
        model: Model,
        policy: Policy,
        *,
        limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
        scaled: bool = False,
        deadline: float | None = None,
        batch_size: int = BATCH_SIZE,
        lists: Lists | None = None,
        frames: FrameRules | None = FrameRules(),  # noqa: B008  # as above
        crops: CropRules | None = None,
    ) -> None:
        """See `figleaf.load`, which makes one from names.

        Args:
            model: a model with classes.
            policy: what decides.
            limits: how many bytes and pixels are too many for one input.
            scaled: decode a large JPEG at a fraction of its size, faster and not quite the same.
            deadline: seconds that decoding one input may take; decoding then happens in worker
                processes that are killed when they take longer or crash. None: in this process.
            batch_size: how many pictures of a stream a thread prepares before it runs the model on
                them.
            lists: what is allowed or blocked whatever the model says; None for nothing. Where a PDQ
                hash is listed, files are decoded in full, `scaled` or not.
            frames: how moving pictures are judged; None for the first frame of animations alone,
                and no videos.
            crops: which parts of a still picture are looked at beside the whole; None for none.

        Raises:
            ModelError: the model has no classes.
            InputError: `batch_size` or `deadline` is not positive.
        """
        if not model.card.labels:
            raise ModelError(f"{model.card.name} has no classes: it gives features, to train upon")
        if batch_size < 1:
            raise InputError(f"batch_size must be at least 1, not {batch_size}")
        self.model = model
        self.policy = policy
        self.batch_size = batch_size
        self._frames = frames
        self._verdicts = Verdicts(model.card, policy, model.precision)
        self._closed = False
        self._resources = ExitStack()
        lists = lists or None
        enough = enough_for(model.card.inputs)
        recipe = Recipe(
            model.card.inputs,
            frames,
            (crops.enough_for(enough) if crops else enough) if scaled else None,
            lists is not None and lists.needs_pdq,
            lists is not None and lists.blocks_by_pdq,
            crops,
        )
        looking = self._looking(recipe, limits, deadline)
        self._consulting = Consulting(lists, looking, recipe, limits)
        self._showing = self._resources.enter_context(Showing(recipe, limits, deadline))
        self._threads = self._resources.enter_context(
            ThreadPoolExecutor(model.streams, thread_name_prefix="figleaf")
        )

    def classify(
        self, source: Source, *, top_k: int | None = None, channels: Channels = "RGB"
    ) -> Prediction:
        """Classify one input.

        Args:
            source: a path, a file's bytes, a binary file object, a Pillow image, or a uint8 array
                of shape (height, width), (height, width, 1), (height, width, 3) or
                (height, width, 4).
            top_k: how many classes `scores` holds; all by default.
            channels: the order of an array's channels: "RGB", or "BGR" for what OpenCV reads.

        Raises:
            InputError: a source of another type, dtype or shape, or `top_k` below 1.
        """
        return self._classify_batch([source], self._check(top_k), channels)[0]

    def classify_many(
        self, sources: Iterable[Source], *, top_k: int | None = None, channels: Channels = "RGB"
    ) -> list[Prediction]:
        """Classify several inputs, on all cores. See `classify`."""
        return list(self.stream(sources, top_k=top_k, channels=channels))

    def classify_folder(
        self, folder: str | os.PathLike[str], *, recursive: bool = True, top_k: int | None = None
    ) -> Iterator[Prediction]:
        """Classify the files of a folder, whatever their names; hidden ones are left out.

        Raises:
            InputError: `folder` cannot be listed.
        """
        return self.stream(walk(folder, recursive=recursive), top_k=top_k)

    def stream(
        self, sources: Iterable[Source], *, top_k: int | None = None, channels: Channels = "RGB"
    ) -> Iterator[Prediction]:
        """Classify a stream of inputs of any length, on all cores, in order, in constant memory.

        It reads a few inputs for each core ahead of what it yields. See `classify`.
        """
        wanted = self._check(top_k)

        def submit(batch: list[Source]) -> Future[list[Prediction]]:
            self._check(top_k)  # closed since the stream began?
            return self._threads.submit(self._classify_batch, batch, wanted, channels)

        streams = self.model.streams
        batches = chunked(_not_one(sources), self.batch_size, streams)
        results: Iterator[list[Prediction]] = ordered_map(submit, batches, _AHEAD * streams)
        return chain.from_iterable(results)

    def prepare(self, source: Source, *, channels: Channels = "RGB") -> Prepared:
        """Read, decode and prepare one input for the model, as every method here does.

        Of a moving picture it is the first frame. Lists are not asked.

        Raises:
            ImageError: it cannot be read, or is not a usable image.
            InputError: a source of another type, dtype or shape.
        """
        with memory_as_image_error():
            return self._consulting.prepared(source, channels).pictures[0]

    def show(self, source: Source, part: Part, *, channels: Channels = "RGB") -> Shown:
        """What the model was shown of a part of an input, to explain it. Lists are not asked.

        Raises:
            ImageError, InputError: as `prepare`.
        """
        self._check(None)
        with memory_as_image_error():
            return self._showing.shown(source, part, channels)

    def close(self) -> None:
        """Stop the threads and worker processes; the classifier cannot be used afterwards."""
        self._closed = True
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _looking(self, recipe: Recipe, limits: Limits, deadline: float | None) -> Look:
        """How bytes are looked at: in worker processes where there is a deadline."""
        if deadline is None:
            return partial(look, recipe=recipe, limits=limits)
        function = partial(look_isolated, recipe=recipe, limits=limits)
        pool = IsolatedPool(function, workers=self.model.streams, deadline=deadline)
        isolated = self._resources.enter_context(pool)
        return lambda data: parse_looked(isolated(data), recipe)

    def _check(self, top_k: int | None) -> int:
        """How many classes to give, once it is sure that there is a classifier to ask."""
        if self._closed:
            raise InputError("the classifier is closed: load another")
        if top_k is not None and top_k < 1:
            raise InputError(f"top_k must be at least 1, not {top_k}")
        return top_k or len(self.model.card.labels)

    def _classify_batch(
        self, sources: Sequence[Source], top_k: int, channels: Channels
    ) -> list[Prediction]:
        results: list[Prediction] = []
        looked = ((name_of(source), self._looked(source, channels)) for source in sources)
        # A film has many pictures: those of several would take memory all at once.
        for group in weighed(looked, lambda one: len(_pictures(one[1])), self.batch_size):
            pictures = [picture for _, found in group for picture in _pictures(found)]
            rows = iter(self.model.run(pictures).probabilities if pictures else ())
            results += [self._settled(name, found, rows).top(top_k) for name, found in group]
        return results

    def _settled(self, name: str, found: Found, rows: Iterator[NDArray[np.float32]]) -> Prediction:
        """The prediction; the rows that are due to it are taken."""
        if isinstance(found, Listing):
            return self._verdicts.listed(name, found)
        if isinstance(found, ImageError):
            return self._verdicts.failure(name, found)
        scores = [next(rows) for _ in found.pictures]
        if found.views:
            return self._verdicts.verdict_of_views(name, found.views, scores)
        if found.seconds is None or self._frames is None:
            return self._verdicts.verdict(name, scores[0])
        frames = list(map(Scored, found.seconds, scores))
        return self._verdicts.verdict_of_frames(name, frames, self._frames, found.unseen)

    def _looked(self, source: Source, channels: Channels) -> Found:
        try:
            with memory_as_image_error():
                return self._consulting.looked(source, channels)
        except ImageError as error:
            return error


def _pictures(found: Found) -> tuple[Prepared, ...]:
    return found.pictures if isinstance(found, Looked) else ()


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    policy: str | Path | Policy | None = None,
    fast: bool = False,
    precision: Precision | str | None = None,
    runtime: RuntimeName | str = RuntimeName.OPENVINO,
    threads: int | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
    deadline: float | None = None,
    batch_size: int = BATCH_SIZE,
    allow_lists: Iterable[str | Path] = (),
    block_lists: Iterable[str | Path] = (),
    frames: FrameRules | None = FrameRules(),  # noqa: B008  # as above
    crops: CropRules | bool | None = None,
) -> Classifier:
    """Load a model and make a classifier of it.

    Args:
        model: an embedded model's name (`figleaf models` lists them) or a bundle's folder; several
            joined by "+" are one model (docs/models.md, "Several models as one").
        policy: a preset's name, a TOML file, or a Policy; by default what the model's card
            suggests, else "balanced". One that is given must have a threshold for some class of
            the model; a default one that has none gives no decision.
        fast: bf16 where the processor has it, and JPEGs decoded at a fraction of their size:
            two to four times as fast, with scores that differ a little (docs/classify.md).
        precision: "f32" or "bf16"; overrides what `fast` would choose. f32 by default. A model that
            is quantised computes in int8, whatever is asked for.
        runtime: "openvino", or "onnxruntime" for other hardware (extra `onnxruntime`).
        threads: batches at work at once, a core each; by default one for each core.
        limits: how many bytes and pixels are too many for one input.
        deadline: seconds for decoding one input, in isolated worker processes. None: no deadline,
            decoding in this process.
        batch_size: how many pictures of a stream a thread prepares before it runs the model on
            them; worth raising on a GPU, which takes them together.
        allow_lists: files of hashes (SHA-256, PDQ, MD5, SHA-1) of what is allowed whatever the
            model says (docs/classify.md, "A correction that sticks").
        block_lists: likewise, of what is blocked.
        frames: which frames of animations and videos are looked at, and how their scores become one
            verdict. Videos need the extra `video`. None: the first frame of animations alone.
        crops: whether still pictures are looked at without their border and in crops too, or by
            which rules: the worst of these parts decides (docs/classify.md, "Borders and crops").

    Raises:
        ModelError, PolicyError, RulesError, MissingExtraError, InputError: see figleaf.errors.
    """
    runtime = _choose(RuntimeName, runtime, "runtime")
    if precision is not None:
        chosen = _choose(Precision, precision, "precision")
    else:
        bf16 = fast and runtime is RuntimeName.OPENVINO and has_bf16()
        chosen = Precision.BF16 if bf16 else Precision.F32
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}")
    lists = load_lists(allow_lists, block_lists)
    loaded = load_model(model, precision=chosen, runtime=runtime, streams=threads)
    return Classifier(
        loaded,
        policy_for(loaded.card, policy),
        limits=limits,
        scaled=fast,
        deadline=deadline,
        batch_size=batch_size,
        lists=lists,
        frames=frames,
        crops=CropRules() if crops is True else crops or None,
    )


def policy_for(card: Card, policy: str | Path | Policy | None) -> Policy:
    """The policy for a model: the one that is given, else what its card suggests. See `load`.

    Raises:
        PolicyError: there is no such policy, or it has no threshold for the model's classes.
        BundleError: the card suggests one that is no preset.
    """
    if policy is None:
        suggested = card.suggested_policy or DEFAULT_POLICY
        if suggested not in presets():  # a bundle must not name files to read
            raise BundleError(f"{card.name} suggests {suggested!r}, which is no preset")
        return load_policy(suggested)
    chosen = policy if isinstance(policy, Policy) else load_policy(policy)
    if not chosen.covers(card.labels):
        classes = ", ".join(card.labels)
        raise PolicyError(
            f"policy {chosen.tag} has no threshold for {card.name}'s classes: {classes}"
        )
    return chosen


def _not_one(sources: Iterable[Source]) -> Iterable[Source]:
    # Many of them can be iterated over: a path would be taken for many paths of one letter.
    is_one = isinstance(
        sources, str | os.PathLike | bytes | bytearray | memoryview | Image.Image
    ) or hasattr(sources, "read")
    if is_one or (isinstance(sources, np.ndarray) and sources.ndim < 4):
        raise InputError("expected several inputs, got one: use `classify`, or `classify_folder`")
    return sources


def _choose(kind: type[E], value: E | str, what: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise InputError(f"{what} must be one of {', '.join(kind)}, not {value!r}") from None
