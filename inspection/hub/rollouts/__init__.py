"""Rollouts: a candidate is asked in silence, then judges a few items, then all; or is taken back, by itself."""
