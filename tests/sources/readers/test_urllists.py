import os
from pathlib import Path

import pytest

from figleaf.dataset.records import Item, Kind
from figleaf.sources.readers.opening import SourceKind, open_source
from figleaf.sources.readers.reading import ProblemKind, Problems, as_url
from figleaf.sources.readers.urllists import urls

from .makers import list_repository, write

URL = "http://a.example/1.jpg"


def read(path: Path) -> list[str]:
    return list(urls(path, Problems(), path.name))


def test_the_layout_by_class(tmp_path: Path) -> None:
    root = list_repository(
        tmp_path / "scraper",
        {
            "porn/urls_porn.txt": [URL, "http://b.example/2.jpg"],
            "neutral/urls_neutral.txt": ["http://c.example/3.jpg"],
        },
    )
    source = open_source(root)
    assert (source.kind, source.name) == (SourceKind.URL_LISTS, "scraper")
    url = "http://c.example/3.jpg"
    items = list(source.items())
    assert items[0] == Item(Kind.URL, url, url, "scraper", "urls_neutral.txt", "neutral")
    assert [(item.category, item.listing) for item in items[1:]] == [("porn", "urls_porn.txt")] * 2
    assert not source.problems


def test_the_layout_by_category_and_source(tmp_path: Path) -> None:
    root = list_repository(
        tmp_path / "lists",
        {
            "appearance_clothing_dresses/forum.example/urls.txt": [URL],
            "appearance/other/urls.txt": ["http://b.example/2.jpg"],
        },
    )
    items = list(open_source(root).items())
    assert [(item.category, item.listing, item.locator) for item in items] == [
        ("appearance", "appearance/other", "http://b.example/2.jpg"),
        ("appearance_clothing_dresses", "appearance_clothing_dresses/forum.example", URL),
    ]


def test_levels_of_a_category_that_are_folders_are_joined(tmp_path: Path) -> None:
    root = list_repository(tmp_path, {"a/b/forum/urls.txt": [URL], "c/forum/urls.txt": [URL]})
    assert [item.category for item in open_source(root).items()] == ["a_b", "c"]


@pytest.mark.parametrize("inner", ["raw_data", "raw_data/dress", "raw_data/dress/forum"])
def test_any_folder_of_a_checkout_says_the_same(tmp_path: Path, inner: str) -> None:
    list_repository(tmp_path, {"dress/forum/urls.txt": [URL]})
    source = open_source(tmp_path / inner)
    assert source.kind is SourceKind.URL_LISTS
    found = [(item.category, item.listing) for item in source.items()]
    assert found == [("dress", "dress/forum")]


def test_one_class_folder(tmp_path: Path) -> None:
    list_repository(tmp_path, {"sexy/urls_sexy.txt": [URL], "porn/urls_porn.txt": [URL]})
    assert [i.category for i in open_source(tmp_path / "raw_data/sexy").items()] == ["sexy"]


def test_other_files_of_a_checkout_are_counted_not_read(tmp_path: Path) -> None:
    root = list_repository(tmp_path, {"porn/urls_porn.txt": [URL], "porn/notes.txt": [URL]})
    write(root / "raw_data" / "porn" / "IMAGES" / "1.jpg", b"\xff\xd8\xff")
    write(root / "README.md", "# lists")
    write(root / "raw_data" / ".git" / "urls.txt", URL)
    source = open_source(root)
    assert len(list(source.items())) == 1
    assert source.problems.count(ProblemKind.OTHER_FILE) == 2
    assert source.problems.losses == 0


def test_a_list_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret", "token\n")
    root = list_repository(tmp_path / "lists", {"a/b/urls.txt": [URL], "c/d/x": []})
    (root / "raw_data/c/d/urls.txt").symlink_to(secret)
    (root / "raw_data/e").symlink_to(tmp_path)
    source = open_source(root)
    assert [item.locator for item in source.items()] == [URL]
    assert source.problems.count(ProblemKind.LINK) == 2


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("porn.txt", "porn"),
        ("urls_porn.txt", "porn"),
        ("urls_sex_anal.txt.gz", "sex_anal"),
        ("my.list.txt", "my.list"),
        ("porn", "porn"),
    ],
)
def test_a_single_list_has_its_category_from_its_name(
    tmp_path: Path, name: str, category: str
) -> None:
    source = open_source(write(tmp_path / name, URL))
    assert source.kind is SourceKind.URL_LIST
    assert list(source.items()) == [Item(Kind.URL, URL, URL, name, category=category)]


def test_a_list_of_a_checkout_given_alone_keeps_its_category(tmp_path: Path) -> None:
    root = list_repository(tmp_path, {"dress/forum/urls.txt": [URL]})
    (item,) = open_source(root / "raw_data/dress/forum/urls.txt").items()
    assert item.category == "dress"


def test_blank_lines_comments_and_line_ends(tmp_path: Path) -> None:
    text = f"\ufeff{URL}\r\n\r\n# comment\n   \n\t {URL}?2 \u00a0\r\n#{URL}\nhttp://last"
    assert read(write(tmp_path / "x.txt", text)) == [URL, f"{URL}?2", "http://last"]


def test_bytes_that_are_not_utf8_are_percent_encoded(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.txt", b"http://a.example/caf\xe9.jpg\nhttp://a.example/caf\xc3\xa9\n"
    )
    found = read(path)
    assert found == ["http://a.example/caf%E9.jpg", "http://a.example/café"]
    "".join(found).encode()


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("HTTP://A.example/X", "http://A.example/X"),
        ("HttpS://a.example", "https://a.example"),
        ("//a.example/x.jpg", "https://a.example/x.jpg"),
        ("www.a.example/x.jpg", "http://www.a.example/x.jpg"),
        ("a.example/x.jpg", "http://a.example/x.jpg"),
        ("a.example:8080/x.jpg", "http://a.example:8080/x.jpg"),
        ("ftp://a.example/x", "ftp://a.example/x"),
        # Not taken for hosts: the fetcher refuses them and says why.
        ("photo.jpg", "photo.jpg"),
        ("hello world", "hello world"),
        ("/etc/passwd", "/etc/passwd"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ],
)
def test_what_a_line_means(line: str, url: str) -> None:
    assert as_url(line) == url


def test_lines_that_are_no_urls_are_items_all_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "x.txt", f"{URL}\nnonsense\n<html>\n")
    assert [item.locator for item in open_source(path).items()] == [URL, "nonsense", "<html>"]


def test_a_line_without_end_is_counted_and_takes_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "x.txt.gz", f"{URL}\nhttp://{'a' * 20_000_000}\n{URL}?2\n")
    assert path.stat().st_size < 100_000
    source = open_source(path)
    assert [item.locator for item in source.items()] == [URL, f"{URL}?2"]
    (problem,) = source.problems
    assert (problem.kind, problem.count) == (ProblemKind.LONG_LINE, 1)
    assert problem.examples == ("x.txt.gz line 2",)


def test_the_longest_line_that_is_taken(tmp_path: Path) -> None:
    longest = "http://" + "a" * (8192 - 8)
    path = write(tmp_path / "x.txt", f"{longest}\n{longest}aaa\n{longest}a")
    problems = Problems()
    assert list(urls(path, problems, "x")) == [longest, longest + "a"]
    assert problems.count(ProblemKind.LONG_LINE) == 1


def test_a_packed_list_that_is_cut_short_keeps_what_came_before(tmp_path: Path) -> None:
    lines = "".join(f"http://a.example/{number * 7919 % 10007}.jpg\n" for number in range(5000))
    path = write(tmp_path / "x.txt.gz", lines)
    os.truncate(path, path.stat().st_size // 2)
    source = open_source(path)
    assert 1000 < len(list(source.items())) < 5000
    assert source.problems.count(ProblemKind.DAMAGED) == 1


def test_a_list_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    root = list_repository(tmp_path, {"a/b/urls.txt": [URL], "c/d/urls.txt": [URL]})
    write(root / "raw_data/a/b/urls.txt", b"\x1f\x8bnot gzip at all")
    source = open_source(root)
    assert [item.category for item in source.items()] == ["c"]
    assert source.problems.losses == 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    root = list_repository(tmp_path, {"a/b/urls.txt": [URL], "c/d/x": []})
    os.mkfifo(root / "raw_data/c/d/urls.txt")
    source = open_source(root)
    assert len(list(source.items())) == 1
    assert source.problems.count(ProblemKind.UNREADABLE) == 1


def test_folders_whose_names_are_not_utf8_give_storable_items(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/raw_data/caf\xe9/f\xe9")
    write(Path(folder) / "urls.txt", URL)
    (item,) = open_source(tmp_path).items()
    assert (item.category, item.listing) == ("caf\ufffd", "caf\ufffd/f\ufffd")


def test_an_empty_list_has_no_items(tmp_path: Path) -> None:
    assert list(open_source(write(tmp_path / "porn.txt", "# nothing\n\n")).items()) == []
