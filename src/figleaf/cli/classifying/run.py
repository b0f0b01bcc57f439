"""The work of `figleaf classify`, from its inputs to what is written."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from figleaf.classify.prediction import Prediction
from figleaf.cli.classifying.asked import Loading, Showing
from figleaf.cli.classifying.choosing import SortKey, is_wanted, sort_key
from figleaf.cli.classifying.tally import Tally
from figleaf.cli.inputs import Inputs, is_url
from figleaf.cli.interruption import INTERRUPTED, Interruption, ending_at_once
from figleaf.cli.output import opened
from figleaf.cli.progress import Progress
from figleaf.cli.terminal import say, standard_output
from figleaf.cli.writers import choose_format, make_writer

if TYPE_CHECKING:
    from figleaf.cli.remote import Remotes


def run(
    paths: Sequence[str],
    lists: Sequence[str],
    loading: Loading,
    showing: Showing,
    *,
    recursive: bool,
) -> int:
    """Classify, and write what comes of it; gives the command's exit code.

    Args:
        paths, lists, recursive: as `Inputs` has them.
        loading: which classifier.
        showing: what is written.

    Raises:
        FigleafError: wrong use, a model or policy that cannot be used.
        OSError: the output cannot be written.
    """
    remotes = _remotes(paths, loading.limits.max_bytes)
    fetch = remotes.open if remotes else None
    inputs = Inputs(tuple(paths), tuple(lists), recursive, loading.limits.max_bytes, fetch)
    kind = choose_format(showing.format, showing.output)
    inputs.check()
    with ExitStack() as stack:
        if remotes:
            stack.enter_context(remotes)
        with ending_at_once():
            classifier = loading.load()
        stack.enter_context(classifier)
        if remotes:  # before the classifier, whose threads may be waiting for files
            stack.callback(remotes.close)
        labels = classifier.model.card.labels
        key = sort_key(showing.sort, labels)
        output = showing.output
        file = stack.enter_context(opened(output) if output else standard_output())
        lines = showing.top_k or (len(labels) if inputs.is_one_picture else 1)
        writer = stack.enter_context(closing(make_writer(kind, file, labels, lines)))
        # A bar among rows on the same terminal would garble both; rows are progress enough.
        apart = bool(output or key) or not file.isatty()
        # Before the interruption is awaited, so that Ctrl-C ends the counting at once.
        progress = Progress(inputs, shown=apart and not showing.quiet)
        interruption = stack.enter_context(Interruption())
        stack.enter_context(progress)

        tally = Tally()
        predictions = _counted(interruption.until_asked(classifier.stream(inputs)), tally, progress)
        for prediction in _in_order(predictions, key, progress):
            if is_wanted(prediction, showing.only):
                writer.write(prediction.top(showing.top_k) if showing.top_k else prediction)
    if not showing.quiet:
        _summarise(tally, interruption.asked, progress)
    return INTERRUPTED if interruption.asked else tally.exit_code


def _remotes(paths: Sequence[str], max_bytes: int) -> "Remotes | None":
    """What fetches the URLs among the paths; None where there are none."""
    if not any(map(is_url, paths)):
        return None
    from figleaf.cli.remote import Remotes, fetch_rules

    return Remotes(fetch_rules(max_bytes))


def _counted(
    predictions: Iterable[Prediction], tally: Tally, progress: Progress
) -> Iterator[Prediction]:
    for prediction in predictions:
        tally.add(prediction)
        progress.advance()
        yield prediction


def _in_order(
    predictions: Iterable[Prediction], key: SortKey | None, progress: Progress
) -> Iterator[Prediction]:
    if key is None:
        yield from predictions
        return
    collected = sorted(predictions, key=key)
    # What is written next may go to the terminal that the bar is on.
    progress.stop()
    yield from collected


def _summarise(tally: Tally, interrupted: bool, progress: Progress) -> None:
    start = "interrupted after " if interrupted else ""
    rate = tally.total / max(progress.seconds, 1e-9)
    say(f"{start}{tally} in {progress.seconds:.1f} s, {rate:.1f} images/s")
