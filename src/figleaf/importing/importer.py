"""`import_model`: from wherever a model of others lies to a bundle."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from figleaf.errors import ImportModelError, InputError
from figleaf.importing.checking import check_folder, check_on
from figleaf.importing.huggingface.hub import PREFIX, fetch, parse_source
from figleaf.importing.huggingface.layout import CONFIG
from figleaf.importing.huggingface.reading import import_huggingface
from figleaf.importing.imported import Imported
from figleaf.importing.rules import ImportRules
from figleaf.models.writing import check_free

_TFJS = "model.json"
_TFJS_SCRIPT = "model.min.js"  # as the package nsfwjs has it


def import_model(
    source: str,
    out: str | Path,
    *,
    rules: ImportRules = ImportRules(),  # noqa: B008  # frozen
    check: str | Path | None = None,
    tell: Callable[[str], None] = lambda line: None,
    endpoint: str | None = None,
) -> Path:
    """Make a bundle of another project's model.

    Args:
        source: a folder in Hugging Face's layout or its `config.json`, "hf:OWNER/NAME[@REVISION]"
            for one of the hub, or a TensorFlow.js model's folder or `model.json`. Only the hub is
            downloaded from.
        out: the bundle's folder, which is not there yet.
        rules: what the model's files do not say.
        check: a folder of safe pictures: where more than half of them are unsafe to the model,
            nothing is written.
        tell: is told what was read and understood, a line each, before anything is written.
        endpoint: of the hub; by default HF_ENDPOINT, or the public one.

    Returns:
        the bundle's folder.

    Raises:
        InputError: something is at `out` already, or rules that are not for such a source.
        ImportModelError: the model cannot be taken, or not safely; the message says why, and what
            to do.
        BundleError, ModelError: what was made of it cannot be run.
        MissingExtraError: something is needed that is not installed.
    """
    place = Path(out)
    check_free(place)
    if check is not None:
        check_folder(Path(check))
    with TemporaryDirectory(prefix="figleaf-import-") as scratch:
        imported = _read(source, rules, Path(scratch), tell, endpoint)
        for note in imported.notes:
            tell(note)
        named = imported.named(
            rules.name or place.name, version=rules.version, license=rules.license
        )
        tell(f"license: {named.card['license']}")
        if check is not None:
            seen = check_on(named, Path(check))
            tell(
                f"of {seen.pictures} safe pictures it calls {seen.unsafe} unsafe ({seen.share:.1%})"
            )
        return named.write(place)


def _read(
    source: str,
    rules: ImportRules,
    scratch: Path,
    tell: Callable[[str], None],
    endpoint: str | None,
) -> Imported:
    if source.startswith(PREFIX):
        _refuse(rules, "the hub", tfjs=True)
        name, revision = parse_source(source, rules.revision)
        fetched = fetch(name, scratch, revision=revision, onnx=rules.onnx, endpoint=endpoint)
        for note in fetched.notes():
            tell(note)
        return import_huggingface(
            scratch, labels=rules.labels, onnx=rules.onnx, repository=fetched.repository
        )
    if rules.revision:
        raise InputError("--revision is for hf:OWNER/NAME")
    folder = Path(source)
    if folder.name == CONFIG and folder.is_file():
        folder = folder.parent
    if folder.suffix == ".onnx" and folder.is_file():
        raise ImportModelError(
            f"{source}: a graph alone tells neither classes nor how pictures are prepared: give the"
            " folder with its config.json and preprocessor_config.json, and --onnx where it has"
            " several graphs"
        )
    if folder.is_file() or _is_tfjs(folder):
        _refuse(rules, "TensorFlow.js", tfjs=False)
        return _read_tfjs(folder, rules)
    if (folder / CONFIG).is_file():
        _refuse(rules, "Hugging Face's layout", tfjs=True)
        return import_huggingface(folder, labels=rules.labels, onnx=rules.onnx)
    raise ImportModelError(
        f"{source}: no model of others is there: neither {CONFIG} (Hugging Face's layout) nor"
        f" {_TFJS} (TensorFlow.js); one of the hub is hf:OWNER/NAME"
    )


def _is_tfjs(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (_TFJS, _TFJS_SCRIPT))


def _read_tfjs(folder: Path, rules: ImportRules) -> Imported:
    from figleaf.importing.tfjs.importer import Pixels, TfjsRules, import_tfjs

    plain = TfjsRules()
    try:
        pixels = plain.pixels if rules.pixels is None else Pixels(rules.pixels)
    except ValueError:
        known = ", ".join(Pixels)
        raise InputError(f"--pixels is {rules.pixels!r}, not one of {known}") from None
    told = TfjsRules(
        pixels=pixels,
        resample=rules.resample or plain.resample,
        size=rules.size,
        logits=rules.logits,
        labels=rules.labels,
    )
    return import_tfjs(folder, rules.classes, told)


def _refuse(rules: ImportRules, what: str, *, tfjs: bool) -> None:
    """Refuse what is for another kind of model."""
    given = (
        {
            "--classes": rules.classes,
            "--pixels": rules.pixels,
            "--resample": rules.resample,
            "--size": rules.size,
            "--logits": rules.logits,
        }
        if tfjs
        else {"--onnx": rules.onnx}
    )
    if stray := [name for name, value in given.items() if value]:
        raise InputError(f"{stray[0]} is not for a model of {what}")
