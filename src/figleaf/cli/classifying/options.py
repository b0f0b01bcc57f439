"""The options of `figleaf classify`, in the groups that its help shows them in."""

from pathlib import Path
from typing import Annotated

import typer

from figleaf.classify.moving import MOST_FRAMES
from figleaf.cli.classifying.choosing import Only
from figleaf.cli.stats import Language
from figleaf.cli.writers import Format
from figleaf.models.runtime import Precision, RuntimeName

_INPUTS = "Inputs"
_MODEL = "Model and policy"
_OUTPUT = "Output"
_WHY = "Why"
_FILES = "What becomes of the files"
_FILMS = "Animations and videos"
_WORK = "Speed and limits"

# Inputs.
Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PATH|URL]...",
        help="Files, folders, patterns such as 'in/**/*.jpg', URLs, or - for one on stdin.",
        show_default=False,
    ),
]
Recursive = Annotated[
    bool,
    typer.Option(
        "--recursive", "-r", help="Go into the folders of folders.", rich_help_panel=_INPUTS
    ),
]
ListFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--list", help="A file with one path a line, or - for stdin.", rich_help_panel=_INPUTS
    ),
]

# Model and policy.
ModelName = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="An embedded model, or a bundle's folder.", rich_help_panel=_MODEL
    ),
]
PolicyName = Annotated[
    str | None,
    typer.Option(
        "--policy",
        "-p",
        help="strict, balanced, permissive, or a TOML file.",
        show_default=False,
        rich_help_panel=_MODEL,
    ),
]
AllowLists = Annotated[
    list[Path] | None,
    typer.Option(
        "--allow-list",
        help="Hashes of what is allowed; can be given again.",
        rich_help_panel=_MODEL,
    ),
]
BlockLists = Annotated[
    list[Path] | None,
    typer.Option(
        "--block-list",
        help="Hashes of what is blocked; can be given again.",
        rich_help_panel=_MODEL,
    ),
]

# Output.
TopK = Annotated[
    int | None,
    typer.Option(
        "--top-k",
        "-k",
        min=1,
        help="Classes to give of each input.",
        show_default=False,
        rich_help_panel=_OUTPUT,
    ),
]
OutputFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        help="table, unless -o's name tells.",
        show_default=False,
        rich_help_panel=_OUTPUT,
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write to a file, at the end, whole.", rich_help_panel=_OUTPUT
    ),
]
Sort = Annotated[
    str | None,
    typer.Option(help="input, or highest first: unsafe or a class.", rich_help_panel=_OUTPUT),
]
OnlyThese = Annotated[
    list[Only] | None,
    typer.Option(help="Show only these; can be given again.", rich_help_panel=_OUTPUT),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html",
        help="A page besides: destroyed pictures, bars, verdicts.",
        rich_help_panel=_OUTPUT,
    ),
]
PageLanguage = Annotated[
    Language, typer.Option("--lang", help="Of the page: en, ko.", rich_help_panel=_OUTPUT)
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="No progress and no summary on stderr.", rich_help_panel=_OUTPUT
    ),
]

# Why.
Explain = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="For each input a PNG of which parts of it the score is about.",
        rich_help_panel=_WHY,
    ),
]
ExplainLabel = Annotated[
    str | None,
    typer.Option(
        help="The class that is explained.", show_default="the unsafe score", rich_help_panel=_WHY
    ),
]
ExplainUnblurred = Annotated[
    bool,
    typer.Option(
        "--explain-unblurred", help="Show the pictures under the maps.", rich_help_panel=_WHY
    ),
]

# What becomes of the files.
MoveTo = Annotated[
    Path | None,
    typer.Option(help="Move files into its allow, review, block, failed.", rich_help_panel=_FILES),
]
CopyTo = Annotated[Path | None, typer.Option(help="The same with copies.", rich_help_panel=_FILES)]
BlurTo = Annotated[
    Path | None,
    typer.Option(
        help="The same with pictures of which nothing can be made out.", rich_help_panel=_FILES
    ),
]
Resume = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.jsonl",
        help="Write results there as they come; what it has is not looked at again.",
        rich_help_panel=_FILES,
    ),
]
Watch = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Take files as they appear in a folder, until Ctrl-C.",
        rich_help_panel=_FILES,
    ),
]

Trim = Annotated[
    bool,
    typer.Option(
        "--trim",
        help="Look at a still picture without its border, too; the worse of the two decides.",
        rich_help_panel=_MODEL,
    ),
]
Crops = Annotated[
    bool,
    typer.Option(
        "--crops",
        help="The same, and in crops: more false alarms, six times the work.",
        rich_help_panel=_MODEL,
    ),
]

# Animations and videos.
Frames = Annotated[
    int,
    typer.Option(
        min=1,
        max=MOST_FRAMES,
        help="Frames of a film to look at, at most.",
        rich_help_panel=_FILMS,
    ),
]
Every = Annotated[
    float,
    typer.Option(min=0.001, help="Seconds between two frames at least.", rich_help_panel=_FILMS),
]
Longest = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="Seconds; longer films are not judged.",
        show_default=False,
        rich_help_panel=_FILMS,
    ),
]
FilmVerdict = Annotated[
    str,
    typer.Option(
        help="Of a film: max, mean, or a share of its frames such as 1/4.", rich_help_panel=_FILMS
    ),
]

# Speed and limits.
Fast = Annotated[
    bool,
    typer.Option(
        "--fast",
        help="bf16 and scaled JPEG decoding: faster, not quite exact.",
        rich_help_panel=_WORK,
    ),
]
ComputedIn = Annotated[
    Precision | None,
    typer.Option(
        help="What to compute in; f32 unless --fast.", show_default=False, rich_help_panel=_WORK
    ),
]
Engine = Annotated[
    RuntimeName,
    typer.Option(help="onnxruntime (an extra) is for other hardware.", rich_help_panel=_WORK),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1, help="Batches at once; one a core.", show_default=False, rich_help_panel=_WORK
    ),
]
BatchSize = Annotated[
    int, typer.Option(min=1, help="Pictures that a thread takes at a time.", rich_help_panel=_WORK)
]
Deadline = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="Decode in worker processes, killed after this many seconds.",
        rich_help_panel=_WORK,
    ),
]
MaxBytes = Annotated[int, typer.Option(min=1, help="The largest file.", rich_help_panel=_WORK)]
MaxPixels = Annotated[int, typer.Option(min=1, help="The most pixels.", rich_help_panel=_WORK)]
