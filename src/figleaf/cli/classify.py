"""`figleaf classify`: photos to verdicts."""

import typer

from figleaf.actions.rules import Action, Kind
from figleaf.classify.classifier import BATCH_SIZE
from figleaf.classify.crops import TRIM, CropRules
from figleaf.classify.moving import FrameRules
from figleaf.cli.classifying import options as given
from figleaf.cli.classifying.asked import Asked, Doing, Loading, Showing
from figleaf.cli.classifying.run import run
from figleaf.cli.explaining import explaining
from figleaf.cli.stats import Language
from figleaf.images import Limits
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.models.runtime import RuntimeName

_LIMITS = Limits()
_FRAMES = FrameRules()


def classify(
    paths: given.Paths = None,
    model: given.ModelName = DEFAULT_MODEL,
    policy: given.PolicyName = None,
    top_k: given.TopK = None,
    output_format: given.OutputFormat = None,
    output: given.OutputFile = None,
    sort: given.Sort = None,
    only: given.OnlyThese = None,
    explain: given.Explain = None,
    explain_label: given.ExplainLabel = None,
    explain_unblurred: given.ExplainUnblurred = False,
    report: given.Report = None,
    language: given.PageLanguage = Language.EN,
    move_to: given.MoveTo = None,
    copy_to: given.CopyTo = None,
    blur_to: given.BlurTo = None,
    resume: given.Resume = None,
    watch: given.Watch = None,
    recursive: given.Recursive = False,
    lists: given.ListFiles = None,
    allow_lists: given.AllowLists = None,
    block_lists: given.BlockLists = None,
    trim: given.Trim = False,
    crops: given.Crops = False,
    frames: given.Frames = _FRAMES.most,
    every: given.Every = _FRAMES.every,
    longest: given.Longest = _FRAMES.longest,
    verdict: given.FilmVerdict = _FRAMES.verdict,
    fast: given.Fast = False,
    precision: given.ComputedIn = None,
    runtime: given.Engine = RuntimeName.OPENVINO,
    threads: given.Threads = None,
    batch_size: given.BatchSize = BATCH_SIZE,
    deadline: given.Deadline = None,
    max_bytes: given.MaxBytes = _LIMITS.max_bytes,
    max_pixels: given.MaxPixels = _LIMITS.max_pixels,
    quiet: given.Quiet = False,
) -> None:
    """Classify photos, animations and videos: files, folders, patterns, lists, URLs, stdin.

    Exit codes: 0 nothing was blocked, 1 something was, 2 wrong use or an output that cannot be
    written, 3 nothing was blocked but some inputs failed, 130 interrupted, 141 the reader of the
    output went away.

    Example: figleaf classify holiday/ --recursive --only review --sort unsafe
    """
    loading = Loading(
        model=model,
        policy=policy,
        fast=fast,
        precision=precision,
        runtime=runtime,
        threads=threads,
        batch_size=batch_size,
        limits=Limits(max_bytes=max_bytes, max_pixels=max_pixels),
        deadline=deadline,
        allow_lists=tuple(allow_lists or ()),
        block_lists=tuple(block_lists or ()),
        frames=FrameRules(every=every, most=frames, longest=longest, verdict=verdict),
        crops=CropRules() if crops else TRIM if trim else None,
    )
    showing = Showing(
        format=output_format,
        output=output,
        top_k=top_k,
        sort=sort,
        only=frozenset(only or ()),
        quiet=quiet,
    )
    places = {Kind.MOVE: move_to, Kind.COPY: copy_to, Kind.BLUR: blur_to}
    doing = Doing(
        actions=tuple(Action(kind, folder) for kind, folder in places.items() if folder),
        resume=resume,
        watch=watch,
        report=report,
        language=language.value,
        explain=explaining(explain, explain_label, unblurred=explain_unblurred),
    )
    asked = Asked(tuple(paths or ()), tuple(lists or ()), recursive, loading, showing, doing)
    raise typer.Exit(run(asked))
