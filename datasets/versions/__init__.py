"""Immutable versions of labelled pictures: what exactly a model was trained on, by content."""
