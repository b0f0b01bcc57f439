"""What passes between the sources, the collecting stage and the ledger."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What became of one URL, file or member of a shard."""

    PENDING = "pending"
    """Not tried yet, or tried and not yet known."""
    FETCHED = "fetched"
    """Its image, or its frames, are in the data set."""
    FAILED = "failed"
    """It could not be had, or is no usable image."""
    REFUSED = "refused"
    """It was not wanted: a rule says so."""


class Reason(StrEnum):
    """Why something was refused or failed."""

    # Refused.
    DENIED = "denied"
    """Its category, list or name has a denied word."""
    UNMAPPED = "unmapped"
    """Its category belongs to none of the classes; the user may say to which."""
    NOT_PUBLIC = "not_public"
    """Its address, or one that it redirects to, is not on the public internet."""
    BAD_URL = "bad_url"
    """Not an http or https URL that can be fetched."""
    ROBOTS = "robots"
    """The host's robots.txt asks not to fetch it."""
    NO_AI = "no_ai"
    """The answer's X-Robots-Tag asks not to use it (noai, noimageai, noindex, none)."""
    BLOCKLISTED = "blocklisted"
    """Its hash is on a blocklist. It was not written anywhere."""
    MOVING = "moving"
    """A video or an animation, and frames are not taken."""

    # Failed on the way.
    NO_SUCH_HOST = "no_such_host"
    """The host's name does not exist."""
    DNS = "dns"
    """The host's name could not be looked up."""
    CONNECT = "connect"
    """No connection."""
    TLS = "tls"
    """No secure connection: a wrong or expired certificate, for example."""
    TIMEOUT = "timeout"
    """Not done before the deadline."""
    DISCONNECTED = "disconnected"
    """The connection ended in the middle, or with fewer bytes than were announced."""
    BAD_ANSWER = "bad_answer"
    """The answer is not HTTP that can be understood."""
    REDIRECTS = "redirects"
    """Too many redirects, or in a circle."""
    GONE = "gone"
    """HTTP 404 or 410."""
    FORBIDDEN = "forbidden"
    """HTTP 401, 402, 403 or 451."""
    RATE_LIMITED = "rate_limited"
    """HTTP 429."""
    SERVER_ERROR = "server_error"
    """HTTP 5xx."""
    HTTP_STATUS = "http_status"
    """Another HTTP status than 200."""

    # Failed as a file or an image; the names are those of `figleaf.Status`.
    NOT_FOUND = "not_found"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TOO_FEW_BYTES = "too_few_bytes"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    NOT_AN_IMAGE = "not_an_image"
    UNSUPPORTED = "unsupported"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    DECODE_TIMEOUT = "decode_timeout"
    """The decoder did not finish before its deadline, and was killed."""
    CRASHED = "crashed"
    """The decoder died."""

    @property
    def state(self) -> State:
        """Whether a rule (refused) or a fault (failed) is behind it."""
        return State.REFUSED if self in _REFUSALS else State.FAILED

    @property
    def may_pass(self) -> bool:
        """Whether trying again later may help: what `--retry failed` takes."""
        return self in _PASSING


_REFUSALS = frozenset(
    {
        Reason.DENIED,
        Reason.UNMAPPED,
        Reason.NOT_PUBLIC,
        Reason.BAD_URL,
        Reason.ROBOTS,
        Reason.NO_AI,
        Reason.BLOCKLISTED,
        Reason.MOVING,
    }
)
_PASSING = frozenset(
    {
        Reason.DNS,
        Reason.CONNECT,
        Reason.TIMEOUT,
        Reason.DISCONNECTED,
        Reason.RATE_LIMITED,
        Reason.SERVER_ERROR,
        Reason.UNREADABLE,
    }
)


class Kind(StrEnum):
    """How the bytes of an item are reached."""

    URL = "url"
    FILE = "file"
    MEMBER = "member"


MEMBER_SEPARATOR = "::"
"""Between the path of a tar shard and the name of its member in a locator."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image that a source names.

    Attributes:
        kind: how `locator` is to be read.
        locator: a URL as it stands in its list; an absolute path; or, for a member, the absolute
            path of its shard, "::" and the member's name.
        name: what the source itself calls it, and what is matched against the denied words: the
            URL, or the path relative to the source's root.
        source: the source's own name, without the folders that it happens to lie in.
        listing: the list within the source: "sex_anal/forum", "urls_porn.txt", "train/dress";
            empty where the source is one list.
        category: what a URL list files it under, to be mapped to a class; None where `label` says.
        label: the class that the source gives outright: a folder, a column, a `.cls` member.
        part: "train", "test", "validation" or whatever split the source has it in; None for none.
        also: what else the source calls it: the class or category that the user's own replaced, a
            member's name beside its URL. For the denied words alone.
    """

    kind: Kind
    locator: str
    name: str
    source: str
    listing: str = ""
    category: str | None = None
    label: str | None = None
    part: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the ledger that is to be read: `id` is the ledger's, `label` its class if any."""

    id: int
    kind: Kind
    locator: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """One image that was verified and lies in the store.

    Attributes:
        sha256: of the file's bytes, 32 bytes.
        format: "jpeg", "png" and so on, by content.
        width: in pixels, upright.
        height: in pixels, upright.
        size: the file's, in bytes.
        pdq: the PDQ hash, 32 bytes; None where it was not computed.
        pdq_quality: of that hash, 0..100.
        seconds: for a frame, its time from the start; None for a still picture.
    """

    sha256: bytes
    format: str
    width: int
    height: int
    size: int
    pdq: bytes | None = None
    pdq_quality: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: `stored` images, or the reason why there are none.

    Attributes:
        id: the task's.
        reason: None where images were stored.
        detail: one line for people: what exactly was wrong.
        http_status: of the last answer; None without one.
        attempts: requests that were made, redirects not counted.
        size: bytes that were received.
        sha256: of the bytes that were received, where they came whole.
        stored: one picture, or the frames of a moving one.
    """

    id: int
    reason: Reason | None = None
    detail: str = ""
    http_status: int | None = None
    attempts: int = 1
    size: int = 0
    sha256: bytes | None = None
    stored: tuple[Stored, ...] = ()

    @property
    def state(self) -> State:
        """FETCHED, or what the reason says."""
        return self.reason.state if self.reason else State.FETCHED


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of an item before anything is read.

    Attributes:
        label: the class that it would have; None for none.
        reason: DENIED, UNMAPPED, or None where it may be read.
        detail: why, in a line.
        by_name: whether it is the item's own name that is denied, and not its list.
    """

    label: str | None
    reason: Reason | None = None
    detail: str = ""
    by_name: bool = False
