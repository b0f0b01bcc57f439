"""Reports: what was found, as pages that need nothing else."""
