"""What a picture costs at the peak of its decoding, as `Limits` says."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")

SIDE = 3000

# Not the resource module's maxrss: after a fork that begins with the size of the parent.
MEASURE = """
import sys
from pathlib import Path
from figleaf.images import decode

def kilobytes(name):
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith(name)).split()[1])

small, large = (Path(name).read_bytes() for name in sys.argv[1:])
decode(small)  # loads the libraries
before = kilobytes("VmRSS")
picture = decode(large)
print((kilobytes("VmHWM") - before) * 1024 / (picture.width * picture.height))
"""


def image(mode: str, side: int) -> Image.Image:
    ramp = np.linspace(0, 255, side * side, dtype=np.uint8).reshape(side, side)
    grey = Image.fromarray(ramp)
    if mode in ("F", "I"):
        return grey.convert(mode)
    if mode == "I;16":
        return Image.fromarray(ramp.astype(np.uint16) * 257)
    coloured = grey.convert("RGB" if mode == "RGBA" else mode)
    if mode == "RGBA":
        coloured.putalpha(grey)
    return coloured


def encoded(mode: str, name: str, side: int) -> bytes:
    with io.BytesIO() as stream:
        image(mode, side).save(stream, name)
        return stream.getvalue()


@pytest.mark.parametrize(
    ("mode", "name", "most"),
    [
        ("RGB", "JPEG", 3),
        ("CMYK", "JPEG", 7),
        ("RGB", "PNG", 7),
        ("RGBA", "PNG", 7),
        ("I;16", "PNG", 5),
        ("RGB", "TIFF", 7),
        ("RGBA", "TIFF", 7),
        ("F", "TIFF", 7),
        ("I", "TIFF", 7),
        ("I;16", "TIFF", 5),
        ("RGB", "BMP", 7),
        ("P", "GIF", 4),
        ("RGB", "AVIF", 10),
        ("RGBA", "AVIF", 12),
        ("RGB", "WEBP", 16),
        ("RGBA", "WEBP", 16),
    ],
)
def test_bytes_a_pixel(tmp_path: Path, mode: str, name: str, most: int) -> None:
    files = []
    for side in (64, SIDE):
        files.append(tmp_path / str(side))
        files[-1].write_bytes(encoded(mode, name, side))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, files)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < most + 2  # the strips, and what the decoder has besides
