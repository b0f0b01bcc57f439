"""Pictures by every way in, judged to Python's numbers."""

import base64
import csv
import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

import figleaf
from figleaf.classify.policy import load_policy, parse_policy

from .hosting import hosted
from .opened import Opened

CLOSE = 2e-3

PASTE = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  if (name) transfer.items.add(new File([bytes], name, { type }));
  const told = { clipboardData: transfer, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new ClipboardEvent("paste", told));
}"""


def test_scores_verdict_and_reason_are_pythons(
    opened: Opened, pictures: Path, classifier: figleaf.Classifier
) -> None:
    names = ["astronaut.png", "chelsea.png", "rocket.jpg", "coffee.png"]
    opened.choose(*(pictures / name for name in names))
    opened.judged(len(names))
    for record in opened.records():
        found = classifier.classify(pictures / record["input"]).to_dict()
        for label, score in found.pop("scores").items():
            assert record["scores"][label] == pytest.approx(score, abs=CLOSE)
        assert record["unsafe"] == pytest.approx(found.pop("unsafe"), abs=CLOSE)
        reason = found.pop("reason").split()
        assert record["reason"].split()[0::2] == reason[0::2]  # "unsafe", "<"
        same = {name: record[name] for name in found if name != "input"}
        assert same == {name: found[name] for name in same}


def test_bars_are_the_most_probable_classes_with_what_they_mean(
    opened: Opened, photo: Path
) -> None:
    opened.choose(photo)
    opened.judged(1)
    row = opened.row("astronaut.png")
    bars = row.locator(".bars li")
    expect(bars).to_have_count(5)
    shares = [float(one.rstrip("%")) for one in row.locator(".bar-share").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.5)
    widths = [
        one.evaluate("one => parseFloat(one.style.width)") for one in row.locator(".bar-fill").all()
    ]
    assert widths == pytest.approx(shares, abs=0.1)
    opened.at("top").select_option("1")
    expect(bars).to_have_count(1)
    assert row.locator(".bar-label").inner_text() == "neutral"
    meaning = row.locator(".bar-meaning").first
    expect(meaning).to_be_hidden()
    row.get_by_role("button", name="What the classes mean").press("Enter")
    expect(meaning).to_have_text("safe pictures")
    assert row.locator(".bar-label").get_attribute("title") == "safe pictures"


def test_dropped_files_and_folders(opened: Opened, pictures: Path, tmp_path: Path) -> None:
    deep = tmp_path / "holiday" / "day 1"
    deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes((pictures / "rocket.jpg").read_bytes())
    (tmp_path / "holiday" / "notes.txt").write_text("no picture")
    opened.drop([pictures / "coffee.png", tmp_path / "holiday"])
    opened.judged(2)
    assert sorted(opened.names()) == ["coffee.png", "holiday/day 1/a.jpg"]
    expect(opened.at("taken")).to_contain_text("1 file of the folder is neither")


def test_a_folder_that_is_chosen(opened: Opened, pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "사진"
    folder.mkdir()
    for name in ("rocket.jpg", "coffee.png"):
        (folder / name).write_bytes((pictures / name).read_bytes())
    (folder / "list.csv").write_text("a,b")
    opened.page.set_input_files("#folder-files", folder)
    opened.judged(2)
    assert sorted(opened.names()) == ["사진/coffee.png", "사진/rocket.jpg"]


def test_pasted_pictures(opened: Opened, photo: Path) -> None:
    data = base64.b64encode(photo.read_bytes()).decode()
    for _ in range(2):
        opened.page.evaluate(PASTE, ["image.png", "image/png", data])
    opened.judged(2)
    assert opened.names() == ["pasted 1.png", "pasted 2.png"]
    opened.page.evaluate(PASTE, [None, None, ""])
    expect(opened.at("taken")).to_have_text("What was pasted holds no picture")


def test_what_cannot_be_judged_is_a_row_with_a_status(opened: Opened, photo: Path) -> None:
    whole = photo.read_bytes()
    opened.choose(
        {"name": "empty.png", "mimeType": "image/png", "buffer": b""},
        {"name": "page.jpg", "mimeType": "image/jpeg", "buffer": b"<html>gone</html>"},
        {"name": "damaged.png", "mimeType": "image/png", "buffer": whole[:40] + bytes(2000)},
        {
            "name": "kept.heic",
            "mimeType": "image/heic",
            "buffer": b"\0\0\0\x18ftypheic" + bytes(90),
        },
        {"name": "zeros.jpg", "mimeType": "image/jpeg", "buffer": bytes(4096)},
        {"name": "a.tga", "mimeType": "image/x-tga", "buffer": b"\0\0\x02" + bytes(4096)},
        {"name": "good.jpg", "mimeType": "image/jpeg", "buffer": whole},  # a PNG under that name
    )
    opened.judged(7)
    found = {one["input"]: (one["status"], one["decision"]) for one in opened.records()}
    assert found == {
        "empty.png": ("empty", "review"),
        "page.jpg": ("not_an_image", "review"),
        "damaged.png": ("corrupt", "review"),
        "kept.heic": ("unsupported", "review"),
        "zeros.jpg": ("not_an_image", "review"),
        "a.tga": ("unsupported", "review"),
        "good.jpg": ("ok", "allow"),
    }
    assert opened.count("failed") == 6
    expect(opened.row("page.jpg").locator(".reason")).to_have_text("Not an image")
    opened.at("policy").select_option("strict")  # whose word on what cannot be read is another
    assert opened.record("page.jpg")["decision"] == "block"


def test_csv_is_pythons_and_no_cell_is_a_formula(opened: Opened, photo: Path) -> None:
    names = ["=cmd|calc.png", 'a, "b".png', "+1.png", "옷.png"]
    data = photo.read_bytes()
    opened.choose(*({"name": name, "mimeType": "image/png", "buffer": data} for name in names))
    opened.judged(4)
    text = opened.saved("save-csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["input"] for row in rows] == ["'=cmd|calc.png", 'a, "b".png', "'+1.png", "옷.png"]
    assert list(rows[0]) == [
        *(
            "input",
            "status",
            "label",
            "unsafe",
            "decision",
            "reason",
            "policy",
            "model",
            "precision",
        ),
        *("drawings", "hentai", "neutral", "porn", "sexy"),
    ]
    assert sum(float(rows[0][label]) for label in list(rows[0])[9:]) == pytest.approx(1, abs=1e-4)


def test_sliders_change_all_results_at_once(opened: Opened, pictures: Path) -> None:
    names = ["astronaut.png", "chelsea.png", "rocket.jpg"]
    opened.choose(*(pictures / name for name in names))
    opened.judged(3)
    assert opened.count("allow") == 3
    slider = opened.page.locator("[data-rule=unsafe-review-slide]")
    slider.fill("0")
    expect(opened.page.locator("[data-kind=review]")).to_have_count(3)
    assert (opened.count("allow"), opened.count("review")) == (0, 3)
    number = opened.page.locator("[data-rule=unsafe-block-number]")
    number.fill("0.03")
    number.press("Enter")
    expect(opened.row("chelsea.png").locator(".badge")).to_have_text("Block")
    record = opened.record("chelsea.png")
    assert record["policy"] == "balanced@1 (unsafe review 0, unsafe block 0.03)"
    assert record["reason"].endswith(">= 0.03")
    slider.fill("1")  # past the other one, which goes along
    assert number.input_value() == "1"
    opened.page.locator("[data-rule=unsafe-review-use]").uncheck()
    opened.press("policy-reset")
    expect(opened.page.locator("[data-filter=allow] .chip-count")).to_have_text("3")
    assert opened.record("chelsea.png")["policy"] == "balanced@1"
    expect(opened.at("policy-reset")).to_be_disabled()


def test_a_policy_that_is_saved_is_one_for_python(opened: Opened) -> None:
    import tomllib

    for name in ("strict", "balanced", "permissive"):
        opened.at("policy").select_option(name)
        assert parse_policy(tomllib.loads(opened.saved("policy-save"))) == load_policy(name)
    opened.at("policy").select_option("balanced")
    opened.page.locator("[data-rule=explicit-review-use]").check()
    opened.page.locator("[data-rule=unsafe-review-number]").fill("0.125")
    opened.page.locator("[data-rule=unsafe-review-number]").press("Enter")
    changed = parse_policy(tomllib.loads(opened.saved("policy-save")))
    assert changed.name == "my-balanced"
    assert [(rule.name, rule.review, rule.block) for rule in changed.rules] == [
        ("unsafe", 0.125, 0.95),
        ("explicit", 0.5, 0.8),
    ]


TWINS = """
format = 1
name = "twins"
version = 1
description = "a sum and a class of one name"
unreadable = "review"

[sums.unsafe]
classes = ["hentai", "porn", "sexy"]
review = 0.5

[sums.sexy]
classes = ["sexy"]
review = 0.4

[classes.sexy]
review = 0.7
block = 0.9

[classes.unsafe]
block = 0.6
"""


def test_rules_of_one_name_are_moved_and_saved_each_alone(
    browser: Browser, assets: None, tmp_path: Path
) -> None:
    import tomllib

    (tmp_path / "twins.toml").write_text(TWINS)
    figleaf.export_web(tmp_path / "site", "mobilenet_v2", policies=[tmp_path / "twins.toml"])
    with hosted(tmp_path) as url, Opened(browser, url) as one:
        one.ready()
        given = parse_policy(tomllib.loads(TWINS))
        assert parse_policy(tomllib.loads(one.saved("policy-save"))) == given
        numbers = one.page.locator("[data-rule=sexy-review-number]")
        assert [each.input_value() for each in numbers.all()] == ["0.4", "0.7"]
        numbers.nth(1).fill("0.8")
        numbers.nth(1).press("Enter")
        numbers.nth(0).fill("")  # which is no threshold of zero
        numbers.nth(0).press("Tab")
        assert [each.input_value() for each in numbers.all()] == ["0.4", "0.8"]
        changed = parse_policy(tomllib.loads(one.saved("policy-save")))
        assert [rule.review for rule in changed.rules] == [0.5, 0.4, 0.8, None]
        assert [rule.block for rule in changed.rules] == [None, None, 0.9, 0.6]
        assert [rule.classes for rule in changed.rules] == [rule.classes for rule in given.rules]


def test_filters_and_order(opened: Opened, pictures: Path) -> None:
    names = ["rocket.jpg", "chelsea.png", "astronaut.png"]
    opened.choose(*(pictures / name for name in names))
    opened.judged(3)
    assert opened.names() == names
    opened.at("sort").select_option("unsafe")
    expect(opened.page.locator(".card .name").first).to_have_text("chelsea.png")
    assert opened.names() == ["chelsea.png", "astronaut.png", "rocket.jpg"]
    opened.at("sort").select_option("name")
    expect(opened.page.locator(".card .name").first).to_have_text("astronaut.png")
    opened.at("filter-class").select_option("drawings")
    expect(opened.page.locator(".card")).to_have_count(1)
    assert opened.names() == ["rocket.jpg"]
    opened.page.locator("[data-filter=block]").click()
    expect(opened.at("none")).to_have_text("Nothing here is of this kind.")
    opened.page.locator("[data-filter=all]").click()
    opened.at("filter-class").select_option("")
    expect(opened.page.locator(".card")).to_have_count(3)


def test_one_is_removed_and_all_are(opened: Opened, pictures: Path) -> None:
    opened.choose(pictures / "rocket.jpg", pictures / "coffee.png")
    opened.judged(2)
    remove = opened.page.get_by_role("button", name="Remove rocket.jpg")
    remove.press("Enter")
    expect(opened.page.locator(".card")).to_have_count(1)
    expect(opened.page.get_by_role("button", name="Remove coffee.png")).to_be_focused()
    opened.press("clear")
    expect(opened.page.locator(".card")).to_have_count(0)
    expect(opened.at("results-tools")).to_be_hidden()
    opened.choose(pictures / "rocket.jpg")  # the same again
    opened.judged(1)


def test_another_model_judges_all_anew(opened: Opened, pictures: Path) -> None:
    opened.choose(pictures / "rocket.jpg", pictures / "coffee.png")
    opened.judged(2)
    opened.at("model").select_option("resnet50_thin")
    expect(opened.page.locator(".bar-label", has_text="sfw").nth(1)).to_be_visible()
    opened.ready()
    records = opened.records()
    assert {one["model"] for one in records} == {"resnet50_thin@1"}
    assert all(set(one["scores"]) == {"sfw", "nsfw"} for one in records)
    sizes = opened.at("model").locator("option").all_inner_texts()
    assert sizes == ["mobilenet_v2 (2.7 MB)", "resnet50_thin (12.7 MB)"]


def test_a_picture_that_is_turned_and_one_that_is_transparent(
    opened: Opened, pictures: Path, classifier: figleaf.Classifier, tmp_path: Path
) -> None:
    turned, clear = tmp_path / "turned.jpg", tmp_path / "clear.png"
    with Image.open(pictures / "astronaut.png") as image:
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(turned, exif=exif)
        image.putalpha(image.convert("L"))
        image.save(clear)
    opened.choose(turned, clear)
    opened.judged(2)
    for record in opened.records():
        found = classifier.classify(tmp_path / record["input"]).scores
        # Decoders of JPEG differ by a level or two.
        assert record["scores"] == pytest.approx(dict(found), abs=0.02)
