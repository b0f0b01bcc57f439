"""Features on disk: what was kept is there, whatever happened to the end of the files."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.training.cache import FeatureCache, Key

KEY = Key("resnet50_thin", "ab" * 32, 6, "bilinear", "f32", "openvino 2026")


def name(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def rows(first: int, count: int) -> NDArray[np.float32]:
    """Numbers that float16 holds exactly."""
    return np.arange(6 * first, 6 * (first + count), dtype=np.float32).reshape(count, 6)


def filled(folder: Path, *batches: int) -> FeatureCache:
    cache, start = FeatureCache(folder, KEY), 0
    for count in batches:
        cache.append([name(start + at) for at in range(count)], rows(start, count))
        start += count
    return cache


def assert_holds(cache: FeatureCache, count: int) -> None:
    assert len(cache) == count
    names = [name(at) for at in range(count)]
    assert cache.rows(names).tolist() == list(range(count))
    np.testing.assert_array_equal(cache.matrix(), rows(0, count))
    assert name(count) not in cache


def test_what_is_appended_is_there_now_and_when_opened_again(tmp_path: Path) -> None:
    assert_holds(filled(tmp_path), 0)
    assert_holds(filled(tmp_path, 3, 1, 4), 8)
    again = FeatureCache(tmp_path, KEY)
    assert_holds(again, 8)
    again.append([name(8)], rows(8, 1))
    assert_holds(again, 9)
    assert_holds(FeatureCache(tmp_path, KEY), 9)


def test_rows_in_any_order_and_of_none(tmp_path: Path) -> None:
    cache = filled(tmp_path, 5)
    assert cache.rows([name(3), name(77), name(0)]).tolist() == [3, -1, 0]
    assert name(3) in cache
    assert name(77) not in cache


@pytest.mark.parametrize("file", ["features", "hashes"])
def test_half_a_row_is_cut_off_at_every_byte(tmp_path: Path, file: str) -> None:
    """A kill, or a full disk, ends either file anywhere within what was being appended."""
    whole = filled(tmp_path / "whole", 2, 3).folder
    size = {"features": 12, "hashes": 32}[file]
    for missing in range(1, 3 * size + 1):
        copy = tmp_path / str(missing)
        shutil.copytree(whole.parent, copy)
        path = copy / whole.name / file
        path.write_bytes(path.read_bytes()[:-missing])
        left = 5 - -(-missing // size)
        cache = FeatureCache(copy, KEY)
        assert_holds(cache, left)
        cache.append([name(at) for at in range(left, 6)], rows(left, 6 - left))
        assert_holds(cache, 6)
        assert_holds(FeatureCache(copy, KEY), 6)
        shutil.rmtree(copy)


def test_features_that_have_no_hash_are_cut_off(tmp_path: Path) -> None:
    """Killed between the two flushes: the next row must not come after them."""
    folder = filled(tmp_path, 4).folder
    with (folder / "features").open("ab") as file:
        file.write(b"\xff" * 12 * 7 + b"\xff" * 5)
    cache = FeatureCache(tmp_path, KEY)
    assert_holds(cache, 4)
    cache.append([name(4)], rows(4, 1))
    assert_holds(FeatureCache(tmp_path, KEY), 5)


@pytest.mark.parametrize("file", ["features", "hashes"])
def test_a_file_that_is_gone_is_begun_anew(tmp_path: Path, file: str) -> None:
    (filled(tmp_path, 4).folder / file).unlink()
    assert_holds(FeatureCache(tmp_path, KEY), 0)


def test_another_key_is_another_folder(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    others = [
        replace(KEY, backbone="resnet50 thin"),  # the same letters in a folder's name
        replace(KEY, sha256="cd" * 32),
        replace(KEY, width=7),
        replace(KEY, preprocessing="bicubic"),
        replace(KEY, precision="bf16"),
        replace(KEY, runtime="openvino 2027"),
    ]
    assert len({key.folder for key in [KEY, *others]}) == 7
    for key in others:
        assert len(FeatureCache(tmp_path, key)) == 0
    assert_holds(FeatureCache(tmp_path, KEY), 2)


@pytest.mark.parametrize("backbone", ["../../up", "a/b", "고양이", "x" * 300, ".", "a\nb"])
def test_a_name_of_anybodys_choosing_stays_in_the_folder(tmp_path: Path, backbone: str) -> None:
    cache = FeatureCache(tmp_path, replace(KEY, backbone=backbone))
    assert cache.folder.parent == tmp_path
    assert json.loads((cache.folder / "key.json").read_text("utf-8"))["backbone"] == backbone


def test_what_float16_cannot_hold_is_kept_at_its_ends(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, KEY)
    cache.append([name(0)], np.array([[1e9, -1e9, 65519, np.inf, 1e-9, 0.1]], np.float32))
    found = cache.matrix()[0].tolist()
    assert found[:5] == [65504, -65504, 65504, 65504, 0]
    assert found[5] == pytest.approx(0.1, rel=1e-3)


def test_the_matrix_is_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    matrix = filled(tmp_path, 3).matrix()
    assert isinstance(matrix, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1


def test_a_hash_that_is_there_twice_shifts_no_row(tmp_path: Path) -> None:
    """Of a file that was damaged, or put together by hand."""
    folder = filled(tmp_path, 3).folder
    data = (folder / "hashes").read_bytes()
    (folder / "hashes").write_bytes(data[:32] + data[:32] + data[64:])
    cache = FeatureCache(tmp_path, KEY)
    cache.append([name(7)], rows(7, 1))
    (row,) = cache.rows([name(7)])
    np.testing.assert_array_equal(cache.matrix()[row], rows(7, 1)[0])
