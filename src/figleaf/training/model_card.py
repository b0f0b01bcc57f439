"""MODEL_CARD.md: what somebody who is given a bundle has to know of it."""

from collections.abc import Iterator, Sequence

from figleaf.training.backbones.backbone import Backbone
from figleaf.training.report import TrainReport
from figleaf.training.results import Results


def model_card(report: TrainReport, backbones: Sequence[Backbone]) -> str:
    """The card in Markdown: the same text for the same training, so without dates and times."""
    sections = (_about(report), _data(report), _training(report, backbones), _results(report))
    lines = [f"# {_plain(report.name)}", ""]
    for section in sections:
        lines += [*section, ""]
    return "\n".join(lines).rstrip() + "\n"


def _about(report: TrainReport) -> Iterator[str]:
    if report.note:
        yield f"> {_plain(report.note)}"
        yield ""
    classes = ", ".join(map(_plain, report.classes))
    yield f"An image classifier of {len(report.classes)} classes: {classes}. Trained with figleaf."
    yield ""
    yield (
        "It was measured on the images below and on nothing else. Other images than those, other"
        " sources, other proportions of the classes, give other figures: measure it on your own"
        " (`figleaf evaluate`) before you rely on it."
    )
    yield ""
    yield (
        "It is no detector of child sexual abuse material, and must not be used as one. A"
        " prediction is a reason to look, not a finding about a person."
    )


def _data(report: TrainReport) -> Iterator[str]:
    yield "## Data"
    yield ""
    parts = ("train", "validation", "test")
    rows = [
        (_plain(label), *(f"{counts.get(part, 0):,}" for part in parts))
        for label, counts in report.classes.items()
    ]
    yield from _table(("class", *parts), rows)
    yield ""
    yield f"- Data set: SHA-256 `{report.data_hash}` over every image's hash, class and part."
    yield f"- Split: `{report.split}`, seed {report.split_seed}; duplicates are kept together."
    yield f"- Learnt from {report.trained:,} images; {report.unreadable:,} could not be read."


def _training(report: TrainReport, backbones: Sequence[Backbone]) -> Iterator[str]:
    rules = report.rules
    yield "## Training"
    yield ""
    yield f"- Mode: {rules.mode}; seed {rules.seed}; computed in {report.precision}."
    for one in backbones:
        yield (
            f"- Backbone {_plain(one.name)}: {one.width:,} features, graph `{one.sha256}`,"
            f" {_plain(one.license)}. Trained on: {_plain(one.training_data)}"
        )
    if report.l2 is not None:
        of = "square roots of the features" if report.of_roots else "features"
        yield (
            f"- Head: multinomial logistic regression on standardised {of}, L-BFGS,"
            f" {report.iterations} iterations, L2 {report.l2:.6g}, class weights"
            f" {rules.class_weights}{_shares(report)}."
        )
    else:
        yield (
            f"- Fine-tuned: {report.iterations:,} steps; class weights {rules.class_weights}; all"
            " settings are in card.json."
        )
    found = report.calibration
    yield (
        f"- Calibrated by the temperature {found.temperature:.4f} on {found.images:,} images"
        f" ({report.held_out}) that {_unseen(report)}: expected calibration error"
        f" {found.before:.4f} before, {found.after:.4f} after."
    )
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    yield f"- With {versions}."


def _unseen(report: TrainReport) -> str:
    if report.l2 is None:
        return "the fit had not seen, but for the choice of the best epoch"
    return "the fit had not seen"


def _shares(report: TrainReport) -> str:
    if len(report.shares) < 2:
        return ""
    pairs = zip(report.backbones, report.shares, strict=True)
    return "; the backbones count " + ", ".join(f"{_plain(o.name)} {share:g}" for o, share in pairs)


def _results(report: TrainReport) -> Iterator[str]:
    yield "## Results"
    yield ""
    rows = [("validation, calibrated", *_figures(report.validation))]
    if report.test:
        rows.append(("test", *_figures(report.test)))
    head = ("part", "images", "accuracy", "macro F1", "log-loss", "ECE")
    yield from _table(head, rows)
    if report.test is None:
        yield ""
        yield "There was no test part: how it does on images that had no part in it, nothing says."
        return
    yield ""
    yield "Confusion matrix of the test part: a row is what images are, a column what they were"
    yield "taken for."
    yield ""
    labels = [_plain(label) for label in report.classes]
    rows = [
        (label, *(f"{count:,}" for count in row))
        for label, row in zip(labels, report.test.matrix.tolist(), strict=True)
    ]
    yield from _table(("", *labels), rows)


def _figures(found: Results) -> tuple[str, ...]:
    figures = (found.accuracy, found.macro_f1, found.log_loss, found.calibration_error)
    return (f"{found.images:,}", *(f"{figure:.4f}" for figure in figures))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _plain(text: str) -> str:
    """A name of anybody's choosing, as Markdown that says just that."""
    kept = "".join(char if char.isprintable() else " " for char in text)
    for char in "\\`*_[]<>|#&~":
        kept = kept.replace(char, f"\\{char}")
    return kept
