"""`figleaf.export_dataset`: a data set in the forms that others read."""

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from figleaf.curate.splitting.split import check_split
from figleaf.curate.watch import Watch
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.rows import Row
from figleaf.errors import DatasetError, LeakError
from figleaf.export.folders import HuggingFace, ImageFolder
from figleaf.export.plan import Place, Plan, asked, plan_export
from figleaf.export.provenance import Origin, RowsHash, read_origin, write_provenance
from figleaf.export.report import ExportReport, Omission, Tally
from figleaf.export.rules import PARTS, By, ExportRules, Form, Link, Unlabelled
from figleaf.export.shards import WebDataset
from figleaf.export.staging import check_space, measure, staged, target_of
from figleaf.export.tables import Tables
from figleaf.export.writer import Writer, closing


def export_dataset(
    data: Dataset | str | Path,
    out: str | Path,
    *,
    form: Form | str = Form.IMAGEFOLDER,
    by: By | str | None = None,
    split: str | Iterable[str] = (),
    link: Link | str | None = None,
    unlabelled: Unlabelled | str | None = None,
    images_per_shard: int = 10_000,
    embed: bool = False,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
) -> ExportReport:
    """Export the images of a data set that are in use; those that are set aside never are.

    ::

        with figleaf.Dataset("my-data") as data:
            figleaf.export_dataset(data.filter(min_side=224), "photos", split="train", link="hard")

    The export takes its name at the end, when all of it is on the disk; until then, and after an
    error, nothing is there. An image whose file is gone, or no longer holds the bytes that were
    collected, is left out and counted. Of files that are linked only the size is looked at.

    Args:
        data: a data set's folder, or a `Dataset`, whose filters then hold.
        out: the folder to make. It may exist if it is empty.
        form: "imagefolder", "webdataset", "parquet", "csv" or "huggingface".
        by: whose parts the export has: "figleaf", "sources" or "none"; None for those of
            `figleaf split` where any image has one, else the sources'.
        split: "train", "validation", "test", or several; all by default.
        link: "copy", "hard" or "symbolic"; for tables also "none", which is their default: then
            they name the files in the data set.
        unlabelled: "include" or "leave-out" images without a class; None to include them in tables
            and in Hugging Face's form, whose label is empty. Included elsewhere, they are in a
            folder "none", or samples without `.cls`.
        images_per_shard: of WebDataset, at least 1.
        embed: put the images' bytes into the Parquet table, as `datasets` has them.
        watch: is told how it goes.

    Returns:
        what was written, and what was left out.

    Raises:
        InputError: arguments that contradict one another; a folder that is not empty; a class that
            the form cannot have; no image to export.
        DatasetError: the data set or the export's folder cannot be used, the disk is full, or the
            data set was split anew meanwhile.
        LeakError: figleaf's own parts have the same picture, or frames of one film, on two sides.
        MissingExtraError: Parquet or WebDataset without pyarrow.
    """
    rules = ExportRules(
        form=form,  # type: ignore[arg-type]  # made of text there, here and below
        by=by,  # type: ignore[arg-type]
        split=split,  # type: ignore[arg-type]
        link=link,  # type: ignore[arg-type]
        unlabelled=unlabelled,  # type: ignore[arg-type]
        images_per_shard=images_per_shard,
        embed=embed,
    )
    with ExitStack() as stack:
        opened = data if isinstance(data, Dataset) else stack.enter_context(Dataset(data))
        return _export(opened.filter(quarantined=False), out, rules, watch, time.time)


def _export(
    data: Dataset, out: str | Path, rules: ExportRules, watch: Watch, clock: Callable[[], float]
) -> ExportReport:
    target = target_of(out, data.folder)
    origin = read_origin(data.folder)
    plan = plan_export(data, rules)
    unchecked = _leaks_unchecked(data.folder, plan)
    watch.start("exporting", plan.rows)
    tally, rows = Tally(), RowsHash()
    with staged(target) as folder:
        check_space(folder, plan.size if rules.copies else 0)
        with closing(_writer(folder, plan, data.folder, clock)) as writer:
            for number, row in enumerate(asked(data, plan), start=1):
                _add(row, plan, writer, tally, rows)
                watch.done(number)
        _check(data, origin, plan)
        counts, left_out = tally.counts(PARTS), tally.left_out()
        if not counts:
            reasons = ", ".join(f"{one.reason} {one.count:,}" for one in left_out)
            raise DatasetError(f"{data.folder}: not one image could be exported: {reasons}")
        notes = (*unchecked, *plan.notes())
        report = ExportReport(
            target, rules.form, plan.by, plan.classes, counts, left_out, 0, 0, notes
        )
        write_provenance(folder, report, rules, origin, rows, clock())
        size = measure(folder)
    return replace(report, files=size.files, size=size.size)


def _leaks_unchecked(folder: Path, plan: Plan) -> tuple[str, ...]:
    """Why figleaf's own parts could not be checked for leaks; raises LeakError for one."""
    if plan.by is not By.FIGLEAF:
        return ()
    try:
        check_split(folder)
    except LeakError:
        raise
    except DatasetError as error:
        # Notes go into the export, which names no folder of this machine.
        text = str(error).removeprefix(f"{folder}: ").replace(str(folder), folder.name or ".")
        return (f"not checked for leaks: {text}",)
    return ()


def _writer(folder: Path, plan: Plan, data_set: Path, clock: Callable[[], float]) -> Writer:
    match plan.rules.form:
        case Form.IMAGEFOLDER:
            return ImageFolder(folder, plan)
        case Form.HUGGINGFACE:
            return HuggingFace(folder, plan)
        case Form.WEBDATASET:
            return WebDataset(folder, plan, clock)
        case _:
            return Tables(folder, plan, data_set)


def _add(row: Row, plan: Plan, writer: Writer, tally: Tally, rows: RowsHash) -> None:
    place = plan.place(row)
    reason = place if isinstance(place, Omission) else writer.add(row, place)
    if reason is not None:
        tally.omit(reason, row.sha256)
    elif isinstance(place, Place):
        tally.export(place.part, place.label, row.size)
        rows.add(row, place)


def _check(data: Dataset, origin: Origin, plan: Plan) -> None:
    """Raise DatasetError where half of the images have parts of one split and half of another."""
    if plan.by is By.FIGLEAF and not origin.splits.keys() <= read_origin(data.folder).splits.keys():
        raise DatasetError(
            f"{data.folder}: was split anew while it was exported; nothing was written, run the"
            " export again"
        )
