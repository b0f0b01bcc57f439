"""Which category is which class, and what a user's map may change."""

import hashlib
import os
import tomllib
import unicodedata
from pathlib import Path

import pytest

from figleaf import labels
from figleaf.errors import RulesError
from figleaf.sources.vetting.categories import MAP, MAX_NAME, Categories, load_categories

SHARED = os.environ.get("FIGLEAF_SHARED")
FIRST = {"drawings", "drawing", "hentai", "neutral", "porn", "sexy"}
NAMES = tomllib.loads(MAP.read_text("utf-8"))["categories"]


@pytest.fixture(scope="module")
def shipped() -> Categories:
    return load_categories()


def override(folder: Path, text: str | bytes) -> Categories:
    path = folder / "mine.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_categories(path)


def test_the_first_collections_names_are_the_classes(shipped: Categories) -> None:
    for name in FIRST:
        found = labels.find(name)
        assert found is not None
        assert shipped.label_of(name) == found.name


def test_every_entry_says_why_and_maps_to_one_of_the_five_or_none() -> None:
    five = {label.name for label in labels.FIVE}
    for name, entry in NAMES.items():
        assert entry.keys() <= {"label", "why"}, name
        assert entry.get("label", "porn") in five, name
        assert 3 < len(entry["why"]) <= 60, name


def test_the_second_collection_has_159_names() -> None:
    assert len(NAMES.keys() - FIRST) == 159


@pytest.mark.skipif(not SHARED, reason="needs FIGLEAF_SHARED")
def test_the_names_are_those_of_the_second_collection() -> None:
    table = (Path(SHARED or "") / "categories.tsv").read_text("utf-8").splitlines()
    assert NAMES.keys() - FIRST == {line.partition("\t")[0] for line in table[1:]}


def test_names_match_in_any_case_and_composition(tmp_path: Path, shipped: Categories) -> None:
    assert shipped.label_of("SEX_Anal") == "porn"
    mine = override(tmp_path, '[categories]\n"Café_Straße_각" = "neutral"')
    for name in ("café_straße_각", "CAFÉ_STRASSE_각"):
        assert mine.label_of(unicodedata.normalize("NFD", name)) == "neutral"
    assert mine.label_of("cafe_strasse") is None


@pytest.mark.parametrize("name", ["sex anal", "sex_anal ", "sex", "SEX_ANAL_X", "", "cats"])
def test_only_whole_names_match(shipped: Categories, name: str) -> None:
    assert shipped.label_of(name) == ("porn" if name == "sex" else None)
    if name != "sex":
        assert shipped.why(name) == "not in the map; say so with --map"


def test_a_users_map_is_laid_over_the_one_that_ships(tmp_path: Path) -> None:
    text = """
        format = 1
        [categories]
        exhibition_public = "sexy"
        SEX_anal = "none"
        "my own" = "dress"
    """
    mine = override(tmp_path, text)
    assert mine.label_of("exhibition_public") == "sexy"
    assert mine.why("exhibition_public") == "mine.toml says so"
    assert mine.label_of("sex_anal") is None
    assert mine.why("sex_anal") == "mine.toml says so"
    assert mine.label_of("my own") == "dress"
    assert mine.label_of("sex_oral") == "porn"
    assert mine.overrides("Exhibition_Public")
    assert not mine.overrides("sex_oral")


def test_the_hash_is_that_of_all_that_holds(tmp_path: Path, shipped: Categories) -> None:
    text = '[categories]\na = "b"\n'
    assert shipped.sha256 == hashlib.sha256(MAP.read_bytes()).hexdigest()
    assert override(tmp_path, text).sha256 == (
        hashlib.sha256(MAP.read_bytes() + text.encode()).hexdigest()
    )


@pytest.mark.parametrize("label", ["dress", "드레스", "a b", "class.1", "x" * MAX_NAME])
def test_a_class_may_have_any_name(tmp_path: Path, label: str) -> None:
    assert override(tmp_path, f'[categories]\na = "{label}"').label_of("a") == label


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no entry under"),
        ("[categories]", "no entry under"),
        ("categories = 3", "no entry under"),
        ('a = "porn"', "unknown field 'a'; there are format"),
        ('format = 2\n[categories]\na = "b"', "'format' is 2, this figleaf reads 1"),
        ("[categories]\na = 1", "'a' is 1, not a class in quotes"),
        ("[categories]\na = false", "'a' is False"),
        ("[categories]\na.b = 'c'", "'a' is {'b': 'c'}, not a class"),
        ("[categories]\na = ''", "'a' has the class ''"),
        ("[categories]\na = ' porn'", "'a' has the class ' porn'.*either end"),
        ("[categories]\na = 'porn/../..'", "cannot be a folder's name"),
        (r"[categories]" "\n" r"a = 'porn\x'", "cannot be a folder's name"),
        ("[categories]\na = '..'", "cannot be a folder's name"),
        ("[categories]\na = '.hidden'", "cannot be a folder's name"),
        ('[categories]\na = "po\\nrn"', "printable"),
        ('[categories]\na = "po\\u0000rn"', "printable"),
        ('[categories]\na = "\\u202eporn"', "printable"),
        (f"[categories]\na = '{'x' * 201}'", "1 to 200 printable"),
        ("[categories]\n'' = 'porn'", "'' is no category"),
        ("[categories]\n' ' = 'porn'", "' ' is no category"),
        ('[categories]\n"a\\nb" = "porn"', "is no category"),
        (f"[categories]\n{'x' * 201} = 'porn'", "is no category"),
        ("[categories]\na = 'porn'\nA = 'sexy'", "'A' is 'a' in another spelling"),
        ("[categories]\na = 'porn'\na = 'sexy'", "not a TOML file"),
        ("[categories", "not a TOML file"),
        (b"\xff", "not a TOML file"),
        (b"#" * ((1 << 20) + 1), "over 1,048,576 bytes"),
    ],
)
def test_a_map_that_is_not_valid_is_refused(
    tmp_path: Path, text: str | bytes, complaint: str
) -> None:
    with pytest.raises(RulesError, match=complaint) as raised:
        override(tmp_path, text)
    assert str(tmp_path) in str(raised.value)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml", Path("/dev/zero")):
        with pytest.raises(RulesError, match="no such file; a map of categories is a TOML file"):
            load_categories(path)
