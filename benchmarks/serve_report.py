"""What `benchmarks.serve` found: its record, the targets, and the section of the README. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import machine, report, summary
from benchmarks.load import Load
from benchmarks.report import Check, number
from benchmarks.serve_agreement import Agreement
from benchmarks.serve_memory import Trend

TARGETS = {"figleaf f32": 2.5, "figleaf bf16": 4.0, "figleaf fast": 4.0}
"""Requests a second by those of the peer's better handler, at the least."""
P99 = 1.0
"""Seconds at 80 % of the limit."""
GROWTH = 0.02
"""Of the memory at the start of an overload: a line through it that rises less is called flat."""
EQUAL = 1.01e-6
"""Scores are rounded to six decimals: by how much two of them may differ and still be the same."""


@dataclass(frozen=True, slots=True)
class Run:
    """One side under one load; `round` is 0 outside of the rounds.

    cpu_seconds: of all its processes, warming up included.
    """

    side: str
    round: int
    load: Load
    cpu_seconds: float
    memory: Trend

    @property
    def cpu_milliseconds(self) -> float:
        """Of processor, on all cores, for each request."""
        return 1000 * self.cpu_seconds / max(self.load.requests, 1)


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/serve.json`."""

    machine: machine.Machine
    commit: str
    photos: int
    mean_bytes: int
    connections: int
    pins: tuple[str, ...]
    not_measured: Mapping[str, str]
    generator: Run
    runs: Sequence[Run]
    steady: Sequence[Run]
    overload: Run | None
    agreements: Mapping[str, Agreement]
    ratios: Sequence[summary.Check]
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Whether every target was measured and met."""
        met = [*(one.passed for one in self.ratios), *(one.passed for one in self.checks)]
        return all(met) and self.overload is not None


def ratios(runs: Sequence[Run], peers: Sequence[str]) -> list[summary.Check]:
    """Requests a second of ours by the better of the peer's, round by round."""
    return [_ratio(runs, side, peers, target) for side, target in TARGETS.items()]


def checks(steady: Sequence[Run], overload: Run | None, exact: Agreement) -> list[Check]:
    """What has a target besides; `exact` is that of f32."""
    found = [_wait(run) for run in steady]
    found.append(
        Check(
            "f32: largest difference of a score from `figleaf.load(...)`'s",
            exact.worst,
            "equal to 6 decimals",
            exact.worst <= EQUAL,
        )
    )
    found.append(
        Check(
            "f32: answers that differ in anything else", exact.otherwise, "0", not exact.otherwise
        )
    )
    return found if overload is None else [*found, *_overloaded(overload)]


def _overloaded(run: Run) -> list[Check]:
    load, growth = run.load, run.memory.growth
    others = sum(count for status, count in load.statuses.items() if status not in ("200", "503"))
    without = sum(load.unanswered.values())
    return [
        Check("overload: answers other than 200 and 503", others, "0", not others),
        Check("overload: requests without an answer", without, "0", not without),
        Check("overload: never sent, all connections busy", load.unsent, "0", not load.unsent),
        Check(
            "overload: 503 without Retry-After", load.no_retry_after, "0", not load.no_retry_after
        ),
        Check("overload: growth of memory", growth, f"< {GROWTH:g}", growth < GROWTH),
    ]


def _wait(run: Run) -> Check:
    latency, statuses = run.load.latencies.get("200"), run.load.statuses
    p99 = latency.p99 if latency else float("inf")
    passed = p99 < P99 and statuses.keys() == {"200"} and not run.load.unanswered
    return Check(
        f"{run.side}: p99 at 80 % of its limit, s", p99, f"< {P99:g}, and only 200", passed
    )


def _ratio(runs: Sequence[Run], side: str, peers: Sequence[str], target: float) -> summary.Check:
    values = list[float]()
    for this in sorted({run.round for run in runs}):
        rates = {run.side: run.load.rate for run in runs if run.round == this}
        theirs = max((rates.get(peer, 0.0) for peer in peers), default=0.0)
        if side in rates and theirs:
            values.append(rates[side] / theirs)
    value = median(values) if values else None
    passed = value is not None and value >= target
    return summary.Check(
        f"requests/s of {side} / FastAPI's better", value, tuple(values), target, passed
    )


def markdown(record: Record) -> str:
    """The section of the README."""
    alone = record.generator
    parts = [
        machine.sentence(record.machine),
        f"{record.photos} pictures of {record.mean_bytes / 1000:.0f} KB on average, in turn, "
        f"{record.connections} connections, {_rounds(record)}; figleaf at commit "
        f"{record.commit or 'unknown'}. The generator alone: {number(alone.load.rate)} requests/s "
        f"with {alone.load.generator_cores:.2f} of a core.",
        report.table(_RATE_HEAD, [_rate_row(record, side) for side in _sides(record)]),
        summary.checks_table(record.ratios),
        report.table(_STEADY_HEAD, [_steady_row(run) for run in record.steady]),
        *([_overload_text(record.overload)] if record.overload else []),
        report.table(("what", "found", "target", "verdict"), [*map(_check_row, record.checks)]),
        report.table(
            _AGREEMENT_HEAD, [_agreement_row(*pair) for pair in record.agreements.items()]
        ),
        f"FastAPI: {', '.join(record.pins).replace('==', ' ')}.",
        *(f"Not measured: {name} ({why})." for name, why in record.not_measured.items()),
    ]
    return "\n\n".join(parts)


_RATE_HEAD = (
    "server",
    "requests/s",
    "rounds",
    "p50, s",
    "p99, s",
    "CPU, ms a request",
    "generator, cores",
    "peak RSS, MB",
)
_STEADY_HEAD = ("at 80 % of the limit", "asked for/s", "200/s", "p50, s", "p99, s", "most, s")
_AGREEMENT_HEAD = (
    "under any of these loads",
    "answers",
    "pictures",
    "pictures with unlike answers",
    "largest difference of a score",
    "otherwise different",
)


def _sides(record: Record) -> list[str]:
    return list(dict.fromkeys(run.side for run in record.runs))


def _rounds(record: Record) -> str:
    return f"{max((run.round for run in record.runs), default=0)} rounds"


def _rate_row(record: Record, side: str) -> tuple[str, ...]:
    runs = [run for run in record.runs if run.side == side]
    rates = [run.load.rate for run in runs]
    waits = [run.load.latencies["200"] for run in runs if "200" in run.load.latencies]
    return (
        side,
        number(median(rates)),
        f"{number(min(rates))} to {number(max(rates))}",
        f"{median(one.median for one in waits):.3f}" if waits else "",
        f"{median(one.p99 for one in waits):.3f}" if waits else "",
        number(median(run.cpu_milliseconds for run in runs)),
        f"{median(run.load.generator_cores for run in runs):.3f}",
        f"{max(run.memory.peak_rss_bytes for run in runs) / 1e6:.0f}",
    )


def _steady_row(run: Run) -> tuple[str, ...]:
    wait = run.load.latencies.get("200")
    waits = (f"{one:.3f}" for one in (wait.median, wait.p99, wait.most)) if wait else ("", "", "")
    return (run.side, number(run.load.shape.rate or 0), number(run.load.rate), *waits)


def _overload_text(run: Run) -> str:
    load, memory = run.load, run.memory
    statuses = ", ".join(f"{count:,} of {status}" for status, count in load.statuses.items())
    waits = "; ".join(
        f"{status}: p50 {wait.median:.3f} s, p99 {wait.p99:.3f} s, most {wait.most:.3f} s"
        for status, wait in load.latencies.items()
    )
    return (
        f"**Overload**: {run.side}, {number(load.shape.rate or 0)} requests/s for "
        f"{load.shape.seconds / 60:g} minutes, three times the limit, on at most "
        f"{load.most_connections} connections: {statuses}, {number(load.rate)} answers of 200 a "
        f"second. {waits}. Without an answer {sum(load.unanswered.values())} of "
        f"{load.requests:,}. Memory of all its processes after {memory.settled:.0f} s: "
        f"{memory.start_bytes / 1e6:.1f} MB, {memory.seconds / 60:.1f} minutes later "
        f"{memory.end_bytes / 1e6:.1f} MB (a line through all samples, "
        f"{memory.bytes_a_minute / 1e6:+.2f} MB a minute)."
    )


def _check_row(check: Check) -> tuple[str, ...]:
    return (check.name, f"{check.value:.4g}", check.target, "pass" if check.passed else "**fail**")


def _agreement_row(side: str, found: Agreement) -> tuple[str, ...]:
    return (
        side,
        f"{found.answers:,}",
        str(found.photos),
        str(found.unsteady),
        f"{found.worst:.6f}",
        str(found.otherwise),
    )
