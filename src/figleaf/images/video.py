"""Videos through PyAV (FFmpeg), the extra `video`: frames of a file at given times.

FFmpeg reads far more than videos, playlists that name other files and URLs among it. Here one
demuxer is tried, which the bytes were found to be for; no protocol is open to it; and the usual
codecs alone are used, each in one thread, so that frames come out the same every time. All packets
are looked at before one is decoded: what a header says of length and key frames may be missing or
wrong. PyAV keeps FFmpeg from logging unless the application asks for it.
"""

import io
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import FigleafError, ImageError, MissingExtraError, Status
from figleaf.images.convert import flatten_array
from figleaf.images.decode import WHITE
from figleaf.images.limits import Limits
from figleaf.images.moving import is_cut

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MAX_RUN = 2**28
"""Pixels decoded on the way to one frame: 129 frames of 1920x1080, less than a second."""
_LAST_RUN = 2**30
"""Likewise on the way to the last frame that is looked at: what comes late must not go unseen."""
_MAX_DELAY = 64
"""Packets that a decoder may take before it gives the first one's frame."""
_MAX_PACKETS = 500_000
"""Four hours and a half at 30 frames a second; what follows is not looked at."""
_CODECS = (
    "av1,dvvideo,ffv1,flv,h263,h263i,h264,hevc,huffyuv,libaom-av1,libdav1d,libvpx,libvpx-vp9,"
    "mjpeg,mpeg1video,mpeg2video,mpeg4,msmpeg4,msmpeg4v1,msmpeg4v2,png,prores,qtrle,rawvideo,"
    "theora,utvideo,vc1,vp6,vp6a,vp6f,vp8,vp9,wmv1,wmv2,wmv3"
)
"""By the names of FFmpeg's decoders."""

_USUAL_KEYS = 12.0
"""Seconds within which encoders set the next key frame, unless they are told otherwise."""
_BLINK = 0.5
"""Seconds at the end of a film, or between its frames, that may be damaged without a word."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One decoded frame: when it is shown, in seconds from the first, and its pixels, upright."""

    seconds: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Gap:
    """From here on, in seconds from the first frame, nothing could be decoded that was wanted."""

    seconds: float


@contextmanager
def open_film(demuxer: str, data: bytes, limits: Limits) -> Iterator["Film"]:
    """Open a video, and read its packets.

    Args:
        demuxer: FFmpeg's name for the container, as `figleaf.images.moving.demuxer_of` gives it.
        data: the file's bytes.
        limits: how many pixels a frame may have, by the header or in truth.

    Raises:
        ImageError: what is wrong with it, in the block under it as well.
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
        from av.stream import Disposition
    except ImportError:
        raise MissingExtraError("video", "taking frames of a video") from None
    if is_cut(demuxer, data):
        raise ImageError(Status.TRUNCATED, f"{demuxer}: the file ends before its container does")
    with (
        _failures_as_image_errors(demuxer),
        # Titles may be in any encoding.
        av.open(
            io.BytesIO(data),
            "r",
            format=demuxer,
            # Not `options`: with them, PyAV 14 to 16 read past the end of a list for FLV.
            container_options={"codec_whitelist": _CODECS, "protocol_whitelist": "none"},
            metadata_errors="replace",
        ) as container,
    ):
        streams = [
            stream
            for stream in container.streams.video
            if not stream.disposition & Disposition.attached_pic  # a cover
        ]
        stream = _first_supported(streams, demuxer)
        limits.check_pixels(stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
        stream.codec_context.thread_count = 1
        yield Film(container, stream)


def _first_supported(streams: "Sequence[VideoStream]", demuxer: str) -> "VideoStream":
    if not streams:
        raise ImageError(Status.NOT_AN_IMAGE, f"{demuxer}: no pictures in it")
    # Without a decoder there is no context.
    names = [stream.codec_context.name if stream.codec_context else "?" for stream in streams]
    for stream, name in zip(streams, names, strict=True):
        if name in _CODECS.split(","):
            return stream
    raise ImageError(Status.UNSUPPORTED, f"{demuxer}: codec {names[0]} is not supported")


class Film:
    """The packets of a video, and the frames decoded from them.

    Attributes:
        size: the pixels of a frame, width times height, by the header.
        seconds: from the first frame to the end of the last one.
        begins: when each frame is shown, in order, in seconds from the first.
    """

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self.size = stream.codec_context.width * stream.codec_context.height
        self._codec = stream.codec_context
        self._unit = float(stream.time_base or 1)
        self._packets = _read(container, stream)
        # When the frame of each packet is shown, in units.
        self._stamps = _stamps(self._packets)
        self._keys = [n for n, packet in enumerate(self._packets) if packet.is_keyframe]
        # Frames that an edit list cuts away are decoded, but not shown.
        self._shown = sorted(
            stamp
            for stamp, packet in zip(self._stamps, self._packets, strict=True)
            if not packet.is_discard
        )
        self.seconds = self._length() * self._unit
        self.begins = [(stamp - self._shown[0]) * self._unit for stamp in self._shown]
        # AVI has no times of showing, and those that FFmpeg makes up are in the order of decoding:
        # there, frames are counted.
        self._counts = container.format.name == "avi"
        self._fed = self._given = 0
        self._ready: deque[VideoFrame] = deque()

    def _length(self) -> int:
        if not self._shown:
            return 0
        first, last = self._shown[0], self._shown[-1]
        final = self._packets[self._stamps.index(last)].duration
        return last - first + (final or (last - first) // max(1, len(self._shown) - 1))

    def shots(self, moments: Sequence[float]) -> Iterator[Shot]:
        """Decode the frame that is shown at each moment, each frame once.

        Args:
            moments: seconds from the first frame, in order.

        Yields:
            Fewer than there are moments where one frame is shown at several of them, cannot be
            decoded, or lies too far behind the last key frame, and that was taken already.
        """
        wanted = sorted({self._shown_at(moment) for moment in moments}) if self._shown else []
        last: int | None = None
        for stamp in wanted:
            # The frame after a damaged one may be what was wanted next.
            found = None if last is not None and stamp <= last else self._frame_at(stamp)
            if found is not None:
                last = found.stamp
                yield Shot((last - self._shown[0]) * self._unit, _upright(found.frame))

    def looks(self, numbers: Iterable[int]) -> Iterator[Shot | Gap]:
        """Decode frames by their number, or what is nearest to them.

        Where one is damaged that is the next one that is not, or else the last one before it; where
        it lies too far behind the last key frame, that key frame.

        Args:
            numbers: of the frames in `begins`.

        Yields:
            Each frame once, in order; a gap where nothing near could be decoded.
        """
        wanted = sorted({self._shown[number] for number in numbers})
        seen: int | None = None
        for stamp in wanted:
            if seen is not None and stamp <= seen:
                continue
            far = self._is_far(stamp, run := _LAST_RUN if stamp == wanted[-1] else _MAX_RUN)
            found = self._frame_at(stamp, run, nearest=True)
            if found is not None and (seen is None or found.stamp > seen):
                seen = found.stamp
                yield Shot((seen - self._shown[0]) * self._unit, _upright(found.frame))
            elif seen is None or self._unit * (stamp - seen) > (_USUAL_KEYS if far else _BLINK):
                yield Gap((stamp - self._shown[0]) * self._unit)

    def _shown_at(self, moment: float) -> int:
        units = self._shown[0] + round(moment / self._unit)
        return self._shown[bisect_right(self._shown, units) - 1]

    def _frame_at(
        self, stamp: int, run: int = _MAX_RUN, *, nearest: bool = False
    ) -> "_Found | None":
        """The frame of a stamp or, if that is damaged, the next one; or a key frame before it."""
        packet = self._stamps.index(stamp)
        key = self._key_of(packet)
        if self._is_far(stamp, run):
            if key < self._fed:
                return None
            packet, stamp = key, self._stamps[key]
        begin = max(key, self._fed)
        if begin > self._fed:
            self._go_to(begin)
        return self._decode_until(stamp, packet + _MAX_DELAY, nearest=nearest)

    def _is_far(self, stamp: int, run: int) -> bool:
        """Whether more than `run` pixels would have to be decoded on the way to a frame."""
        packet = self._stamps.index(stamp)
        return packet - max(self._key_of(packet), self._fed) > max(1, run // self.size)

    def _key_of(self, packet: int) -> int:
        """The packet of the last key frame before."""
        return self._keys[bisect_right(self._keys, packet) - 1] if self._keys else 0

    def _go_to(self, packet: int) -> None:
        self._codec.flush_buffers()
        self._ready.clear()
        self._fed = self._given = packet

    def _decode_until(self, stamp: int, last_packet: int, *, nearest: bool) -> "_Found | None":
        """The first frame from a stamp on; with `nearest` and without one, the last before it."""
        before: _Found | None = None
        while True:
            while self._ready:
                frame = self._ready.popleft()
                found = _Found(self._stamp(frame), frame)
                if frame.is_corrupt:
                    continue
                if found.stamp >= stamp:
                    return found
                before = found if nearest else None
            if self._fed > min(last_packet, len(self._packets)):
                return before
            # After the last packet come the frames that the decoder has kept.
            packet = self._packets[self._fed] if self._fed < len(self._packets) else None
            self._fed += 1
            with suppress(_av_error()):
                self._ready.extend(self._codec.decode(packet))

    def _stamp(self, frame: "VideoFrame") -> int:
        """When a frame is shown that the decoder gave just now."""
        expected = self._stamps[min(self._given, len(self._stamps) - 1)]
        self._given += 1
        return expected if self._counts or frame.pts is None else frame.pts


@dataclass(frozen=True, slots=True)
class _Found:
    stamp: int
    frame: "VideoFrame"


def _av_error() -> type[Exception]:
    from av.error import FFmpegError

    return FFmpegError


def _read(container: "InputContainer", stream: "VideoStream") -> "list[Packet[VideoStream]]":
    packets: list[Packet[VideoStream]] = []
    try:
        for packet in container.demux(stream):
            if packet.size:
                packets.append(packet)
            if len(packets) == _MAX_PACKETS:
                break
    except _av_error():
        if not packets:  # otherwise, what there is of it
            raise
    return packets


def _stamps(packets: "Sequence[Packet[VideoStream]]") -> list[int]:
    """When each frame is shown; where nothing says so, after the one before it."""
    stamps: list[int] = []
    following = 0
    for packet in packets:
        stamp = packet.pts if packet.pts is not None else packet.dts
        stamps.append(following if stamp is None else stamp)
        following = stamps[-1] + max(1, packet.duration or 1)
    return stamps


def _upright(frame: "VideoFrame") -> NDArray[np.uint8]:
    """Convert to uint8 RGB of shape (height, width, 3), turned as the file says."""
    if any(component.is_alpha for component in frame.format.components):
        pixels = flatten_array(np.asarray(frame.to_ndarray(format="rgba"), np.uint8), WHITE)
    else:
        pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    # Degrees counter-clockwise.
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


@contextmanager
def _failures_as_image_errors(demuxer: str) -> Iterator[None]:
    try:
        yield
    except FigleafError:
        raise
    except MemoryError:
        reason = f"{demuxer}: it needs more memory than there is"
        raise ImageError(Status.TOO_MANY_PIXELS, reason) from None
    except Exception as error:  # noqa: BLE001
        # Hostile bytes make FFmpeg and its binding raise anything. Nothing but they, and what
        # takes frames from them, runs in this block.
        status = Status.TRUNCATED if isinstance(error, EOFError) else Status.CORRUPT
        raise ImageError(status, f"{demuxer}: {_line(error)}") from None


def _line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split())[:200] or type(error).__name__
