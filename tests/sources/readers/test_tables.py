import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from figleaf.dataset.records import Item, Kind, Reason, Task
from figleaf.errors import SourceError
from figleaf.sources.readers.columns import Columns
from figleaf.sources.readers.local import Failure, read_local
from figleaf.sources.readers.opening import SourceKind, open_source
from figleaf.sources.readers.reading import ProblemKind

from ..collecting import collected, ends, photo
from .makers import picture, pictures, rows, write

URL = "http://a.example/1.jpg"


def table(path: Path, text: str | bytes, columns: Columns | None = None) -> list[Item]:
    source = open_source(write(path, text), columns or Columns())
    assert source.kind is SourceKind.TABLE
    return list(source.items())


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("url,label", f"{URL},dress"),
        ("\ufeffURL,Class", f'"{URL}","dress"'),
        ("id;image_url;class name", f"7;{URL};dress"),
        ("Image-URL\tlabel", f"{URL}\t dress "),
        ("category|link", f"dress|{URL}"),
    ],
)
def test_columns_are_known_by_their_names(tmp_path: Path, header: str, row: str) -> None:
    items = table(tmp_path / "list.csv", f"{header}\r\n{row}\r\n")
    assert items == [Item(Kind.URL, URL, URL, "list.csv", label="dress")]


def test_a_text_file_with_a_header_is_a_table_whatever_its_name(tmp_path: Path) -> None:
    assert rows(table(tmp_path / "list.txt", f"url,label\n{URL},a\n")) == [(URL, "a", None)]


def test_json_lines(tmp_path: Path) -> None:
    text = "\n".join(
        json.dumps(row)
        for row in [
            {"caption": "no place"},
            {"url": URL, "label": 3, "split": "val"},
            {"url": URL + "?2", "label": ["dress"], "split": None},
            {"label": "x", "url": URL + "?3", "split": "fold-1"},
        ]
    )
    source = open_source(write(tmp_path / "list.jsonl", text))
    assert rows(source.items()) == [
        (URL, "3", "validation"),
        (URL + "?2", "dress", None),
        (URL + "?3", "x", "fold-1"),
    ]
    assert source.problems.count(ProblemKind.NO_LOCATOR) == 1


def test_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    urls = [f"http://a.example/{number}" for number in range(3000)]
    labels = ["a", None, "b"] * 1000
    columns = {"url": urls, "junk": [b"x" * 100] * 3000, "label": labels}
    parquet.write_table(pa.table(columns), tmp_path / "list", row_group_size=700)
    source = open_source(tmp_path / "list")
    assert source.kind is SourceKind.TABLE
    expected = [(url, label, None) for url, label in zip(urls, labels, strict=True)]
    assert rows(source.items()) == expected
    assert rows(source.items()) == expected


@pytest.mark.parametrize("name", ["list.parquet", "folder/metadata.parquet"])
def test_parquet_without_its_extra_says_which_one(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"PAR1" + bytes(100) + b"PAR1")
    given = path.parent if path.parent != tmp_path else path
    code = (
        "import sys\nsys.modules['pyarrow'] = None\n"
        "from figleaf.errors import MissingExtraError\n"
        "from figleaf.sources.readers.opening import open_source\n"
        f"try:\n    open_source({str(given)!r})\nexcept MissingExtraError as e:\n    print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "figleaf[data]" in done.stdout


def test_class_numbers_have_the_names_that_hugging_face_keeps(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    info = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    data = pa.table({"url": [URL, URL, URL], "label": [1, 0, 7]})
    data = data.replace_schema_metadata({"huggingface": json.dumps(info)})
    parquet.write_table(data, tmp_path / "list.parquet")
    assert [i.label for i in open_source(tmp_path / "list.parquet").items()] == ["dog", "cat", "7"]


def test_a_damaged_parquet_file_keeps_what_came_before(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "list.parquet"
    urls = [f"http://a.example/{number}" for number in range(4096)]
    parquet.write_table(pa.table({"url": urls}), path, row_group_size=1024, compression="gzip")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 500] = bytes(500)
    path.write_bytes(data)
    source = open_source(path)
    assert len(list(source.items())) >= 1024
    assert source.problems.count(ProblemKind.DAMAGED) == 1
    path.write_bytes(data[:-10])
    with pytest.raises(SourceError, match="not a Parquet file"):
        open_source(path)


def test_pictures_inside_of_a_parquet_table_are_no_paths(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    data = pa.table({"image": [{"bytes": b"x", "path": "a.jpg"}], "label": ["a"]})
    parquet.write_table(data, tmp_path / "x.parquet")
    with pytest.raises(SourceError, match="no column of URLs or paths"):
        open_source(tmp_path / "x.parquet")


def test_chosen_columns(tmp_path: Path) -> None:
    text = f"url,other,label,kind,fold\n{URL},{URL}?2,a,b,test\n"
    columns = Columns(url="other", label="kind", split="fold")
    assert rows(table(tmp_path / "x.csv", text, columns)) == [(URL + "?2", "b", "test")]


def test_a_chosen_column_that_is_missing_is_named_with_those_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", f"url,label\n{URL},a\n")
    with pytest.raises(SourceError, match="no column 'links'; there are: 'url', 'label'"):
        open_source(path, Columns(url="links"))


def test_a_table_without_a_usable_column_says_which_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "id,text\n1,hello\n")
    with pytest.raises(SourceError, match="among: 'id', 'text'; say which"):
        open_source(path)


def test_paths_are_relative_to_the_table(tmp_path: Path) -> None:
    inside = tmp_path / "inner" / "b.jpg"
    text = f"file_name,label\na.jpg,x\ninner\\b.jpg,y\n{inside},z\n./c/../d.jpg,\n"
    items = table(tmp_path / "x.csv", text)
    assert [(i.kind, i.locator, i.name, i.label) for i in items] == [
        (Kind.FILE, str(tmp_path / "a.jpg"), "a.jpg", "x"),
        (Kind.FILE, str(inside), "inner/b.jpg", "y"),
        (Kind.FILE, str(inside), "inner/b.jpg", "z"),
        (Kind.FILE, str(tmp_path / "d.jpg"), "d.jpg", None),
    ]


def test_what_leaves_the_folder_is_named_and_never_read(tmp_path: Path) -> None:
    write(tmp_path / "x.jpg", picture(1))
    text = "path\n/etc/passwd\n../x.jpg\na/../../x.jpg\n.\nok.jpg\n"
    path = write(tmp_path / "t" / "x.csv", text)
    source = open_source(path)
    items = list(source.items())
    up = os.path.relpath("/etc/passwd", path.parent)
    assert [item.name for item in items] == [up, "../x.jpg", "../x.jpg", ".", "ok.jpg"]
    (problem,) = source.problems
    assert (problem.kind, problem.count) == (ProblemKind.OUTSIDE, 3)
    assert problem.examples[0] == "x.csv row 2: /etc/passwd"
    tasks = [Task(number, item.kind, item.locator) for number, item in enumerate(items)]
    answers = [answer for _, answer in read_local(tasks, 2**20)]
    reasons = [answer.reason for answer in answers if isinstance(answer, Failure)]
    assert reasons == [Reason.UNREADABLE] * 4 + [Reason.NOT_FOUND]


def test_what_leaves_the_folder_has_its_end_in_the_ledger(tmp_path: Path) -> None:
    write(tmp_path / "t" / "in.jpg", photo(1))
    outside = write(tmp_path / "out.jpg", photo(2))
    path = write(tmp_path / "t" / "x.csv", f"path,label\nin.jpg,neutral\n{outside},neutral\n")
    status = collected(path, tmp_path / "data")
    assert status.total.images == 1
    assert ends(tmp_path / "data") == {
        str(path.parent / "in.jpg"): ("fetched", None),
        f"{path.parent}/../out.jpg": ("failed", "unreadable"),
    }


def test_a_table_whose_paths_all_leave_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x.jpg", picture(1))
    for name in ("t/x.csv", "m/metadata.csv"):
        path = write(tmp_path / name, f"file_name,label\n{tmp_path}/x.jpg,a\n,b\n../y.jpg,c\n")
        spec = path if name == "t/x.csv" else path.parent
        with pytest.raises(SourceError, match=r"all of its 2 paths leave .*with --root DIR"):
            open_source(spec)
        source = open_source(path, root=tmp_path)
        locators = [item.locator for item in source.items()]
        assert locators == [f"{tmp_path}/x.jpg", f"{tmp_path}/../y.jpg"]


def test_the_folder_of_the_paths_can_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t" / "x.csv", "path\na.jpg\nt/b.jpg\n../t/b.jpg\n../../c.jpg\n")
    monkeypatch.chdir(path.parent)
    for root in (tmp_path, str(tmp_path), ".."):
        source = open_source(path, root=root)
        assert [item.name for item in source.items()][:2] == ["a.jpg", "t/b.jpg"]
        assert next(source.items()).locator == str(tmp_path / "a.jpg")
        list(source.items())
        assert source.problems.count(ProblemKind.OUTSIDE) == 2
    with pytest.raises(SourceError, match="gone: no such folder"):
        open_source(path, root=tmp_path / "gone")


def test_what_leaves_the_folder_is_not_looked_at_for_the_account_of_a_folder(
    tmp_path: Path,
) -> None:
    root = pictures(tmp_path / "m", ["a.jpg", "b.jpg"])
    write(tmp_path / "c.jpg", picture(3))
    write(root / "metadata.csv", "file_name,label\na.jpg,x\n../c.jpg,x\n")
    source = open_source(root)
    assert rows(source.items()) == [("a.jpg", "x", None), ("../c.jpg", "x", None)]
    assert source.problems.count(ProblemKind.UNNAMED) == 1


def test_a_url_goes_before_a_path_unless_the_path_is_chosen(tmp_path: Path) -> None:
    text = f"url,filename\n{URL},a.jpg\n,b.jpg\n"
    assert [i.name for i in table(tmp_path / "x.csv", text)] == [URL, "b.jpg"]
    chosen = table(tmp_path / "x.csv", text, Columns(path="filename"))
    assert [i.name for i in chosen] == ["a.jpg", "b.jpg"]


def test_a_path_that_is_a_url_is_fetched(tmp_path: Path) -> None:
    (item,) = table(tmp_path / "x.csv", f"image\n{URL}\n")
    assert item.kind is Kind.URL


def test_rows_that_give_no_item_are_counted(tmp_path: Path) -> None:
    text = f"label,url\na\nb,\nc,{URL}\n\n{'l' * 201},{URL}\nd,http://{'x' * 9000}\n"
    source = open_source(write(tmp_path / "x.csv", text))
    assert rows(source.items()) == [(URL, "c", None)]
    assert source.problems.count(ProblemKind.NO_LOCATOR) == 2
    assert source.problems.count(ProblemKind.BAD_LABEL) == 1
    assert source.problems.count(ProblemKind.BAD_NAME) == 1


def test_json_that_cannot_be_read_is_counted(tmp_path: Path) -> None:
    good = json.dumps({"url": URL})
    bad = ["{", "[1]", "3", "[" * 100_000, '{"url": {"a": 1}}', '{"url": 1' + "0" * 5000 + "}"]
    source = open_source(write(tmp_path / "x.jsonl", "\n".join([good, *bad, good])))
    assert len(list(source.items())) == 2
    assert source.problems.count(ProblemKind.BAD_ROW) == 6


def test_a_quoted_field_may_have_line_ends(tmp_path: Path) -> None:
    text = f'caption,url\r\n"two\r\nlines, and ""quotes""",{URL}\r\nx,{URL}?2\r\n'
    assert [i.name for i in table(tmp_path / "x.csv", text)] == [URL, URL + "?2"]


def test_a_quote_that_is_never_closed_does_not_take_the_rest_of_the_file(tmp_path: Path) -> None:
    line = f"a,{URL}\n"
    text = f'label,url\n{line}"broken,{URL}\n' + line * 200_000
    source = open_source(write(tmp_path / "x.csv", text))
    count = sum(1 for _ in source.items())
    assert count > 100_000
    lost = source.problems.count(ProblemKind.BAD_ROW)
    assert count + lost == 200_002


def test_lone_surrogates_become_storable_text(tmp_path: Path) -> None:
    text = '{"url": "http://a/\\ud800", "label": "\\udfff", "split": "\\ud900"}\n'
    (item,) = open_source(write(tmp_path / "x.jsonl", text)).items()
    f"{item.locator}{item.name}{item.label}{item.part}".encode()
    csv = b"label,url\nd\xe9j\xe0,http://a/\xe9\n"
    (item,) = open_source(write(tmp_path / "x.csv", csv)).items()
    assert (item.label, item.locator) == ("d\ufffdj\ufffd", "http://a/%E9")


def test_a_path_that_is_not_utf8_is_counted(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "x.csv", b"path\n\xe9.jpg\na\0.jpg\n"))
    assert list(source.items()) == []
    assert source.problems.losses == 2


def test_packed_tables(tmp_path: Path) -> None:
    assert len(table(tmp_path / "x.csv.gz", f"url\n{URL}\n")) == 1
    assert len(table(tmp_path / "x.jsonl.gz", f'{{"url": "{URL}"}}\n')) == 1


def test_a_csv_without_a_header_is_a_list_or_refused(tmp_path: Path) -> None:
    assert open_source(write(tmp_path / "a.csv", f"{URL}\n{URL}\n")).kind is SourceKind.URL_LIST
    with pytest.raises(SourceError, match="no column of URLs"):
        open_source(write(tmp_path / "b.csv", f"{URL},dress\n{URL},shoe\n"))
