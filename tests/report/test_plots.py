"""Plots: SVG that takes its fonts and colours from the page, and holds nothing that could run."""

import re
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from figleaf.report.plots import COLOURS, Series, bars

ODD = ["옷과 신발", "$a_b$", "</svg><script>alert(1)</script>", "\u202eabc", ""]


def plotted(*names: str, key: str = "k", upright: bool = False) -> str:
    values = tuple(float(3 + number) for number in range(len(names)))
    return bars(names, [Series(values), Series(values, 1)], key=key, upright=upright)


@pytest.mark.parametrize("upright", [False, True])
def test_words_of_any_script_are_text(upright: bool) -> None:
    root = ElementTree.fromstring(plotted(*ODD, upright=upright))
    texts = [one.text for one in root.iter("text")]
    assert texts[: len(ODD)] == [] or {"옷과 신발", "$a_b$", r"\u202eabc"} <= set(texts)
    assert any((text or "").startswith("</svg>") for text in texts)


def test_nothing_runs_loads_or_is_styled() -> None:
    svg = plotted(*ODD)
    root = ElementTree.fromstring(svg)
    allowed = {"svg", "defs", "g", "path", "text", "clipPath", "rect", "use"}
    assert {one.tag for one in root.iter()} <= allowed
    names = {name for one in root.iter() for name in one.attrib}
    assert not [name for name in names if name.startswith("on") or name in ("style", "font-family")]
    assert "http" not in svg
    assert "DejaVu" not in svg


def test_colours_are_classes_of_the_page() -> None:
    series = [Series((1.0,), colour) for colour in range(COLOURS)]
    svg = bars(["one"], series, key="k")
    assert set(re.findall(r'class="f-(c\d)"', svg)) == {f"c{number}" for number in range(COLOURS)}
    assert 'class="f-ink"' in svg
    assert 'class="s-grid"' in svg
    assert not re.findall(r'(?:fill|stroke)="#', svg)


def test_ids_of_two_plots_differ() -> None:
    first, second = (set(re.findall(r' id="([^"]+)"', plotted("a", key=key))) for key in "kl")
    assert first
    assert second
    assert not first & second
    assert set(re.findall(r"url\(#([^)]+)\)", plotted("a"))) == first


def test_the_same_figures_give_the_same_plot() -> None:
    assert plotted("a", "b") == plotted("a", "b")


def test_the_users_settings_neither_matter_nor_change() -> None:
    plain = plotted("a", "b")
    with mpl.rc_context({"axes.grid": True, "font.size": 30, "svg.fonttype": "path"}):
        assert plotted("a", "b") == plain
        assert mpl.rcParams["font.size"] == 30


def test_words_have_a_size() -> None:
    root = ElementTree.fromstring(plotted("a", "b"))
    assert {one.attrib["font-size"] for one in root.iter("text")} == {"12px"}


def test_long_words_are_cut() -> None:
    assert "…" in plotted("word" * 20)
    assert "…" not in plotted("가" * 10)


def test_bars_are_as_long_as_their_values() -> None:
    svg = bars(["a", "b"], [Series((10.0, 5.0), 2)], key="k")
    paths = re.findall(r'<path d="M ([\d.]+) [\d.]+\s+L ([\d.]+)[^"]*"[^>]*class="f-c2"', svg)
    first, second = (abs(float(end) - float(start)) for start, end in paths)
    assert first == pytest.approx(2 * second, rel=1e-3)
