"""What can be wrong with a URL of a list: how it is served, and what is to come of it."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from figleaf.curate.cleaning.rules import CleanRules
from figleaf.dataset.quarantine import Quarantine
from figleaf.dataset.records import Reason
from figleaf.practice.canvas import jpeg

PRIVATE = "private"
"""The folder that the server's robots.txt asks to leave alone."""
DENIED = "school"
"""A word that the built-in deny list has: what is below it is not even asked for."""

NOTICE, MISLABELLED, OUTLIER = "notice", "mislabelled", "outlier"
LEAST_NOTICES = CleanRules().placeholder_urls
"""From so many on, the same bytes under many URLs of one host are a placeholder."""

_PAGE = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not here any more</body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says.

    Attributes:
        status: HTTP's.
        body: the file.
        location: where a redirect leads: a path.
        tag: the X-Robots-Tag; None for none.
    """

    status: int = 200
    body: bytes = b""
    location: str | None = None
    tag: str | None = None


Answerer = Callable[[Image.Image, str], Answer]
"""How a picture is served; the path is that of its URL."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble.

    Attributes:
        name: what it is called.
        what: the same in a line for people.
        answer: how a picture that has it is served.
        lost: why the URL comes to no image in the data set; None where it does.
        aside: why cleaning sets its image aside; None where it is in use.
        copies: whether the picture is listed without the fault as well.
        elsewhere: whether the list is that of another class than the picture's.
        album: the folder of its path; empty for the list's own.
        dead: whether nobody answers at its address.
    """

    name: str
    what: str
    answer: Answerer
    lost: Reason | None = None
    aside: Quarantine | None = None
    copies: bool = False
    elsewhere: bool = False
    album: str = ""
    dead: bool = False


def whole(image: Image.Image, path: str = "") -> Answer:
    """A picture without a fault."""
    return Answer(body=jpeg(image))


def _status(status: int) -> Answerer:
    return lambda image, path: Answer(status, b"no picture")


def _truncated(image: Image.Image, path: str) -> Answer:
    data = jpeg(image)
    return Answer(body=data[: len(data) * 6 // 10])


def _png(image: Image.Image, path: str) -> Answer:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return Answer(body=buffer.getvalue())


def _notice(image: Image.Image, path: str) -> Answer:
    """A small picture that says that the one asked for is gone, and which: no two are the same."""
    notice = Image.new("RGB", (161, 81), "white")
    ImageDraw.Draw(notice).text((8, 24), f"The picture\n{path[-20:]}\nis gone.", "black")
    return Answer(body=jpeg(notice))


def _gone(image: Image.Image, path: str) -> Answer:
    notice = Image.new("RGB", (400, 300), "silver")
    draw = ImageDraw.Draw(notice)
    draw.rectangle((60, 60, 340, 240), outline="gray", width=8)
    draw.text((120, 140), "This picture was removed.", "black")
    return Answer(body=jpeg(notice))


def _plain(image: Image.Image, path: str) -> Answer:
    """One colour, that of the picture's middle, with a little noise."""
    colour = image.getpixel((image.width // 2, image.height // 2))
    noise = np.random.default_rng(list(path.encode())).normal(0, 1, (image.height, image.width, 1))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    return Answer(body=jpeg(Image.fromarray(pixels)))


def _resized(image: Image.Image, path: str) -> Answer:
    return Answer(body=jpeg(image.resize((image.width * 3 // 4, image.height * 3 // 4))))


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        fault.name: fault
        for fault in (
            Fault("gone", "HTTP 404", _status(404), Reason.GONE),
            Fault("forbidden", "HTTP 403", _status(403), Reason.FORBIDDEN),
            Fault("broken host", "HTTP 500, however often", _status(500), Reason.SERVER_ERROR),
            Fault("dead host", "nobody answers", whole, Reason.CONNECT, dead=True),
            Fault(
                "circle",
                "a redirect to itself",
                lambda image, path: Answer(302, location=path),
                Reason.REDIRECTS,
            ),
            Fault(
                "page",
                "a web page that is called .jpg",
                lambda image, path: Answer(body=_PAGE),
                Reason.NOT_AN_IMAGE,
            ),
            Fault("empty", "no bytes", lambda image, path: Answer(), Reason.EMPTY),
            Fault("truncated", "the first 60 % of a JPEG", _truncated, Reason.TRUNCATED),
            Fault("robots", "robots.txt asks not to", whole, Reason.ROBOTS, album=PRIVATE),
            Fault(
                "no AI",
                "X-Robots-Tag: noai",
                lambda image, path: Answer(body=jpeg(image), tag="noai"),
                Reason.NO_AI,
            ),
            Fault("denied", "a denied word in its address", whole, Reason.DENIED, album=DENIED),
            Fault(
                "placeholder",
                "161x81 pixels in place of a picture",
                _notice,
                aside=Quarantine.PLACEHOLDER,
            ),
            Fault(
                NOTICE,
                "the same notice in place of many pictures",
                _gone,
                aside=Quarantine.PLACEHOLDER,
            ),
            Fault(
                "tiny",
                "48 pixels wide",
                lambda image, path: Answer(body=jpeg(image.resize((48, 48)))),
                aside=Quarantine.TOO_SMALL,
            ),
            Fault(
                "strip",
                "eight times as wide as it is high",
                lambda image, path: Answer(body=jpeg(image.resize((720, 90)))),
                aside=Quarantine.ASPECT_RATIO,
            ),
            Fault("plain", "one colour", _plain, aside=Quarantine.SINGLE_COLOUR),
            Fault("again", "the same bytes at another address", whole, copies=True),
            Fault(
                "recompressed",
                "a listed picture at lower quality",
                lambda image, path: Answer(body=jpeg(image, 55)),
                aside=Quarantine.DUPLICATE,
                copies=True,
            ),
            Fault(
                "resized",
                "a listed picture, smaller",
                _resized,
                aside=Quarantine.DUPLICATE,
                copies=True,
            ),
            Fault(
                "mirrored",
                "a listed picture, mirrored, at lower quality",
                lambda image, path: Answer(body=jpeg(ImageOps.mirror(image), 70)),
                aside=Quarantine.DUPLICATE,
                copies=True,
            ),
            Fault(
                "two classes",
                "a listed picture in another class",
                lambda image, path: Answer(body=jpeg(image, 70)),
                aside=Quarantine.LABEL_CONFLICT,
                copies=True,
                elsewhere=True,
            ),
            Fault("misnamed", "a PNG that is called .jpg", _png),
            Fault(
                "moved",
                "a redirect to the picture",
                lambda image, path: Answer(302, location=f"{MOVED}{path}"),
            ),
            Fault(MISLABELLED, "a picture of another class", whole, elsewhere=True),
            Fault(OUTLIER, "a picture of no class", whole),
        )
    }
)
"""The kinds of trouble, by name."""

MOVED = "/moved"
"""What a redirect puts before a path; there the picture is whole."""
