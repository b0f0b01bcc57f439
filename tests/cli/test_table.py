import io

import pytest

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
    writer = TableWriter(file, 1)
    writer.write(prediction)
    writer.close()
    assert b"\x1b" not in file.getvalue()
    assert b"\\x1b[2J" in file.getvalue()
    assert not file.closed
