"""A folder in Hugging Face's layout, wired: classes, preprocessing, a graph, a card."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from figleaf._version import __version__
from figleaf.errors import FigleafError, ImportModelError
from figleaf.importing.huggingface import weights
from figleaf.importing.huggingface.config import check_config, read_labels
from figleaf.importing.huggingface.graph import Wrapped, wrap
from figleaf.importing.huggingface.layout import (
    CONFIG,
    INDEX,
    PREPROCESSOR,
    README,
    Layout,
    choose,
    shards,
)
from figleaf.importing.huggingface.license import license_of
from figleaf.importing.huggingface.preprocessing import Preprocessing, read_preprocessing
from figleaf.importing.huggingface.timm_layout import is_timm, timm_labels, timm_preprocessing
from figleaf.importing.imported import Imported
from figleaf.importing.mapping import Mapped, map_labels
from figleaf.importing.verifying import verify
from figleaf.models.bundle import external_data
from figleaf.models.card import FORMAT
from figleaf.models.writing import input_entry

if TYPE_CHECKING:
    import onnx

_REVISION = 12  # digits of a commit, which tell it from any other of a repository


@dataclass(frozen=True, slots=True)
class Repository:
    """Where on the hub a folder came from: "owner/name", and the commit."""

    name: str
    revision: str


def import_huggingface(
    folder: Path,
    *,
    labels: Mapping[str, str] = MappingProxyType({}),
    onnx: str | None = None,
    repository: Repository | None = None,
) -> Imported:
    """Read a model in Hugging Face's layout.

    Args:
        folder: with `config.json`; `preprocessor_config.json`, but for timm's layout; and a graph
            or safetensors. No code of it is run, no pickle is read.
        labels: what the user says of classes that are not known, see `map_labels`.
        onnx: the graph to take, where there are several.
        repository: where it came from; None for a folder of the user's.

    Returns:
        the graph, and the card but for its name, and for the license where no model card names it.

    Raises:
        ImportModelError: something in it is missing, is not known here, or contradicts itself; the
            message names it.
        MissingExtraError: safetensors, without what exports them.
    """
    layout = Layout(folder)
    config = layout.read_json(CONFIG)
    check_config(config)
    mapped = map_labels(_labels(config), labels)
    preprocessing = _preprocessing(layout, config)
    chosen = choose(layout.names(), onnx)
    model = _model(layout, chosen, config, preprocessing)
    wrapped = _wrapped(model, preprocessing, mapped)
    card = {
        "format": FORMAT,
        **({"version": repository.revision[:_REVISION]} if repository else {}),
        "description": _description(mapped, repository),
        "labels": list(mapped.labels),
        "features": wrapped.features,
        "inputs": [input_entry(preprocessing.input)],
        "sha256": {},
        "source": _source(chosen, config, repository),
        "license": license_of(layout.read_text(README)),
        "training_data": "as its publisher says; nothing of it is known to figleaf",
        "published": [],
        "false_alarms": [],
        "imported": _origin(layout, mapped, repository),
    }
    verify(card, wrapped.graph)
    return Imported(card, wrapped.graph, _notes(chosen, mapped, preprocessing, wrapped))


def _labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    return timm_labels(config) if is_timm(config) else read_labels(config)


def _preprocessing(layout: Layout, config: Mapping[str, Any]) -> Preprocessing:
    if is_timm(config):
        return timm_preprocessing(config)
    model_type = config.get("model_type")
    return read_preprocessing(layout.read_json(PREPROCESSOR), str(model_type or ""))


def _model(
    layout: Layout, chosen: str, config: Mapping[str, Any], preprocessing: Preprocessing
) -> "onnx.ModelProto":
    if chosen.endswith(".onnx"):
        return _read_graph(layout, chosen)
    for name in [chosen, *(shards(layout.read_json(chosen)) if chosen == INDEX else [])]:
        layout.read(name)  # for its hash
    return weights.export(layout.folder, config, preprocessing.input.size)


def _read_graph(layout: Layout, name: str) -> "onnx.ModelProto":
    """A graph, with the weights that it may keep in a file beside it."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(layout.read(name))
    except DecodeError as error:
        raise ImportModelError(f"{layout.folder / name}: not an ONNX graph ({error})") from error
    beside = PurePosixPath(name).parent
    for outside in sorted(set(external_data(model))):
        if PurePosixPath(outside).name != outside:
            raise ImportModelError(f"{name} keeps weights in {outside!r}, which is not beside it")
        layout.read((beside / outside).as_posix())
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(layout.folder / beside))
    except (onnx.checker.ValidationError, ValueError, OSError) as error:
        raise ImportModelError(f"{name}: its weights cannot be read: {error}") from error
    return model


def _wrapped(model: "onnx.ModelProto", preprocessing: Preprocessing, mapped: Mapped) -> Wrapped:
    try:
        return wrap(model, preprocessing, mapped)
    except FigleafError:
        raise
    except Exception as error:  # of ONNX's own passes on a damaged graph, with no common base
        reason = str(error).strip().partition("\n")[0]
        raise ImportModelError(f"the graph cannot be taken apart: {reason}") from error


def _description(mapped: Mapped, repository: Repository | None) -> str:
    where = f"{repository.name} of the Hugging Face Hub" if repository else "Hugging Face's layout"
    return (
        f"Imported from {where}: {len(mapped.source)} classes"
        f" ({', '.join(mapped.source)}), of which figleaf has measured nothing."
    )


def _source(
    chosen: str, config: Mapping[str, Any], repository: Repository | None
) -> dict[str, str]:
    named = config.get("architecture")
    several = config.get("architectures")
    if not named and isinstance(several, list) and several:
        named = several[0]
    source = {
        "imported_with": f"figleaf {__version__}",
        "file": chosen,
        "architecture": str(named or "not told"),
    }
    if repository:
        source["url"] = f"https://huggingface.co/{repository.name}/tree/{repository.revision}"
    return source


def _origin(layout: Layout, mapped: Mapped, repository: Repository | None) -> dict[str, Any]:
    origin: dict[str, Any] = {"from": "huggingface"}
    if repository:
        origin |= {"repository": repository.name, "revision": repository.revision}
    return origin | {"files": dict(sorted(layout.hashes.items())), "labels": mapped.as_card()}


def _notes(
    chosen: str, mapped: Mapped, preprocessing: Preprocessing, wrapped: Wrapped
) -> tuple[str, ...]:
    pairs = (f"{a} -> {b}" for a, b in zip(mapped.source, mapped.targets, strict=True))
    features = f"{wrapped.features} features" if wrapped.features else "no features"
    return (
        f"file: {chosen}",
        f"classes: {', '.join(pairs)}",
        f"pictures: {preprocessing.told}",
        f"gives: {', '.join(mapped.labels)}; {features}",
        *wrapped.notes,
    )
