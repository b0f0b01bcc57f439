"""Which images are exported, in which parts, and why the others are not."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import figleaf
from figleaf.curate.watch import Watch
from figleaf.errors import DatasetError, InputError, LeakError
from figleaf.export.report import ExportReport, Omission

from .samples import (
    collected,
    files,
    folder_of,
    hashes,
    leak,
    path_of,
    relabel,
    set_aside,
    split,
)

FORMS = ("imagefolder", "huggingface", "webdataset", "csv", "parquet")


def omitted(report: ExportReport) -> dict[str, int]:
    return {one.reason.value: one.count for one in report.left_out}


def provenance(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "figleaf-export.json").read_text("utf-8"))
    return found


# What is set aside, and filters.


@pytest.mark.parametrize("form", FORMS)
def test_images_that_are_set_aside_are_never_exported(
    data_set: Path, tmp_path: Path, form: str
) -> None:
    away, *rest = hashes(data_set)
    set_aside(data_set, away)
    report = figleaf.export_dataset(data_set, tmp_path / "out", form=form)
    assert report.images == len(rest) == 11
    assert not report.left_out
    assert not any(away in name for name in files(tmp_path / "out"))
    assert not any(away.encode() in data for data in files(tmp_path / "out").values())


def test_a_view_of_what_is_set_aside_has_nothing_to_export(data_set: Path, tmp_path: Path) -> None:
    for one in hashes(data_set):
        set_aside(data_set, one)
    with figleaf.Dataset(data_set) as data, pytest.raises(InputError, match="no image in use"):
        figleaf.export_dataset(data.filter(quarantined=True), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_filters_of_a_data_set_hold(data_set: Path, tmp_path: Path) -> None:
    with figleaf.Dataset(data_set) as data:
        view = data.filter(label="neutral", where=lambda row: row.format == "png")
        report = figleaf.export_dataset(view, tmp_path / "out")
        wanted = list(view)
    assert 0 < len(wanted) < 12
    assert sum(name.endswith(".png") for name in files(tmp_path / "out")) == len(wanted)
    assert report.size == sum(len(data) for data in files(tmp_path / "out").values())
    assert report.files == len(wanted) + 1


# Parts.


def test_the_report_counts_by_part_and_class(data_set: Path, tmp_path: Path) -> None:
    relabel(data_set, hashes(data_set)[0], "sexy")
    report = figleaf.export_dataset(data_set, tmp_path / "out")
    counts = [(count.part, count.label, count.images) for count in report.counts]
    assert counts[:4] == [
        ("train", "drawings", 2),
        ("train", "neutral", 2),
        ("validation", "drawings", 2),
        ("validation", "neutral", 2),
    ]
    assert report.classes == ("drawings", "neutral", "sexy")
    with figleaf.Dataset(data_set) as data:
        assert sum(count.size for count in report.counts) == sum(row.size for row in data)
    told = provenance(tmp_path / "out")
    assert told["counts"] == report.to_dict()["counts"]
    assert told["parts_by"] == "sources"
    assert told["data_set"] == "my-data"
    assert told["last_run"]["command"] == "collect"
    assert str(tmp_path) not in json.dumps(told)


def test_the_provenance_says_how_the_data_set_was_split(data_set: Path, tmp_path: Path) -> None:
    split(data_set, dict.fromkeys(hashes(data_set), "train"))
    figleaf.export_dataset(data_set, tmp_path / "out")
    (run,) = provenance(tmp_path / "out")["split_runs"]
    assert run["arguments"] == {"seed": 7}
    figleaf.export_dataset(data_set, tmp_path / "sources", by="sources")
    assert provenance(tmp_path / "sources")["split_runs"] == []


def test_the_hash_of_the_rows_tells_exports_apart(data_set: Path, tmp_path: Path) -> None:
    found = []
    for name, form in (("one", "csv"), ("two", "imagefolder")):
        figleaf.export_dataset(data_set, tmp_path / name, form=form)
        found.append(provenance(tmp_path / name)["rows_sha256"])
    relabel(data_set, hashes(data_set)[3], "sexy")
    figleaf.export_dataset(data_set, tmp_path / "three")
    assert found[0] == found[1] != provenance(tmp_path / "three")["rows_sha256"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by", ["figleaf", "sources"])
def test_chosen_parts_alone(data_set: Path, tmp_path: Path, form: str, by: str) -> None:
    names = hashes(data_set)
    parts = ["test", "train", "validation", None] * 3
    split(data_set, dict(zip(names, parts, strict=True)))
    report = figleaf.export_dataset(
        data_set, tmp_path / "out", form=form, by=by, split=["validation", "test"]
    )
    wanted = "split" if by == "figleaf" else "part"
    with figleaf.Dataset(data_set) as data:
        count = sum(getattr(row, wanted) in ("test", "validation") for row in data)
    assert report.images == count
    assert not report.left_out
    assert {count.part for count in report.counts} == {"validation", "test"}
    assert not any("train" in name for name in files(tmp_path / "out"))


def test_images_without_a_part_are_left_out(data_set: Path, tmp_path: Path) -> None:
    first, *rest = hashes(data_set)
    split(data_set, dict.fromkeys(rest, "train"))
    report = figleaf.export_dataset(data_set, tmp_path / "out")
    assert omitted(report) == {"no_part": 1}
    assert report.left_out[0].examples == (first,)
    assert provenance(tmp_path / "out")["left_out"] == report.to_dict()["left_out"]
    assert figleaf.export_dataset(data_set, tmp_path / "all", by="none").images == 12


def test_parts_that_are_not_there(tmp_path: Path) -> None:
    plain = collected(tmp_path / "plain", folder_of(tmp_path / "s", ["cat", "dog"]))
    with pytest.raises(DatasetError, match="figleaf split gives them one"):
        figleaf.export_dataset(plain, tmp_path / "out", by="figleaf")
    with pytest.raises(DatasetError, match="the sources have no parts"):
        figleaf.export_dataset(plain, tmp_path / "out", by="sources")
    with pytest.raises(DatasetError, match="no parts, so no test"):
        figleaf.export_dataset(plain, tmp_path / "out", split="test")
    assert figleaf.export_dataset(plain, tmp_path / "out").by == "none"


def test_a_part_that_no_image_is_in(data_set: Path, tmp_path: Path) -> None:
    split(data_set, dict.fromkeys(hashes(data_set), "train"))
    with pytest.raises(InputError, match="no image is in validation or test"):
        figleaf.export_dataset(data_set, tmp_path / "out", split=("test", "validation"))


def test_parts_of_other_names_are_refused(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "s", ["a", "b"])
    lines = [
        {"file_name": name, "label": name[0], "split": part}
        for name, part in zip(sorted(files(source)), ["../up", "train"] * 2, strict=True)
    ]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (source / "metadata.jsonl").write_text(text)
    data_set = collected(tmp_path / "d", source)
    for form in FORMS:
        with pytest.raises(InputError, match=r"part '\.\./up' of the sources"):
            figleaf.export_dataset(data_set, tmp_path / "out", form=form)
        out = tmp_path / f"train-{form}"
        assert figleaf.export_dataset(data_set, out, form=form, split="train").images == 2
        out = tmp_path / f"all-{form}"
        assert figleaf.export_dataset(data_set, out, form=form, by="none").images == 4


# Images without a class.


@pytest.mark.parametrize("form", FORMS)
def test_images_without_a_class(data_set: Path, tmp_path: Path, form: str) -> None:
    first = hashes(data_set)[0]
    relabel(data_set, first, None)
    keeps = form in ("csv", "parquet", "huggingface")
    report = figleaf.export_dataset(data_set, tmp_path / "out", form=form)
    assert omitted(report) == ({} if keeps else {"no_class": 1})
    for choice, count in (("include", 12), ("leave-out", 11)):
        out = tmp_path / choice
        report = figleaf.export_dataset(data_set, out, form=form, unlabelled=choice)
        assert report.images == count
        assert report.classes == ("drawings", "neutral")
    if form == "imagefolder":
        assert list((tmp_path / "include").rglob(f"none/{first}.*"))


def test_a_class_none_beside_images_without_a_class(data_set: Path, tmp_path: Path) -> None:
    one, other, *_ = hashes(data_set)
    relabel(data_set, one, None)
    relabel(data_set, other, "none")
    with pytest.raises(InputError, match="a class is called 'none'"):
        figleaf.export_dataset(data_set, tmp_path / "out", unlabelled="include")
    assert figleaf.export_dataset(data_set, tmp_path / "out").images == 11


def test_nothing_that_the_form_can_have(data_set: Path, tmp_path: Path) -> None:
    for one in hashes(data_set):
        relabel(data_set, one, None)
    with pytest.raises(InputError, match="of 12 images none has what an export needs"):
        figleaf.export_dataset(data_set, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Files that are not what they were.


def spoil(data_set: Path) -> dict[str, Omission]:
    """Four files that are gone or not what they were."""
    gone, longer, other, folder, *_ = hashes(data_set)
    path_of(data_set, gone).unlink()
    path_of(data_set, longer).write_bytes(path_of(data_set, longer).read_bytes() + b"\0")
    data = path_of(data_set, other).read_bytes()
    path_of(data_set, other).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    path = path_of(data_set, folder)
    path.unlink()
    path.mkdir()
    return {
        gone: Omission.MISSING,
        longer: Omission.ALTERED,
        other: Omission.ALTERED,
        folder: Omission.UNREADABLE,
    }


@pytest.mark.parametrize(
    "options",
    [
        *({"form": form} for form in FORMS),
        {"form": "parquet", "embed": True},
        {"form": "csv", "link": "copy"},
        {"link": "hard"},
        {"link": "symbolic"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_files_that_are_gone_or_altered(
    data_set: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    spoiled = spoil(data_set)
    report = figleaf.export_dataset(data_set, tmp_path / "out", **options)
    found = {one: left.reason for left in report.left_out for one in left.examples}
    alone = options.get("form") in ("csv", "parquet") and len(options) == 1
    if alone or options.get("link") in ("hard", "symbolic"):
        del spoiled[list(spoiled)[2]]  # the size is looked at, not the bytes
    assert found == spoiled
    assert report.images == 12 - len(spoiled)
    written = files(tmp_path / "out")
    written.pop("figleaf-export.json")  # which says what was left out
    assert not any(one in name for name in written for one in spoiled)
    assert not any(one.encode() in data for data in written.values() for one in spoiled)


def test_not_one_file_is_left(data_set: Path, tmp_path: Path) -> None:
    shutil.rmtree(data_set / "images")
    with pytest.raises(DatasetError, match="not one image could be exported: missing 12"):
        figleaf.export_dataset(data_set, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"my-data"}


def test_a_pipe_in_place_of_a_file_is_not_waited_for(data_set: Path, tmp_path: Path) -> None:
    path = path_of(data_set, hashes(data_set)[0])
    path.unlink()
    os.mkfifo(path)
    assert omitted(figleaf.export_dataset(data_set, tmp_path / "out")) == {"unreadable": 1}


# Data sets that change meanwhile.


def meddling(act: Callable[[], None]) -> Watch:
    """A watch that does something once the plan is made."""
    return Watch(start=lambda phase, images: act())


def test_a_class_that_comes_meanwhile(data_set: Path, tmp_path: Path) -> None:
    watch = meddling(lambda: relabel(data_set, hashes(data_set)[5], "porn"))
    report = figleaf.export_dataset(data_set, tmp_path / "out", form="webdataset", watch=watch)
    assert omitted(report) == {"changed": 1}
    assert report.images == 11


def test_a_split_that_comes_meanwhile(data_set: Path, tmp_path: Path) -> None:
    names = hashes(data_set)
    split(data_set, dict.fromkeys(names, "train"))
    watch = meddling(lambda: split(data_set, dict.fromkeys(names, "test")))
    with pytest.raises(DatasetError, match=r"split anew while|not one image"):
        figleaf.export_dataset(data_set, tmp_path / "out", watch=watch)
    assert not (tmp_path / "out").exists()


# What a user should know.


def test_notes(data_set: Path, tmp_path: Path) -> None:
    assert figleaf.export_dataset(data_set, tmp_path / "plain", by="none").notes == ()
    relabel(data_set, hashes(data_set)[0], "Neutral")
    (note,) = figleaf.export_dataset(data_set, tmp_path / "case", by="none").notes
    assert "classes 'Neutral' and 'neutral' are one folder on Windows" in note
    with figleaf.Dataset(data_set) as data:
        view = data.filter(label="neutral")
        (note,) = figleaf.export_dataset(view, tmp_path / "one", by="none").notes
    assert "no label where the first part has one class" in note


# Leaks.


def test_the_parts_of_the_sources_are_not_checked(data_set: Path, tmp_path: Path) -> None:
    report = figleaf.export_dataset(data_set, tmp_path / "out")
    assert report.notes == (
        "the parts are the sources', and were not checked for leaks; figleaf split --by sources"
        " checks them",
    )
    assert provenance(tmp_path / "out")["notes"] == list(report.notes)


def test_a_split_that_holds_is_exported_without_a_word(data_set: Path, tmp_path: Path) -> None:
    figleaf.clean(data_set, rules=figleaf.CleanRules(off=("too_small",)))
    figleaf.split(data_set)
    assert figleaf.export_dataset(data_set, tmp_path / "out", form="csv").notes == ()


def test_a_leak_refuses_the_export(data_set: Path, tmp_path: Path) -> None:
    leak(data_set)
    with pytest.raises(LeakError, match="the split leaks"):
        figleaf.export_dataset(data_set, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert figleaf.export_dataset(data_set, tmp_path / "out", by="none").images == 12


def test_a_split_that_cannot_be_checked_is_told(
    data_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split(data_set, dict.fromkeys(hashes(data_set), "train"))
    (note,) = figleaf.export_dataset(data_set, tmp_path / "out", form="csv").notes
    assert note.startswith("not checked for leaks: ")
    assert "figleaf clean" in note
    assert str(tmp_path) not in note
    monkeypatch.chdir(data_set)
    (here,) = figleaf.export_dataset(".", tmp_path / "here", form="csv").notes
    assert here.endswith("first: figleaf clean .")


def test_numbers_that_all_have_stand_in_the_metadata(data_set: Path, tmp_path: Path) -> None:
    names = hashes(data_set)
    split(data_set, {one: ("train", "test")[n % 2] for n, one in enumerate(names)})
    figleaf.export_dataset(data_set, tmp_path / "train", form="huggingface", split="train")
    figleaf.export_dataset(data_set, tmp_path / "all", form="huggingface")
    train = (tmp_path / "train/train/metadata.jsonl").read_text("utf-8").splitlines()
    both = (tmp_path / "all/train/metadata.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["fold"] for line in train} == {1}
    assert not any("fold" in json.loads(line) for line in both)
    assert not any(value is None for line in both for value in json.loads(line).values())
