"""What a person has looked at: no doubt about it holds any more."""

from figleaf.dataset.labelling import BY_A_PERSON
from figleaf.dataset.quarantine import Quarantine

SETTLED = f"""
SELECT image_id FROM labels WHERE {BY_A_PERSON}
UNION SELECT image_id FROM quarantines
WHERE before = '{Quarantine.SCREENED}' AND after IS NULL AND {BY_A_PERSON}
"""
"""A query: the images that a person has labelled, or brought back after screening."""
