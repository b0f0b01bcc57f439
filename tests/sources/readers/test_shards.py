import io
import json
import random
import tarfile
from pathlib import Path

import pytest

from figleaf.dataset.records import Item, Kind
from figleaf.errors import SourceError
from figleaf.sources.readers.archives import members
from figleaf.sources.readers.columns import Columns
from figleaf.sources.readers.opening import Source, SourceKind, open_source
from figleaf.sources.readers.reading import ProblemKind
from figleaf.sources.readers.shards import expand

from .makers import picture, rows, shard, tar_bytes, write


def shards(path: Path | str, columns: Columns | None = None) -> Source:
    source = open_source(path, columns or Columns())
    assert source.kind is SourceKind.SHARDS
    return source


@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x.tar.gz", "x.TAR", "x"])
def test_samples_are_members_with_the_same_key(tmp_path: Path, name: str) -> None:
    path = shard(
        tmp_path / name,
        {"a/1.JPG": picture(), "a/1.cls": b"dress", "a/2.cls": b"shoe", "a/2.png": picture(1)},
    )
    locator = f"{path}::a/1.JPG"
    items = list(shards(path).items())
    assert items[0] == Item(Kind.MEMBER, locator, "a/1.JPG", name, name, None, "dress")
    assert rows(items) == [("a/1.JPG", "dress", None), ("a/2.png", "shoe", None)]


def test_class_numbers_count_the_lines_of_a_file_beside(tmp_path: Path) -> None:
    data = {"0.cls": b"1", "0.jpg": picture(), "1.cls": b"0\n", "1.jpg": picture(1)}
    data |= {"2.cls": b"7", "2.jpg": picture(2), "3.cls": b"dress", "3.jpg": picture(3)}
    path = shard(tmp_path / "x.tar", data)
    assert [item.label for item in shards(path).items()] == ["1", "0", "7", "dress"]
    write(tmp_path / "classes.txt", "neutral\nsexy\n")
    assert [item.label for item in shards(path).items()] == ["sexy", "neutral", "7", "dress"]
    assert [item.label for item in shards(tmp_path).items()] == ["sexy", "neutral", "7", "dress"]


def sample(number: int, **values: object) -> dict[str, bytes]:
    name = f"{number:09d}"
    return {f"{name}.jpg": picture(number), f"{name}.json": json.dumps(values).encode()}


def test_labels_in_json(tmp_path: Path) -> None:
    data = sample(0, label="dress", url="HTTP://a.example/0.jpg", status="success")
    data |= sample(1, category="shoe", other=5) | sample(2, text="none") | sample(3, label=["x"])
    path = shard(tmp_path / "x.tar", data)
    assert rows(shards(path).items()) == [
        ("http://a.example/0.jpg", "dress", None),
        ("000000001.jpg", "shoe", None),
        ("000000002.jpg", None, None),
        ("000000003.jpg", "x", None),
    ]
    chosen = shards(path, Columns(label="other")).items()
    assert [item.label for item in chosen] == [None, "5", None, None]


def test_a_chosen_key_goes_before_the_class_member(tmp_path: Path) -> None:
    path = shard(tmp_path / "x.tar", {"0.cls": b"3"} | {"0.jpg": picture(), "0.json": b'{"l":"a"}'})
    assert [item.label for item in shards(path).items()] == ["3"]
    assert [item.label for item in shards(path, Columns(label="l")).items()] == ["a"]


def test_labels_that_are_none_are_counted_and_the_picture_stays(tmp_path: Path) -> None:
    data = {"0.cls": b"x" * 201, "1.cls": b"", "2.json": b"{", "3.json": b"[" * 10_000}
    data |= {"4.json": b'{"label": {}}', "5.json": b" " * 2**20 + b"{}", "6.cls": b"\xff"}
    both = {
        name: value
        for key, label in data.items()
        for name, value in ((key, label), (f"{key[0]}.jpg", picture()))
    }
    source = shards(shard(tmp_path / "x.tar", both))
    assert [item.label for item in source.items()] == [None] * 6 + ["\ufffd"]
    assert source.problems.count(ProblemKind.BAD_LABEL) == 6


def test_folders_of_shards(tmp_path: Path) -> None:
    shard(tmp_path / "train" / "1.tar", {"a.jpg": picture(1)})
    shard(tmp_path / "train" / "0.tar", {"a.jpg": picture(2)})
    shard(tmp_path / "val" / "0.tar", {"a.jpg": picture(3), "a.cls": b"1"})
    write(tmp_path / "classnames.txt", "a\nb\n")
    write(tmp_path / "00000_stats.json", "{}")
    source = shards(tmp_path)
    assert [(i.listing, i.label, i.part) for i in source.items()] == [
        ("train/0.tar", None, "train"),
        ("train/1.tar", None, "train"),
        ("val/0.tar", "b", "validation"),
    ]
    assert source.problems.count(ProblemKind.OTHER_FILE) == 2


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("imagenet-train-000001.tar", "train"),
        ("val_07.tgz", "validation"),
        ("test.tar", None),
        ("latest-01.tar", None),
        ("000001.tar", None),
    ],
)
def test_the_split_in_a_shards_name(tmp_path: Path, name: str, part: str | None) -> None:
    (item,) = shards(shard(tmp_path / name, {"a.jpg": picture()})).items()
    assert item.part == part


def test_patterns(tmp_path: Path) -> None:
    for number in range(12):
        shard(tmp_path / f"d-{number:03d}.tar", {f"{number}.jpg": picture()})
    source = shards(f"porn={tmp_path}/d-{{000..011}}.tar")
    assert rows(source.items()) == [(f"{number}.jpg", "porn", None) for number in range(12)]
    assert source.name == "d-{000..011}.tar"
    with pytest.raises(SourceError, match=r"no shard .*d-012\.tar, one of 13"):
        open_source(f"{tmp_path}/d-{{000..012}}.tar")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("x.tar", ["x.tar"]),
        ("{a,b}-{1..2}", ["a-1", "a-2", "b-1", "b-2"]),
        ("{08..10}", ["08", "09", "10"]),
        ("{3..1}", ["3", "2", "1"]),
        ("{a,{b,c}}", ["a", "b", "a", "c"]),
        ("a{", ["a{"]),
        ("{}", [""]),
    ],
)
def test_what_a_pattern_stands_for(pattern: str, names: list[str]) -> None:
    assert expand(pattern) == names


def test_a_pattern_of_too_many_shards_is_refused() -> None:
    with pytest.raises(SourceError, match="more than 100,000"):
        expand("{0..999999999}-{0..999999999}")


def test_a_sample_without_a_picture_is_counted(tmp_path: Path) -> None:
    source = shards(shard(tmp_path / "x.tar", {"0.cls": b"a", "0.txt": b"", "1.jpg": picture()}))
    assert rows(source.items()) == [("1.jpg", None, None)]
    (problem,) = source.problems
    assert (problem.kind, problem.examples) == (ProblemKind.NO_IMAGE, ("x.tar: 0",))


def test_several_pictures_of_a_sample(tmp_path: Path) -> None:
    data = {"0.cls": b"a", "0.jpg": picture(), "0.png": picture(), "0.mask.png": picture()}
    source = shards(shard(tmp_path / "x.tar", data))
    assert [item.name for item in source.items()] == ["0.jpg", "0.png"]
    assert source.problems.count(ProblemKind.OTHER_FILE) == 1


def test_names_with_dots_lose_no_picture(tmp_path: Path) -> None:
    data = {f"shoot.{number}.jpg": picture(number % 256) for number in range(1200)}
    source = shards(shard(tmp_path / "x.tar", data))
    count = len(list(source.items()))
    assert count > 1000
    assert count + source.problems.count(ProblemKind.CROWDED) == 1200


def test_a_member_that_comes_twice_is_counted(tmp_path: Path) -> None:
    data = tar_bytes({"0.jpg": bytes(512)})
    path = write(tmp_path / "x.tar", data[:1024] + data)
    assert len(list(members(path))) == 2
    source = shards(path)
    assert len(list(source.items())) == 1
    assert source.problems.count(ProblemKind.TWICE) == 1


def test_meta_and_hidden_members_are_left_out(tmp_path: Path) -> None:
    data = {"__meta__/x.jpg": b"", "._0.jpg": b"", "a/.b.jpg": b"", "noext": b"", "0.jpg": b"x"}
    source = shards(shard(tmp_path / "x.tar", data))
    assert [item.name for item in source.items()] == ["0.jpg"]
    assert source.problems.count(ProblemKind.OTHER_FILE) == 4


def test_links_devices_and_wandering_names_reach_nothing(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.jpg", b"secret")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number, kind in enumerate(
            (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
        ):
            info = tarfile.TarInfo(f"{number}.jpg")
            info.type, info.linkname = kind, str(secret)
            tar.addfile(info)
        for name in ("../../up.jpg", "/etc/abs.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    before = sorted(tmp_path.rglob("*"))
    source = shards(write(tmp_path / "shards" / "x.tar", buffer.getvalue()))
    assert [item.name for item in source.items()] == ["../../up.jpg", "/etc/abs.jpg"]
    assert source.problems.count(ProblemKind.LINK) == 4
    assert sorted(path for path in tmp_path.rglob("*") if "shards" not in str(path)) == before


DATA = {f"{number}.jpg": picture(number) for number in range(10)}


@pytest.mark.parametrize("packed", [False, True])
def test_a_shard_that_is_cut_short_keeps_what_came_before(tmp_path: Path, packed: bool) -> None:
    noise = random.Random(0).randbytes
    data = {f"{number}.jpg": noise(20_000) for number in range(10)}
    path = write(tmp_path / ("x.tgz" if packed else "x.tar"), tar_bytes(data))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = shards(tmp_path)
    names = [item.name for item in source.items()]
    assert names == list(data)[: len(names)]
    assert 2 < len(names) < 9
    (problem,) = source.problems
    assert (problem.kind, problem.count) == (ProblemKind.DAMAGED, 1)
    assert problem.examples[0].startswith(f"{path.name}: damaged after byte ")


def test_damage_in_the_middle_does_not_pass_for_the_end(tmp_path: Path) -> None:
    data = bytearray(tar_bytes(DATA))
    start = data.index(b"5.jpg")
    data[start : start + 512] = b"\xaa" * 512
    shard(tmp_path / "b.tar", {"z.jpg": picture()})
    source = shards(write(tmp_path / "a.tar", bytes(data)).parent)
    found = [item.name for item in source.items()]
    assert found == [*list(DATA)[:5], "z.jpg"]
    assert source.problems.count(ProblemKind.DAMAGED) == 1


def test_a_shard_without_its_end_mark_is_counted(tmp_path: Path) -> None:
    data = tar_bytes(DATA)
    source = shards(write(tmp_path / "a.tar", data[: len(data.rstrip(b"\0")) // 512 * 512 + 512]))
    assert len(list(source.items())) == 10
    assert "end mark" in next(iter(source.problems)).examples[0]


def header(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """A header that `tarfile` would not write."""
    info = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    info[124 : 124 + len(size)] = size
    info[156:157] = kind
    info[148:156] = b" " * 8
    info[148:156] = b"%06o\0 " % sum(info)
    return bytes(info)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(header("x.jpg", b"\xff" * 12), id="negative size"),
        pytest.param(header("x.json", b"\x80" + b"\0" * 3 + b"\x7f" * 8), id="exabytes"),
        pytest.param(header("x.json", b"77777777777\0"), id="8 GB of JSON"),
        pytest.param(header("x", b"77777777777\0", b"x"), id="8 GB of attributes"),
        pytest.param(header("x", b"77777777777\0", b"g"), id="8 GB of global attributes"),
        pytest.param(header("x", b"77777777777\0", b"L"), id="8 GB of name"),
        pytest.param(header("x", b"00000000000\0", b"L") * 3000, id="names of names"),
        pytest.param(header("x", b"00000000000\0", b"x") * 3000, id="attributes of attributes"),
    ],
)
def test_hostile_headers_end_the_shard(tmp_path: Path, hostile: bytes) -> None:
    path = write(tmp_path / "x.tar", tar_bytes(DATA).rstrip(b"\0") + b"\0" * 512)
    data = path.read_bytes()
    data = data[: len(data) // 512 * 512] + hostile + bytes(2**20)
    source = shards(write(tmp_path / "x.tgz" / "y.tgz", data).parent)
    assert len(list(source.items())) >= 9
    assert source.problems.count(ProblemKind.DAMAGED) == 1


def test_attributes_of_gigabytes_are_not_held(tmp_path: Path) -> None:
    data = header("x", b"%011o\0" % 2**26, b"x") + b"1 a=b\n" + bytes(2**26)
    path = write(tmp_path / "x.tgz", data)
    with pytest.raises(SourceError, match="headers of more than"):
        list(members(path))


def test_shards_and_pictures_in_one_folder_are_ambiguous(tmp_path: Path) -> None:
    shard(tmp_path / "x.tar", {"a.jpg": picture()})
    write(tmp_path / "a" / "x.jpg", picture())
    with pytest.raises(SourceError, match="both shards and pictures"):
        open_source(tmp_path)


def test_a_path_that_no_locator_can_hold_is_refused(tmp_path: Path) -> None:
    path = shard(tmp_path / "a::b" / "x.tar", {"a.jpg": picture()})
    with pytest.raises(SourceError, match="without '::'"):
        open_source(path)
    with pytest.raises(SourceError, match="without '::'"):
        open_source(path.parent)


def test_members_whose_names_no_database_takes_are_counted(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", errors="surrogateescape") as tar:
        for name in ("caf\udce9.jpg", "x" * 1100 + ".jpg", "ok.jpg"):
            tar.addfile(tarfile.TarInfo(name))
    source = shards(write(tmp_path / "x.tar", buffer.getvalue()))
    assert [item.name for item in source.items()] == ["ok.jpg"]
    assert source.problems.count(ProblemKind.BAD_NAME) == 2
