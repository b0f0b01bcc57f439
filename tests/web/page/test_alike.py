"""What the page's modules say alone, beside Python: verdicts on films, kinds of files."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.classify.moving import FrameRules
from figleaf.classify.policy import Policy, Rule, load_policy, presets
from figleaf.classify.prediction import Decision
from figleaf.classify.verdict import Scored, Verdicts
from figleaf.models.bundle import find_bundle, open_bundle
from figleaf.models.runtime import Precision

from ...images.films import animation, sound, video
from .opened import Opened

VERDICTS = """async (cases) => {
  const { reasonFor, verdictOn } = await import("./verdict.js");
  return cases.map(({ policy, frames, unseen }) => {
    const item = { outcome: { status: "ok", scores: {}, frames, unseen } };
    const found = verdictOn(item, policy);
    return [found.decision, reasonFor(item, found), found.unsafe];
  });
}"""

KINDS = """async (files) => {
  const { kindOf } = await import("./kinds.js");
  const found = {};
  for (const [name, type, data] of files) {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    found[name] = await kindOf(new File([bytes], name, { type }));
  }
  return found;
}"""


def as_json(policy: Policy) -> dict[str, Any]:
    rules = [
        {
            "name": rule.name,
            "classes": sorted(rule.classes),
            "review": rule.review,
            "block": rule.block,
        }
        for rule in policy.rules
    ]
    return {"name": policy.name, "unreadable": str(policy.unreadable), "rules": rules}


def test_verdicts_on_films_are_pythons(opened: Opened) -> None:
    card = open_bundle(find_bundle("mobilenet_v2")).card
    own = Rule("sexy", frozenset(["sexy"]), 0.3, None)
    policies = [load_policy(name) for name in presets()]
    policies.append(Policy("own", 1, "", Decision.BLOCK, (*policies[1].rules, own)))
    policies.append(
        Policy("none", 1, "", Decision.REVIEW, (Rule("unsafe", frozenset(["nsfw"]), 0.5, None),))
    )
    source = np.random.default_rng(8)
    cases, wanted = [], []
    for number in range(300):
        policy = policies[number % len(policies)]
        rows = source.dirichlet([0.4] * 5, 1 + number % 16).astype(np.float32)
        looks = [Scored(0.25 * n, row) for n, row in enumerate(rows)]
        unseen = looks[-1].seconds + 0.25 if number % 3 == 0 else None
        verdicts = Verdicts(card, policy, Precision.F32)
        found = verdicts.verdict_of_frames("a", looks, FrameRules(), unseen)
        wanted.append((found.decision, found.reason, found.unsafe))
        frames = [
            {
                "seconds": look.seconds,
                "scores": dict(
                    sorted(
                        zip(card.labels, map(float, look.probabilities), strict=True),
                        key=lambda pair: -pair[1],
                    )
                ),
            }
            for look in looks
        ]
        cases.append({"policy": as_json(policy), "frames": frames, "unseen": unseen})
    told = opened.page.evaluate(VERDICTS, cases)
    assert {one[0] for one in wanted} == {None, *Decision}
    for (decision, reason, unsafe), mine in zip(wanted, told, strict=True):
        assert mine[:2] == [None if decision is None else str(decision), reason]
        assert mine[2] == (None if unsafe is None else pytest.approx(unsafe, abs=1e-6))


def saved(kind: str, **options: Any) -> bytes:
    with io.BytesIO() as stream:
        Image.new("RGB", (32, 24), "teal").save(stream, kind, **options)
        return stream.getvalue()


def test_kinds_are_told_by_the_first_bytes(opened: Opened) -> None:
    pytest.importorskip("av")
    files: list[tuple[str, str, str, bytes]] = [
        *(
            (f"a.{kind}", "still", "", saved(kind))
            for kind in ("jpeg", "png", "webp", "bmp", "tiff")
        ),
        ("a.avif", "still", "", saved("avif")),
        ("a.ico", "still", "", saved("ico")),
        ("alpha.webp", "still", "", saved("webp", exif=b"Exif\0\0")),
        *(
            (f"moving.{kind}", "animation", "", animation(["red", "blue"], kind.upper()))
            for kind in ("gif", "png", "webp", "avif")
        ),
        ("a.mp4", "video", "", video(["red"], "mp4", "libx264")),
        ("a.mov", "video", "", video(["red"], "mov", "libx264")),
        ("a.mkv", "video", "", video(["red"], "matroska", "libx264")),
        ("a.webm", "video", "", video(["red"], "webm", "libvpx")),
        ("a.avi", "video", "", video(["red"], "avi", "mpeg4")),
        ("a.m4a", "video", "", sound()),
        ("heic.jpg", "still", "", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("page.png", "other", "image/png", b"\n <!doctype html><html>"),
        ("page.svg", "other", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("text.txt", "other", "text/plain", b"GIF, it says"),
        ("unheard.raw", "unheard", "image/x-unheard", b"\1\2\3\4"),
        ("none.jpg", "empty", "image/jpeg", b""),
    ]
    given = [[name, kind, base64.b64encode(data).decode()] for name, _, kind, data in files]
    assert opened.page.evaluate(KINDS, given) == {name: wanted for name, wanted, _, _ in files}
