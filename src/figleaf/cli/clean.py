"""`figleaf clean` and `figleaf restore`: images set aside, and brought back."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.listing import STDOUT, check_list, write_list
from figleaf.cli.options import Folder, JsonOption, QuietOption, naming_options
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.curate.cleaning.rules import RULES, CleanRules
from figleaf.errors import InputError
from figleaf.report.tables import counted

if TYPE_CHECKING:
    from figleaf.curate.cleaning.report import CleanReport
    from figleaf.curate.cleaning.verdicts import Cluster
    from figleaf.curate.restore import Restored

_RULES = CleanRules()
_SHOWN = 10  # label conflicts, and dropped images of a dry run, in the table
_DIGITS = 12  # of a hash: enough to name an image by
_SIZE = re.compile(r"([1-9][0-9]{0,6})x([1-9][0-9]{0,6})")


def clean(
    folder: Folder,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print what it would do; nothing is set aside, brought back or renamed.",
        ),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Read and measure every file once more.")
    ] = False,
    off: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE", help=f"Switch a rule off: {', '.join(RULES)}. Again for more."
        ),
    ] = None,
    min_side: Annotated[
        int, typer.Option(min=1, help="The shorter side, in pixels.")
    ] = _RULES.min_side,
    min_bytes: Annotated[int, typer.Option(min=0, help="The smallest file.")] = _RULES.min_bytes,
    max_pixels: Annotated[int, typer.Option(min=1, help="The most pixels.")] = _RULES.max_pixels,
    max_bytes: Annotated[int, typer.Option(min=1, help="The largest file.")] = _RULES.max_bytes,
    max_aspect: Annotated[
        float, typer.Option(min=1, help="The longer side to the shorter.")
    ] = _RULES.max_aspect,
    min_spread: Annotated[
        float, typer.Option(min=0, help="Standard deviation of the colours, of 255.")
    ] = _RULES.min_spread,
    placeholder_size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WxH",
            help="Sizes of placeholders in place of 161x81; again for more.",
            show_default=False,
        ),
    ] = None,
    placeholder_urls: Annotated[
        int, typer.Option(min=2, help="The same bytes under so many URLs of one host.")
    ] = _RULES.placeholder_urls,
    placeholders: Annotated[
        Path | None, typer.Option(help="A file of SHA-256 or PDQ hashes of placeholders.")
    ] = None,
    distance: Annotated[
        int, typer.Option(min=0, max=64, help="Bits of PDQ that near duplicates differ in at most.")
    ] = _RULES.distance,
    min_quality: Annotated[
        int, typer.Option(min=0, max=100, help="PDQ quality from which images are compared.")
    ] = _RULES.min_quality,
    no_mirrored: Annotated[
        bool, typer.Option("--no-mirrored", help="Mirror images are no duplicates.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Decoding processes; one a core.", show_default=False),
    ] = None,
    list_to: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Also write all that is set aside, and why: .csv, .jsonl; - for stdout.",
        ),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Set aside what is broken, no use, or there twice; each image with its reason, none deleted.

    Images are measured once; the same command with other limits takes little time. Exit codes: 0
    done, 2 wrong use, 130 interrupted.

    Example: figleaf clean my-data --dry-run
    """
    from figleaf.curate.cleaning.clean import clean as run
    from figleaf.curate.cleaning.report import Drop
    from figleaf.curate.watch import Watch

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    check_list(list_to, option="--list", as_json=as_json)
    with naming_options():
        rules = CleanRules(
            off=tuple(off or ()),
            min_side=min_side,
            min_bytes=min_bytes,
            max_pixels=max_pixels,
            max_bytes=max_bytes,
            max_aspect=max_aspect,
            min_spread=min_spread,
            placeholder_sizes=_sizes(placeholder_size),
            placeholder_urls=placeholder_urls,
            placeholders=placeholders,
            distance=distance,
            min_quality=min_quality,
            mirrored=not no_mirrored,
        )
    with told_of_interruption(), Phases(shown=not quiet) as phases:
        watch = Watch(phases.start, phases.done)
        found = run(folder, rules=rules, dry_run=dry_run, again=again, workers=workers, watch=watch)
    if list_to is not None:
        write_list(found.drops, Drop, list_to, option="--list")
    if as_json:
        print_json(_as_dict(found))
        return
    if list_to != STDOUT:
        _print(found)
    for hint in _hints(found, folder):
        say(printable(hint))


def restore(
    folder: Folder,
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            help="SHA-256 hashes, their first digits, or files.",
            show_default=False,
        ),
    ] = None,
    reasons: Annotated[
        list[str] | None,
        typer.Option("--reason", help="All that is set aside for a reason; again for more."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The class that the images have, as you say.")
    ] = None,
    who: Annotated[
        str | None, typer.Option(help="Your name, for the record.", show_default="the user's")
    ] = None,
    why: Annotated[str, typer.Option(help="Why, for the record.")] = "brought back",
    as_json: JsonOption = False,
) -> None:
    """Bring back images that were set aside; no later cleaning sets them aside for that again.

    Example: figleaf restore my-data 3f0a9c --label neutral
    """
    from figleaf.curate.restore import restore as run

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    if label is not None and not label.strip():
        raise InputError("--label is empty: name a class")
    if label is not None and (reasons or not images):
        raise InputError("--label says the class of IMAGEs, not of all with a --reason: name them")
    if not images and not reasons:
        raise InputError("name an IMAGE, or a --reason such as duplicate")
    with naming_options():
        found = run(folder, images or [], reasons=reasons or [], label=label, who=who, why=why)
    if as_json:
        print_json(asdict(found))
        return
    _print_restored(found)
    for hint in _restored_hints(found, reasons or []):
        say(printable(hint))


def _sizes(texts: list[str] | None) -> tuple[tuple[int, int], ...]:
    if texts is None:
        return _RULES.placeholder_sizes
    sizes = []
    for text in texts:
        found = _SIZE.fullmatch(text)
        if not found:
            raise InputError(f"--placeholder-size {text!r}: give width and height, as in 161x81")
        sizes.append((int(found[1]), int(found[2])))
    return tuple(sizes)


def _print(found: "CleanReport") -> None:
    with standard_output() as file:
        screen = Screen(file)
        head = ("set aside", ">images", ">new")
        rows = [
            (str(rule), f"{count:,}", f"{found.newly.get(rule, 0):,}")
            for rule in RULES
            if (count := found.dropped[rule])
        ]
        rows.append(("kept", f"{found.kept:,}", ""))
        print_grid(screen, head, rows)
        if found.largest:
            screen.print()
            print_grid(screen, _CLUSTERS, [_cluster(one) for one in found.largest])
        if found.conflicts:
            screen.print()
            print_grid(screen, _CONFLICTS, [_conflict(one) for one in found.conflicts[:_SHOWN]])
        if found.is_dry and found.drops:
            screen.print()
            shown = [(one.reason, one.sha256[:_DIGITS], one.why) for one in found.drops[:_SHOWN]]
            print_grid(screen, ("would be set aside", "image", "why"), shown)


_CLUSTERS = ("largest clusters", ">images", ">bits apart", "classes")
_CONFLICTS = ("label conflicts", ">images", "classes", "why")


def _cluster(one: "Cluster") -> tuple[str, ...]:
    best = one.sha256[0][:_DIGITS]
    return (best, f"{len(one.ids):,}", str(max(one.distances)), _classes(one))


def _conflict(one: "Cluster") -> tuple[str, ...]:
    return (one.sha256[0][:_DIGITS], f"{len(one.ids):,}", _classes(one), one.conflict or "")


def _classes(one: "Cluster") -> str:
    counts = {label: one.labels.count(label) for label in one.labels}
    return ", ".join(f"{label or 'no class'} {count:,}" for label, count in counts.items())


def _hints(found: "CleanReport", folder: str) -> Iterator[str]:
    here = quoted(folder)
    if found.is_dry:
        yield "a dry run: nothing was set aside or brought back; leave out --dry-run to do it"
    elif found.brought_back:
        images = counted(found.brought_back, "image is", "images are")
        yield f"{images} in use again: no rule drops {_them(found.brought_back)} any more"
    if found.corrected:
        one, many = ("would be",) * 2 if found.is_dry else ("was", "were")
        of = "of another type than their names say"
        files = counted(found.corrected, f"file {of} {one}", f"files {of} {many}")
        yield f"{files} renamed"
    if found.copies:
        sources = counted(found.copies, "source", "sources")
        yield f"{sources} gave what was there already, byte for byte"
    if misnamed := sum(found.misnamed.values()):
        (extension, name), _ = max(found.misnamed.items(), key=lambda pair: pair[1])
        sources = counted(misnamed, "source calls", "sources call")
        yield (
            f"{sources} a file what it is not, most often .{extension} for"
            f" {name.upper()}; here each has its own type's name"
        )
    if len(found.conflicts) > _SHOWN:
        yield f"{len(found.conflicts):,} label conflicts, the first {_SHOWN} of them shown"
    if found.conflicts:
        yield (
            f"`figleaf restore {here} HASH --label CLASS` settles a conflict; --list FILE has every"
            " path"
        )
    if found.drops:
        yield f"`figleaf restore {here} HASH` or `--reason REASON` brings images back"
    if found.kept and not found.is_dry:
        yield f"next: `figleaf screen {here}`, `figleaf split {here}`"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _as_dict(found: "CleanReport") -> dict[str, Any]:
    return {
        "dry_run": found.is_dry,
        "images": found.images,
        "kept": found.kept,
        "examined": found.examined,
        "set_aside": {rule: found.dropped[rule] for rule in RULES},
        "newly": {rule: found.newly.get(rule, 0) for rule in RULES},
        "brought_back": found.brought_back,
        "corrected": found.corrected,
        "misnamed": [
            {"extension": extension, "format": name, "count": count}
            for (extension, name), count in sorted(found.misnamed.items())
        ],
        "copies": found.copies,
        "clusters": found.clusters,
        "largest": [_cluster_as_dict(one) for one in found.largest],
        "conflicts": [_cluster_as_dict(one) for one in found.conflicts],
    }


def _cluster_as_dict(one: "Cluster") -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "ids"}


def _print_restored(found: "Restored") -> None:
    rows = [(reason, f"{count:,}") for reason, count in sorted(found.images.items())]
    if rows:
        with standard_output() as file:
            print_grid(Screen(file), ("was set aside as", ">brought back"), rows)


def _restored_hints(found: "Restored", reasons: list[str]) -> Iterator[str]:
    for reason in dict.fromkeys(reasons):
        if reason not in found.images:
            yield f"nothing is set aside as {reason}"
    for one in found.relabelled:
        images = counted(one.images, "image is", "images are")
        if one.before == one.after:
            yield f"{images} {one.after}, by your word"
        else:
            yield f"{images} now {one.after} (was {one.before or 'of no class'})"
    if found.relabelled and found.classes is not None:
        there = ", ".join(found.classes) or "no others"
        yield f"{found.relabelled[0].after} is a new class here; there are {there}"
    if plain := found.in_use - found.settled:
        yield f"{counted(plain, 'was', 'were')} in use already"
    if found.settled:
        doubts = "its doubt is settled" if found.settled == 1 else "their doubts are settled"
        yield f"{counted(found.settled, 'was', 'were')} in use already; {doubts}"
    for reason, count in sorted(found.refused.items()):
        stays = counted(count, "stays", "stay")
        yield f"{stays} set aside: {reason}; docs/data-safety.md says what lifts that"
