"""Moving pictures are judged over their whole length, by a model that knows one thing: red."""

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import figleaf
from figleaf import Classifier, Decision, Limits, Status
from figleaf.classify.moving import MOST_FRAMES, FrameRules
from figleaf.classify.policy import load_policy
from figleaf.classify.verdict import Scored, Verdicts
from figleaf.errors import InputError
from figleaf.models.card import Card, Input, Resample
from figleaf.models.model import Model
from figleaf.models.runtime import Arrays, Precision

from ..images.films import COLOURS, animation, shared, video

BESIDE_THE_CHECKOUT = Path(__file__).parents[2].parent / "shared"
SHARED = Path(os.environ.get("FIGLEAF_SHARED") or BESIDE_THE_CHECKOUT) / "data" / "video"

CARD = Card(
    name="red",
    version="1",
    description="how red a picture is",
    labels=("neutral", "porn"),
    features=0,
    inputs=(Input("image", (8, 8), Resample.BILINEAR, (8, 8)),),
    sha256={},
    license="none",
)


class RedRuntime:
    """Calls a picture porn as far as it is red, and counts the pictures of each call."""

    most = 4

    def __init__(self) -> None:
        self.calls: list[int] = []

    def infer(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        mean = inputs["image"].mean(axis=(1, 2))
        self.calls.append(len(mean))
        porn = np.clip((mean[:, 0] - mean[:, 1:].mean(axis=1)) / 215, 0.02, 0.98)
        return {"probabilities": np.stack([1 - porn, porn], axis=1).astype(np.float32)}


def judging(**options: Any) -> Classifier:
    model = Model(CARD, RedRuntime(), Precision.F32, 1)
    return Classifier(model, load_policy("balanced"), **options)


def judged(data: bytes, **options: Any) -> figleaf.Prediction:
    with judging(**options) as classifier:
        return classifier.classify(data)


MINUTE = ["white", "black"] * 29 + ["white"]


def planted_video() -> bytes:
    pytest.importorskip("av")
    return video([*MINUTE, "red"])


def planted_animation() -> bytes:
    # A still GIF frame of the same colour twice would be merged with the one before.
    return animation([*MINUTE, "red"], "GIF", 1000, loop=0)


FIRST = FrameRules(most=1)
MEAN = FrameRules(verdict="mean")


@pytest.mark.parametrize("planted", [planted_video, planted_animation])
def test_what_is_planted_in_the_last_second_of_sixty(planted: Any) -> None:
    data = planted()
    found = judged(data)
    assert (found.status, found.decision, found.label) == (Status.OK, Decision.BLOCK, "porn")
    assert len(found.frames) == 16
    last = found.frames[-1]
    assert last.seconds >= 59
    assert (last.decision, last.scores) == (Decision.BLOCK, found.scores)
    assert [frame.decision for frame in found.frames[:-1]] == [Decision.ALLOW] * 15
    at = f"{last.seconds:.1f} s"
    assert found.reason == f"unsafe {found.unsafe:.3f} >= 0.95 at {at} (max of 16 frames)"
    missed = judged(data, frames=FIRST)
    assert (missed.decision, len(missed.frames)) == (Decision.ALLOW, 1)
    assert missed.reason == "unsafe 0.020 < 0.5 at 0.0 s (max of 1 frame)"


def test_without_rules_it_is_as_before() -> None:
    film = animation(["white", "red"], "GIF", loop=0)
    found = judged(film, frames=None)
    assert (found.decision, found.frames) == (Decision.ALLOW, ())
    with io.BytesIO() as stream:
        Image.new("RGB", (40, 30), COLOURS["white"]).save(stream, "GIF")
        assert found == judged(stream.getvalue())
    assert "frames" not in found.to_dict()
    clip = judged(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100), frames=None)
    assert clip.status is Status.UNSUPPORTED


def test_the_mean_and_shares() -> None:
    film = animation(["red", "white", "blue", "black"], "GIF", 1000, loop=0)
    assert judged(film).decision is Decision.BLOCK
    mean = judged(film, frames=MEAN)
    assert mean.unsafe == pytest.approx(sum(f.unsafe or 0 for f in mean.frames) / 4, abs=1e-6)
    assert mean.decision is Decision.ALLOW
    assert mean.reason == f"unsafe {mean.unsafe:.3f} < 0.5 (mean of 4 frames)"
    quarter = judged(film, frames=FrameRules(verdict="1/4"))
    assert quarter.decision is Decision.BLOCK
    assert quarter.reason.endswith(">= 0.95 at 0.0 s (1 of 4 frames)")
    half = judged(film, frames=FrameRules(verdict="1/2"))
    assert half.decision is Decision.ALLOW
    assert half.reason.endswith(" (2 of 4 frames)")


@pytest.mark.parametrize(
    ("verdict", "count", "rank"),
    [("max", 9, 1), ("1/16", 9, 1), ("1/4", 16, 4), ("1/3", 10, 4), ("2/4", 3, 2), ("1/1", 5, 5)],
)
def test_ranks(verdict: str, count: int, rank: int) -> None:
    assert FrameRules(verdict=verdict).rank(count) == rank


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"every": -1.0},
        {"every": float("nan")},
        {"every": "1"},
        {"longest": 0.0},
        {"longest": float("inf")},
        {"most": 0},
        {"most": MOST_FRAMES + 1},
        {"most": 2.0},
        {"most": True},
        {"verdict": "min"},
        {"verdict": "0/4"},
        {"verdict": "5/4"},
        {"verdict": "1/0"},
        {"verdict": "1/4/2"},
        {"verdict": " 1/4"},
        {"verdict": "1/4\n"},
        {"verdict": "٣/٤"},
        {"verdict": None},
    ],
)
def test_rules_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be"):
        FrameRules(**wrong)


def scored(*reds: float) -> list[Scored]:
    rows = [np.array([1 - red, red], np.float32) for red in reds]
    return [Scored(float(number), row) for number, row in enumerate(rows)]


VERDICTS = Verdicts(CARD, load_policy("balanced"), Precision.F32)


def test_of_two_frames_alike_the_first_is_named() -> None:
    found = VERDICTS.verdict_of_frames("x", scored(0.1, 0.7, 0.7, 0.2), FrameRules())
    assert found.reason == "unsafe 0.700 >= 0.5 at 1.0 s (max of 4 frames)"


def test_the_most_severe_decision_counts_before_the_score() -> None:
    """Another rule than that on the sum may be the one that blocks."""
    policy = load_policy("balanced")
    strict = replace(policy.rules[0], name="other", classes=frozenset({"neutral"}), block=0.9)
    verdicts = Verdicts(CARD, replace(policy, rules=(*policy.rules, strict)), Precision.F32)
    found = verdicts.verdict_of_frames("x", scored(0.6, 0.05), FrameRules())
    assert found.decision is Decision.BLOCK
    assert found.reason.endswith("at 1.0 s (max of 2 frames)")


def test_nobody_allows_what_nobody_could_see() -> None:
    policy = load_policy("balanced")
    assert policy.unreadable is Decision.REVIEW
    calm = VERDICTS.verdict_of_frames("x", scored(0.1, 0.2), FrameRules(), unseen=2.0)
    assert calm.decision is Decision.REVIEW
    assert calm.reason == (
        "unsafe 0.200 < 0.5 at 1.0 s (max of 2 frames);"
        " from 2.0 s on not all could be decoded: review"
    )
    worse = VERDICTS.verdict_of_frames("x", scored(0.1, 0.97), FrameRules(), unseen=2.0)
    assert worse.decision is Decision.BLOCK
    assert worse.reason.endswith("(max of 2 frames); from 2.0 s on not all could be decoded")


def test_a_damaged_film_is_reviewed() -> None:
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (90, 120, 3), np.uint8)) for _ in range(4)]
    with io.BytesIO() as stream:
        images[0].save(
            stream, "WEBP", save_all=True, append_images=images[1:], duration=500, lossless=True
        )
        data = bytearray(stream.getvalue())
    assert judged(bytes(data)).decision is Decision.ALLOW
    third = [at for at in range(len(data)) if data[at : at + 4] == b"ANMF"][2]
    data[third + 60 : third + 2000] = bytes(1940)
    found = judged(bytes(data))
    assert (found.status, found.decision, len(found.frames)) == (Status.OK, Decision.REVIEW, 2)
    cut = judged(bytes(data[:-3000]))
    assert (cut.status, cut.decision) == (Status.TRUNCATED, Decision.REVIEW)


def test_limits() -> None:
    film = animation(["white", "red"], "GIF", 1000, loop=0)
    long = judged(film, frames=FrameRules(longest=1.5))
    assert (long.status, long.decision) == (Status.UNSUPPORTED, Decision.REVIEW)
    assert judged(film, frames=FrameRules(longest=2)).ok
    small = judged(film, limits=Limits(max_pixels=100))
    assert small.status is Status.TOO_MANY_PIXELS


def test_films_among_photos_in_order(photo: Path) -> None:
    film = animation(["white", *["black", "red"] * 5], "GIF", 200, loop=0)
    sources: list[Any] = [photo, film, b"junk", film, Image.open(photo), film, photo]
    with judging(batch_size=16) as classifier:
        found = classifier.classify_many(sources, top_k=1)
        assert [len(one.frames) for one in found] == [0, 11, 0, 11, 0, 11, 0]
        assert [one.label for one in found] == [
            *("neutral", "porn", None, "porn", "neutral", "porn", "neutral")
        ]
        assert all(len(frame.scores) == 1 for one in found for frame in one.frames)
        alone = classifier.classify(film, top_k=1)
        assert replace(found[1], input="") == replace(alone, input="")
        # Pictures of no more than a batch and a film are held at once.
        assert max(classifier.model._runtime.calls) <= 4  # type: ignore[attr-defined]  # ours


def test_the_timeline_in_the_schema() -> None:
    record = judged(animation(["white", "red"], "PNG", 1500, loop=0)).to_dict()
    assert list(record)[-1] == "frames"
    assert [list(frame) for frame in record["frames"]] == [
        ["seconds", "scores", "unsafe", "decision"]
    ] * 2
    assert [(frame["seconds"], frame["decision"]) for frame in record["frames"]] == [
        (0.0, "allow"),
        (1.5, "block"),
    ]


def test_in_worker_processes_it_is_the_same(photo: Path) -> None:
    sources: list[Any] = [photo, planted_animation(), b"junk", animation(["red"], "GIF")]
    if "av" in sys.modules:
        sources.append(video(["white", "red"]))
    with judging() as here, judging(deadline=20) as there:
        assert there.classify_many(sources) == here.classify_many(sources)


def test_the_deadline_is_for_the_whole_film() -> None:
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (999, 999, 3), np.uint8)) for _ in range(16)]
    with io.BytesIO() as stream:
        images[0].save(
            stream, "PNG", save_all=True, append_images=images[1:], duration=500, compress_level=0
        )
        data = stream.getvalue()
    with judging(deadline=0.1) as classifier:
        found = classifier.classify(data)
    assert (found.status, found.decision) == (Status.TIMEOUT, Decision.REVIEW)


def test_a_video_without_the_extra_says_which_one() -> None:
    """In a process of its own, in which PyAV cannot be imported."""
    data = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100)
    script = (
        "import sys; sys.modules['av'] = None\n"
        "import figleaf\n"
        "found = figleaf.load('mobilenet_v2').classify(sys.stdin.buffer.read())\n"
        "print(found.status, found.decision, found.reason)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=data, capture_output=True, check=True, timeout=60
    )
    said = done.stdout.decode()
    assert said.startswith("unsupported review mov: ")
    assert "pip install 'figleaf[video]'" in said


@pytest.mark.skipif(
    not SHARED.exists(),
    reason="FIGLEAF_SHARED names no folder that holds data/video, nor is there ../shared",
)
def test_every_shared_film() -> None:
    pytest.importorskip("av")
    paths = shared(SHARED)
    with judging(frames=FrameRules(most=5)) as classifier:
        found = dict(zip(paths, classifier.stream(paths), strict=True))
    assert len(found) >= 20
    for path, one in found.items():
        if path.name in ("Mpeg4.mp4", "mp4-with-audio.mp4"):  # sound alone
            assert one.status is Status.NOT_AN_IMAGE
            continue
        assert one.ok, path.name
        assert 1 <= len(one.frames) <= 5
        assert one.unsafe == max(frame.unsafe or 0 for frame in one.frames)
        assert "frame" in one.reason
