"""Training: the only place, with evaluation, that imports torch."""
