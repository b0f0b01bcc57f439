"""From raw runs to medians, ratios and verdicts on them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measure import Run
from benchmarks.plan import Comparison, Efficiency
from benchmarks.report import number, table


@dataclass(frozen=True, slots=True)
class Rate:
    """A task over its rounds: pictures a second, and what it took to load."""

    task: str
    pictures_per_second: float
    slowest: float
    fastest: float
    load_seconds: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Check:
    """A ratio: its median, that of each round, and whether the median reaches the target.

    `value` is None where it was not measured; a target is not reached then.
    """

    name: str
    value: float | None
    rounds: tuple[float, ...]
    target: float | None
    passed: bool | None


def rates(runs: Sequence[Run]) -> list[Rate]:
    """One for each task, in the order of the first round."""
    return [_rate([run for run in runs if run.task == task]) for task in _task_names(runs)]


def compare(runs: Sequence[Run], comparison: Comparison) -> Check:
    """From the rounds in which all of its tasks were measured."""
    ratios = [
        this[comparison.faster] / max(this[other] for other in comparison.others)
        for this in _by_round(runs)
        if set(comparison.tasks) <= this.keys()
    ]
    return _check(comparison.name, ratios, comparison.target)


def efficiency(runs: Sequence[Run], wanted: Efficiency) -> Check:
    """From the rounds in which all three tasks were measured."""
    values = [
        this[wanted.verdict] * (1 / this[wanted.preparation] + 1 / this[wanted.model])
        for this in _by_round(runs)
        if set(wanted.tasks) <= this.keys()
    ]
    return _check(wanted.name, values, wanted.target)


def rates_table(found: Sequence[Rate]) -> str:
    rows = [
        (
            rate.task,
            number(rate.pictures_per_second),
            f"{number(rate.slowest)} to {number(rate.fastest)}",
            number(rate.load_seconds),
            f"{rate.peak_rss_bytes / 1e6:.0f}",
        )
        for rate in found
    ]
    return table(("file to verdict", "pictures/s", "rounds", "load, s", "peak memory, MB"), rows)


def checks_table(found: Sequence[Check]) -> str:
    rows = [
        (check.name, _value(check), _spread(check), _at_least(check), _verdict(check))
        for check in found
    ]
    return table(("ratio", "median", "rounds", "target", "verdict"), rows)


def _rate(runs: Sequence[Run]) -> Rate:
    speeds = [run.rate for run in runs]
    return Rate(
        task=runs[0].task,
        pictures_per_second=median(speeds),
        slowest=min(speeds),
        fastest=max(speeds),
        load_seconds=median(run.load_seconds for run in runs),
        peak_rss_bytes=max(run.peak_rss_bytes for run in runs),
    )


def _task_names(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(run.task for run in runs))


def _by_round(runs: Sequence[Run]) -> list[dict[str, float]]:
    """For each round, the rate of each task."""
    numbers = sorted({run.round for run in runs})
    return [{run.task: run.rate for run in runs if run.round == number} for number in numbers]


def _check(name: str, values: Sequence[float], target: float | None) -> Check:
    value = median(values) if values else None
    passed = None if target is None else value is not None and value >= target
    return Check(name, value, tuple(values), target, passed)


def _value(check: Check) -> str:
    return "not measured" if check.value is None else number(check.value)


def _spread(check: Check) -> str:
    if not check.rounds:
        return ""
    return f"{number(min(check.rounds))} to {number(max(check.rounds))}"


def _at_least(check: Check) -> str:
    return "" if check.target is None else f">= {number(check.target)}"


def _verdict(check: Check) -> str:
    return {None: "", True: "pass", False: "**fail**"}[check.passed]
