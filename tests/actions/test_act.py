"""Moving, copying and blurring by verdict: where files go, and what goes wrong with one of them."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

import pytest
from PIL import Image

from figleaf.actions import doing
from figleaf.actions.act import Actor, act
from figleaf.actions.journal import NAME
from figleaf.actions.places import as_written, below, numbered
from figleaf.actions.rules import Acted, Action, Fate, Judged, Kind
from figleaf.classify.prediction import Decision
from figleaf.errors import ImageError, InputError, Status

from .acting import contents, make, picture, verdict, verdicts

COUNT = 40


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make(tmp_path / "photos", COUNT)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "sorted"


def one(path: Path, relative: str | None = None, digest: bytes | None = None) -> Judged:
    return Judged(
        verdict(str(path), decision=Decision.BLOCK), PurePath(relative or path.name), digest
    )


def done(judged: Judged, action: Action) -> Acted:
    (acted,) = act([judged], [action])
    return acted


@pytest.mark.parametrize("kind", [Kind.MOVE, Kind.COPY])
def test_every_file_is_in_the_folder_of_its_verdict(photos: Path, place: Path, kind: Kind) -> None:
    before = contents(photos)
    results = list(act(verdicts(photos), [Action(kind, place)]))
    after = contents(place)
    assert {str(PurePath(*PurePath(name).parts[1:])): sha for name, sha in after.items()} == before
    assert contents(photos) == ({} if kind is Kind.MOVE else before)
    for result in results:
        folder = str(result.prediction.decision) if result.prediction.ok else "failed"
        (outcome,) = result.outcomes
        assert outcome.to is not None
        assert outcome.fate is Fate.DONE
        assert Path(outcome.to).relative_to(place).parts[0] == folder
    assert {name.split("/")[0] for name in after} == {"allow", "review", "block", "failed"}


@pytest.mark.parametrize("kind", Kind)
def test_again_it_changes_nothing(photos: Path, place: Path, kind: Kind) -> None:
    list(act(verdicts(photos), [Action(kind, place)]))
    first = contents(place)
    results = list(act(verdicts(photos), [Action(kind, place)]))
    assert contents(place) == first
    fates = {outcome.fate for result in results for outcome in result.outcomes}
    assert fates == {Kind.MOVE: set(), Kind.COPY: {Fate.THERE}}.get(
        kind, {Fate.THERE, Fate.SKIPPED}
    )


def test_several_actions_come_in_their_order(photos: Path, tmp_path: Path) -> None:
    actions = [Action(kind, tmp_path / str(kind)) for kind in (Kind.MOVE, Kind.BLUR, Kind.COPY)]
    before = contents(photos)
    results = list(act(verdicts(photos), actions))
    assert [str(o.kind) for o in results[1].outcomes] == ["blur", "copy", "move"]
    assert len(contents(tmp_path / "copy")) == len(contents(tmp_path / "move")) == len(before)
    assert contents(photos) == {}
    with pytest.raises(InputError, match="same folder"):
        next(act([], [Action(Kind.COPY, tmp_path), Action(Kind.MOVE, tmp_path / "x" / "..")]))


def test_other_bytes_of_the_same_name_get_a_number(tmp_path: Path, place: Path) -> None:
    action = Action(Kind.MOVE, place)
    for number in range(3):
        path = tmp_path / str(number) / "a.tar.gz"
        path.parent.mkdir()
        path.write_bytes(b"%d" % number)
        done(one(path), action)
    assert sorted(contents(place)) == [
        "block/a.tar-1.gz",
        "block/a.tar-2.gz",
        "block/a.tar.gz",
    ]
    assert (place / "block/a.tar.gz").read_bytes() == b"0"


def test_the_same_bytes_of_the_same_name_are_left_and_the_moved_file_goes(
    tmp_path: Path, place: Path
) -> None:
    for number in range(2):
        path = tmp_path / str(number) / "a.jpg"
        path.parent.mkdir()
        path.write_bytes(b"same")
    first, second = (
        done(one(tmp_path / str(number) / "a.jpg"), Action(Kind.MOVE, place)) for number in (0, 1)
    )
    assert [first.outcomes[0].fate, second.outcomes[0].fate] == [Fate.DONE, Fate.THERE]
    assert list(contents(place)) == ["block/a.jpg"]
    assert not (tmp_path / "1/a.jpg").exists()


def test_a_file_that_is_in_its_place_already_stays(place: Path) -> None:
    path = place / "block" / "a.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    for kind in (Kind.MOVE, Kind.COPY):
        assert done(one(path), Action(kind, place)).outcomes[0].fate is Fate.THERE
    assert path.read_bytes() == b"x"


def test_a_hard_link_in_its_place_costs_no_name(tmp_path: Path, place: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    (place / "block").mkdir(parents=True)
    os.link(path, place / "block" / "a.jpg")
    assert done(one(path), Action(Kind.MOVE, place)).outcomes[0].fate is Fate.THERE
    assert path.exists()


def test_what_changed_since_it_was_judged_is_left_alone(photos: Path, place: Path) -> None:
    judged = list(verdicts(photos))
    changed, gone = judged[0], judged[1]
    Path(changed.prediction.input).write_bytes(b"other")
    Path(gone.prediction.input).unlink()
    for kind in Kind:
        results = list(act(judged[:3], [Action(kind, place / str(kind))]))
        assert [r.outcomes[0].fate for r in results[:2]] == [Fate.CHANGED, Fate.GONE]
        assert len(contents(place / str(kind))) == 1
    assert Path(changed.prediction.input).read_bytes() == b"other"


def test_what_is_no_file_is_told(tmp_path: Path, place: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    url = Judged(verdict("https://example.org/a.jpg"), None, None)
    judged = [one(tmp_path / "pipe"), one(tmp_path / "folder"), url]
    undecided = one(make(tmp_path / "p", 1) / "0/0/p0.jpg")
    for kind in Kind:
        fates = [r.outcomes[0].fate for r in act(judged, [Action(kind, place)])]
        assert fates == [Fate.SKIPPED] * 3
    assert contents(place) == {}
    assert undecided.prediction.decision is Decision.BLOCK


def test_links_are_copied_through_and_not_moved(tmp_path: Path, place: Path) -> None:
    (tmp_path / "real.jpg").write_bytes(b"x")
    link = tmp_path / "link.jpg"
    link.symlink_to("real.jpg")
    assert done(one(link), Action(Kind.MOVE, place)).outcomes[0].fate is Fate.SKIPPED
    assert done(one(link), Action(Kind.COPY, place)).outcomes[0].fate is Fate.DONE
    assert (place / "block/link.jpg").read_bytes() == b"x"
    assert not (place / "block/link.jpg").is_symlink()
    assert link.is_symlink()


def test_copies_and_moved_files_keep_their_times_and_mode(tmp_path: Path, place: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18 + 1))
    for kind in (Kind.COPY, Kind.MOVE):
        done(one(path), Action(kind, place / str(kind)))
        info = (place / str(kind) / "block/a.jpg").stat()
        assert (info.st_mtime_ns, info.st_mode & 0o777) == (10**18 + 1, 0o640)


def test_a_folder_where_a_file_should_be_stops_nothing(photos: Path, place: Path) -> None:
    place.mkdir()
    (place / "allow").write_text("in the way")
    results = list(act(verdicts(photos), [Action(Kind.MOVE, place)]))
    fates = {r.prediction.decision: r.outcomes[0].fate for r in results if r.prediction.ok}
    assert fates == {
        Decision.ALLOW: Fate.FAILED,
        Decision.REVIEW: Fate.DONE,
        Decision.BLOCK: Fate.DONE,
    }
    assert len(contents(photos)) + len(contents(place)) - 1 == COUNT


def test_a_file_that_cannot_be_taken_away_is_not_there_twice(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    real = os.unlink

    def refuse(one: object, **more: int | None) -> None:
        if str(one) == str(path):  # as in a folder that is read-only, which root may write
            raise PermissionError(errno.EACCES, "Permission denied", str(one))
        real(str(one), **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        outcome = done(one(path), Action(Kind.MOVE, place)).outcomes[0]
    assert (outcome.fate, outcome.reason) == (Fate.FAILED, "Permission denied")
    assert contents(place) == {}
    assert path.exists()
    assert done(one(path), Action(Kind.MOVE, place)).outcomes[0].fate is Fate.DONE


@pytest.fixture
def doubled(tmp_path: Path, place: Path) -> Path:
    """A file whose bytes are in its place already, where another was moved to."""
    for number in range(2):
        path = tmp_path / str(number) / "a.jpg"
        path.parent.mkdir()
        path.write_bytes(b"same")
    done(one(tmp_path / "0/a.jpg"), Action(Kind.MOVE, place))
    return path


def unlink_failing(path: Path, error: BaseException) -> Callable[..., None]:
    real = os.unlink

    def unlink(one: object, **more: int | None) -> None:
        if str(one) == str(path):
            raise error
        real(str(one), **more)

    return unlink


def test_what_was_there_before_outlasts_a_move_that_fails(
    doubled: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink_failing(doubled, PermissionError(errno.EACCES, "no")))
        assert done(one(doubled), Action(Kind.MOVE, place)).outcomes[0].fate is Fate.FAILED
        list(act([], [Action(Kind.MOVE, place)]))
    assert doubled.exists()
    assert list(contents(place)) == ["block/a.jpg"]


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_kill_before_a_file_goes_whose_bytes_were_there(
    doubled: Path, place: Path, monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink_failing(doubled, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):  # as a kill: nothing is written any more
            done(one(doubled), Action(Kind.MOVE, place))
        if is_refused:
            error = PermissionError(errno.EACCES, "no")
            patch.setattr(os, "unlink", unlink_failing(doubled, error))
        else:
            patch.undo()
        list(act([], [Action(Kind.MOVE, place)]))
    assert doubled.exists() == is_refused
    assert list(contents(place)) == ["block/a.jpg"]


def unlinked_and(path: Path, error: BaseException) -> Callable[..., None]:
    """An unlink that does its work, and then is told of something."""
    real = os.unlink

    def unlink(one: object, **more: int | None) -> None:
        real(str(one), **more)
        if str(one) == str(path):
            raise error

    return unlink


_ELSEWHERE = pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="no other file system")


@pytest.mark.parametrize("where", ["tmp_path", pytest.param("another", marks=_ELSEWHERE)])
def test_ctrl_c_as_the_first_name_goes_leaves_the_other(
    tmp_path: Path, where: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    place = request.getfixturevalue(where) / "sorted"
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlinked_and(path, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            done(one(path), Action(Kind.MOVE, place))
    assert not path.exists()
    assert list(contents(place)) == ["block/a.jpg"]
    list(act([], [Action(Kind.MOVE, place)]))
    assert list(contents(place, hidden=True)) == [NAME, "block/a.jpg"]


def test_a_first_name_that_goes_while_a_kill_is_settled_does_not_cost_the_other(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink_failing(path, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            done(one(path), Action(Kind.MOVE, place))
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlinked_and(path, FileNotFoundError(errno.ENOENT, "no")))
        list(act([], [Action(Kind.MOVE, place)]))
    assert list(contents(place)) == ["block/a.jpg"]


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="needs another file system")
def test_to_another_file_system_it_is_copied_and_then_taken_away(
    photos: Path, another: Path
) -> None:
    before = contents(photos)
    results = list(act(verdicts(photos), [Action(Kind.MOVE, another)]))
    assert {r.outcomes[0].fate for r in results} == {Fate.DONE}
    assert contents(photos) == {}
    assert sorted(contents(another).values()) == sorted(before.values())
    assert [path.name for path in another.glob(".*")] == [NAME]


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="needs another file system")
def test_new_folders_outlast_a_power_cut_before_a_file_goes(
    tmp_path: Path, another: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    synced: set[Path] = set()

    def record(folder: Path) -> None:
        if path.exists():
            synced.add(folder)

    monkeypatch.setattr(doing, "sync", record)
    place = another / "sorted"
    done(one(path, "b/c/a.jpg"), Action(Kind.MOVE, place))
    assert not path.exists()
    assert synced == {another, place, place / "block", place / "block/b", place / "block/b/c"}


@pytest.fixture
def another() -> Iterator[Path]:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_a_blurred_picture_holds_nothing_to_bring_back(tmp_path: Path, place: Path) -> None:
    path = tmp_path / "a.png"
    halves = Image.new("RGB", (600, 300), "white")
    halves.paste("black", (0, 0, 300, 300))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "a secret"
    halves.save(path, exif=exif)
    done(one(path), Action(Kind.BLUR, place))
    target = place / "block" / "a.png.jpg"
    assert b"a secret" not in target.read_bytes()
    with Image.open(target) as blurred:
        assert blurred.size == (160, 320)
        assert not blurred.getexif()
        small = blurred.convert("L").resize((2, 4), Image.Resampling.BOX)
    assert small.getpixel((0, 0)) < 60 < 200 < small.getpixel((0, 3))  # type: ignore[operator]


def test_a_name_that_is_full_has_room_for_the_ending(tmp_path: Path, place: Path) -> None:
    path = tmp_path / f"{'a' * 251}.png"
    path.write_bytes(picture(1))
    assert done(one(path), Action(Kind.BLUR, place)).outcomes[0].fate is Fate.DONE
    assert list(contents(place)) == [f"block/{'a' * 251}.jpg"]


def test_what_is_no_picture_cannot_be_blurred(tmp_path: Path, place: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"no picture")
    (outcome,) = done(one(path), Action(Kind.BLUR, place)).outcomes
    assert outcome.fate is Fate.SKIPPED
    assert outcome.reason.startswith("cannot be blurred: ")


def test_the_blur_is_what_it_is_given(photos: Path, place: Path) -> None:
    def refuse(data: bytes) -> bytes:
        raise ImageError(Status.CRASHED, "the decoder died")

    with Actor([Action(Kind.BLUR, place)], blur=refuse) as actor:
        outcomes = [actor.act(judged).outcomes[0] for judged in verdicts(photos)]
    assert {outcome.reason for outcome in outcomes} == {"cannot be blurred: the decoder died"}


def test_only_what_is_wanted_is_touched(photos: Path, place: Path) -> None:
    wanted = {Decision.BLOCK}
    results = list(
        act(
            verdicts(photos),
            [Action(Kind.MOVE, place)],
            wanted=lambda prediction: prediction.ok and prediction.decision in wanted,
        )
    )
    assert {name.split("/")[0] for name in contents(place)} == {"block"}
    assert len(contents(photos)) + len(contents(place)) == COUNT
    assert [bool(r.outcomes) for r in results] == [
        r.prediction.ok and r.prediction.decision in wanted for r in results
    ]


def test_one_process_has_a_folder_at_a_time(photos: Path, place: Path) -> None:
    with (
        Actor([Action(Kind.COPY, place)]),
        pytest.raises(InputError, match="another figleaf"),
    ):
        Actor([Action(Kind.MOVE, place)])
    Actor([Action(Kind.MOVE, place)]).__exit__(None, None, None)


def test_a_journal_that_is_none_is_not_written_over(place: Path) -> None:
    place.mkdir()
    (place / NAME).write_text("[]\n")
    with pytest.raises(InputError, match="move it away"):
        Actor([Action(Kind.MOVE, place)])
    assert (place / NAME).read_text() == "[]\n"


def test_a_line_of_the_journal_names_no_file_elsewhere(tmp_path: Path, place: Path) -> None:
    place.mkdir()
    victim = tmp_path / "victim.jpg"
    victim.write_bytes(b"x")
    lines: list[dict[str, object]] = [
        {"kind": "move", "input": str(victim), "to": "../victim.jpg", "part": ".figleaf-1.part"},
        {"kind": "move", "input": str(victim), "to": "allow/a", "part": "../../victim.jpg"},
        {"kind": "move", "input": str(victim), "to": str(victim), "part": ".figleaf-1.part"},
        {"kind": "move", "input": 3, "to": [], "part": None},
    ]
    text = "".join(json.dumps({"begin": at, **line}) + "\n" for at, line in enumerate(lines, 1))
    (place / NAME).write_text(text + '{"begin": 9, "ki')
    Actor([Action(Kind.MOVE, place)]).__exit__(None, None, None)
    assert victim.read_bytes() == b"x"
    ends = [json.loads(line) for line in (place / NAME).read_text().splitlines()[4:]]
    assert ends == [{"end": at, "status": "undone"} for at in (1, 2, 3, 4)]


def test_the_journal_says_what_was_done(tmp_path: Path, place: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(1))
    done(one(path), Action(Kind.MOVE, place))
    begin, end = map(json.loads, (place / NAME).read_text().splitlines())
    assert begin["input"] == str(path)
    assert begin["to"] == "block/a.jpg"
    assert end == {"end": 1, "status": "done"}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("in/a.jpg", "in/a.jpg"),
        ("./in//b/../a.jpg", "in/a.jpg"),
        ("/home/in/a.jpg", "home/in/a.jpg"),
    ],
)
def test_a_path_that_no_folder_led_to_keeps_its_folders(path: str, place: str) -> None:
    assert str(as_written(path)) == place


def test_no_place_leads_out_of_the_folder() -> None:
    assert ".." not in as_written("../../../../../../a.jpg").parts
    assert not as_written("../a.jpg").is_absolute()
    assert str(below("in/", "in/a/b.jpg")) == "a/b.jpg"


def test_a_number_keeps_a_name_within_its_limits() -> None:
    assert numbered("a.jpg", 3) == "a-3.jpg"
    assert numbered("사진.jpg", 1) == "사진-1.jpg"
    long = numbered("사" * 83 + ".jpg", 12)
    assert len(os.fsencode(long)) <= 255
    assert long.endswith("사-12.jpg")
    odd = os.fsdecode(b"\xff" * 251 + b".jpg")
    assert os.fsencode(numbered(odd, 1)) == b"\xff" * 249 + b"-1.jpg"


def test_names_that_are_not_unicode_survive(tmp_path: Path, place: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe\n.jpg")
    path.write_bytes(picture(1))
    done(one(path), Action(Kind.MOVE, place))
    (moved,) = (place / "block").iterdir()
    assert os.fsencode(moved.name) == b"\xff\xfe\n.jpg"
    assert moved.read_bytes() == picture(1)
