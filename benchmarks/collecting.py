"""One collection: a server with latency, a side that collects from it, how long that takes."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import figleaf
from benchmarks import machine
from benchmarks.peers import Peer
from benchmarks.process import Ended, ProcessFailedError, cpu_seconds_of, run
from benchmarks.startup import launcher

LATENCY = 0.05
"""Seconds that the server takes to answer."""
IN_FLIGHT = 512
"""Requests that figleaf has at once, and connections that the server alone is measured with."""
PROCESSES = 2
"""Of img2dataset."""

_STARTS = 3
_CHECKOUT = Path(__file__).parents[1]
_URLS, _OUT = "urls.txt", "out"


@dataclass(frozen=True, slots=True)
class Side:
    """A command that collects what `urls.txt` names into `out`, both in its current folder."""

    name: str
    peer: Peer
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One side over all URLs, once; `round` is 0 before the rounds."""

    side: str
    round: int
    images: int
    seconds: float
    cpu_seconds: float
    server_cpu_seconds: float
    peak_pss_bytes: int
    peak_rss_bytes: int

    @property
    def rate(self) -> float:
        """Images a second, from the process's start to its end."""
        return self.images / self.seconds


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the server alone gives, at IN_FLIGHT connections."""

    closes: bool
    answers: int
    seconds: float
    least_latency: float
    median_latency: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


@dataclass(frozen=True, slots=True)
class Server:
    """The latency server's process."""

    process: int
    port: int


class Bench:
    """Runs sides against a server, each in a folder that is new and removed afterwards."""

    def __init__(self, server: Server, work: Path) -> None:
        self._server = server
        self._work = work

    def run(self, side: Side, count: int, number: int = 0) -> Run:
        """Collect `count` images; `number` is the round's.

        Raises:
            ProcessFailedError: the side failed, or has fewer images than there are URLs.
        """
        with tempfile.TemporaryDirectory(dir=self._work, prefix="collect-") as name:
            folder = Path(name)
            lines = (f"http://127.0.0.1:{self._server.port}/{n}.jpg\n" for n in range(count))
            (folder / _URLS).write_text("".join(lines))
            before = cpu_seconds_of(self._server.process)
            ended = run(side.command, folder, _environment())
            server_cpu = cpu_seconds_of(self._server.process) - before
            images = count_images(side.peer, folder / _OUT)
        os.sync()  # so that what one has left to write is not written while the next is measured
        if images != count:
            raise ProcessFailedError(f"{images} of {count} images\n{ended.output[-1000:]}")
        return _run_of(side, number, images, ended, server_cpu)

    def start_seconds(self, side: Side) -> float:
        """From start to end with one image: the median of several."""
        return median(self.run(side, 1).seconds for _ in range(_STARTS))


def count_images(peer: Peer, out: Path) -> int:
    """How many images a side says it has."""
    if peer is Peer.FIGLEAF:
        with figleaf.Dataset(out) as data:
            return len(data)
    found = [json.loads(path.read_text()) for path in out.glob("*_stats.json")]
    return sum(stats["successes"] for stats in found)


def figleaf_side() -> Side:
    options = ["--allow-loopback", "--no-robots", "--quiet"]
    options += ["--per-host", str(IN_FLIGHT), "--in-flight", str(IN_FLIGHT)]
    command = (*launcher(), "collect", f"neutral={_URLS}", "--out", _OUT, *options)
    return Side("figleaf collect", Peer.FIGLEAF, command)


def peer_side(program: Sequence[str], output: str, threads: int, count: int) -> Side:
    """img2dataset as its own command, with files left as they are and as little else as it can."""
    options = {
        "url_list": _URLS,
        "output_folder": _OUT,
        "input_format": "txt",
        "output_format": output,
        "resize_mode": "no",
        "skip_reencode": True,
        "extract_exif": False,
        "processes_count": PROCESSES,
        "thread_count": threads,
        # A shard is one process's: with its default of 10,000 one process would do everything.
        "number_sample_per_shard": max(count // PROCESSES, 1),
        "retries": 0,
        "timeout": 10,
        "enable_wandb": False,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    name = f"img2dataset {output}, {PROCESSES} x {threads} threads"
    return Side(name, Peer.IMG2DATASET, (*program, *words))


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """The latency server over the photos of a folder."""
    command = [sys.executable, "-m", "benchmarks.runners.latency_server", str(folder.resolve())]
    process = subprocess.Popen(
        [*command, "--latency", str(LATENCY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_CHECKOUT,
        env=machine.environment(),
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ProcessFailedError("the latency server did not start")
        yield Server(process.pid, int(line))


def ceiling(server: Server, *, closes: bool) -> Ceiling:
    """What the server gives at most, to clients that do nothing but ask and read."""
    command = [sys.executable, "-m", "benchmarks.runners.collect_load", str(server.port)]
    command += ["--connections", str(IN_FLIGHT), *(["--close"] if closes else [])]
    with tempfile.TemporaryDirectory() as folder:
        environment = machine.environment() | {"PYTHONPATH": str(_CHECKOUT)}
        ended = run(command, Path(folder), environment)
    return Ceiling(closes, **json.loads(ended.output.splitlines()[-1]))


def _environment() -> dict[str, str]:
    # Else img2dataset's dependency asks PyPI for a newer version of itself at every start.
    return machine.environment() | {"NO_ALBUMENTATIONS_UPDATE": "1"}


def _run_of(side: Side, number: int, images: int, ended: Ended, server_cpu: float) -> Run:
    return Run(
        side=side.name,
        round=number,
        images=images,
        seconds=ended.seconds,
        cpu_seconds=ended.cpu_seconds,
        server_cpu_seconds=server_cpu,
        peak_pss_bytes=ended.peak_pss_bytes,
        peak_rss_bytes=ended.peak_rss_bytes,
    )
