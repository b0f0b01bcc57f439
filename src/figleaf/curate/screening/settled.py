"""What a person has looked at: no doubt about it holds any more."""

from figleaf.dataset.labelling import TOOLS
from figleaf.dataset.quarantine import Quarantine

_TOOLS = ", ".join(f"'{tool}'" for tool in TOOLS)
SETTLED = f"""
SELECT image_id FROM labels WHERE who NOT IN ({_TOOLS})
UNION SELECT image_id FROM quarantines
WHERE before = '{Quarantine.SCREENED}' AND after IS NULL AND who NOT IN ({_TOOLS})
"""
"""A query: the images that a person has labelled, or brought back after screening."""
