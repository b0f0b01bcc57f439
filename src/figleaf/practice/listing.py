"""Lists of URLs in the public layout, with planted faults, and what is to come of each URL."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from figleaf.dataset.durable import replacing
from figleaf.dataset.quarantine import Quarantine
from figleaf.dataset.records import Reason
from figleaf.errors import InputError
from figleaf.practice.faults import (
    DENIED,
    FAULTS,
    LEAST_NOTICES,
    MOVED,
    NOTICE,
    OUTLIER,
    PRIVATE,
    Answer,
    Answerer,
    Fault,
    whole,
)
from figleaf.practice.pictures import STAND_INS, Scene, picture
from figleaf.sources.readers.urllists import RAW_DATA

_SAFE_NAMES = ("drawings", "neutral")
"""Classes whose lists may have addresses with a denied word: elsewhere they would read badly."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is to be listed.

    Attributes:
        sound: class -> how many pictures without a fault; the classes are those of `STAND_INS`.
        faults: name in `FAULTS` -> how many URLs have it, spread over the classes in proportion.
        seed: another one gives other pictures in another order, from 0.

    Raises:
        InputError: an unknown class or fault, a negative number, or more copies than pictures.
    """

    sound: Mapping[str, int]
    faults: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name, known in ((self.sound, STAND_INS), (self.faults, FAULTS)):
            for key, count in name.items():
                if key not in known:
                    raise InputError(f"{key!r} is none of {', '.join(known)}")
                if count < 0:
                    raise InputError(f"{key!r}: {count} of them; the least is 0")
        if self.seed < 0:
            raise InputError(f"seed must be a whole number from 0, not {self.seed}")
        if 0 < self.faults.get(NOTICE, 0) < LEAST_NOTICES:
            raise InputError(f"{NOTICE!r}: none, or at least {LEAST_NOTICES}, else it is no rule's")
        copied = sum(count for name, count in self.faults.items() if FAULTS[name].copies)
        if copied > sum(self.sound.values()):
            raise InputError(f"{copied} copies of {sum(self.sound.values())} pictures: too many")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list, and the truth about it.

    Attributes:
        path: of its URL, such as "/porn/00012.jpg".
        label: the class whose list names it.
        scene: what its picture shows.
        number: which picture of that scene. URLs with the same scene and number show the same.
        fault: what is wrong with it; None for nothing.
        answer: how it is served.
        lost: why no image in the data set comes of it; None where one does.
        aside: why cleaning sets that image aside; None where it is in use.
    """

    path: str
    label: str
    scene: Scene
    number: int
    fault: Fault | None = None
    answer: Answerer = whole
    lost: Reason | None = None
    aside: Quarantine | None = None

    @property
    def in_use(self) -> bool:
        """Whether its picture is to train and test on."""
        return self.lost is None and self.aside is None

    @property
    def is_true(self) -> bool:
        """Whether the picture shows what stands in for its class."""
        return STAND_INS[self.label] is self.scene


@dataclass(frozen=True, slots=True)
class Listing:
    """All lists, as one.

    Attributes:
        entries: in the order of the lists' lines, the classes mixed.
        seed: of the pictures.
    """

    entries: tuple[Entry, ...]
    seed: int

    def url(self, entry: Entry, origin: str, dead: str) -> str:
        """Where an entry's picture is said to be.

        Args:
            entry: one of these.
            origin: of the server, such as "http://127.0.0.1:8000".
            dead: an origin where nobody answers.
        """
        is_dead = entry.fault is not None and entry.fault.dead
        return f"{dead if is_dead else origin}{entry.path}"

    def write(self, folder: Path, origin: str, dead: str) -> None:
        """Write `raw_data/<class>/urls_<class>.txt` below a folder; see `url`.

        Raises:
            OSError: a full disk, a folder that cannot be written.
        """
        for label in sorted({entry.label for entry in self.entries}):
            lines = (self.url(one, origin, dead) for one in self.entries if one.label == label)
            path = folder / RAW_DATA / label / f"urls_{label}.txt"
            text = "".join(f"{line}\n" for line in lines).encode()
            if path.is_file() and path.read_bytes() == text:
                continue  # a file that is newer would be read again
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(text)

    @property
    def pictures(self) -> int:
        """How many different pictures are to be in use."""
        return len({(one.scene, one.number) for one in self.entries if one.in_use})


@dataclass(frozen=True, slots=True)
class Site:
    """What a host has to say of each path of a listing."""

    entries: Mapping[str, Entry]
    seed: int

    @classmethod
    def of(cls, listing: Listing) -> "Site":
        """The site that a listing's URLs lead to."""
        return cls({entry.path: entry for entry in listing.entries}, listing.seed)

    def answer(self, path: str) -> Answer:
        """What is said to a request for a path. The picture is made when it is asked for."""
        if path == "/robots.txt":
            return Answer(body=f"User-agent: *\nDisallow: /{PRIVATE}/\n".encode())
        entry = self.entries.get(path.removeprefix(MOVED))
        if entry is None:
            return Answer(404, b"no such page")
        image = picture(entry.scene, entry.number, self.seed)
        return whole(image) if path.startswith(MOVED) else entry.answer(image, path)


def listed(recipe: Recipe) -> Listing:
    """Make the lists that a recipe asks for: the same for the same recipe."""
    chance = random.Random(recipe.seed)
    maker = _Maker(chance)
    for label, count in recipe.sound.items():
        for _ in range(count):
            maker.add(label, STAND_INS[label])
    maker.shuffle()
    for name, count in recipe.faults.items():
        fault = FAULTS[name]
        for label in _labels(chance, recipe.sound, fault, count):
            if fault.copies:
                maker.copy(fault)
            else:
                maker.add(label, _scene(chance, fault, label), fault)
    return Listing(maker.entries(), recipe.seed)


class _Maker:
    """Collects entries; their paths say nothing of their faults.

    Args:
        chance: the source of all that is drawn by lot.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._numbers: Counter[Scene] = Counter()
        self._made: list[Entry] = []
        self._originals: list[int] = []

    def add(self, label: str, scene: Scene, fault: Fault | None = None) -> None:
        """Another picture."""
        number = self._numbers[scene]
        self._numbers[scene] += 1
        self._made.append(_entry(label, scene, number, fault))

    def shuffle(self) -> None:
        """From here on, copies are made of what there is now, in an order drawn by lot."""
        self._originals = self._chance.sample(range(len(self._made)), len(self._made))

    def copy(self, fault: Fault) -> None:
        """A picture that is there, once more."""
        place = self._originals.pop()
        original = self._made[place]
        label = original.label
        if fault.elsewhere:
            label = self._chance.choice([one for one in STAND_INS if one != label])
            # Neither list can be believed.
            self._made[place] = replace(original, fault=fault, answer=whole, aside=fault.aside)
        self._made.append(_entry(label, original.scene, original.number, fault))

    def entries(self) -> tuple[Entry, ...]:
        """All, mixed, with their paths."""
        mixed = self._chance.sample(self._made, len(self._made))
        return tuple(
            replace(one, path=f"{one.path}{number:06}.jpg") for number, one in enumerate(mixed)
        )


def _entry(label: str, scene: Scene, number: int, fault: Fault | None) -> Entry:
    """An entry whose path is still that of its folder."""
    if fault is None:
        return Entry(f"/{label}/", label, scene, number)
    folder = f"/{fault.album}/{label}/" if fault.album else f"/{label}/"
    return Entry(folder, label, scene, number, fault, fault.answer, fault.lost, fault.aside)


def _labels(
    chance: random.Random, sound: Mapping[str, int], fault: Fault, count: int
) -> Sequence[str]:
    """In whose lists a fault is planted: more in longer ones."""
    able = {one: n for one, n in sound.items() if fault.album != DENIED or one in _SAFE_NAMES}
    if not any(able.values()):
        return [_SAFE_NAMES[0]] * count
    return chance.choices(list(able), list(able.values()), k=count)


def _scene(chance: random.Random, fault: Fault, label: str) -> Scene:
    if fault.name == OUTLIER:
        return Scene.FLOOR
    if fault.elsewhere:
        return chance.choice([scene for name, scene in STAND_INS.items() if name != label])
    return STAND_INS[label]
