"""A policy that was fitted: what it does, where it is from, and its file."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.classify.policy import Policy
from figleaf.classify.prediction import Decision
from figleaf.dataset.durable import replacing
from figleaf.errors import InputError
from figleaf.evaluation.figures import Figure, plain
from figleaf.evaluation.operating import SAFE, UNSAFE, Aim
from figleaf.evaluation.policy_fit.lines import Line
from figleaf.evaluation.policy_fit.rules import FitRules
from figleaf.evaluation.policy_fit.traffic import Folder
from figleaf.evaluation.scoring import ModelUsed
from figleaf.metrics.thresholds import IMAGES


@dataclass(frozen=True, slots=True)
class Band:
    """What a policy decides alike.

    Attributes:
        decision: the decision.
        safe: images of the safe folders.
        unsafe: images of the unsafe ones.
        expected_safe: safe ones, of 10,000 pictures at the stated base rate.
        expected_unsafe: unsafe ones, likewise; nan where none were given.
    """

    decision: Decision
    safe: int
    unsafe: int
    expected_safe: float
    expected_unsafe: float


@dataclass(frozen=True, slots=True)
class FittedPolicy:
    """A policy that was fitted to pictures.

    Attributes:
        policy: the policy.
        lines: its thresholds and those that were only looked at, from the lowest to the highest.
        used: the model that scored, and how: the thresholds are for nothing else.
        classes: of the model, those whose probabilities sum to the unsafe score.
        safe: the folders of safe pictures.
        unsafe: those of unsafe ones; none, where none were given.
        safe_groups: of near duplicates among the safe images, single ones included.
        unsafe_groups: likewise.
        bands: what the policy decides, from allow to block, as far as it decides so.
        notes: what a reader has to know.
        rules: how it was fitted.
    """

    policy: Policy
    lines: tuple[Line, ...]
    used: ModelUsed
    classes: tuple[str, ...]
    safe: tuple[Folder, ...]
    unsafe: tuple[Folder, ...]
    safe_groups: int
    unsafe_groups: int
    bands: tuple[Band, ...]
    notes: tuple[str, ...]
    rules: FitRules

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types; null for what is not known."""
        rule = self.policy.rules[0]
        return {
            "policy": self.policy.tag,
            "review": rule.review,
            "block": rule.block,
            "figleaf": __version__,
            "model": self.used.tag,
            "model_sha256": self.used.sha256,
            "precision": str(self.used.precision),
            "scaled_decoding": self.used.scaled,
            "unsafe_classes": list(self.classes),
            "folders": {
                SAFE: [asdict(folder) for folder in self.safe],
                UNSAFE: [asdict(folder) for folder in self.unsafe],
            },
            "groups": {SAFE: self.safe_groups, UNSAFE: self.unsafe_groups},
            "lines": [line.to_dict() for line in self.lines],
            "decisions": [plain(asdict(band)) for band in self.bands],
            "base_rate": self.rules.base_rate,
            "bootstrap": {
                "repeats": self.rules.repeats,
                "level": self.rules.level,
                "seed": self.rules.seed,
            },
            "notes": list(self.notes),
        }

    def to_toml(self) -> str:
        """The policy file; the same for the same pictures, model and rules."""
        return "\n".join(_toml(self)) + "\n"

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the policy file, whole or not at all.

        Raises:
            InputError: it is there already, or cannot be one; the message says what to do.
            OSError: it cannot be written.
        """
        check_target(path, overwrite=overwrite)
        with replacing(Path(path)) as file:
            file.write(self.to_toml().encode())


def bands(
    outcomes: Mapping[str, Mapping[str, int]], policy: Policy, base_rate: float
) -> tuple[Band, ...]:
    """What a policy decides, as counts and of 10,000 pictures.

    Args:
        outcomes: "safe", "unsafe" -> decision -> images.
        policy: the policy.
        base_rate: the share of unsafe pictures, 0..1.
    """
    safe, unsafe = outcomes[SAFE], outcomes[UNSAFE]
    per_safe = IMAGES * (1 - base_rate) / sum(safe.values())
    per_unsafe = IMAGES * base_rate / sum(unsafe.values()) if unsafe else math.nan
    rule = policy.rules[0]
    decided = {Decision.REVIEW: rule.review, Decision.BLOCK: rule.block, Decision.ALLOW: 0.0}
    counts = (
        (decision, safe.get(decision, 0), unsafe.get(decision, 0))
        for decision in Decision
        if decided[decision] is not None
    )
    return tuple(
        Band(decision, fine, not_, fine * per_safe, not_ * per_unsafe)
        for decision, fine, not_ in counts
    )


def check_target(path: str | Path, *, overwrite: bool) -> None:
    """See that a policy file can be written, as far as can be told beforehand.

    Raises:
        InputError: it is there already, is no file, or lies in a folder that is not there.
    """
    target = Path(path)
    if not str(path):
        raise InputError("an empty name: name a file to write the policy to")
    if target.is_dir():
        raise InputError(f"{path}: a folder; name a file to write the policy to")
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: no plain file; name one to write the policy to")
    if target.exists() and not overwrite:
        raise InputError(f"{path}: is there already; --overwrite replaces it")
    if not target.absolute().parent.is_dir():
        raise InputError(f"{path}: no folder {target.parent}; name a file in one that is")


def _toml(of: FittedPolicy) -> Iterator[str]:
    policy, rule = of.policy, of.policy.rules[0]
    for said in _head(of):
        yield f"# {_shown(said)}".rstrip()
    yield "format = 1"
    yield f"name = {_quoted(policy.name)}"
    yield f"version = {policy.version}"
    yield f"description = {_quoted(policy.description)}"
    yield f'unreadable = "{policy.unreadable}"'
    yield ""
    yield "[sums.unsafe]"
    yield f"classes = [{', '.join(map(_quoted, of.classes))}]"
    for name, threshold in (("review", rule.review), ("block", rule.block)):
        decision = Decision(name)
        for line in of.lines:
            if line.decision is decision and threshold is not None:
                yield f"# {decision}: {described(line, of)}"
                yield f"{decision} = {threshold!r}"


def _head(of: FittedPolicy) -> Iterator[str]:
    used = of.used
    decoding = "large JPEGs decoded at a fraction of their size" if used.scaled else "full decoding"
    yield f"Fitted by figleaf policy fit, figleaf {__version__}, to the pictures below."
    yield f"The thresholds hold for this model alone: {used.tag}, {used.precision}, {decoding}"
    yield f"SHA-256 {used.sha256}"
    for kind, folders, groups in (
        (SAFE, of.safe, of.safe_groups),
        (UNSAFE, of.unsafe, of.unsafe_groups),
    ):
        for folder in folders:
            yield f"{kind}: {folder.name}, {folder.images:,} images{_unread(folder)}"
            yield f"  SHA-256 of their hashes {folder.sha256}"
        if folders:
            yield f"  {groups:,} groups of near duplicates or single images"
    yield f"Intervals at {of.rules.level:g}: exact for rates on safe images (Clopper and Pearson,"
    yield "of as many as near duplicates are worth), by bootstrap of the groups for recall."
    yield "They say what to expect of pictures that are like these, and nothing of others."
    for note in of.notes:
        yield f"Note: {note}"
    yield ""


def _unread(folder: Folder) -> str:
    failed = sum(folder.unreadable.values())
    if not failed:
        return ""
    told = ", ".join(f"{status} {count:,}" for status, count in folder.unreadable.items())
    return f" ({failed:,} left out: {told})"


def described(line: Line, of: FittedPolicy) -> str:
    """What a threshold was chosen for, and what it does, in a line."""
    safe = sum(folder.images for folder in of.safe)
    unsafe = sum(folder.images for folder in of.unsafe)
    aim = "recall" if line.aim is Aim.RECALL else "false-positive rate"
    flagged = (
        f"{line.flagged:,} of {safe:,} safe flagged, {with_interval(line.false_positive_rate)}"
    )
    caught = f"; {line.caught:,} of {unsafe:,} unsafe, {with_interval(line.recall)}"
    return f"for a {aim} of {line.target:g}: {flagged}{caught if unsafe else ''}"


def with_interval(figure: Figure) -> str:
    """A share of a hundred with its interval: "0.95% (0.46%..1.7%)"; "-" for none."""
    if math.isnan(figure.value):
        return "-"
    low, high = figure.interval.low, figure.interval.high
    if math.isnan(low):
        return percent(figure.value)
    return f"{percent(figure.value)} ({percent(low)}..{percent(high)})"


def percent(share: float) -> str:
    """A share of a hundred in two digits: "0.046%", "12%", "100%"."""
    return "-" if math.isnan(share) else f"{float(f'{100 * share:.2g}'):g}%"


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    return json.dumps(_shown(text), ensure_ascii=False)


def _shown(text: str) -> str:
    """Without what TOML does not allow, or what could turn a text's direction."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
