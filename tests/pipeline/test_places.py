from pathlib import Path

import pytest

from figleaf.errors import InputError
from figleaf.pipeline.places import RECORD, alone, check_apart, places


def test_all_lies_in_one_folder(tmp_path: Path) -> None:
    found = places(tmp_path / "run", None, None)
    for one in (found.data, found.model, found.audit, found.evaluation, found.page, found.record):
        assert one.is_relative_to(tmp_path / "run")
    assert found.model.name == "run"
    assert places(tmp_path / "run", "mine", None).model.name == "mine"


def test_a_data_set_stays_where_it_is(tmp_path: Path) -> None:
    assert places(tmp_path / "run", None, tmp_path / "there").data == tmp_path / "there"


def test_a_run_goes_on_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / RECORD).touch()
    assert places(tmp_path, None, None).out == tmp_path


@pytest.mark.parametrize(("name", "message"), [("file", "no folder"), ("figleaf.db", "data set")])
def test_what_is_something_else_is_refused(tmp_path: Path, name: str, message: str) -> None:
    out = tmp_path / "out"
    if name == "file":
        out.touch()
    else:
        out.mkdir()
        (out / name).touch()
    with pytest.raises(InputError, match=message):
        places(out, None, None)


@pytest.mark.parametrize("name", ["run.json.part", "audit.json", "data/figleaf.db"])
def test_a_run_without_its_record_goes_on(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / name).touch()
    assert places(tmp_path, None, None).out == tmp_path
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="is no run's"):
        places(tmp_path, None, None)


def test_a_project_with_such_names_is_no_run(tmp_path: Path) -> None:
    for name in ("data", "models", "report"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="is no run's"):
        places(tmp_path, None, None)


def test_the_name_of_the_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "inner").mkdir(parents=True)
    (tmp_path / "run" / RECORD).touch()
    monkeypatch.chdir(tmp_path / "run" / "inner")
    assert places("..", None, None).name == "run"


def test_results_do_not_become_sources(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    check_apart(tmp_path / "run", [tmp_path / "photos"])
    for source in ("photos", "link"):
        with pytest.raises(InputError, match="lies in the source"):
            check_apart(tmp_path / "photos" / "run", [tmp_path / source])


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(InputError, match="is no run's"):
        places(tmp_path, None, None)
    with pytest.raises(InputError, match="empty name"):
        places("", None, None)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with alone(run), pytest.raises(InputError, match="another process"), alone(run):
        pass
    with alone(run):
        (run / RECORD).touch()
    assert run.is_dir()
    with alone(tmp_path / "refused"):
        pass
    assert not (tmp_path / "refused").exists()
