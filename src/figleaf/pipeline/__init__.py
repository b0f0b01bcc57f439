"""The whole job: from a source to a trained, measured model and a report, stage by stage."""
