"""Evaluation of bundles on labelled pictures."""
