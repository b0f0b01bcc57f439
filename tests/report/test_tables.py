"""How figures are written."""

import pytest

from figleaf.report.tables import bytes_, listed, moment, number, printable, share


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_400, "999 kB"), (999_600, "1 MB"),
        (24_300_000, "24.3 MB"), (7.1e9, "7.1 GB"), (5e12, "5 TB"), (5e15, "5e+03 TB"),
    ],
)  # fmt: skip  # pairs
def test_bytes_have_three_digits(count: float, text: str) -> None:
    assert bytes_(count) == text


def test_counts_shares_and_times() -> None:
    assert number(1_300_000) == "1,300,000"
    assert (share(1, 3), share(0, 0)) == ("33.3%", "")
    assert listed({"gone": 1200, "dns": 3}) == "gone 1,200, dns 3"
    assert moment(1_780_000_000) == "2026-05-28 20:26"


def test_what_could_turn_text_around_is_escaped() -> None:
    assert printable("옷 \u202e\x1b\ud800") == r"옷 \u202e\x1b\ud800"
