"""`--report`: a page with a card for each input, written at the end, whole."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from figleaf.actions.rules import Acted, Kind
from figleaf.classify.classifier import Classifier
from figleaf.cli.classifying.asked import Asked
from figleaf.cli.deeds import told_of
from figleaf.cli.output import opened
from figleaf.errors import InputError

if TYPE_CHECKING:
    from figleaf.report.gallery import Gallery

_PAGES = (".html", ".htm")


def check_report(path: Path | None) -> None:
    """Refuse, before any work is done, a page that could not be written after it.

    Raises:
        InputError: the name of no page, or a folder that is not there.
        MissingExtraError: what pages are made with is not installed.
    """
    if path is None:
        return
    from figleaf.report.html import require_extra

    if path.suffix.lower() not in _PAGES:
        raise InputError(f"{path}: give --report a name that ends in .html")
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {path.parent}; give --report a file in one that is")
    require_extra("a page of results")


class Report:
    """The page while it is made; what the stack holds is closed with it."""

    def __init__(self, path: Path, asked: Asked, classifier: Classifier, stack: ExitStack) -> None:
        self._file = _opened(path, stack)
        self._gallery: Gallery = stack.enter_context(_gallery(path, asked, classifier))

    def add(self, acted: Acted, *, is_file: bool) -> None:
        """Add an input."""
        from figleaf.report.gallery import Shown

        file = Path(acted.place) if is_file else None
        deeds = (
            f"{told_of(one)}: {one.to}" if one.ok and one.kind is not Kind.BLUR else told_of(one)
            for one in acted.outcomes
        )
        self._gallery.add(Shown(acted.prediction, file, tuple(deeds)))

    def finish(self) -> None:
        """Write the page."""
        self._gallery.finish(self._file, time.time())


def _opened(path: Path, stack: ExitStack) -> IO[bytes]:
    try:
        return stack.enter_context(opened(path))
    except InputError as error:
        raise InputError(str(error).replace("give -o ", "give --report ")) from error


def _gallery(path: Path, asked: Asked, classifier: Classifier) -> "Gallery":
    from figleaf.report.gallery import Gallery, Origin
    from figleaf.report.texts import Words

    card = classifier.model.card
    precision = str(classifier.model.precision)
    origin = Origin(card.tag, classifier.policy.tag, precision, card.labels)
    return Gallery(Words(asked.doing.language), path.parent, origin, asked.loading.limits)
