import pytest

from figleaf.cli.table import bar, printable


@pytest.mark.parametrize(
    ("value", "drawn"), [(0, ""), (1, "████"), (0.5, "██"), (0.28125, "█▏"), (-1, ""), (9, "████")]
)
def test_a_bar(value: float, drawn: str) -> None:
    assert bar(value, 4) == drawn


def test_what_could_steer_a_terminal_is_escaped() -> None:
    assert printable("a\x1b[2J\n\u202eb") == "a\\x1b[2J\\n\\u202eb"
    assert printable("사진.png") == "사진.png"
