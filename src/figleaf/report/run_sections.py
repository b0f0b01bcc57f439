"""The report of a run, section by section, as text and tables: what page and Markdown share."""

from collections.abc import Sequence
from dataclasses import dataclass

from figleaf.report import dataset_tables, evaluation_tables, run_explorer, run_tables
from figleaf.report.evaluation_tables import share
from figleaf.report.run_facts import RunFacts, note_of
from figleaf.report.run_notes import on_quality, on_thresholds
from figleaf.report.run_tables import HASH
from figleaf.report.tables import Table, moment, number
from figleaf.report.tables import share as share_of
from figleaf.report.texts import Words

_MATRIX = 40
"""Classes of a confusion matrix at most; of more, the pairs say more, and the PNG has all."""
_LARGE = 10_000
"""Images from which on a comparison of speed with a large job makes sense."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report under a heading.

    Attributes:
        key: what the page links to it by.
        title: the heading.
        source: where its figures come from; empty for what has none.
        texts: paragraphs.
        tables: those that have rows.
        plots: names of the PNG files that belong to it, without their ending.
    """

    key: str
    title: str
    source: str
    texts: tuple[str, ...]
    tables: tuple[Table, ...]
    plots: tuple[str, ...] = ()


def note(facts: RunFacts, words: Words) -> str:
    """What a reader has to know first; empty for nothing."""
    return note_of(facts.note, words)


def sections(facts: RunFacts, words: Words) -> list[Section]:
    """All sections but the first, in the order in which they are read."""
    return [
        thresholds(facts, words),
        quality(facts, words),
        pictures(facts, words),
        labels(facts, words),
        data(facts, words),
        training(facts, words),
        time(facts, words),
        origins(facts, words),
        limits(words),
    ]


def thresholds(facts: RunFacts, words: Words) -> Section:
    """What thresholds do."""
    one = facts.evaluation
    made = [evaluation_tables.thresholds(one, words), evaluation_tables.decisions(one, words)]
    made.append(run_explorer.table(one, words))
    told = on_thresholds(one, words)
    return _section("explorer", "run_explorer", _evaluated(facts, words), told, made, words)


def quality(facts: RunFacts, words: Words) -> Section:
    """How right the model is: figures, matrices, curves."""
    one = facts.evaluation
    made = [evaluation_tables.summary([one], words), evaluation_tables.by_class(one, words)]
    if is_shown_whole(facts):
        made += [evaluation_tables.matrix(one, words), evaluation_tables.matrix_shares(one, words)]
    made += [run_tables.pairs(one, words), run_tables.calibration(one, words)]
    made += [evaluation_tables.slices(one, words), evaluation_tables.robustness(one, words)]
    plots = (
        *("confusion_matrix", "confusion_matrix_normalised"),
        *("roc", "precision_recall", "calibration"),
    )
    source = _evaluated(facts, words)
    return _section("quality", "run_quality", source, on_quality(one, words), made, words, plots)


def is_shown_whole(facts: RunFacts) -> bool:
    """Whether the confusion matrix has room as a table."""
    classes = facts.evaluation.classes
    return classes is None or len(classes.classes) <= _MATRIX


def pictures(facts: RunFacts, words: Words) -> Section:
    """Galleries, which the page has."""
    texts = (words("run_markdown_pictures"),)
    return _section("pictures", "run_pictures", _evaluated(facts, words), texts, (), words)


def labels(facts: RunFacts, words: Words) -> Section:
    """What the audit found."""
    audit = facts.audit
    texts = [words("run_labels_what", accuracy=share(audit.accuracy))]
    texts.append(
        words(
            "run_estimated",
            estimated=number(audit.estimated),
            listed=number(audit.listed),
            images=number(audit.images),
            share=share_of(audit.estimated, audit.images),
        )
    )
    if not facts.doubtful:
        texts.append(words("run_no_suspects"))
    if not audit.outliers:
        texts.append(words("run_no_outliers"))
    makers = (
        run_tables.suspects,
        run_tables.outliers,
        run_tables.overlaps,
        run_tables.joint,
    )
    made = [make(facts, words) for make in makers]
    source = words(
        "run_source_audit",
        images=number(audit.images),
        backbone=audit.backbone,
        precision=audit.precision,
        data_hash=audit.data_hash[:HASH],
        fast=_fast(facts.training["rules"].get("fast", False)),
    )
    return _section("labels", "run_labels", source, texts, made, words)


def data(facts: RunFacts, words: Words) -> Section:
    """What the data set is made of, and what was lost on the way."""
    makers = (
        dataset_tables.classes,
        dataset_tables.losses,
        dataset_tables.problems,
        dataset_tables.set_aside,
        dataset_tables.lists,
        dataset_tables.duplicates,
        dataset_tables.sides,
        dataset_tables.formats,
        dataset_tables.labellers,
    )
    made = [run_tables.definitions(facts, words), *(make(facts.stats, words) for make in makers)]
    source = words("run_source_stats", time=moment(facts.stats.at))
    texts = (words("run_sources", sources=", ".join(facts.sources)),)
    return _section("data", "run_data", source, texts, made, words)


def training(facts: RunFacts, words: Words) -> Section:
    """How the model was trained."""
    found = facts.training
    makers = (run_tables.training, run_tables.results, run_tables.training_times)
    source = words(
        "run_source_training",
        bundle=found["bundle_hash"][:HASH],
        data_hash=found["data_hash"][:HASH],
        split=found["split"][:HASH],
    )
    made = [make(facts, words) for make in makers]
    return _section("training", "run_trained_how", source, (), made, words)


def time(facts: RunFacts, words: Words) -> Section:
    """How long it took; beside a large job where this was one, and all of it was done anew."""
    texts = []
    found = facts.training
    images = sum(sum(parts.values()) for parts in found["classes"].values())
    seconds = sum(found["timing"][name] for name in ("loading", "features", "training"))
    if images >= _LARGE and found["timing"]["computed"] >= images and seconds > 0:
        texts.append(words("run_reference", speed=f"{images / seconds:.1f}"))
    made = [run_tables.stages(facts, words)]
    return _section("time", "run_time", words("run_source_time"), texts, made, words)


def origins(facts: RunFacts, words: Words) -> Section:
    """What all figures depend on."""
    made = [evaluation_tables.origins([facts.evaluation], words)]
    made += [run_tables.hashes(facts, words), run_tables.versions(facts, words)]
    return _section("origins", "run_origins", "", (), made, words)


def limits(words: Words) -> Section:
    """What the report does not say."""
    texts = (
        words("run_limit_csam"),
        words("run_limit_data"),
        words("run_limit_alone"),
        words("run_limit_bias"),
        words("run_limit_share"),
    )
    return _section("limits", "run_limits", "", texts, (), words)


def _evaluated(facts: RunFacts, words: Words) -> str:
    one = facts.evaluation
    used = one.origin.model
    return words(
        "run_source_evaluation",
        images=number(one.images - sum(one.failures.values())),
        data=one.origin.data,
        data_hash=one.origin.data_sha256[:HASH],
        model=used.tag,
        graph=used.sha256[:HASH],
        precision=str(used.precision),
        policy=used.policy,
        fast=_fast(used.scaled),
    )


def _fast(is_fast: bool) -> str:
    """The option without which a command gives other figures."""
    return " --fast" if is_fast else ""


def _section(
    key: str,
    title: str,
    source: str,
    texts: Sequence[str],
    made: Sequence[Table],
    words: Words,
    plots: tuple[str, ...] = (),
) -> Section:
    there = tuple(table for table in made if table.rows)
    told = words("run_source", source=source) if source else ""
    return Section(key, words(title), told, tuple(texts), there, plots)
