"""The journal of a folder that files are put into."""

import json
from pathlib import Path
from typing import Any

from figleaf.actions.journal import NAME, Journal


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / NAME).read_text().splitlines()]


def test_what_has_ended_is_kept_until_the_next_run(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.end(journal.begin({"from": "a"}), "done")
    assert ["begin" in line for line in lines(tmp_path)] == [True, False]
    with Journal(tmp_path) as journal:
        assert journal.pending == {}
        assert lines(tmp_path) == []
        journal.begin({"from": "b"})
    assert [line["from"] for line in lines(tmp_path)] == ["b"]


def test_what_was_under_way_keeps_the_rest(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.end(journal.begin({"from": "a"}), "done")
        under_way = journal.begin({"from": "b"})
    with Journal(tmp_path) as journal:
        assert [record["from"] for record in journal.pending.values()] == ["b"]
        assert list(journal.pending) == [under_way]
        assert journal.begin({"from": "c"}) > under_way
    assert len(lines(tmp_path)) == 4
