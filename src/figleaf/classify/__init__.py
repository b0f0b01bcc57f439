"""From any input to a verdict: classifier, predictions, policies."""
