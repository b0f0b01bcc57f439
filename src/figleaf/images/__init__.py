"""Images: from bytes of any origin to upright 8-bit RGB, or a status that says why not.

`figleaf.images.isolate` runs the same, or any function of bytes, in processes that can be killed.
"""

from figleaf.images.decode import Picture, decode, from_array, from_pil
from figleaf.images.limits import Limits

__all__ = ["Limits", "Picture", "decode", "from_array", "from_pil"]
