"""What runs a graph: one small interface, OpenVINO behind it or ONNX Runtime.

A runtime is compiled for a number of streams: that many threads may call `infer` at the same time
and each gets a core of its own. Precision is always set explicitly, since OpenVINO would otherwise
choose bf16 by itself where the processor has it.
"""

import math
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import MissingExtraError, ModelError, first_line

_CPU_BATCH = 4

Arrays = Mapping[str, NDArray[np.float32]]


class Precision(StrEnum):
    """In what numbers a graph computes."""

    F32 = "f32"
    BF16 = "bf16"
    INT8 = "int8"
    """Of graphs that are quantised: their kernels; the rest of them in f32."""


class RuntimeName(StrEnum):
    """The runtimes that figleaf can use."""

    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"


class Runtime(Protocol):
    """A compiled graph.

    `most` is how many pictures one call should have at the most.
    """

    most: int

    def infer(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Run the graph; as many threads as there are streams may call this at once.

        Args:
            inputs: for each input of the graph, float32 of shape (batch, height, width, 3).
            outputs: the names of the outputs that are wanted.

        Returns:
            for each of them, float32 of shape (batch, width), the caller's to keep.
        """
        ...


def available_cores() -> int:
    """The number of processor cores that this process may use, a container's quota included."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, _quota(_CGROUP)))


_CGROUP = Path("/sys/fs/cgroup/cpu.max")  # Linux control groups, version 2


def _quota(path: Path) -> int:
    """The cores that a control group grants, rounded up; many where there is no limit."""
    try:
        quota, period = path.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return sys.maxsize


def compile_graph(
    graph: bytes, *, runtime: RuntimeName, precision: Precision, streams: int
) -> Runtime:
    """Compile an ONNX graph.

    Args:
        graph: ONNX.
        runtime: what runs it.
        precision: INT8 for a graph that is quantised, and for no other.
        streams: how many threads may run it at once.

    Raises:
        MissingExtraError: the runtime is not installed.
        ModelError: the runtime refuses the graph, or cannot compute in that precision here.
    """
    if runtime is RuntimeName.OPENVINO:
        return OpenVINORuntime(graph, precision=precision, streams=streams)
    return ONNXRuntime(graph, precision=precision)


def has_bf16() -> bool:
    """Whether this processor computes in bfloat16."""
    return "BF16" in _openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVINORuntime:
    """A graph on OpenVINO's CPU plugin. Compiled anew each time: a damaged compile cache gives
    wrong scores without a word, and compiling takes less than a second.
    """

    def __init__(self, graph: bytes, *, precision: Precision, streams: int) -> None:
        if precision is Precision.BF16 and not has_bf16():
            raise ModelError("this processor has no bfloat16: use precision 'f32'")
        is_int8 = precision is Precision.INT8
        config = {
            # What is not quantised is in f32, so that a model's scores are the same everywhere.
            "INFERENCE_PRECISION_HINT": str(Precision.F32 if is_int8 else precision),
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
        }
        core = _openvino_core()
        try:
            model = core.read_model(graph)
            # Folding would make float kernels of int8 ones. Those stay, and nothing is left to fold
            # (figleaf.models.int8 does it), so that what `_folded` is about cannot happen.
            compiled = core.compile_model(model if is_int8 else _folded(model), "CPU", config)
        # The latter for a name that is no UTF-8, where the complaint becomes a string.
        except (RuntimeError, UnicodeDecodeError) as error:
            raise ModelError(f"OpenVINO cannot compile the graph: {first_line(error)}") from error
        # In bf16 the last digits depend on the batch's size, and a score must not depend on the
        # pictures that it happened to come with. In f32 four are as fast as more, in less memory;
        # in int8 they take a tenth less time than four times one, and the scores are the same.
        self.most = 1 if precision is Precision.BF16 else _CPU_BATCH
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            self._idle.put(compiled.create_infer_request())

    def infer(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """See Runtime."""
        request = self._idle.get()
        try:
            results = request.infer(dict(inputs), share_inputs=True)
            return {name: np.array(results[name], dtype=np.float32) for name in outputs}
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot run the graph: {first_line(error)}") from error
        finally:
            self._idle.put(request)


class ONNXRuntime:
    """A graph on ONNX Runtime: CUDA or DirectML where its package has them, else the CPU.

    CoreML is left out: it computes in half precision where it sees fit, whatever is asked for.
    """

    _PREFERRED: tuple[tuple[str, dict[str, str]], ...] = (
        ("CUDAExecutionProvider", {"use_tf32": "0"}),  # TF32 is not f32
        ("DmlExecutionProvider", {}),
        ("CPUExecutionProvider", {}),
    )

    def __init__(self, graph: bytes, *, precision: Precision) -> None:
        if precision is Precision.BF16:
            raise ModelError(f"ONNX Runtime computes in f32, not {precision}: use OpenVINO for it")
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "the ONNX Runtime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # parallel over pictures: one thread for each caller
        if precision is not Precision.INT8:
            # Kernels that are kept in whole numbers are to be made float once: twice the speed.
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        present = set(onnxruntime.get_available_providers())
        providers = [entry for entry in self._PREFERRED if entry[0] in present]
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=providers)
        except Exception as error:  # its errors have no common base
            raise ModelError(f"ONNX Runtime refuses the graph: {first_line(error)}") from error
        # A GPU has one queue, and DirectML's sessions must not be run from several threads.
        on_cpu = [name for name, _ in providers] == ["CPUExecutionProvider"]
        self.most = _CPU_BATCH if on_cpu else sys.maxsize
        self._turn: AbstractContextManager[Any] = nullcontext() if on_cpu else threading.Lock()

    def infer(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """See Runtime."""
        try:
            with self._turn:
                results = self._session.run(list(outputs), dict(inputs))
        except Exception as error:  # as above
            raise ModelError(f"ONNX Runtime cannot run the graph: {first_line(error)}") from error
        return dict(zip(outputs, results, strict=True))


def _folded(model: Any) -> Any:
    """The model with its kernels dequantised once, here rather than in the CPU plugin.

    With more than one stream OpenVINO 2026.4 gives every stream but the first wrong kernels where
    it dequantises them itself (scores of 1.0 for the wrong class); it also compiles faster so.
    """
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    return model


_initialising = threading.Lock()


def _openvino_core() -> Any:
    # OpenVINO's telemetry would write an id file to the home folder and open a socket; without the
    # module it does neither, and works the same.
    modules: dict[str, Any] = sys.modules
    modules.setdefault("openvino_telemetry", None)
    import openvino

    with _initialising:
        # Its binding looks NumPy up at the first array that it is given. Two threads that do so at
        # once wait for each other for ever, one with the interpreter's lock, one with its own.
        openvino.Tensor(np.zeros(1, np.float32))
    return openvino.Core()
