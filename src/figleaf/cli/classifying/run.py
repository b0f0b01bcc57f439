"""The work of `figleaf classify`, from its inputs to what is written."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING

from figleaf.actions.act import Actor
from figleaf.actions.blurring import blurred
from figleaf.actions.judging import Found, judged
from figleaf.actions.rules import Acted, Judged
from figleaf.classify.classifier import Classifier
from figleaf.cli.classifying.asked import Asked
from figleaf.cli.classifying.choosing import SortKey, is_wanted, sort_key
from figleaf.cli.classifying.conditions import conditions, told_by
from figleaf.cli.classifying.reporting import Report, check_report
from figleaf.cli.classifying.resuming import ResumedFile
from figleaf.cli.classifying.tally import Tally
from figleaf.cli.classifying.watching import Watched
from figleaf.cli.explaining import Explanations
from figleaf.cli.inputs import Inputs, is_url
from figleaf.cli.interruption import INTERRUPTED, Interruption, ending_at_once
from figleaf.cli.output import opened
from figleaf.cli.progress import Progress
from figleaf.cli.terminal import say, standard_output
from figleaf.cli.writers import Writer, choose_format, make_writer
from figleaf.images.isolate import IsolatedPool

if TYPE_CHECKING:
    from figleaf.cli.remote import Remotes


def run(asked: Asked) -> int:
    """Classify, do what is asked for with the files, and write what comes of it.

    Returns:
        the command's exit code.

    Raises:
        FigleafError: wrong use, a model or policy that cannot be used.
        OSError: the output cannot be written.
    """
    with ExitStack() as stack:
        work = _Work(asked, stack)
        tally = Tally()
        for acted in work.results(tally):
            work.writer.write(acted)
        work.finish()
    if not asked.showing.quiet:
        _summarise(tally, work)
    return INTERRUPTED if work.interruption.asked else tally.exit_code


class _Work:
    """Everything that is open while a command runs; what the stack holds is closed with it."""

    def __init__(self, asked: Asked, stack: ExitStack) -> None:
        self._asked = asked
        showing, doing, loading = asked.showing, asked.doing, asked.loading
        remotes = _remotes(asked.paths, loading.limits.max_bytes)
        self._inputs = Inputs(
            asked.paths,
            asked.lists,
            asked.recursive,
            loading.limits.max_bytes,
            remotes.open if remotes else None,
            asked.own,
            may_be_none=doing.watch is not None,
        )
        kind = choose_format(showing.format, showing.output)
        self._inputs.check()
        if doing.explain:
            doing.explain.check()
        self._watched = _watched(asked)
        check_report(doing.report)
        if remotes:
            stack.enter_context(remotes)
        with ending_at_once():
            self._classifier = loading.load()
        stack.enter_context(self._classifier)
        if remotes:  # before the classifier, whose threads may be waiting for files
            stack.callback(remotes.close)
        labels = self._classifier.model.card.labels
        self._key = sort_key(showing.sort, labels)
        self._resumed = _resumed(asked, self._classifier, stack)
        file: IO[bytes] | None = None
        if self._resumed:
            self.writer: Writer = self._resumed
        else:
            output = showing.output
            file = stack.enter_context(opened(output) if output else standard_output())
            lines = showing.top_k or (len(labels) if self._inputs.is_one_picture else 1)
            writer = make_writer(kind, file, labels, lines, acts=bool(doing.actions))
            self.writer = stack.enter_context(closing(writer))
        self._actor = _actor(asked, self._resumed, stack)
        self._report = (
            Report(doing.report, asked, self._classifier, stack) if doing.report else None
        )
        explain = doing.explain
        self.explanations = Explanations.of(self._classifier, explain) if explain else None
        # A bar among rows on the same terminal would garble both; rows are progress enough.
        apart = file is None or bool(showing.output or self._key) or not file.isatty()
        # Before the interruption is awaited, so that Ctrl-C ends the counting at once.
        shown = apart and not showing.quiet and self._watched is None
        self.progress = Progress(self._inputs, shown=shown)
        self.interruption = stack.enter_context(Interruption())
        stack.enter_context(self.progress)

    def results(self, tally: Tally) -> Iterator[Acted]:
        """What is to be written, in the order that was asked for."""
        found = self._done(self.interruption.until_asked(self._judged()), tally)
        return _in_order(found, self._key, self.progress)

    def finish(self) -> None:
        """Write what comes last."""
        self.progress.stop()
        if self._report:
            self._report.finish()

    def _judged(self) -> Iterator[Judged]:
        yield from self._judged_of(self._inputs.found())
        if self._watched:
            self._settle()
            for new in self._watched.rounds():
                yield from self._judged_of(new)
                self._settle()

    def _judged_of(self, found: Iterable[Found]) -> Iterator[Judged]:
        if self._resumed:
            found = self._resumed.remaining(found)
        limits = self._asked.loading.limits
        return judged(self._classifier.stream, found, limits, sealed=self._actor is not None)

    def _done(self, every: Iterable[Judged], tally: Tally) -> Iterator[Acted]:
        """What came of each input: its verdict, and of what is wanted what was done with it."""
        showing = self._asked.showing
        for one in every:
            tally.add(one.prediction)
            self.progress.advance()
            wanted = is_wanted(one.prediction, showing.only)
            if wanted and self.explanations:  # before the file may be moved
                self.explanations.write(one.prediction)
            acted = self._act(one) if wanted else Acted(one.prediction)
            tally.act(acted)
            if wanted and self._report:
                self._report.add(self._shown(acted), is_file=one.relative is not None)
            # Of what is gone on with every input is kept: it is not to be looked at again.
            if wanted or self._resumed:
                yield self._shown(acted)
            if self._actor:
                self._actor.settle()

    def _settle(self) -> None:
        """Make all results outlast a power cut: nobody knows when the next ones come."""
        if self._actor:
            self._actor.settle(now=True)
        elif self._resumed:
            self._resumed.sync()

    def _act(self, one: Judged) -> Acted:
        if not self._actor:
            return Acted(one.prediction)
        row = (lambda acted: self._shown(acted).to_dict()) if self._resumed else None
        return self._actor.act(one, row)

    def _shown(self, acted: Acted) -> Acted:
        top_k = self._asked.showing.top_k
        return replace(acted, prediction=acted.prediction.top(top_k)) if top_k else acted


def _remotes(paths: Sequence[str], max_bytes: int) -> "Remotes | None":
    """What fetches the URLs among the paths; None where there are none."""
    if not any(map(is_url, paths)):
        return None
    from figleaf.cli.remote import Remotes, fetch_rules

    return Remotes(fetch_rules(max_bytes))


def _watched(asked: Asked) -> Watched | None:
    if asked.doing.watch is None:
        return None
    watched = Watched(str(asked.doing.watch), asked.recursive, asked.own)
    watched.check()
    return watched


def _resumed(asked: Asked, classifier: Classifier, stack: ExitStack) -> ResumedFile | None:
    if asked.doing.resume is None:
        return None
    file = ResumedFile(asked.doing.resume, told_by(classifier), conditions(asked, classifier))
    return stack.enter_context(file)


def _actor(asked: Asked, resumed: ResumedFile | None, stack: ExitStack) -> Actor | None:
    """What does something with files; what a killed run left is settled."""
    if not asked.doing.actions:
        return None
    limits = asked.loading.limits
    blur = partial(blurred, limits=limits)
    deadline = asked.loading.deadline
    actor = stack.enter_context(
        Actor(
            asked.doing.actions,
            blur=stack.enter_context(IsolatedPool(blur, workers=1, deadline=deadline))
            if deadline
            else blur,
            limits=limits,
            safe=resumed.sync if resumed else lambda: None,
        )
    )
    if resumed:
        resumed.recover(actor.recovered)
    actor.settle(now=True)
    return actor


def _in_order(results: Iterable[Acted], key: SortKey | None, progress: Progress) -> Iterator[Acted]:
    if key is None:
        yield from results
        return
    collected = sorted(results, key=lambda acted: key(acted.prediction))
    # What is written next may go to the terminal that the bar is on.
    progress.stop()
    yield from collected


def _summarise(tally: Tally, work: _Work) -> None:
    start = "interrupted after " if work.interruption.asked else ""
    seconds = work.progress.seconds
    say(f"{start}{tally} in {seconds:.1f} s, {tally.total / max(seconds, 1e-9):.1f} images/s")
    if work.explanations:
        work.explanations.summarise()
