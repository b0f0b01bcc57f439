"""Images whose lists come to be denied after they were fetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Decision
from figleaf.dataset.register import register

from .samples import denied, denied_by_name, keep, ledger_with, mapped, one, url


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path, (url("a"), mapped())) as opened:
        keep(opened)
        yield opened


@pytest.mark.parametrize("verdict", [denied(), denied_by_name()])
def test_an_image_is_set_aside_and_brought_back(ledger: Ledger, verdict: Decision) -> None:
    register(ledger, [(url("a"), verdict)])
    with Dataset(ledger.folder) as data:
        assert len(data) == 0
        assert [row.quarantine for row in data.filter(quarantined=True)] == ["denied"]
    register(ledger, [(url("a"), mapped())])
    with Dataset(ledger.folder) as data:
        assert [row.label for row in data] == ["neutral"]


def test_another_list_that_is_denied_is_enough(ledger: Ledger) -> None:
    register(ledger, [(url("a", "other.txt"), denied())])
    assert one(ledger, "SELECT quarantine FROM images") == "denied"


def test_what_is_set_aside_for_another_reason_stays(ledger: Ledger) -> None:
    with ledger.transaction() as db:
        db.execute("UPDATE images SET quarantine = 'blurred'")
    register(ledger, [(url("a"), denied())])
    register(ledger, [(url("a"), mapped())])
    assert one(ledger, "SELECT quarantine FROM images") == "blurred"
