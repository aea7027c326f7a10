"""From a verdict back to everything it stands on, in one answer and one page."""
