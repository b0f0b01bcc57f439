"""Names of anybody's choosing in MODEL_CARD.md say what they say, and do nothing."""

import re

import pytest

from figleaf.training.model_card import _plain


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("neutral", "neutral"),
        ("고양이 그림", "고양이 그림"),
        ("a_b*c", r"a\_b\*c"),
        ("<script>x</script>", r"\<script\>x\</script\>"),
        ("![x](http://a.example/b.png)", r"!\[x\](http://a.example/b.png)"),
        ("a|b", r"a\|b"),
        ("`rm`", r"\`rm\`"),
        ("back\\slash", r"back\\slash"),
        ("two\nlines\r# head", r"two lines \# head"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("~~gone~~", r"\~\~gone\~\~"),
    ],
)
def test_marks_are_shown_as_they_are(name: str, shown: str) -> None:
    assert _plain(name) == shown
    assert re.sub(r"\\(.)", r"\1", _plain(name)).split() == name.split()
