import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from figleaf.errors import MissingExtraError, ModelError
from figleaf.images import decode
from figleaf.models.bundle import embedded, open_bundle
from figleaf.models.model import Model, load_model
from figleaf.models.runtime import (
    Precision,
    RuntimeName,
    _quota,
    available_cores,
    compile_graph,
    has_bf16,
)

NAMES = embedded()


def prepared(model: Model, pictures: Path) -> list[tuple[np.ndarray, ...]]:
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
    return [model.prepare(decode((pictures / name).read_bytes()).pixels) for name in names]


@pytest.mark.parametrize("name", NAMES)
def test_every_stream_gives_what_the_other_runtime_gives(name: str, pictures: Path) -> None:
    # OpenVINO's further streams once had wrong kernels: all of them must be looked at.
    reference = load_model(name, runtime=RuntimeName.ONNXRUNTIME)
    batch = prepared(reference, pictures)
    expected = reference.run(batch, features=True)
    model = load_model(name, streams=3)
    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda _: model.run(batch, features=True), range(9)))
    for result in results:
        np.testing.assert_allclose(result.probabilities, expected.probabilities, atol=2e-5)
        scale = np.abs(expected.features).max()
        np.testing.assert_allclose(result.features, expected.features, atol=1e-4 * scale)


def test_scores_do_not_depend_on_the_batch(pictures: Path) -> None:
    for precision in [Precision.F32] + [Precision.BF16] * has_bf16():
        model = load_model("mobilenet_v2_mid", precision=precision)
        batch = prepared(model, pictures)
        together = model.run(batch).probabilities
        alone = np.concatenate([model.run([picture]).probabilities for picture in batch])
        tolerance = 1e-6 if precision is Precision.F32 else 0
        np.testing.assert_allclose(together, alone, atol=tolerance)


def test_precision_is_what_was_asked_for(pictures: Path) -> None:
    if not has_bf16():
        with pytest.raises(ModelError, match="no bfloat16"):
            load_model("mobilenet_v2", precision=Precision.BF16)
        return
    exact, rough = (
        load_model("mobilenet_v2", precision=p) for p in (Precision.F32, Precision.BF16)
    )
    batch = prepared(exact, pictures)
    drift = np.abs(exact.run(batch).probabilities - rough.run(batch).probabilities).max()
    assert 1e-6 < drift < 0.2


def test_features_come_only_when_asked_for(pictures: Path) -> None:
    model = load_model("mobilenet_v2")
    batch = prepared(model, pictures)
    assert model.run(batch).features.shape == (4, 0)
    assert model.run(batch, features=True).features.shape == (4, model.card.features)
    backbone = load_model("efficientnet_lite0")
    assert backbone.run(prepared(backbone, pictures), features=True).probabilities.shape == (4, 0)


def test_onnx_runtime_has_no_bf16() -> None:
    with pytest.raises(ModelError, match="computes in f32"):
        load_model("mobilenet_v2", runtime=RuntimeName.ONNXRUNTIME, precision=Precision.BF16)


def test_a_missing_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'figleaf\[onnxruntime\]'"):
        load_model("mobilenet_v2", runtime=RuntimeName.ONNXRUNTIME)


@pytest.mark.parametrize("runtime", list(RuntimeName))
def test_a_graph_that_no_runtime_takes_is_a_model_error(runtime: RuntimeName) -> None:
    graph = open_bundle("mobilenet_v2").graph.replace(b"Conv", b"Cunv")
    with pytest.raises(ModelError):
        compile_graph(graph, runtime=runtime, precision=Precision.F32, streams=1)


def test_a_name_that_is_no_text_is_a_model_error() -> None:
    graph = open_bundle("mobilenet_v2").graph
    damaged = graph.replace(b"Conv", b"\xff\xfe\xfd\xfc")
    assert damaged != graph
    with pytest.raises(ModelError, match="OpenVINO cannot compile"):
        compile_graph(damaged, runtime=RuntimeName.OPENVINO, precision=Precision.F32, streams=1)


def test_there_is_a_core() -> None:
    assert available_cores() >= 1


FIRST_AT_ONCE = """
import threading
import numpy as np
from figleaf.models.model import load_model

model = load_model("mobilenet_v2", streams=2)
picture = model.prepare(np.zeros((8, 8, 3), np.uint8))
together = threading.Barrier(2)

def work():
    together.wait()
    model.run([picture])

threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_first_inferences_at_once_do_not_wait_for_each_other() -> None:
    # Without the first look-up of NumPy in one thread about one process in fifteen hangs.
    for _ in range(8):
        subprocess.run([sys.executable, "-c", FIRST_AT_ONCE], check=True, timeout=60)


@pytest.mark.parametrize(
    ("text", "cores"), [("max 100000", sys.maxsize), ("150000 100000", 2), ("junk", sys.maxsize)]
)
def test_a_containers_quota_counts(tmp_path: Path, text: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert _quota(tmp_path / "cpu.max") == cores
    assert _quota(tmp_path / "missing") == sys.maxsize
