"""`figleaf classify`: photos to verdicts."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.classify.classifier import BATCH_SIZE, load
from figleaf.classify.moving import MOST_FRAMES, FrameRules
from figleaf.classify.prediction import Decision, Prediction
from figleaf.cli.inputs import Inputs, is_url
from figleaf.cli.interruption import INTERRUPTED, Interruption, ending_at_once
from figleaf.cli.output import opened
from figleaf.cli.progress import Progress
from figleaf.cli.terminal import say, standard_output
from figleaf.cli.writers import Format, choose_format, make_writer
from figleaf.errors import InputError
from figleaf.images import Limits
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.models.runtime import Precision, RuntimeName

if TYPE_CHECKING:
    from figleaf.cli.remote import Remotes

CLEAN, BLOCKED, FAILED = 0, 1, 3

_LIMITS = Limits()
_FRAMES = FrameRules()

SortKey = Callable[[Prediction], tuple[float, str]]


class Only(StrEnum):
    """What `--only` can keep: a decision, or the inputs that failed."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"
    FAILED = "failed"


@dataclass(slots=True)
class Tally:
    """How many inputs came to what: each either to a decision or to a failure."""

    decisions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    blocked: bool = False

    def add(self, prediction: Prediction) -> None:
        """Count one input."""
        if prediction.ok:
            self.decisions[str(prediction.decision)] += 1
        else:
            self.failures[str(prediction.status)] += 1
        # A policy may block what cannot be read.
        self.blocked |= prediction.decision is Decision.BLOCK

    @property
    def total(self) -> int:
        """How many inputs there were."""
        return self.decisions.total() + self.failures.total()

    @property
    def exit_code(self) -> int:
        """What the command ends with: a blocked input counts for more than a failed one."""
        if self.blocked:
            return BLOCKED
        return FAILED if self.failures else CLEAN

    def __str__(self) -> str:
        counts = [f"{self.decisions[name]:,} {name}" for name in Decision if self.decisions[name]]
        failed = [f"{count:,} {status}" for status, count in self.failures.most_common()]
        if failed:
            counts.append(f"{self.failures.total():,} failed ({', '.join(failed)})")
        noun = "input" if self.total == 1 else "inputs"
        return f"{self.total:,} {noun}" + "".join(f", {count}" for count in counts)


def classify(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH|URL]...",
            help="Files, folders, patterns such as 'in/**/*.jpg', URLs, or - for one on stdin.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="An embedded model, or a bundle's folder.")
    ] = DEFAULT_MODEL,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            "-p",
            help="strict, balanced, permissive, or a TOML file.",
            show_default=False,
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            "--top-k", "-k", min=1, help="Classes to give of each input.", show_default=False
        ),
    ] = None,
    output_format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="table, unless -o's name tells.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file, at the end, whole.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="input, or highest first: unsafe or a class.")
    ] = None,
    only: Annotated[
        list[Only] | None, typer.Option(help="Show only these; can be given again.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Go into the folders of folders.")
    ] = False,
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", help="A file with one path a line, or - for stdin."),
    ] = None,
    allow_lists: Annotated[
        list[Path] | None,
        typer.Option("--allow-list", help="Hashes of what is allowed; can be given again."),
    ] = None,
    block_lists: Annotated[
        list[Path] | None,
        typer.Option("--block-list", help="Hashes of what is blocked; can be given again."),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=1, max=MOST_FRAMES, help="Frames of a film to look at, at most.")
    ] = _FRAMES.most,
    every: Annotated[
        float, typer.Option(min=0.001, help="Seconds between two frames at least.")
    ] = _FRAMES.every,
    longest: Annotated[
        float | None,
        typer.Option(min=0.001, help="Seconds; longer films are not judged.", show_default=False),
    ] = _FRAMES.longest,
    verdict: Annotated[
        str, typer.Option(help="Of a film: max, mean, or a share of its frames such as 1/4.")
    ] = _FRAMES.verdict,
    fast: Annotated[
        bool, typer.Option("--fast", help="bf16 and scaled JPEG decoding: faster, not quite exact.")
    ] = False,
    precision: Annotated[
        Precision | None,
        typer.Option(help="What to compute in; f32 unless --fast.", show_default=False),
    ] = None,
    runtime: Annotated[
        RuntimeName, typer.Option(help="onnxruntime (an extra) is for other hardware.")
    ] = RuntimeName.OPENVINO,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Batches at once; one a core.", show_default=False)
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Pictures that a thread takes at a time.")
    ] = BATCH_SIZE,
    deadline: Annotated[
        float | None,
        typer.Option(min=0.001, help="Decode in worker processes, killed after this many seconds."),
    ] = None,
    max_bytes: Annotated[int, typer.Option(min=1, help="The largest file.")] = _LIMITS.max_bytes,
    max_pixels: Annotated[int, typer.Option(min=1, help="The most pixels.")] = _LIMITS.max_pixels,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary on stderr.")
    ] = False,
) -> None:
    """Classify photos, animations and videos: files, folders, patterns, lists, URLs, stdin.

    Exit codes: 0 nothing was blocked, 1 something was, 2 wrong use or an output that cannot be
    written, 3 nothing was blocked but some inputs failed, 130 interrupted, 141 the reader of the
    output went away.

    Example: figleaf classify holiday/ --recursive --only review --sort unsafe
    """
    limits = Limits(max_bytes=max_bytes, max_pixels=max_pixels)
    rules = FrameRules(every=every, most=frames, longest=longest, verdict=verdict)
    remotes = _remotes(paths or (), max_bytes)
    fetch = remotes.open if remotes else None
    inputs = Inputs(tuple(paths or ()), tuple(lists or ()), recursive, max_bytes, fetch)
    kind = choose_format(output_format, output)
    inputs.check()
    with ExitStack() as stack:
        if remotes:
            stack.enter_context(remotes)
        with ending_at_once():
            classifier = load(
                model,
                policy=policy,
                fast=fast,
                precision=precision,
                runtime=runtime,
                threads=threads,
                limits=limits,
                deadline=deadline,
                batch_size=batch_size,
                allow_lists=allow_lists or (),
                block_lists=block_lists or (),
                frames=rules,
            )
        stack.enter_context(classifier)
        if remotes:  # before the classifier, whose threads may be waiting for files
            stack.callback(remotes.close)
        labels = classifier.model.card.labels
        key = _sort_key(sort, labels)
        file = stack.enter_context(opened(output) if output else standard_output())
        lines = top_k or (len(labels) if inputs.is_one_picture else 1)
        writer = stack.enter_context(closing(make_writer(kind, file, labels, lines)))
        # A bar among rows on the same terminal would garble both; rows are progress enough.
        apart = bool(output or key) or not file.isatty()
        # Before the interruption is awaited, so that Ctrl-C ends the counting at once.
        progress = Progress(inputs, shown=apart and not quiet)
        interruption = stack.enter_context(Interruption())
        stack.enter_context(progress)

        tally = Tally()
        predictions = _counted(interruption.until_asked(classifier.stream(inputs)), tally, progress)
        for prediction in _in_order(predictions, key, progress):
            if _is_wanted(prediction, only):
                writer.write(prediction.top(top_k) if top_k else prediction)
    if not quiet:
        _summarise(tally, interruption.asked, progress)
    raise typer.Exit(INTERRUPTED if interruption.asked else tally.exit_code)


def _remotes(paths: Sequence[str], max_bytes: int) -> "Remotes | None":
    """What fetches the URLs among the paths; None where there are none."""
    if not any(map(is_url, paths)):
        return None
    from figleaf.cli.remote import Remotes, fetch_rules

    return Remotes(fetch_rules(max_bytes))


def _counted(
    predictions: Iterable[Prediction], tally: Tally, progress: Progress
) -> Iterator[Prediction]:
    for prediction in predictions:
        tally.add(prediction)
        progress.advance()
        yield prediction


def _in_order(
    predictions: Iterable[Prediction], key: SortKey | None, progress: Progress
) -> Iterator[Prediction]:
    if key is None:
        yield from predictions
        return
    collected = sorted(predictions, key=key)
    # What is written next may go to the terminal that the bar is on.
    progress.stop()
    yield from collected


def _is_wanted(prediction: Prediction, only: list[Only] | None) -> bool:
    if not only:
        return True
    if not prediction.ok and Only.FAILED in only:
        return True
    return str(prediction.decision) in {str(value) for value in only}


def _sort_key(sort: str | None, labels: tuple[str, ...]) -> SortKey | None:
    """What `--sort` orders by; what a list decided on comes after scores, what failed last."""
    match sort:
        case None:
            return None
        case "input":
            return lambda prediction: (0, prediction.input)
        case "unsafe":
            return lambda prediction: (_rank(prediction) - (prediction.unsafe or 0), "")
        case _ if sort in labels:
            return lambda prediction: (_rank(prediction) - prediction.scores.get(sort, 0), "")
    raise InputError(f"cannot sort by {sort!r}: give input, unsafe or one of {', '.join(labels)}")


def _rank(prediction: Prediction) -> int:
    """What orders before any score does: scores of 0..1, no scores, a failure."""
    return 2 * (not prediction.scores) + (not prediction.ok)


def _summarise(tally: Tally, interrupted: bool, progress: Progress) -> None:
    start = "interrupted after " if interrupted else ""
    rate = tally.total / max(progress.seconds, 1e-9)
    say(f"{start}{tally} in {progress.seconds:.1f} s, {rate:.1f} images/s")
