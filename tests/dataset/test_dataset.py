"""The data set in Python: rows, filters, counts, Arrow, pandas, losses, beside a writer."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import figleaf
from figleaf.dataset.dataset import Dataset, Wanted, arrow_schema
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Outcome, Reason, State
from figleaf.dataset.register import register
from figleaf.dataset.rows import Row
from figleaf.errors import DatasetError, InputError, MissingExtraError

from .samples import (
    denied,
    file,
    image,
    keep,
    ledger_with,
    mapped,
    pending,
    python,
    unmapped,
    url,
)

MANY = 2_345


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of a few pages: by turns a class, a split, a format, a size."""
    folder = tmp_path_factory.mktemp("many")
    labels, parts = ["neutral", "drawings", None], ["train", "test", None, None]
    entries = [
        (file(f"/{n}", labels[n % 3], part=parts[n % 4]), mapped(labels[n % 3]))
        for n in range(MANY)
    ]
    with ledger_with(folder, *entries) as ledger:
        apply(ledger, [Outcome(n + 1, stored=(varied(n),)) for n in range(MANY)])
    return folder


def varied(n: int) -> Any:
    image_format = ("jpeg", "png", "webp", "gif", "avif")[n % 5]
    return image(str(n), format=image_format, width=100 + n, height=1_000)


@pytest.fixture
def data(many: Path) -> Iterator[Dataset]:
    with Dataset(many) as opened:
        yield opened


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path) as opened:
        yield opened


def only(ledger: Ledger) -> Row:
    with Dataset(ledger.folder) as opened:
        [row] = opened
    return row


def numbers(rows: Dataset) -> list[int]:
    """Which of the varied images they are."""
    return [int(Path(row.origins[0]).name) for row in rows]


def test_it_is_a_public_name() -> None:
    assert figleaf.Dataset is Dataset


def test_a_row_says_all_of_its_image(ledger: Ledger) -> None:
    register(ledger, [(url("a", part="train"), mapped())])
    keep(ledger, "a picture", pdq=b"\x01" * 32, pdq_quality=88)
    name = image("a picture").sha256.hex()
    assert only(ledger) == Row(
        path=ledger.folder / "images" / name[:2] / f"{name}.jpg",
        sha256=name,
        label="neutral",
        format="jpeg",
        width=320,
        height=240,
        size=9,
        pdq="01" * 32,
        pdq_quality=88,
        part="train",
        split=None,
        fold=None,
        quarantine=None,
        why=None,
        representative=None,
        parent=None,
        seconds=None,
        origins=("https://pictures.example/a",),
    )


def test_iterating_gives_every_image_once_in_the_order_they_came(data: Dataset) -> None:
    assert numbers(data) == list(range(MANY))
    assert len(data) == MANY
    assert numbers(data) == list(range(MANY))


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ({}, lambda n: True),
        ({"label": ...}, lambda n: True),
        ({"label": "neutral"}, lambda n: n % 3 == 0),
        ({"label": None}, lambda n: n % 3 == 2),
        ({"label": ["neutral", None]}, lambda n: n % 3 != 1),
        ({"label": {"drawings", "neutral", "none has it"}}, lambda n: n % 3 != 2),
        ({"label": []}, lambda n: False),
        ({"label": "none has it"}, lambda n: False),
        ({"label": ""}, lambda n: False),
        ({"label": "' OR 1 --"}, lambda n: False),
        ({"label": [None, *map(str, range(5_000))]}, lambda n: n % 3 == 2),
        ({"part": "train"}, lambda n: n % 4 == 0),
        ({"part": None}, lambda n: n % 4 > 1),
        ({"part": iter(["test", None])}, lambda n: n % 4 > 0),
        ({"part": []}, lambda n: False),
        ({"format": ["png", "gif"]}, lambda n: n % 5 in (1, 3)),
        ({"format": None}, lambda n: False),
        ({"min_side": 600}, lambda n: n >= 500),
        ({"min_side": 1_001}, lambda n: False),
        ({"where": lambda row: row.size == 2}, lambda n: 10 <= n < 100),
        ({"quarantined": True}, lambda n: False),
        (
            {"label": "neutral", "part": "test", "format": "jpeg", "min_side": 300},
            lambda n: n % 60 == 45 and n >= 200,
        ),
    ],
)
def test_filters(data: Dataset, conditions: dict[str, Any], kept: Any) -> None:
    view = data.filter(**conditions)
    assert numbers(view) == [n for n in range(MANY) if kept(n)]
    assert len(view) == len(numbers(view))
    assert len(data) == MANY


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ({"label": ["neutral", None]}, {"label": ["drawings", None]}, lambda n: n % 3 == 2),
        ({"label": "neutral"}, {"label": "drawings"}, lambda n: False),
        ({"label": "neutral"}, {"label": ...}, lambda n: n % 3 == 0),
        ({"label": "neutral"}, {"part": "train"}, lambda n: n % 12 == 0),
        ({"min_side": 600}, {"min_side": 300}, lambda n: n >= 500),
        (
            {"where": lambda row: row.size > 2},
            {"where": lambda row: row.size < 4},
            lambda n: 100 <= n < 1_000,
        ),
    ],
)
def test_a_filter_of_a_filter_admits_what_both_do(
    data: Dataset, first: dict[str, Any], second: dict[str, Any], kept: Any
) -> None:
    expected = [n for n in range(MANY) if kept(n)]
    assert numbers(data.filter(**first).filter(**second)) == expected
    assert numbers(data.filter(**second).filter(**first)) == expected
    assert len(data.filter(**first).filter(**second)) == len(expected)


@pytest.mark.parametrize("wanted", [3, b"neutral", ["neutral", 3], 0.5])
def test_a_condition_of_the_wrong_type(data: Dataset, wanted: Any) -> None:
    with pytest.raises(InputError, match="label"):
        data.filter(label=wanted)


@pytest.mark.parametrize("label", [..., "neutral", ["neutral", "drawings"], None])
def test_no_page_of_rows_is_sorted(data: Dataset, label: Wanted) -> None:
    statements: list[str] = []
    connection = data._ledger.connection
    connection.set_trace_callback(statements.append)
    next(iter(data.filter(label=label)))
    connection.set_trace_callback(None)
    [page] = [one for one in statements if "FROM images NOT INDEXED" in one]
    plan = connection.execute(f"EXPLAIN QUERY PLAN {page}").fetchall()
    assert [step[3] for step in plan] == [
        "SEARCH images USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH splits USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
    ]


def test_images_that_are_set_aside(ledger: Ledger) -> None:
    register(ledger, [(url(name), mapped()) for name in "abc"])
    keep(ledger)
    ledger.connection.execute("UPDATE images SET quarantine = 'a duplicate' WHERE id = 2")
    with Dataset(ledger.folder) as opened:
        aside = opened.filter(quarantined=True)
        assert [row.quarantine for row in aside] == ["a duplicate"]
        assert (len(aside), len(opened)) == (1, 2)
        assert len(aside.filter(label="neutral")) == 1
        assert len(aside.filter(quarantined=False)) == 2


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["train"], "train"),
        (["train", "train"], "train"),
        (["train", None], "train"),
        (["train", "test"], None),
        (["a,b"], "a,b"),
        ([None], None),
    ],
)
def test_a_part_is_what_the_sources_agree_on(
    ledger: Ledger, parts: list[str | None], expected: str | None
) -> None:
    entries = [(url(f"{n}", f"{n}", part=part), mapped()) for n, part in enumerate(parts)]
    register(ledger, entries)
    keep(ledger, "same")
    assert only(ledger).part == expected


def test_frames_have_a_parent_and_a_time(ledger: Ledger) -> None:
    register(ledger, [(url("a.gif"), mapped()), (url("b.gif"), mapped()), (url("c"), mapped())])
    by_name = {task.locator[-1]: task.id for task in pending(ledger)}
    a, b = sorted(task.id for task in pending(ledger) if task.locator.endswith("gif"))
    shown = [replace(image("x"), seconds=1.5), replace(image("y"), seconds=0.0)]
    apply(ledger, [Outcome(b, stored=(replace(image("x"), seconds=2.0),))])
    apply(ledger, [Outcome(a, stored=(*shown, replace(image("x"), seconds=9.0)))])
    apply(ledger, [Outcome(by_name["c"], stored=(image("z"),))])
    with Dataset(ledger.folder) as opened:
        found = [(row.parent, row.seconds, row.origins) for row in opened]
    site = "https://pictures.example/"
    assert found == [
        (f"{site}a.gif", 1.5, (f"{site}a.gif", f"{site}b.gif")),
        (f"{site}a.gif", 0.0, (f"{site}a.gif",)),
        (None, None, (f"{site}c",)),
    ]


def test_origins_with_odd_names_are_told_apart(ledger: Ledger) -> None:
    names = ["/a\x1fb", "/a", "/b\udce9", "/c,d", '/"e"', "/f\0g"]
    register(ledger, [(file(name), mapped()) for name in names])
    keep(ledger, "same")
    shown = sorted(name.replace("\udce9", r"\udce9") for name in names)
    assert only(ledger).origins == tuple(shown)
    with Dataset(ledger.folder) as opened:
        assert opened.to_arrow().column("origins").to_pylist() == [shown]


def test_losses_say_what_became_of_everything_else(ledger: Ledger) -> None:
    register(ledger, [(url("gone"), mapped()), (file("/kept"), mapped())])
    register(ledger, [(url("odd", "odd.txt"), unmapped()), (url("bad", "bad.txt"), denied())])
    ends = {"gone": Outcome(0, Reason.GONE, "404 Not Found", 404, 2), "kept": None}
    for task in pending(ledger):
        end = ends[task.locator.rpartition("/")[2]]
        apply(ledger, [replace(end or Outcome(0, stored=(image("kept"),)), id=task.id)])
    with Dataset(ledger.folder) as opened:
        losses = list(opened.filter(label="drawings").losses())
    site = "https://pictures.example/"
    assert [(loss.locator, loss.state, loss.reason, loss.label) for loss in losses] == [
        (f"{site}gone", State.FAILED, Reason.GONE, "neutral"),
        (f"{site}odd", State.REFUSED, Reason.UNMAPPED, None),
        (f"{site}bad", State.REFUSED, Reason.DENIED, None),
    ]
    assert [(loss.detail, loss.http_status, loss.attempts) for loss in losses] == [
        ("404 Not Found", 404, 2),
        ("'cats' belongs to no class", None, 0),
        ("'bad' in its list", None, 0),
    ]


def test_losses_of_more_than_a_page(ledger: Ledger) -> None:
    register(ledger, [(url(f"{n}"), denied() if n % 2 else mapped()) for n in range(2)])
    register(ledger, [(url(f"{n}", "bad.txt"), denied()) for n in range(2_500)])
    with Dataset(ledger.folder) as opened:
        assert len({loss.locator for loss in opened.losses()}) == 2_500
        assert len(list(opened.losses())) == 2_500


def test_an_arrow_table_has_a_column_for_each_attribute(data: Dataset) -> None:
    table = data.filter(label="neutral").to_arrow()
    rows = list(data.filter(label="neutral"))
    assert table.num_rows == len(rows)
    assert table.schema == arrow_schema()
    assert table.schema.names == list(Row.__dataclass_fields__)
    first = table.slice(0, 1).to_pylist()[0]
    assert first == {name: getattr(rows[0], name) for name in table.schema.names} | {
        "path": str(rows[0].path),
        "origins": list(rows[0].origins),
    }
    assert table.column("width").to_pylist() == [row.width for row in rows]
    assert table.column("label").type == pa.string()


def test_no_rows_have_the_same_columns(data: Dataset) -> None:
    table = data.filter(label=[]).to_arrow()
    assert table.num_rows == 0
    assert table.schema == arrow_schema()


def test_a_data_frame(data: Dataset) -> None:
    frame = data.filter(part="train").to_pandas()
    assert len(frame) == len(data.filter(part="train"))
    assert list(frame.columns) == list(Row.__dataclass_fields__)
    assert set(frame["part"]) == {"train"}
    assert frame["size"].sum() == sum(row.size for row in data.filter(part="train"))
    assert len(data.filter(label=[]).to_pandas()) == 0


WITHOUT = """
    import sys
    sys.modules[sys.argv[2]] = None  # an import of it fails, as where it is not installed
    import figleaf
    with figleaf.Dataset(sys.argv[1]) as data:
        print(len(list(data)))
        try:
            data.to_pandas()
        except figleaf.FigleafError as error:
            print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("pyarrow", MissingExtraError("data", "handing a data set to Arrow")),
        ("pandas", InputError("to_pandas needs pandas: pip install pandas")),
    ],
)
def test_what_is_not_installed_is_asked_for(many: Path, module: str, error: Exception) -> None:
    with python(WITHOUT, many, module) as run:
        assert run.communicate() == (f"{MANY}\n{type(error).__name__} {error}\n", "")


def test_reading_a_data_set_imports_neither_arrow_nor_the_network(many: Path) -> None:
    program = """
        import sys, figleaf
        with figleaf.Dataset(sys.argv[1]) as data:
            next(iter(data)), len(data), data.status(), list(data.losses())
        print(sorted({"pyarrow", "pandas", "aiohttp", "numpy", "PIL", "openvino"} & {*sys.modules}))
    """
    with python(program, many) as run:
        assert run.communicate() == ("[]\n", "")


def test_it_is_read_while_a_writer_writes(ledger: Ledger) -> None:
    register(ledger, [(url(f"{n}"), mapped()) for n in range(3_000)])
    tasks = pending(ledger)

    def write(count: int) -> None:
        apply(ledger, [Outcome(task.id, stored=(image(task.locator),)) for task in tasks[:count]])
        del tasks[:count]

    write(1_500)
    with Dataset(ledger.folder) as opened:
        rows = iter(opened)
        seen = [next(rows) for _ in range(10)]
        write(700)
        register(ledger, [(url(f"{n}"), mapped("drawings")) for n in range(3_000)])
        seen += rows
        assert 1_500 <= len(seen) <= 2_200
        assert len({row.sha256 for row in seen}) == len(seen)
        assert len(opened) == 2_200
        write(800)
        assert len(list(opened)) == len(opened) == 3_000


def test_views_of_a_data_set_close_with_it(many: Path) -> None:
    opened = Dataset(many)
    view = opened.filter(label="neutral")
    assert view.folder == opened.folder == many
    rows = iter(view)
    next(rows)
    view.close()
    opened.close()
    for use in (lambda: list(opened), lambda: len(view), lambda: list(rows), opened.status):
        with pytest.raises(DatasetError, match="closed"):
            use()


@pytest.mark.parametrize("there", [False, True])
def test_there_is_no_data_set(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "figleaf.db").write_text("not a database")
    with pytest.raises(DatasetError):
        Dataset(tmp_path)


def test_a_relative_folder_gives_relative_paths(many: Path) -> None:
    before = Path.cwd()
    os.chdir(many.parent)
    try:
        with Dataset(many.name) as opened:
            row = next(iter(opened))
    finally:
        os.chdir(before)
    assert row.path.parts[:2] == (many.name, "images")
    assert sys.getsizeof(row) < 200
