"""Data sets: manifests, splits, and the renderer of synthetic goods."""
