import io

import pytest

from figleaf.actions.rules import Acted
from figleaf.classify.prediction import Decision, Prediction
from figleaf.cli.table import TableWriter, bar
from figleaf.cli.terminal import printable
from figleaf.errors import Status
from figleaf.models.runtime import Precision


@pytest.mark.parametrize(
    ("value", "drawn"), [(0, ""), (1, "████"), (0.5, "██"), (0.28125, "█▏"), (-1, ""), (9, "████")]
)
def test_a_bar(value: float, drawn: str) -> None:
    assert bar(value, 4) == drawn


def test_what_could_steer_a_terminal_is_escaped() -> None:
    assert printable("a\x1b[2J\n\u202eb") == "a\\x1b[2J\\n\\u202eb"
    assert printable("사진.png") == "사진.png"


def test_nothing_of_a_prediction_steers_the_terminal() -> None:
    odd = "\x1b[2J[/b]"
    prediction = Prediction(
        input=odd,
        status=Status.OK,
        label=odd,
        scores={odd: 1.0},
        unsafe=None,
        decision=Decision.ALLOW,
        reason=odd,
        policy=odd,
        model=odd,
        precision=Precision.F32,
    )
    file = io.BytesIO()
    writer = TableWriter(file, 1, [odd])
    writer.write(Acted(prediction))
    writer.close()
    assert b"\x1b" not in file.getvalue()
    assert b"\\x1b[2J" in file.getvalue()
    assert not file.closed


def table_of(*labels: str) -> list[str]:
    file = io.BytesIO()
    writer = TableWriter(file, len(labels), labels)
    share = 1 / len(labels)
    prediction = Prediction(
        input="photo.jpg",
        status=Status.OK,
        label=labels[0],
        scores=dict.fromkeys(labels, share),
        unsafe=None,
        decision=None,
        reason="",
        policy="",
        model="",
        precision=Precision.F32,
    )
    writer.write(Acted(prediction))
    return file.getvalue().decode().splitlines()


def test_classes_that_begin_alike_can_be_told_apart() -> None:
    text = "\n".join(table_of("comic pages", "comic panels"))
    assert "comic pages" in text
    assert "comic panels" in text


def test_a_very_long_class_is_cut_with_a_mark() -> None:
    head, first, second = table_of("a" * 40, "나" * 30)
    assert f"{'a' * 19}…  " in first
    assert f"{'나' * 9}" in second
    assert "…" in second
    assert head.startswith("input")
