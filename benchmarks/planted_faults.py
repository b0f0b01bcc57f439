"""How many planted faults curating finds, and how many sound images it drops.

    python -m benchmarks.planted_faults --photos DIR --drawings DIR [--update-docs]

DIR of the photos has a folder for each class. They are copied, faults are planted among the copies
(`planting.py`), and all is collected, cleaned and screened as a user would. Writes
`results/planted_faults.json`; with --update-docs also the tables in docs/curate.md.
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import figleaf
from benchmarks import machine, report
from benchmarks.planting import DRAWING, FAULTS, LATER, Planted, plant
from figleaf.curate.cleaning.rules import RULES
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.rows import Row

DOCS = Path(__file__).parents[1] / "docs" / "curate.md"
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_DISTANCES = (0, 15, 23, 31, 40)
_COPIES = tuple(FAULTS)[8:]
_ALONE = tuple(rule for rule in RULES if rule not in ("duplicate", "label_conflict"))


@dataclass(frozen=True, slots=True)
class Kind:
    """What became of one kind of fault."""

    kind: str
    planted: int
    found: int
    by: dict[str, int]


@dataclass(frozen=True, slots=True)
class Tuning:
    """Near duplicates at one distance: planted copies that were found, sound images dropped."""

    distance: int
    planted: int
    found: int
    sound_dropped: int


@dataclass(frozen=True, slots=True)
class Screening:
    """What one model's screening made of the drawings."""

    model: str
    drawings: int
    photos: int
    found: int
    photos_doubted: int


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/planted_faults.json`."""

    machine: machine.Machine
    commit: str
    photos: int
    sound: int
    sound_dropped: dict[str, int]
    kinds: list[Kind]
    tunings: list[Tuning]
    screenings: list[Screening]


@dataclass(frozen=True, slots=True)
class State:
    """A data set, by the files that were collected."""

    rows: Mapping[Path, Row]
    losses: Mapping[Path, str]

    @classmethod
    def of(cls, folder: Path) -> "State":
        """Read it."""
        with Dataset(folder) as data:
            rows = [*data, *data.filter(quarantined=True)]
            losses = {Path(loss.locator): str(loss.reason) for loss in data.losses()}
        return cls({Path(origin): row for row in rows for origin in row.origins}, losses)

    def by(self, planted: Planted) -> str | None:
        """Which rule found a planted file; None where none did."""
        if planted.path in self.losses:
            return f"collect: {self.losses[planted.path]}"
        row, original = self.rows[planted.path], self.rows.get(planted.original)
        if row.quarantine:
            return f"clean: {row.quarantine}"
        if original and original.quarantine and original.representative == row.representative:
            return f"clean: {original.quarantine}, of the original"
        if Path(row.path).suffix != planted.path.suffix:
            return "collect: type and name corrected"
        return None


def measure(work: Path, photos: Path, drawings: Path, each: int, share: float) -> Record:
    """Plant, collect, clean and screen."""
    folder, out = work / "photos", work / "data"
    originals = _copied(photos, folder)
    found = sorted(path for path in drawings.rglob("*") if path.suffix.lower() in _PICTURES)
    planted = plant(folder, found, each=each, share=share)
    figleaf.collect([folder], out, rules=figleaf.CollectRules(min_bytes=1))
    _cut_off(out, [one.path for one in planted if one.kind == LATER])
    figleaf.clean(out)
    state = State.of(out)
    by = {one: state.by(one) for one in planted if one.kind != DRAWING}
    touched = {one.original for one in planted} | {one.path for one in planted}
    sound = [path for path in originals if path not in touched]
    return Record(
        machine=machine.describe(),
        commit=machine.commit(),
        photos=len(originals),
        sound=len(sound),
        sound_dropped=_counts(state.rows[path].quarantine for path in sound),
        kinds=[_kind(kind, [by[one] for one in by if one.kind == kind]) for kind in FAULTS],
        tunings=[_tuning(out, distance, planted, sound) for distance in _DISTANCES],
        screenings=_screenings(out, planted, sound),
    )


def _copied(photos: Path, folder: Path) -> list[Path]:
    copies = []
    for path in sorted(photos.rglob("*.jpg")):
        copy = folder / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copies.append(copy)
    return copies


def _cut_off(out: Path, paths: Sequence[Path]) -> None:
    state = State.of(out)
    for path in paths:
        stored = Path(state.rows[path].path)
        data = stored.read_bytes()
        stored.write_bytes(data[: len(data) * 7 // 10])


def _counts(reasons: Iterable[str | None]) -> dict[str, int]:
    return dict(Counter(filter(None, reasons)))


def _kind(kind: str, by: Sequence[str | None]) -> Kind:
    return Kind(kind, len(by), sum(one is not None for one in by), _counts(by))


def _tuning(out: Path, distance: int, planted: Sequence[Planted], sound: Sequence[Path]) -> Tuning:
    """What another distance would find; the rules that look at one image alone are left off."""
    rules = figleaf.CleanRules(distance=distance, off=_ALONE)
    drops = {one.sha256 for one in figleaf.clean(out, rules=rules, dry_run=True).drops}
    rows = State.of(out).rows
    copies = [one for one in planted if one.kind in _COPIES and one.path in rows]
    found = [one for one in copies if drops & {rows[one.path].sha256, rows[one.original].sha256}]
    wrong = [path for path in sound if rows[path].sha256 in drops]
    return Tuning(distance, len(copies), len(found), len(wrong))


def _screenings(out: Path, planted: Sequence[Planted], sound: Sequence[Path]) -> list[Screening]:
    rows = State.of(out).rows
    drawings = {rows[one.path].sha256 for one in planted if one.kind == DRAWING}
    photos = {rows[path].sha256 for path in sound}
    same = {row.label: "neutral" for row in rows.values() if row.label}
    screenings = []
    for rules in (
        figleaf.ScreenRules(same=same),
        figleaf.ScreenRules(model="mobilenet_v2_mid", same=same),
        figleaf.ScreenRules(model="efficientnet_lite0"),
    ):
        doubted = {one.sha256 for one in figleaf.screen(out, rules=rules).doubted}
        screenings.append(
            Screening(
                str(rules.model),
                len(drawings),
                len(photos),
                len(doubted & drawings),
                len(doubted & photos),
            )
        )
    return screenings


def _faults(record: Record) -> str:
    rows = []
    for one in record.kinds:
        by = ", ".join(f"{how} {count}" for how, count in one.by.items())
        rows.append((one.kind, str(one.planted), str(one.found), by or "-"))
    for seen in record.screenings:
        by = (
            f"screen with `{seen.model}`, and {seen.photos_doubted} of {seen.photos:,} sound photos"
        )
        rows.append((DRAWING, str(seen.drawings), str(seen.found), by))
    dropped = sum(record.sound_dropped.values())
    how = ", ".join(f"{reason} {count}" for reason, count in record.sound_dropped.items())
    rows.append(("**sound photos wrongly dropped**", f"{record.sound:,}", str(dropped), how or "-"))
    return report.table(("fault", "planted", "found", "by"), rows)


def _tunings(record: Record) -> str:
    rows = [
        (
            f"{one.distance}",
            f"{one.found} of {one.planted}",
            f"{one.sound_dropped} of {record.sound:,}",
        )
        for one in record.tunings
    ]
    return report.table(("`--distance`", "altered copies found", "sound photos dropped"), rows)


def markdown(record: Record) -> str:
    """Both tables."""
    return "\n\n".join([_faults(record), "At other distances:", _tunings(record)])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="sound ones, a folder a class")
    parser.add_argument("--drawings", type=Path, required=True, help="safe ones")
    parser.add_argument("--each", type=int, default=30, help="how many of each fault")
    parser.add_argument("--share", type=float, default=0.05, help="of drawings among the photos")
    parser.add_argument("--update-docs", action="store_true", help="put the tables there too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="figleaf-planted-") as work:
        record = measure(Path(work), options.photos, options.drawings, options.each, options.share)
    report.write_json("planted_faults", record)
    print(markdown(record))
    if options.update_docs:
        report.update_readme("planted-faults", markdown(record), DOCS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
