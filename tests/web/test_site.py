"""What a site consists of, and what its index tells the page."""

import gzip
import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from figleaf._version import __version__
from figleaf.classify.policy import Policy, load_policy
from figleaf.errors import InputError, PageError, PolicyError
from figleaf.models.bundle import ZOO, find_bundle
from figleaf.models.card import Card, read_card
from figleaf.web.assets import RUNTIME_FILES, Assets, find_assets
from figleaf.web.fallback import Why, fallback_site
from figleaf.web.files import SiteFile, held, lying, page_files
from figleaf.web.headers import CONTENT_SECURITY_POLICY, HEADERS, headers_file
from figleaf.web.hosting import how_to_host
from figleaf.web.site import INDEX, Offer, offered_policies, site, site_model

from .standin import NAMES, WASM, standin


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    return standin(tmp_path / "assets")


def card_of(name: str | Path) -> Card:
    return read_card(find_bundle(name) / "card.json")


def bundle(folder: Path, model: str = "mobilenet_v2", **changes: object) -> Path:
    """A copy of an embedded model, with another card."""
    shutil.copytree(ZOO / model, folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **changes}))
    return folder


def index_of(files: dict[str, SiteFile]) -> dict[str, Any]:
    index: dict[str, Any] = json.loads(b"".join(files[INDEX].pieces()))
    return index


def made(page: list[SiteFile], *names: str | Path, default: Policy | None = None) -> dict[str, Any]:
    models = [site_model(find_bundle(name), card_of(name), default) for name in names]
    offer = Offer(models, offered_policies(()), "balanced", "v1/classify")
    return index_of(site(page, offer))


# Where the files are


def folders(tmp_path: Path, assets: Assets, where: str) -> tuple[Path, Path]:
    """A package and a checkout, one of which has the page."""
    package, checkout = tmp_path / "package", tmp_path / "checkout"
    page, library = {
        "wheel": (package / "static/page", package / "static/figleaf"),
        "checkout": (checkout / "web/page", checkout / "web/src"),
    }[where]
    shutil.copytree(assets.page, page)
    shutil.copytree(assets.library, library)
    shutil.copytree(assets.runtime, package / "static/ort")
    return package, checkout


@pytest.mark.parametrize("where", ["wheel", "checkout"])
def test_the_page_is_found_in_a_wheel_and_in_a_checkout(
    tmp_path: Path, assets: Assets, where: str
) -> None:
    package, checkout = folders(tmp_path, assets, where)
    found = find_assets(package, checkout)
    assert {file.name for file in page_files(found)} == NAMES
    assert found.page.is_relative_to(package) == (where == "wheel")


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("web/page/index.html", "without its page"),
        ("web/src/index.js", "without its page"),
        (f"static/ort/{RUNTIME_FILES[3]}", "without onnxruntime-web"),
    ],
)
def test_what_is_missing_is_named_and_so_is_the_remedy(
    tmp_path: Path, assets: Assets, gone: str, said: str
) -> None:
    package, checkout = folders(tmp_path, assets, "checkout")
    (path,) = (one / gone for one in (package, checkout) if (one / gone).exists())
    path.unlink()
    with pytest.raises(PageError, match=said) as raised:
        find_assets(package, checkout)
    assert "install npm" in str(raised.value)


# Files


def test_only_what_browsers_use_is_in_a_site(assets: Assets) -> None:
    files = page_files(assets)
    assert [file.name for file in files] == sorted(NAMES)
    types = {file.name: file.media_type for file in files}
    assert types["ort/ort-wasm-simd-threaded.wasm"] == "application/wasm"
    assert types["ort/ort.wasm.min.mjs"].startswith("text/javascript")
    assert types["index.html"].startswith("text/html")
    assert types["ort/LICENSE"].startswith("text/plain")


def test_a_file_has_its_bytes_size_and_hash(assets: Assets) -> None:
    path = assets.runtime / "ort-wasm-simd-threaded.wasm"
    for file in (lying("a.wasm", path), held("a.wasm", WASM)):
        pieces = list(file.pieces())
        assert len(pieces) > 2
        assert b"".join(pieces) == WASM
        assert file.size == len(WASM)
        assert file.sha256 == hashlib.sha256(WASM).hexdigest()


def test_a_file_that_has_changed_is_not_given_out(assets: Assets) -> None:
    path = assets.runtime / "LICENSE"
    file = lying("LICENSE", path)
    path.write_text("another licence")
    with pytest.raises(PageError, match="has changed"):
        list(file.pieces())
    path.unlink()
    with pytest.raises(PageError, match="No such file"):
        list(file.pieces())


def test_compressing_is_for_what_gets_smaller() -> None:
    packed = held("a.wasm", WASM).compressed()
    assert packed is not None
    assert gzip.decompress(packed) == WASM
    assert packed == held("a.wasm", WASM).compressed()  # no time in it
    assert held("a.png", random.Random(0).randbytes(100_000)).compressed() is None


# The index


def test_the_index_tells_of_models_and_policies(assets: Assets) -> None:
    page = page_files(assets)
    index = made(page, "mobilenet_v2", "resnet50_thin")
    assert index["version"] == __version__
    assert set(index["files"]) == NAMES
    first, second = index["models"]
    graph = (ZOO / "mobilenet_v2" / "model.onnx").read_bytes()
    card = card_of("mobilenet_v2")
    assert first == {
        "name": "mobilenet_v2",
        "tag": card.tag,
        "labels": list(card.labels),
        "description": card.description,
        "url": "models/mobilenet_v2/",
        "bytes": len(graph),
        "sha256": hashlib.sha256(graph).hexdigest(),
        "policy": "balanced",
        "default": True,
        "computes": None,
        "ensemble": None,
        "imported": None,
    }
    assert not second["default"]
    assert second["labels"] == ["sfw", "nsfw"]
    assert index["default_policy"] == "balanced"
    assert index["server"] == "v1/classify"
    strict = load_policy("strict")
    (shown,) = (one for one in index["policies"] if one["name"] == "strict")
    assert shown["unreadable"] == strict.unreadable
    assert [rule["name"] for rule in shown["rules"]] == [rule.name for rule in strict.rules]
    assert [rule["review"] for rule in shown["rules"]] == [rule.review for rule in strict.rules]
    assert [set(rule["classes"]) for rule in shown["rules"]] == [r.classes for r in strict.rules]


def test_the_build_changes_with_any_file_and_not_with_the_models(assets: Assets) -> None:
    before = made(page_files(assets), "mobilenet_v2")["build"]
    assert made(page_files(assets), "mobilenet_v2_mid")["build"] == before
    (assets.library / "index.js").write_text("export const load = 2;")
    after = made(page_files(assets), "mobilenet_v2")["build"]
    assert after != before
    (assets.library / "index.js").rename(assets.library / "other.js")
    assert made(page_files(assets), "mobilenet_v2")["build"] not in (before, after)


def test_a_bundle_is_in_it_byte_for_byte(assets: Assets) -> None:
    model = site_model(find_bundle("mobilenet_v2"), card_of("mobilenet_v2"), None)
    files = site(page_files(assets), Offer([model], offered_policies(()), "balanced"))
    for name in ("card.json", "model.onnx"):
        data = b"".join(files[f"models/mobilenet_v2/{name}"].pieces())
        assert data == (ZOO / "mobilenet_v2" / name).read_bytes()
    assert index_of(files)["server"] is None


@pytest.mark.parametrize(
    "name", ["../../etc", "a/b", "..", ".", "", "CON", "nul.txt", "모델", "a b", "x" * 200, "a."]
)
def test_a_name_that_is_no_folder_everywhere_gets_another(tmp_path: Path, name: str) -> None:
    folder = bundle(tmp_path / "bundle", name=name)
    model = site_model(folder, card_of(folder), None)
    assert model.folder.startswith("model-")
    assert {file.name.count("/") for file in model.files} == {2}
    assert model.card.name == name


def test_two_names_that_are_one_folder_where_case_does_not_count(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "bundle", name="MOBILENET_V2")
    model = site_model(folder, card_of(folder), None, ["mobilenet_v2"])
    assert model.folder.startswith("model-")


def test_a_bundle_that_has_changed_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "bundle")
    card = card_of(folder)
    shutil.copy(ZOO / "mobilenet_v2_mid" / "model.onnx", folder)
    with pytest.raises(PageError, match="has changed"):
        site_model(folder, card, None)
    again = bundle(tmp_path / "again", version="7")
    with pytest.raises(PageError, match="has changed"):
        site_model(again, card, None)


def test_a_model_without_classes_is_refused() -> None:
    with pytest.raises(InputError, match="no classes"):
        site_model(find_bundle("efficientnet_lite0"), card_of("efficientnet_lite0"), None)


def test_the_policies_are_the_given_ones_then_the_presets(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'format = 1\nname = "own"\nversion = 3\ndescription = ""\nunreadable = "block"\n'
        '[sums.unsafe]\nclasses = ["porn"]\nreview = 0.5\n'
    )
    assert [one.name for one in offered_policies([path, "strict"])] == [
        *("own", "strict", "balanced", "permissive")
    ]
    with pytest.raises(PolicyError, match="one name"):
        offered_policies([path, path])


def test_the_index_tells_what_a_model_is_made_of(tmp_path: Path) -> None:
    member = {"name": "a", "version": "2", "sha256": "0" * 64}
    origin = {"from": "huggingface", "files": {}, "labels": {}}
    cards: dict[str, dict[str, Any]] = {
        "plain": {},
        "int8": {"computes": "int8"},
        "both": {"ensemble": {"rule": "mean-unsafe", "members": [member, {**member, "name": "b"}]}},
        "hub": {"imported": {**origin, "repository": "OWNER/NAME"}},
        "files": {"imported": {**origin, "from": "tfjs"}},
    }
    models = []
    for name, more in cards.items():
        folder = bundle(tmp_path / name, name=name, **more)
        models.append(site_model(folder, card_of(folder), None))
    told = index_of(site([], Offer(models, offered_policies([]), "balanced")))["models"]
    fields = [(one["computes"], one["ensemble"], one["imported"]) for one in told]
    assert fields == [
        (None, None, None),
        ("int8", None, None),
        (None, {"rule": "mean-unsafe", "members": ["a@2", "b@2"]}, None),
        (None, None, "OWNER/NAME"),
        (None, None, "TensorFlow.js"),
    ]


# Headers


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    directives = dict(directive.split(" ", 1) for directive in CONTENT_SECURITY_POLICY.split("; "))
    assert directives["default-src"] == "'none'"
    allowed = {source for sources in directives.values() for source in sources.split()}
    assert allowed == {"'none'", "'self'", "'wasm-unsafe-eval'", "blob:", "data:"}
    assert directives["script-src"] == "'self' 'wasm-unsafe-eval'"


def test_static_hosts_are_told_all_headers() -> None:
    first, *lines = headers_file().splitlines()
    assert first == "/*"
    told = dict(line.strip().split(": ", 1) for line in lines)
    assert {name.lower(): value for name, value in told.items()} == {
        **HEADERS,
        "cache-control": "no-cache",
    }


def test_the_hints_name_what_threads_need() -> None:
    lines = "\n".join(how_to_host("my site"))
    assert "-d 'my site'" in lines
    assert lines.count("Cross-Origin-Embedder-Policy: require-corp") == 1


# The page of a server without the other one


@pytest.mark.parametrize("why", Why)
def test_the_small_page_says_why(why: Why) -> None:
    files = fallback_site(why, "v1/classify")
    index = index_of(files)
    assert index["reason"] == why
    assert index["models"] == []
    assert index["server"] == "v1/classify"
    script = b"".join(files["fallback.js"].pieces()).decode()
    assert script.count(f"\n    {why}:") == 2  # in both languages
    assert set(index["files"]) == set(files) - {INDEX}


def test_the_small_page_has_no_inline_script_or_style() -> None:
    html = b"".join(fallback_site(Why.ASSETS, "v1/classify")["index.html"].pieces()).decode()
    assert "style=" not in html
    assert "<style" not in html
    assert "<script>" not in html
    assert " on" not in html.replace(" only", "")
