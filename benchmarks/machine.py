"""What a benchmark ran on: processor, cores, memory, versions, date. No host name, no paths."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# The ones that decide which kernels a runtime picks.
_TELLING_FLAGS = (
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
    "i8mm",
)

_LEFT_OUT = ("OPENBLAS_CORETYPE",)
"""Set on some machines for another's sake, and slows NumPy: no measured process gets to see it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, as far as it matters to a rate.

    `cores` is how many this process may use, `load_average` that of the last minute when the
    benchmark began: above about 0.2 others were busy too.
    """

    cpu: str
    cores: int
    cpu_flags: tuple[str, ...]
    memory_gib: float
    system: str
    python: str
    load_average: float
    variables_left_out: tuple[str, ...]
    date: str


def describe() -> Machine:
    """Describe this machine, now."""
    return Machine(
        cpu=_cpu_field("model name") or platform.processor() or platform.machine(),
        cores=cores(),
        cpu_flags=tuple(flag for flag in _TELLING_FLAGS if flag in _cpu_flags()),
        memory_gib=round(_memory_bytes() / 2**30, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        load_average=round(os.getloadavg()[0], 2),
        variables_left_out=tuple(name for name in _LEFT_OUT if name in os.environ),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment() -> dict[str, str]:
    """The environment for every measured process: this one's, without what would slow it."""
    return {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}


def commit() -> str:
    """The commit of the checkout that this file is in, or "" outside of one."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        here = Path(__file__).parent
        result = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.strip()


def sentence(machine: Machine) -> str:
    """The machine in one line of Markdown."""
    flags = ", ".join(machine.cpu_flags) or "none of note"
    left_out = "".join(f" {name} unset for all." for name in machine.variables_left_out)
    return (
        f"{machine.cpu}, {machine.cores} cores ({flags}), {machine.memory_gib} GiB, "
        f"{machine.system}, Python {machine.python}, {machine.date}; "
        f"load average at the start {machine.load_average}.{left_out}"
    )


def _cpu_field(name: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _cpu_flags() -> list[str]:
    return (_cpu_field("flags") or _cpu_field("Features")).split()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
